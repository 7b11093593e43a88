"""The run folder: names, locks, what is remembered, and the state that survives a full disk."""

from __future__ import annotations

import csv
import errno
import json
import os
import shlex
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from dltk.errors import DltkError, InterruptedRunError, UsageError
from dltk.files import locked
from dltk.training.checkpoint import Stop, load_state, save_state, stoppable
from dltk.training.run import RunFolder, differences

# Names


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty working directory."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_runs_are_numbered_past_the_highest(here):
    names = [str(RunFolder.create("finetune", "cats", {}).path) for _ in range(2)]
    assert names == ["runs/finetune/001-cats", "runs/finetune/002-cats"]
    (here / "runs/finetune/041").mkdir()
    (here / "runs/finetune/my own 99").mkdir()
    (here / "runs/finetune/099.txt").write_text("")
    assert RunFolder.create("finetune", "x", {}).path.name == "100-x"
    assert RunFolder.create("other", "x", {}).path.name == "001-x"


@pytest.mark.parametrize(
    ("slug", "name"),
    [
        ("tfds:Cats_vs dogs efficientnet", "001-tfds-cats-vs-dogs-efficientnet"),
        ("../../etc/passwd", "001-etc-passwd"),
        ("Größe\n日本", "001-gr-e"),
        ("日本", "001"),
        ("", "001"),
        ("a" * 39 + "-b", "001-" + "a" * 39),
        ("a" * 300, "001-" + "a" * 40),
    ],
)
def test_any_text_gives_a_plain_folder_name(here, slug, name):
    assert RunFolder.create("finetune", slug, {}).path == Path("runs/finetune") / name


def test_a_folder_can_be_named(tmp_path):
    path = tmp_path / "a" / "b"
    run = RunFolder.create("finetune", "x", {"lr": 0.1, "data": "höhe"}, path=path)
    assert run.path == path
    config = json.loads((path / "config.json").read_text("utf-8"))
    assert config["command"] == "finetune" and config["options"] == {"lr": 0.1, "data": "höhe"}
    assert RunFolder.open(path, "finetune").options == {"lr": 0.1, "data": "höhe"}


def test_a_named_folder_must_be_empty(tmp_path):
    path = tmp_path / "run"
    path.mkdir()
    RunFolder.create("finetune", "", {}, path=path)
    with pytest.raises(UsageError, match="holds a run already; go on with it with --resume"):
        RunFolder.create("finetune", "", {}, path=path)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"--run-dir .*mine is not empty; name a new folder"):
        RunFolder.create("finetune", "", {}, path=tmp_path / "mine")
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["notes.txt"]
    with pytest.raises(DltkError, match=r"cannot make the folder .*notes\.txt: File exists"):
        RunFolder.create("finetune", "", {}, path=tmp_path / "mine/notes.txt")


@pytest.mark.parametrize(
    ("config", "why"),
    [
        (None, "it has no config.json"),
        ("{", "no run in"),
        ("[]", "no run in"),
        ("{}", "no run in"),
        ('{"format": "other", "command": "finetune", "options": {}}', "not one of dltk finetune"),
        ('{"format": "dltk run", "command": "detect", "options": {}}', "not one of dltk finetune"),
    ],
)
def test_what_is_no_run_is_not_gone_on_with(tmp_path, config, why):
    if config is not None:
        (tmp_path / "config.json").write_text(config)
    with pytest.raises(UsageError, match=why) as caught:
        RunFolder.open(tmp_path, "finetune")
    assert "\n" not in str(caught.value)


def test_a_file_is_no_run(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"cannot read the run .*file: Not a directory"):
        RunFolder.open(tmp_path / "file", "finetune")


def test_a_run_is_gone_on_with_by_its_own_options(tmp_path):
    options = {"lr": 0.1, "tune_epochs": 3, "devices": "cpu", "k": None}
    RunFolder.create("finetune", "", options, path=tmp_path / "run")
    begin = {"path": None, "resume": tmp_path / "run", "free": {"devices"}, "chief": True}
    same = options | {"devices": "gpu"}
    assert RunFolder.begin("finetune", "", same, **begin).options == options
    other = options | {"tune_epochs": 4, "k": 5}
    with pytest.raises(UsageError) as caught:
        RunFolder.begin("finetune", "", other, **begin)
    assert str(caught.value).endswith(
        "began with other options: --tune-epochs 3 then, 4 now; --k none then, 5 now"
    )
    assert differences({"a": 1, "old": 2}, {"a": 1, "new": None}) == []


def test_the_command_that_goes_on_can_be_pasted_into_a_shell(tmp_path):
    path = tmp_path / "it's a $run"
    run = RunFolder.create("finetune", "", {}, path=path)
    assert shlex.split(run.resume_command) == ["dltk", "finetune", "--resume", str(path)]


# What a run remembers


@pytest.fixture
def run(tmp_path):
    return RunFolder.create("finetune", "", {}, path=tmp_path / "run")


