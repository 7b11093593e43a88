"""Checks: what is wrong with data is found, and told."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from dltk.data import check_data, in_memory, read_data, split_data
from dltk.data.shapes import shape_pictures


@pytest.fixture
def faulty(make):
    """Divided pictures with one fault of each kind."""
    root = make(*(f"train/a/{n}.png" for n in range(30)), "train/b/1.png", "train/b/2.png",
                "train/d/1.png", "test/a/7.png", "test/c/1.png")  # fmt: skip
    shutil.copy(root / "train/a/1.png", root / "train/a/1 again.png")
    shutil.copy(root / "train/a/2.png", root / "test/a/2.png")
    shutil.copy(root / "train/a/3.png", root / "train/b/3.png")
    Image.new("RGB", (300, 200)).save(root / "train/a/large.png")
    (root / "train/a/bad.png").write_bytes((root / "train/a/large.png").read_bytes()[:90])
    (root / "train/a/readme.txt").write_text("hello")
    return root


def test_faults_are_found(faulty):
    findings = check_data(read_data(faulty), decode=True, threads=2)
    assert findings.counts == {
        "a": {"train": 33, "test": 2},
        "b": {"train": 3, "test": 0},
        "c": {"train": 0, "test": 1},
        "d": {"train": 1, "test": 0},
    }
    assert [name for name, _ in findings.unreadable] == ["train/a/bad.png"]
    copies = (("train", "train/a/1.png"), ("train", "train/a/1 again.png"))
    assert [set(group) for group in findings.duplicates] == [set(copies)]
    assert findings.leaks == ((("train", "train/a/2.png"), ("test", "test/a/2.png")),)
    assert findings.contradictions == ((("train", "train/a/3.png"), ("train", "train/b/3.png")),)
    assert findings.sizes == {"smallest": (12, 8), "median": (12, 8), "largest": (300, 200)}
    assert findings.imbalance == 35
    assert [line.split(":")[0] for line in findings.errors] == [
        "unreadable", "in several splits", "equal, but of different classes", "nothing to train on"
    ]  # fmt: skip
    assert "nothing to train on: c has pictures, but none in train" in findings.errors
    assert "classes of one picture, used for training only: d" in findings.warnings
    assert "classes of less than 10 pictures: b, c" in findings.warnings
    warnings = "\n".join(findings.warnings)
    assert "the largest class has 35 times the pictures of the smallest" in warnings
    assert "1 needless copy" in warnings and "train/a/readme.txt" in warnings


def test_the_fast_check_compares_bytes_only(faulty):
    data = read_data(faulty)
    (faulty / "train/b/1.png").unlink()
    findings = check_data(data, decode=False, threads=1)
    assert findings.unreadable == (("train/b/1.png", "it cannot be opened"),)
    assert findings.sizes == {} and len(findings.leaks) == 1


def test_nothing_is_found_where_nothing_is():
    findings = check_data(
        split_data(in_memory(*shape_pictures(96, size=8))), decode=True, threads=2
    )
    assert findings.errors == [] and findings.warnings == []
    assert findings.totals == dict.fromkeys(findings.counts, 16) and findings.imbalance == 1
    alone = in_memory(np.arange(13 * 16).reshape(13, 4, 4), [0] * 12 + [1], ["a", "b"])
    assert check_data(alone, decode=False, threads=1).warnings[0] == (
        "classes of one picture, used for training only: b"
    )
    empty = in_memory(np.zeros((12, 4, 4), np.uint8), [0] * 12, ["a", "b"])
    assert "classes without pictures: b" in check_data(empty, decode=False, threads=1).warnings


def test_check_counts_and_ends_with_3_on_faults(dltk, faulty):
    result = dltk("data", "check", faulty)
    assert result.code == 3
    assert [line.split() for line in result.out.splitlines()[:6]] == [
        ["class", "train", "val", "test", "in", "all"],
        ["a", "28", "5", "2", "35"],
        ["b", "2", "1", "0", "3"],
        ["c", "0", "0", "1", "1"],
        ["d", "1", "0", "0", "1"],
        ["in", "all", "31", "6", "3", "40"],
    ]
    assert "error: in several splits: train/a/2.png" in result.out
    assert "warning: " in result.out and "largest 300 × 200" in result.out
    fields = json.loads(dltk("data", "check", faulty, "--fast", "--json").out)
    assert fields["counts"]["c"] == {"train": 0, "val": 0, "test": 1}
    assert len(fields["errors"]) == 3 and fields["sizes"] == {}


def test_check_ends_with_0_where_all_is_well(dltk, make):
    root = make(*(f"{kind}/{n}.png" for kind in "ab" for n in range(12)))
    result = dltk("data", "check", root, "--val-share", 0.25, "--test-share", 0)
    assert result.code == 0 and result.out.endswith("nothing amiss\n") and result.err == ""
    assert result.out.split()[:5] == ["class", "train", "val", "in", "all"]
    assert dltk("data", "check", root, "--val-share", 0.6, "--test-share", 0.4).code == 2


def test_a_name_cannot_forge_a_line(dltk, make):
    root = make("a\nerror: b/1.png", "c/1.png", "c/2.png")
    result = dltk("data", "check", root)
    assert result.code == 0 and "a\\nerror: b" in result.out
