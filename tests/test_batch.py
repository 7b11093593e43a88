"""Whole batches: records, going on after a stop, collisions, full disks, exit codes."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from dltk.batch import Record, find_inputs, run_batch
from dltk.errors import DltkError, UsageError
from dltk.samples import sample_files

DLTK = [sys.executable, "-c", "from dltk.cli.main import run; run()"]


def tree(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def records(folder, name="results.jsonl"):
    lines = [json.loads(line) for line in (folder / name).read_text().splitlines()]
    return lines[0], lines[1:]


@pytest.fixture
def many(tmp_path):
    """Forty-two photographs in two folders, and one file that is none."""
    folder = tmp_path / "many"
    samples = [path for path in sample_files() if path.suffix == ".jpg"]
    for index in range(42):
        target = folder / ("a" if index % 2 else "b") / f"{index:02d}.jpg"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(samples[index % len(samples)], target)
    (folder / "a" / "zz.jpg").write_text("not a picture")
    return folder


def test_records_are_in_input_order_one_for_each_input(dltk, many, tmp_path):
    result = dltk("classify", many, "-o", tmp_path / "out")
    header, rows = records(tmp_path / "out")
    assert result.code == 3
    assert header["format"] == "dltk.classify" and header["root"] == "../many"
    names = sorted(path.relative_to(many).as_posix() for path in many.rglob("*.jpg"))
    assert [row["path"] for row in rows] == names
    failed = [row for row in rows if row["status"] == "failed"]
    assert failed == [failed[0]] and failed[0]["path"] == "a/zz.jpg"
    assert failed[0]["error"] == "not a picture, or in a format that cannot be read"
    assert "failed: a/zz.jpg: not a picture" in result.err
    assert "42 done, 1 failed" in result.err


def test_a_second_run_does_only_what_failed(dltk, many, tmp_path):
    dltk("classify", many, "-o", tmp_path / "out", "--annotate", tmp_path / "out/ann")
    before = tree(tmp_path / "out")
    stamps = {path: path.stat().st_mtime_ns for path in (tmp_path / "out/ann").rglob("*.jpg")}
    again = dltk("classify", many, "-o", tmp_path / "out", "--annotate", tmp_path / "out/ann")
    assert "0 done, 42 done before, 1 failed" in again.err
    assert tree(tmp_path / "out") == before
    assert {path: path.stat().st_mtime_ns for path in stamps} == stamps


def test_a_mended_input_is_done_and_takes_its_place(dltk, many, tmp_path):
    dltk("classify", many, "-o", tmp_path / "out")
    shutil.copy(many / "a/01.jpg", many / "a/zz.jpg")
    assert dltk("classify", many, "-o", tmp_path / "out").code == 0
    _, rows = records(tmp_path / "out")
    assert rows[21]["path"] == "a/zz.jpg" and rows[21]["status"] == "ok"


def test_a_changed_input_is_done_again_and_its_old_copy_goes(dltk, photos, tmp_path):
    out = tmp_path / "out"
    dltk("classify", photos, "-o", out, "--sort-into", out / "sorted")
    assert (out / "sorted/espresso/espresso.jpg").exists()
    shutil.copy(photos / "rocket.jpg", photos / "espresso.jpg")
    again = dltk("classify", photos, "-o", out, "--sort-into", out / "sorted")
    assert "1 done, 6 done before" in again.err
    assert not (out / "sorted/espresso/espresso.jpg").exists()
    assert (out / "sorted/missile/espresso.jpg").exists()


def test_a_missing_output_is_made_again(dltk, photos, tmp_path):
    out = tmp_path / "out"
    dltk("classify", photos, "-o", out, "--annotate", out / "ann")
    (out / "ann/cat.jpg").unlink()
    again = dltk("classify", photos, "-o", out, "--annotate", out / "ann")
    assert "1 done, 6 done before" in again.err
    assert (out / "ann/cat.jpg").exists()


def test_other_settings_are_refused_and_named(dltk, photos, tmp_path):
    dltk("classify", photos, "-o", tmp_path / "out")
    other = dltk("classify", photos, "-o", tmp_path / "out", "--top", 3)
    assert other.code == 2
    assert "is the record of another run (top was 5, now 3)" in other.err
    assert dltk("classify", photos, "-o", tmp_path / "out", "--top", 3, "--overwrite").code == 0
    _, rows = records(tmp_path / "out")
    assert {len(row["labels"]) for row in rows} == {3}


def test_records_of_earlier_inputs_are_kept(dltk, photos, tmp_path):
    dltk("classify", f"{photos}/[a-e]*.jpg", "-o", tmp_path / "out")
    dltk("classify", f"{photos}/[f-z]*.jpg", "-o", tmp_path / "out")
    _, rows = records(tmp_path / "out")
    assert sorted(row["path"] for row in rows) == sorted(os.listdir(photos))


def test_an_output_folder_inside_the_input_folder_is_no_input(dltk, photos):
    for _ in range(2):
        result = dltk("classify", photos, "-o", photos / "out", "--annotate", photos / "out/ann")
        assert result.code == 0
    assert len(records(photos / "out")[1]) == 7


def test_outputs_never_go_over_inputs(dltk, photos):
    before = tree(photos)
    for option in ("--annotate", "--sort-into"):
        result = dltk("classify", photos, option, photos)
        assert result.code == 2 and "choose another folder" in result.err
    assert tree(photos) == before


def test_two_inputs_for_one_output_stop_before_any_work(dltk, tmp_path, noise):
    folder = tmp_path / "in"
    folder.mkdir()
    noise(1).save(folder / "x.gif")
    noise(2).save(folder / "x.gif.png")
    result = dltk("classify", folder, "--annotate", tmp_path / "out")
    assert result.code == 2
    assert "x.gif and x.gif.png would both be written to" in result.err
    assert not (tmp_path / "out").exists()


def test_the_same_names_in_two_folders_keep_apart(dltk, tmp_path, noise):
    for index, name in enumerate(("a/x.jpg", "b/x.jpg", "a/x.png")):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        noise(index).save(tmp_path / "in" / name)
    out = tmp_path / "out"
    assert dltk("classify", tmp_path / "in", "-o", out, "--annotate", out / "ann").code == 0
    assert sorted(tree(out / "ann")) == ["a/x.jpg", "a/x.png", "b/x.jpg"]


def test_on_error_stop_records_the_failure_and_ends(dltk, many, tmp_path):
    result = dltk("classify", many, "-o", tmp_path / "out", "--on-error", "stop")
    assert not (tmp_path / "out/results.jsonl").exists()
    _, rows = records(tmp_path / "out", "results.jsonl.part")
    assert result.code == 3
    assert rows[-1]["path"] == "a/zz.jpg" and len(rows) == 22


def run_killed(command, delays):
    """Run a command, killing it after each of `delays`; then let it finish."""
    for delay in delays:
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(delay)
        child.send_signal(signal.SIGKILL)
        child.wait()
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.slow
@pytest.mark.parametrize("task", ["classify", "features"])
def test_killed_anywhere_and_run_again_ends_as_if_never_killed(task, many, tmp_path):
    def command(out):
        extra = {
            "classify": ["--annotate", out / "ann", "--sort-into", out / "sorted"],
            "features": ["--shard-size", "9"],
        }[task]
        options = ["--batch-size", "2", "--format", "csv"]
        return [*DLTK, task, str(many), "-o", str(out), *options, *map(str, extra)]

    whole = subprocess.run(command(tmp_path / "never"), capture_output=True, text=True)
    assert whole.returncode == 3, whole.stderr
    killed = run_killed(command(tmp_path / "killed"), [0.3, 0.4, 0.45, 0.35, 0.5, 0.4, 0.55])
    assert killed.returncode == 3, killed.stderr
    assert tree(tmp_path / "killed") == tree(tmp_path / "never")


@pytest.mark.slow
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_keeps_what_is_done_and_exits_130(end, many, tmp_path):
    for copy in range(20):  # long enough to be interrupted in the middle
        shutil.copytree(many, tmp_path / "longer" / str(copy))
    out = tmp_path / "out"
    command = [*DLTK, "classify", str(tmp_path / "longer"), "-o", str(out), "--batch-size", "2"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    part = out / "results.jsonl.part"
    deadline = time.monotonic() + 60
    while not (part.exists() and part.read_bytes().count(b"\n") > 20):
        assert time.monotonic() < deadline and child.poll() is None
        time.sleep(0.02)
    child.send_signal(end)
    _, err = child.communicate(timeout=60)
    assert child.returncode == 130
    assert "interrupted, finished work is kept; run the same command again to go on" in err
    assert "Traceback" not in err and not (out / "results.jsonl").exists()
    _, rows = records(out, "results.jsonl.part")
    assert 20 <= len(rows) < 860
    again = subprocess.run(command, capture_output=True, text=True)
    done_before = sum(row["status"] == "ok" for row in rows)
    assert f"{done_before} done before" in again.stderr
    assert len(records(out)[1]) == 860


class Found:
    """A result of a recipe, for the tests of the batch alone."""

    def __init__(self, item):
        self.item = item

    def to_dict(self):
        return {"path": self.item.name, "status": "ok"}


HEADER = {"format": "test", "version": 1, "model": [], "options": {"x": 1}, "root": "."}


def test_an_interrupt_in_a_later_run_loses_no_earlier_record(tmp_path, photos):
    inputs = find_inputs([photos])
    with Record(tmp_path / "out", HEADER) as record:
        run_batch(lambda items: map(Found, items), inputs, record=record)
    for path in photos.iterdir():
        os.utime(path, ns=(1, 1))  # all have changed, so all are to be done again

    def interrupted(items):
        yield Found(items[0])
        raise KeyboardInterrupt

    with Record(tmp_path / "out", HEADER) as record:
        assert run_batch(interrupted, inputs, record=record).exit_code == 130
    assert len(records(tmp_path / "out")[1]) == 7  # the last whole record is still there
    done = []
    with Record(tmp_path / "out", HEADER) as record:
        run_batch(lambda items: (done.append(i) or Found(i) for i in items), inputs, record=record)
    _, rows = records(tmp_path / "out")
    assert [row["path"] for row in rows] == [item.name for item in inputs]
    assert {row["mtime_ns"] for row in rows} == {1} and len(done) == 6
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["results.jsonl"]


@pytest.mark.parametrize("cut", [1, 10, 40, 200, 400])
def test_a_torn_record_is_taken_up_to_the_tear(tmp_path, photos, cut):
    inputs = find_inputs([photos])
    with Record(tmp_path / "out", HEADER) as record:
        run_batch(lambda items: map(Found, items), inputs, record=record)
    whole = (tmp_path / "out/results.jsonl").read_bytes()
    (tmp_path / "out/results.jsonl").rename(tmp_path / "out/results.jsonl.part")
    with (tmp_path / "out/results.jsonl.part").open("r+b") as file:
        file.truncate(len(whole) - cut)
    done = []
    with Record(tmp_path / "out", HEADER) as record:
        run_batch(lambda items: (done.append(i.name) or Found(i) for i in items), inputs,
                  record=record)  # fmt: skip
    assert (tmp_path / "out/results.jsonl").read_bytes() == whole
    assert 0 < len(done) < 7 and done == [item.name for item in inputs][-len(done) :]


def test_a_record_that_is_not_ours_is_not_replaced(dltk, photos, tmp_path):
    for text in ("my notes\nline 2\n", '{"mine": 1}\n', "[]\n"):
        (tmp_path / "results.jsonl").write_text(text)
        result = dltk("classify", photos, "-o", tmp_path)
        assert result.code == 2 and "is not a record of dltk's" in result.err
        assert (tmp_path / "results.jsonl").read_text() == text


def test_an_overwriting_run_that_was_killed_leaves_nothing_of_the_old_settings(tmp_path, photos):
    inputs = find_inputs([photos])
    with Record(tmp_path, HEADER) as record:
        run_batch(lambda items: map(Found, items), inputs, record=record)
    other = HEADER | {"options": {"x": 2}}
    with Record(tmp_path, other, overwrite=True) as record:
        record.write({"path": "cat.jpg", "status": "ok", **inputs.items[1].stamp()})
    done = []
    with Record(tmp_path, other) as record:
        run_batch(lambda items: (done.append(i) or Found(i) for i in items), inputs, record=record)
    header, rows = records(tmp_path)
    assert header == other and len(rows) == 7 and len(done) == 6


def test_an_overwriting_run_that_came_to_nothing_loses_nothing(tmp_path, photos):
    inputs = find_inputs([photos])
    with Record(tmp_path, HEADER) as record:
        run_batch(lambda items: map(Found, items), inputs, record=record)
    text = (tmp_path / "results.jsonl").read_text()

    def cannot(items):
        raise UsageError("no such hardware")

    other = HEADER | {"options": {"x": 2}}
    with (
        pytest.raises(UsageError, match="no such hardware"),
        Record(tmp_path, other, overwrite=True) as record,
    ):
        run_batch(cannot, inputs, record=record)
    assert [path.name for path in tmp_path.glob("results*")] == ["results.jsonl"]
    assert (tmp_path / "results.jsonl").read_text() == text


def test_a_picture_that_is_gone_leaves_the_record(dltk, photos, tmp_path):
    dltk("classify", photos, "-o", tmp_path / "out")
    (photos / "cat.jpg").unlink()
    dltk("classify", photos, "-o", tmp_path / "out")
    _, rows = records(tmp_path / "out")
    assert [row["path"] for row in rows] == sorted(os.listdir(photos))


def test_an_input_that_goes_bad_takes_its_old_copy_along(dltk, photos, tmp_path):
    out = tmp_path / "out"
    dltk("classify", photos, "-o", out, "--sort-into", out / "sorted")
    (photos / "espresso.jpg").write_text("no")
    assert dltk("classify", photos, "-o", out, "--sort-into", out / "sorted").code == 3
    assert not (out / "sorted/espresso/espresso.jpg").exists()


def test_a_reader_that_goes_away_does_not_end_a_batch_with_an_output(many, tmp_path):
    command = [*DLTK, "classify", str(many), "-o", str(tmp_path / "out"), "--json"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    child.stdout.readline()
    child.stdout.close()
    assert child.wait() == 3
    assert len(records(tmp_path / "out")[1]) == 43


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-"])
def test_closed_streams_are_no_crash(photos, tmp_path, closed):
    command = f'exec "$0" -c "$1" classify "$2" -o "$3" {closed}'
    code = "from dltk.cli.main import run; run()"
    done = subprocess.run(
        ["sh", "-c", command, sys.executable, code, str(photos), str(tmp_path / "out")],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert len(records(tmp_path / "out")[1]) == 7


def test_two_runs_in_one_folder_are_refused(tmp_path):
    with Record(tmp_path, HEADER), pytest.raises(DltkError, match="another run is writing to"):
        Record(tmp_path, HEADER)
    Record(tmp_path, HEADER).__exit__()  # and free again afterwards


def test_nan_never_gets_into_a_record(tmp_path):
    with Record(tmp_path, HEADER) as record, pytest.raises(ValueError, match="JSON"):
        record.write({"path": "x", "score": float("nan")})


def test_a_header_that_differs_names_the_difference(tmp_path):
    with Record(tmp_path, HEADER) as record:
        record.finish()
    with pytest.raises(UsageError, match=r"x was 1, now 2"):
        Record(tmp_path, HEADER | {"options": {"x": 2}})


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_stops_with_one_line(photos):
    result = subprocess.run(
        [*DLTK, "classify", str(photos), "--json"],
        stdout=open("/dev/full", "w"),  # noqa: SIM115
        stderr=subprocess.PIPE,
        text=True,
    )
    assert result.returncode == 1
    assert "cannot write standard output: No space left on device" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("mount"), reason="needs to mount a tmpfs")
def test_a_full_disk_keeps_what_is_done(many, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(small)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("mounting is not allowed here")
    try:
        out = small / "out"
        command = [*DLTK, "classify", str(many), "-o", str(out), "--annotate", str(out / "ann")]
        full = subprocess.run(command, capture_output=True, text=True)
        assert full.returncode == 1
        assert (
            "No space left on device; free some space and run the same command again" in full.stderr
        )
        assert full.stderr.count("\n") < 4 and "Traceback" not in full.stderr
        done = list((out / "ann").rglob("*.jpg"))
        assert 3 < len(done) < 42
        assert not list(out.rglob(".part.*"))
        subprocess.run(["mount", "-o", "remount,size=20m", str(small)], check=True)
        again = subprocess.run(command, capture_output=True, text=True)
        assert again.returncode == 3, again.stderr
        assert "done before" in again.stderr
        assert len(records(out)[1]) == 43
    finally:
        subprocess.run(["umount", str(small)], check=True)