def test_a_search_is_made_once(run):
    made = []

    def make():
        made.append(1)
        return {"chosen": 0.1 + 0.2, "rates": [1e-6]}

    first = run.once("head-rate", make)
    again = RunFolder.open(run.path, "finetune").once("head-rate", make)
    assert first == again == {"chosen": 0.1 + 0.2, "rates": [1e-6]} and made == [1]
    assert run.once("tune-rate", lambda: 5) == 5


def test_a_search_that_fails_is_made_again(run):
    with pytest.raises(ZeroDivisionError):
        run.once("head-rate", lambda: 1 / 0)
    assert run.once("head-rate", lambda: 2) == 2


def row(path, label="cat", split="train", digest="ab"):
    return {"path": path, "label": label, "split": split, "digest": digest}


ROWS = [row("a.jpg"), row('b, "b"\n.jpg', label="chien à poil"), row("c.jpg", split="val")]


def test_the_data_of_a_run_are_written_and_recognised(run):
    run.keep_data(ROWS)
    with (run.path / "split.csv").open(newline="", encoding="utf-8") as file:
        assert list(csv.DictReader(file)) == ROWS
    before = (run.path / "split.csv").read_bytes()
    RunFolder.open(run.path, "finetune").keep_data(ROWS)
    assert (run.path / "split.csv").read_bytes() == before


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (ROWS[1:], "1 gone (a.jpg …)"),
        ([*ROWS, row("d.jpg"), row("e.jpg")], "2 new (d.jpg …)"),
        ([row("a.jpg", digest="cd"), *ROWS[1:]], "1 changed in content, label or split (a.jpg …)"),
        ([row("a.jpg", label="dog"), *ROWS[1:]], "1 changed in content, label or split (a.jpg …)"),
        ([*ROWS[:2], row("c.jpg", split="test")], "1 changed in content, label or split (c.jpg …)"),
        ([ROWS[0], row("n"), row("c.jpg", digest="x")],
         '1 gone (b, "b"\\n.jpg …), 1 new (n …), 1 changed in content, label or split (c.jpg …)'),
        (ROWS[::-1], "they come in another order"),
    ],
)  # fmt: skip
def test_data_that_changed_are_told(run, rows, told):
    run.keep_data(ROWS)
    with pytest.raises(UsageError) as caught:
        run.keep_data(rows)
    assert str(caught.value) == f"the data changed since this run began: {told}"


def test_file_names_that_are_not_utf8_are_kept_too(run):
    rows = [row(os.fsdecode(b"caf\xe9.jpg")), row("b.jpg")]
    run.keep_data(rows)
    RunFolder.open(run.path, "finetune").keep_data(rows)
    with pytest.raises(UsageError, match="1 gone"):
        run.keep_data(rows[1:])


def test_the_history_has_a_row_for_every_epoch_and_a_column_for_every_measure(run):
    run.rows = {
        "head": [{"epoch": 1, "loss": 0.5, "seconds": 2.0}],
        "tune": [{"epoch": 1, "loss": 0.25, "val_loss": 1e-05, "seconds": 3.5}],
    }
    run.write_history()
    assert (run.path / "history.csv").read_text().splitlines() == [
        "stage,epoch,loss,seconds,val_loss",
        "head,1,0.5,2.0,",
        "tune,1,0.25,3.5,1e-05",
    ]


def test_only_the_chief_writes(tmp_path):
    path = tmp_path / "run"
    worker = RunFolder.create("finetune", "", {}, path=str(path), chief=False)
    worker.rows = {"head": [{"epoch": 1}]}
    with worker.going():
        worker.log("hello")
        worker.write_text("report.md", "text")
        worker.write_history()
        worker.keep_data(ROWS)
        worker.save("head", {"weights": [np.zeros(2)]}, {})
        assert worker.once("rate", lambda: 3) == 3
        assert worker.load("head") is None
    assert list(tmp_path.iterdir()) == []


def test_a_worker_reads_what_the_chief_wrote_before(run):
    run.save("head", {"weights": [np.ones(2)]}, {"step": 4})
    run.once("rate", lambda: 3)
    worker = RunFolder.open(run.path, "finetune", chief=False)
    assert worker.load("head")[1] == {"step": 4} and worker.once("rate", lambda: 5) == 3


# One process at a time, and how it ends


def test_a_second_training_in_the_same_folder_is_refused(run):
    with run.going():
        code = (
            "import sys; from dltk.training.run import RunFolder\n"
            "with RunFolder.open(sys.argv[1], 'finetune').going(): pass"
        )
        with (
            pytest.raises(DltkError, match="another process is at work in"),
            RunFolder.open(run.path, "finetune").going(),
        ):
            pytest.fail("was let in")
        other = subprocess.run(
            [sys.executable, "-c", code, run.path], capture_output=True, text=True
        )
        assert other.returncode == 1 and "another process is at work in" in other.stderr
    with RunFolder.open(run.path, "finetune").going():
        pass


