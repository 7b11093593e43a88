"""What is told of a batch while it runs."""

from dltk.batch.run import Tally
from dltk.cli import progress
from dltk.cli.progress import Reporter


def test_the_time_left_is_that_of_what_is_new(monkeypatch, capsys):
    """Of 100 pictures 40 were done before, and are told in no time."""
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    reporter, tally = Reporter(verbose=False, quiet=False, bar=False), Tally(100)
    for tally.kept in range(1, 41):
        reporter.progress(tally)
    for tally.done in range(1, 7):
        now[0] += 3
        reporter.progress(tally)
    assert capsys.readouterr().err == "45 of 100, 0 failed, 3.0 s each, 2 min 45 s left\n"


def test_of_a_stream_nobody_knows_what_is_left(monkeypatch, capsys):
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    reporter, tally = Reporter(verbose=False, quiet=False, bar=False), Tally(None, failed=2)
    for tally.done in range(1, 7):
        now[0] += 3
        reporter.progress(tally)
    assert capsys.readouterr().err == "7 so far, 2 failed, 2.0 s each\n"
