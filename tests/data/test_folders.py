"""Pictures in folders: which are classes, which splits, which are passed over."""

import os
import shutil

import numpy as np
import pytest

from dltk.data import read_data, split_data
from dltk.errors import UsageError


def test_a_folder_for_each_class_in_natural_order(make):
    root = make("10/b.png", "2/z.png", "2/deep/er/a.png", "Cat/10.JPG", "cat/9.jpg", ".git/x/1.png")
    data = read_data(root)
    assert data.classes == ("2", "10", "Cat", "cat") and not data.divided
    examples = data.splits["all"]
    assert examples.names == ("2/z.png", "2/deep/er/a.png", "10/b.png", "Cat/10.JPG", "cat/9.jpg")
    assert examples.labels.tolist() == [0, 0, 1, 2, 3] and examples.labels.dtype == np.int64
    assert examples.decode(2).size == (12, 8)
    assert data.where == str(root) and data.passed_over == ()


def test_names_that_begin_alike_are_sorted(make):
    root = make("cat10/1.png", "cat2/1.png", "cat/1.png", "README2/1.png", "README/1.png",
                "7/10.png", "7/9.png", "7/9a.png", "7/09.png")  # fmt: skip
    data = read_data(root)
    assert data.classes == ("7", "cat", "cat2", "cat10", "README", "README2")
    assert data.splits["all"].names[:4] == ("7/09.png", "7/9.png", "7/9a.png", "7/10.png")


def test_what_is_no_example_is_passed_over_with_a_reason(make):
    root = make("a/1.png", "b/1.png", "loose.png")
    (root / "readme.md").write_text("hello")
    (root / "a" / "notes.txt").write_text("hello")
    (root / "a" / ".hidden.png").write_text("hello")
    (root / "empty").mkdir()
    (root / "a" / "gone.png").symlink_to(root / "nowhere.png")
    (root / "a" / "round.png").symlink_to(root / "a" / "round.png")
    os.mkfifo(root / "a" / "pipe.png")
    assert dict(read_data(root).passed_over) == {
        "loose.png": "in no class folder",
        "readme.md": "not a picture by its extension",
        "a/notes.txt": "not a picture by its extension",
        "a/gone.png": "a link that leads nowhere",
        "a/round.png": "Too many levels of symbolic links",
        "a/pipe.png": "not a regular file",
        "empty/": "a class folder without pictures",
    }


def test_links_are_followed_but_not_in_circles(make):
    root = make("a/1.png", "b/1.png")
    (root / "a" / "up").symlink_to(root)
    (root / "b" / "self").symlink_to(root / "b")
    shutil.move(root / "a" / "1.png", root.parent / "1.png")
    (root / "a" / "there.png").symlink_to(root.parent / "1.png")
    data = read_data(root)
    assert data.splits["all"].names == ("a/there.png", "b/1.png")
    assert [name for name, _ in data.passed_over] == ["a/up/", "b/self/"]


@pytest.mark.parametrize("name", ["val", "validation", "Valid"])
def test_folders_of_splits_hold_the_classes(make, name):
    root = make("train/a/1.png", "train/b/2.png", f"{name}/b/3.png", "test/c/4.png", "test/a/5.png")
    data = read_data(root)
    assert data.classes == ("a", "b", "c") and data.divided
    assert list(data.splits) == ["train", "val", "test"]
    assert data.splits["val"].names == (f"{name}/b/3.png",)
    assert {split: ex.labels.tolist() for split, ex in data.splits.items()} == {
        "train": [0, 1], "val": [1], "test": [0, 2]
    }  # fmt: skip


def test_other_folders_beside_splits_are_passed_over(make):
    root = make("train/a/1.png", "train/b/2.png", "test/a/3.png", "docs/figure.png")
    data = read_data(root)
    assert list(data.splits) == ["train", "test"]
    assert data.passed_over == (("docs/", "neither train, val nor test"),)


def test_training_pictures_alone_are_not_divided(make):
    data = read_data(make("train/a/1.png", "train/b/2.png"))
    assert list(data.splits) == ["all"] and data.classes == ("a", "b")


def test_folders_are_splits_without_one_to_train_on_too(make):
    root = make("val/a/1.png", "test/a/1.png", "test/b/1.png")
    data = read_data(root)
    assert data.classes == ("a", "b") and list(data.splits) == ["val", "test"]
    with pytest.raises(UsageError, match="nothing to train on: only val, test"):
        split_data(data)
    make("other/1.png")
    assert read_data(root).classes == ("other", "test", "val")


def test_classes_called_like_splits_that_hold_no_folders(make):
    data = read_data(make("val/1.png", "test/deep/1.png"))
    assert data.classes == ("test", "val") and not data.divided


def test_every_entry_is_looked_at_once(make, monkeypatch):
    """Files cost no look at the disk of their own: a million of them are listed in seconds."""
    root = make(*(f"{kind}/{n}.png" for kind in "ab" for n in range(20)))
    looks = []
    stat = os.stat
    monkeypatch.setattr(os, "stat", lambda *args, **kw: looks.append(args) or stat(*args, **kw))
    assert len(read_data(root)) == 40
    assert len(looks) < 10  # of folders, to end loops


def test_a_class_may_be_called_train(make):
    data = read_data(make("train/1.png", "car/1.png", "plane/1.png"))
    assert data.classes == ("car", "plane", "train") and not data.divided


def test_folders_that_cannot_be_learnt_from(make, tmp_path, said):
    assert "one class only, \"a\"" in said(make("a/1.png"))  # fmt: skip
    (tmp_path / "nothing").mkdir()
    assert "no pictures found in" in said(tmp_path / "nothing")
    shutil.copytree(tmp_path / "data" / "a", tmp_path / "flat")
    assert "are in no class folder; wanted is a folder with a folder" in said(tmp_path / "flat")
    two = make("train/1.png", "test/1.png")
    shutil.rmtree(two / "a")
    assert "(train/, test/) are in no class folder" in said(two)
    make("train/a/1.png", "val/a/1.png", "valid/a/1.png")
    assert '"val" and "valid", which mean the same split; keep one' in said(two)


def test_a_path_that_is_not_there_suggests_one_that_is(make, said):
    root = make("a/1.png", "b/1.png")
    assert 'no such folder or file' in said(root.parent / "dta")  # fmt: skip
    assert 'Did you mean "data"?' in said(root.parent / "dta")
    assert "is no data set: name a folder, a .csv file or tfds:NAME" in said(root / "a/1.png")


def test_an_empty_name_is_not_the_current_folder(make, monkeypatch, said, dltk):
    monkeypatch.chdir(make("a/1.png", "b/1.png"))
    assert len(read_data(".")) == 2
    assert "the name of the data is empty: name a folder" in said("")
    assert "the name of the data is empty" in dltk("data", "show", "").err