def test_the_lock_ends_with_its_process(tmp_path):
    code = (
        "import sys, time; from dltk.files import locked\n"
        "with locked(sys.argv[1], wait=False) as ours: print(ours, flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout.readline() == "True\n"
        with locked(tmp_path, wait=False) as ours:
            assert not ours
    finally:
        holder.kill()
        holder.communicate()
    with locked(tmp_path, wait=False) as ours:
        assert ours


def test_how_a_training_ended_is_in_the_log(run):
    with pytest.raises(InterruptedRunError) as caught, run.going():
        raise KeyboardInterrupt
    assert str(caught.value).endswith(f"go on with: {run.resume_command}")
    assert caught.value.exit_code == 130
    with pytest.raises(DltkError, match=r"^no more$"), run.going():
        raise DltkError("no more")
    lines = (run.path / "log.txt").read_text().splitlines()
    assert [line.split("  ", 1)[1] for line in lines] == ["interrupted", "stopped: no more"]


# The state


ARRAYS = {
    "weights": [np.arange(6, dtype=np.float32).reshape(2, 3), np.zeros((0, 2), np.float32)],
    "optimizer": [np.array(2**40), np.array(0.1, np.float32), *map(np.array, range(10))],
    "best": [],
}
FACTS = {"step": 7, "rows": [{"loss": 0.1 + 0.2}], "best_score": None, "name": "größe"}


def test_a_state_is_read_as_it_was_written(tmp_path):
    save_state(tmp_path / "deep/state.npz", ARRAYS, FACTS)
    arrays, facts = load_state(tmp_path / "deep/state.npz")
    assert facts == FACTS and arrays.keys() == {"weights", "optimizer"}
    for name, loaded in arrays.items():
        for ours, theirs in zip(loaded, ARRAYS[name], strict=True):
            np.testing.assert_array_equal(ours, theirs)
            assert ours.dtype == theirs.dtype
    assert load_state(tmp_path / "none.npz") is None


@pytest.fixture
def full_disk(monkeypatch):
    """Let the disk be full after a few bytes of every state."""
    plain = np.savez

    def savez(file, **arrays):
        plain(file, **arrays)
        file.truncate(100)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    return lambda: monkeypatch.setattr(np, "savez", savez)


def test_a_full_disk_leaves_the_state_that_was_there(run, full_disk):
    run.save("head", ARRAYS, FACTS)
    before = (run.path / "checkpoint/head.npz").read_bytes()
    full_disk()
    with pytest.raises(DltkError) as caught:
        run.save("head", ARRAYS, FACTS | {"step": 8})
    assert str(caught.value) == (
        f"cannot write {run.path}/checkpoint/head.npz: No space left on device; "
        "free some space and run the same command again, finished work is kept"
    )
    assert [p.name for p in (run.path / "checkpoint").iterdir()] == ["head.npz"]
    assert (run.path / "checkpoint/head.npz").read_bytes() == before
    assert run.load("head")[1] == FACTS


def test_a_full_disk_leaves_nothing_where_nothing_was(run, full_disk):
    full_disk()
    with pytest.raises(DltkError, match="No space left on device"):
        run.save("head", ARRAYS, FACTS)
    assert run.load("head") is None and list((run.path / "checkpoint").iterdir()) == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: b"",
        lambda whole: b"garbage" * 50,
        lambda whole: whole[: len(whole) // 2],
        lambda whole: whole.replace(b'"step"', b"'step'"),
    ],
    ids=["empty", "garbage", "cut", "changed"],
)
def test_a_damaged_state_is_said(tmp_path, damage):
    path = tmp_path / "head.npz"
    save_state(path, ARRAYS, FACTS)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DltkError) as caught:
        load_state(path)
    text = str(caught.value)
    assert text.startswith(f"cannot read the checkpoint {path}: ") and "\n" not in text
    assert text.endswith("; delete it to begin this stage again")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks_and_the_second_ends(number):
    before = signal.getsignal(number)
    stop = Stop()
    with stoppable(stop, patient=True):
        assert not stop.asked
        os.kill(os.getpid(), number)
        assert stop.asked
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
    assert signal.getsignal(number) is before


def test_an_impatient_signal_raises_and_is_noted_for_later():
    stop = Stop()
    with stoppable(stop, patient=False):
        with stoppable(stop, patient=True):
            assert stop.patient
        assert not stop.patient
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert stop.asked


def test_the_handlers_come_back_after_an_error():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(ZeroDivisionError), stoppable(Stop(), patient=True):
        raise ZeroDivisionError
    assert signal.getsignal(signal.SIGINT) is before


def test_on_another_thread_signals_are_left_alone():
    found = []

    def work():
        stop = Stop()
        with stoppable(stop, patient=True):
            found.append((stop.asked, signal.getsignal(signal.SIGINT)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [(False, signal.getsignal(signal.SIGINT))]
