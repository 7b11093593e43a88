"""A record of a stream: in order, gone on with where a run stopped, and never somebody else's."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from dltk.batch.stream import StreamRecord, run_stream
from dltk.errors import DltkError, PipeClosedError, UsageError

HEADER = {
    "format": "dltk.test", "version": 1, "model": [], "options": {"top": 1}, "root": ".",
    "inputs": "abc",
}  # fmt: skip


@dataclass
class Result:
    number: int

    def to_dict(self) -> dict:
        where = {"path": "a", "line": self.number}
        if self.number % 5 == 4:
            return where | {"status": "failed", "error": "four"}
        return where | {"status": "ok", "square": self.number**2}


def squares(numbers):
    return map(Result, numbers)


class StopError(Exception):
    pass


def stopping_at(number, error):
    def recipe(numbers):
        for each in numbers:
            if each == number:
                raise error
            yield Result(each)

    return recipe


def run(folder, recipe=squares, count=20, header=HEADER, overwrite=False, **how):
    with StreamRecord(folder, header, overwrite=overwrite) as record:
        return run_stream(recipe, range(count), record=record, **how)


@pytest.fixture
def whole(tmp_path) -> bytes:
    """The record of a run that never stopped."""
    run(tmp_path / "whole")
    return (tmp_path / "whole/results.jsonl").read_bytes()


def test_every_input_has_its_line_in_order(tmp_path, whole):
    lines = [json.loads(line) for line in whole.splitlines()]
    assert lines[0] == HEADER and [fields["line"] for fields in lines[1:]] == list(range(20))
    tally = run(tmp_path / "out")
    assert (tally.done, tally.failed, tally.kept, tally.exit_code) == (16, 4, 0, 3)
    assert tally.failures[0] == ("a:4", "four")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["results.jsonl"]


@pytest.mark.parametrize("window", [1, 4, 100])
@pytest.mark.parametrize("error", [KeyboardInterrupt, StopError])
def test_a_run_that_stopped_goes_on_where_it_was(tmp_path, whole, error, window):
    if error is KeyboardInterrupt:
        tally = run(tmp_path / "out", stopping_at(13, error), window=window)
        assert tally.interrupted and tally.exit_code == 130 and tally.done == 11
    else:
        with pytest.raises(error):
            run(tmp_path / "out", stopping_at(13, error), window=window)
    assert not (tmp_path / "out/results.jsonl").exists()
    seen = []

    def watched(numbers):
        for number in numbers:
            seen.append(number)
            yield Result(number)

    tally = run(tmp_path / "out", watched, window=window)
    assert seen == list(range(13 - 13 % window, 20))
    assert (tally.kept, tally.done, tally.failed, tally.exit_code) == (11, 5, 4, 3)
    assert (tmp_path / "out/results.jsonl").read_bytes() == whole
    assert not (tmp_path / "out/results.jsonl.part").exists()


def test_wherever_the_file_was_torn_the_end_is_the_same(tmp_path, whole):
    part = tmp_path / "out/results.jsonl.part"
    part.parent.mkdir()
    for size in range(0, len(whole), 7):
        part.write_bytes(whole[:size])
        run(tmp_path / "out", window=3)
        assert (tmp_path / "out/results.jsonl").read_bytes() == whole, size
        (tmp_path / "out/results.jsonl").unlink()


def test_what_is_done_is_not_done_again(tmp_path, whole):
    run(tmp_path / "out")
    emitted = []
    tally = run(
        tmp_path / "out", stopping_at(0, StopError), emit=lambda f, r: emitted.append((f, r))
    )
    assert tally.kept == 16 and tally.failed == 4 and tally.exit_code == 3
    assert [fields["line"] for fields, _ in emitted] == list(range(20))
    assert {result for _, result in emitted} == {None}
    assert (tmp_path / "out/results.jsonl").read_bytes() == whole


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"options": {"top": 2}}, r"another run \(top was 1, now 2\)"),
        ({"model": [{"name": "b"}]}, r"another run \(model was none, now b\)"),
        ({"inputs": "abd"}, "the record of other texts, or some of these have changed"),
        ({"inputs": None}, "what came through a pipe cannot be gone on with"),
    ],
)
@pytest.mark.parametrize("stop", [7, None])
def test_another_run_is_not_gone_on_with(tmp_path, stop, change, why):
    run(tmp_path / "out", stopping_at(stop, KeyboardInterrupt))
    [path] = (tmp_path / "out").iterdir()
    before = path.read_bytes()
    with pytest.raises(UsageError, match=f"{path}.*{why}.*--overwrite it$"):
        run(tmp_path / "out", header=HEADER | change)
    assert path.read_bytes() == before
    run(tmp_path / "out", header=HEADER | change, overwrite=True, count=3)
    [path] = (tmp_path / "out").iterdir()
    assert path.name == "results.jsonl" and len(path.read_bytes().splitlines()) == 4


def test_what_is_no_record_is_refused(tmp_path):
    (tmp_path / "results.jsonl").write_text('{"my": "own"}\n')
    with pytest.raises(UsageError, match="is not a record of dltk's"):
        run(tmp_path)
    assert (tmp_path / "results.jsonl").read_text() == '{"my": "own"}\n'


def test_what_is_overwritten_is_there_until_the_first_result(tmp_path, whole):
    run(tmp_path / "out")
    with pytest.raises(StopError):
        run(tmp_path / "out", stopping_at(0, StopError), overwrite=True)
    assert (tmp_path / "out/results.jsonl").read_bytes() == whole
    run(tmp_path / "out", stopping_at(1, KeyboardInterrupt), overwrite=True)
    assert not (tmp_path / "out/results.jsonl").exists()
    run(tmp_path / "out")
    assert (tmp_path / "out/results.jsonl").read_bytes() == whole


def test_a_run_without_results_leaves_no_folder_behind(tmp_path):
    with pytest.raises(StopError):
        run(tmp_path / "out", stopping_at(0, StopError))
    assert not (tmp_path / "out").exists()
    run(tmp_path / "out", count=0)  # there was nothing to do, and that is a result
    assert json.loads((tmp_path / "out/results.jsonl").read_text()) == HEADER


def test_two_runs_do_not_write_to_one_folder(tmp_path):
    with (
        StreamRecord(tmp_path / "out", HEADER),
        pytest.raises(DltkError, match="another run is writing"),
    ):
        StreamRecord(tmp_path / "out", HEADER)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_says_so(tmp_path):
    (tmp_path / "results.jsonl.part").symlink_to("/dev/full")
    with pytest.raises(DltkError, match=r"cannot write .*part: No space left.*free some space"):
        run(tmp_path, overwrite=True)


def test_it_stops_at_a_failure_if_asked_and_goes_on_later(tmp_path, whole):
    tally = run(tmp_path / "out", on_error="stop")
    assert tally.stopped and tally.failed == 1 and tally.exit_code == 3
    assert (tmp_path / "out/results.jsonl.part").exists()
    run(tmp_path / "out")
    assert (tmp_path / "out/results.jsonl").read_bytes() == whole


def test_the_inputs_are_not_read_ahead():
    read = []

    def numbers():
        for number in range(100):
            read.append(number)
            yield number

    def emit(fields, result):
        assert read[-1] == fields["line"] == result.number

    assert run_stream(squares, numbers(), emit=emit).done == 80


def test_when_nobody_reads_the_output_the_record_is_written_all_the_same(tmp_path, whole):
    def closed(fields, result):
        raise PipeClosedError("nobody reads it")

    run(tmp_path / "out", emit=closed)
    assert (tmp_path / "out/results.jsonl").read_bytes() == whole
    with pytest.raises(PipeClosedError):
        run_stream(squares, range(3), emit=closed)
