"""Data sets that TensorFlow Datasets has prepared, or cannot."""

import shutil
import socket
from types import SimpleNamespace

import numpy as np
import pytest

from dltk.data import read_data
from dltk.data.plain import read_pictures
from dltk.data.tfds import _knock
from dltk.errors import DltkError, WeightsError


@pytest.fixture(scope="module")
def prepared(prepare):
    """A folder in which TFDS has prepared a data set of ten pictures, one without a label."""
    import tensorflow_datasets as tfds

    def some(numbers):
        return [
            {"image": np.full((4, 5, 3), n, np.uint8), "label": n % 2 if n else -1} for n in numbers
        ]

    label = tfds.features.ClassLabel(names=["even", "odd"])
    good = prepare(
        {"image": tfds.features.Image(), "label": label},
        {"train": some(range(7)), "test": some([50, 51]), "extra": some([99])},
    )
    bare = prepare(
        {"image": tfds.features.Image()},
        {"train": [{"image": np.zeros((4, 4, 3), np.uint8)}]},
    )
    twice = prepare(
        {"image": tfds.features.Image(), "label": label},
        {"train": some(range(1, 5)), "valid": some([6]), "validation": some([7])},
    )
    return good, bare, twice


def test_a_prepared_data_set_is_copied_once_and_read_in_any_order(prepared, own_cache):
    folder = prepared[0]
    lines = []
    data = read_data(f"tfds:{folder}", report=lines.append)
    assert len(lines) == 2 and all(line.startswith("copying tiny/1.0.0, t") for line in lines)
    assert data.classes == ("even", "odd") and list(data.splits) == ["train", "test"]
    train = data.splits["train"]
    assert train.names[0] == "train/00001" and train.labels.tolist() == [1, 0, 1, 0, 1, 0]
    values = [train.decode(index).getpixel((0, 0))[0] for index in reversed(range(len(train)))]
    assert values == [6, 5, 4, 3, 2, 1]
    assert train.decode(0).size == (5, 4) and len(set(train.digests)) == 6
    assert dict(data.passed_over) == {
        "train": "1 without a label",
        "extra": "neither train, validation nor test",
    }
    again = read_data(folder, report=lines.append)
    assert len(lines) == 2 and again.splits["train"].digests == train.digests


def test_what_is_reported_is_seen_and_what_tfds_prints_is_not(
    prepared, tmp_path, monkeypatch, capfd
):
    monkeypatch.setenv("DLTK_CACHE", str(tmp_path / "cache"))
    read_data(f"tfds:{prepared[0]}", report=print)
    lines = capfd.readouterr().out.splitlines()
    assert len(lines) == 2 and all(line.startswith("copying tiny/1.0.0, t") for line in lines)


def test_pictures_are_read_whatever_else_there_is(prepared, own_cache):
    where = f"tfds:{prepared[0]}"
    labelled, data = read_data(where), read_pictures(where)
    assert data.splits["test"].names == labelled.splits["test"].names
    for split, part in labelled.splits.items():
        assert set(part.digests) <= set(data.splits[split].digests)
        assert len(data.splits[split]) >= len(part)  # those without a label are pictures, too


def test_two_splits_of_one_meaning_are_refused(prepared, tmp_path, monkeypatch, said):
    monkeypatch.setenv("DLTK_CACHE", str(tmp_path / "cache"))
    message = said(f"tfds:{prepared[2]}")
    assert '"valid" and "validation", which mean the same split; keep one of them' in message
    assert f"tfds:{prepared[2]} has" in message and not (tmp_path / "cache").exists()


def test_only_web_servers_are_knocked_at():
    def of(*addresses):
        return SimpleNamespace(url_infos=dict.fromkeys(addresses))

    with socket.socket() as unused:  # bound, and not listening: it refuses connections
        unused.bind(("127.0.0.1", 0))
        here = f"127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(OSError, match=f"^no connection to {here}$"):
            _knock(of("ftp://127.0.0.1/x", f"http://{here}/x"))
    _knock(of("ftp://127.0.0.1/x", "gs://bucket/x"))
    _knock(of())


def test_another_data_set_of_the_same_name_is_not_confused(prepared, tmp_path):
    folder = prepared[0]
    shutil.copytree(folder, tmp_path / "tiny" / "1.0.0")
    lines = []
    read_data(tmp_path / "tiny" / "1.0.0", report=lines.append)
    assert len(lines) == 2


def test_data_sets_that_are_none_of_pictures_or_not_there(prepared, tmp_path, said):
    message = said(f"tfds:{prepared[1]}")
    assert "wanted are image (Image) and label (ClassLabel), it has image (Image)" in message
    assert f"did you mean tfds:{prepared[0]}?" in said(f"tfds:{prepared[0].parents[1]}")
    assert "no such folder" in said(f"tfds:{tmp_path}/none")
    assert 'no data set "mnits". Did you mean "mnist"' in said("tfds:mnits")
    assert "TFDS cannot make tfds:mnist:9.9.9" in said("tfds:mnist:9.9.9")


def test_a_data_set_that_is_damaged(prepared, tmp_path, monkeypatch, said):
    monkeypatch.setenv("DLTK_CACHE", str(tmp_path / "cache"))
    copy = tmp_path / "tiny" / "1.0.0"
    shutil.copytree(prepared[0], copy)
    records = next(copy.glob("*train*record*"))
    content = bytearray(records.read_bytes())
    content[100] ^= 255
    records.write_bytes(content)
    assert "TFDS cannot read train in" in said(copy, DltkError)
    assert not list((tmp_path / "cache").rglob("*train*"))
    (copy / "features.json").write_text("{")
    assert f"TFDS cannot read {copy}" in said(copy, DltkError)


def test_nothing_is_downloaded_without_the_network(monkeypatch, tmp_path, said):
    monkeypatch.setenv("DLTK_OFFLINE", "1")
    message = said("tfds:mnist", WeightsError)
    assert "tfds:mnist is not here, and the network is switched off" in message
    assert "or name its folder: tfds:FOLDER" in message
