"""Proposals: regions of selective search, windows, and those that a file names."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from dltk.errors import UsageError
from dltk.images import decode
from dltk.metrics.iou import overlaps
from dltk.proposals import (
    check_search,
    proposals_from_file,
    proposals_to_file,
    selective_search,
    sliding_windows,
)
from dltk.samples import FOLDER as SAMPLES

FLOWER = [168, 85, 446, 358]  # drawn by hand


def search(picture, **options):
    pytest.importorskip("cv2.ximgproc", reason="needs the extra selective-search")
    return selective_search(picture, **options)


def inside(boxes, size):
    starts, ends = boxes[:, :2], boxes[:, 2:]
    return (starts >= 0).all() and (ends <= np.add(size, 1e-3)).all() and (starts < ends).all()


def test_selective_search_proposes_the_flower_once_among_regions_of_the_picture():
    picture = decode(SAMPLES / "flower.jpg")
    boxes = search(picture)
    assert boxes.dtype == np.float32 and inside(boxes, picture.size)
    assert 500 < len(boxes) <= 2000 and len(np.unique(boxes, axis=0)) == len(boxes)
    assert overlaps(boxes, FLOWER).max() > 0.9


def test_the_same_picture_gives_the_same_regions_and_fewer_are_the_first_of_them():
    picture = decode(SAMPLES / "espresso.jpg").resize((150, 100))
    boxes = search(picture, side=150, least=5)
    assert len(boxes) > 20
    np.testing.assert_array_equal(boxes, search(picture, side=150, least=5))
    np.testing.assert_array_equal(boxes[:20], search(picture, side=150, least=5, most=20))


@pytest.mark.parametrize("size", [(1, 1), (3, 400), (64, 64)])
def test_a_picture_without_edges_or_of_a_strange_shape_gives_few_regions_or_none(size):
    boxes = search(Image.new("RGB", size, "teal"))
    assert boxes.shape[1:] == (4,) and len(boxes) <= 1


def test_an_unknown_mode_is_refused():
    with pytest.raises(UsageError, match="one of fast, quality, not slow"):
        selective_search(Image.new("RGB", (9, 9)), mode="slow")


def test_what_selective_search_needs_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(UsageError, match=r"pip install 'dltk-recipes\[selective-search\]'"):
        selective_search(Image.new("RGB", (9, 9)))
    monkeypatch.setitem(sys.modules, "cv2", SimpleNamespace(__version__="4.9.0"))
    with pytest.raises(UsageError, match=r"this OpenCV \(4.9.0\) is one without selective search"):
        check_search()


def test_windows_are_spaced_evenly_up_to_the_edges():
    windows = sliding_windows((100, 50), sides=(1.0,), shapes=(1.0,), step=0.5)
    expected = [[0, 0, 100, 50], [0, 0, 50, 50], [25, 0, 75, 50], [50, 0, 100, 50]]
    np.testing.assert_array_equal(windows, expected)


def test_windows_have_the_shapes_asked_for_and_never_leave_the_picture():
    windows = sliding_windows((64, 48), sides=(0.5,), shapes=(4.0,), step=1.0)
    assert [48, 12] in (windows[:, 2:] - windows[:, :2]).tolist()
    for size in ((1, 1), (640, 427), (30, 900)):
        windows = sliding_windows(size)
        assert inside(windows, size) and len(np.unique(windows, axis=0)) == len(windows) <= 2000
        assert windows[0].tolist() == [0, 0, *size]


def test_proposals_written_are_read_again(tmp_path):
    proposals = {"a b/é.jpg": np.float32([[0, 0.25, 10, 20]]), "none.jpg": np.zeros((0, 4))}
    proposals_to_file(tmp_path / "p.jsonl", proposals)
    read = proposals_from_file(tmp_path / "p.jsonl")
    assert list(read) == list(proposals) and read["none.jpg"].shape == (0, 4)
    np.testing.assert_array_equal(read["a b/é.jpg"], proposals["a b/é.jpg"])
    assert read["none.jpg"].dtype == np.float32


@pytest.mark.parametrize(
    "text",
    [
        '{"path": "a.jpg", "boxes": [[0, 0, 2, 2]]}\n\n{"path": "a.jpg", "boxes": [[1, 1, 3, 4]]}',
        '[{"path": "a.jpg", "boxes": [[0, 0, 2, 2], [1, 1, 3, 4]]}]',
        '\ufeff{"a.jpg": [[0, 0, 2, 2], [1, 1, 3, 4]]}',
    ],
)
def test_lines_lists_and_objects_say_the_same(tmp_path, text):
    (tmp_path / "p.json").write_text(text, "utf-8")
    (boxes,) = proposals_from_file(tmp_path / "p.json").values()
    assert boxes.tolist() == [[0, 0, 2, 2], [1, 1, 3, 4]]


def test_bad_lines_and_boxes_are_named_and_the_rest_is_read(tmp_path):
    path = tmp_path / "p.jsonl"
    path.write_text(
        '{"path": "a.jpg", "boxes": [[0, 0, 2, 2], [5, 5, 1, 9], [1, 2, 3], [0, 0, "x", 2]]}\n'
        '{"path": "cut sho\n'
        '{"path": "b\\n.jpg"}\n'
        '{"boxes": []}\n'
    )
    lines = []
    assert proposals_from_file(path, report=lines.append)["a.jpg"].tolist() == [[0, 0, 2, 2]]
    assert lines == [
        f"{path}, line 1: box 2 of a.jpg has no area; left out",
        f"{path}, line 1: box 3 of a.jpg is not four numbers; left out",
        f"{path}, line 1: box 4 of a.jpg is not four numbers; left out",
        f"{path}: and 3 more that cannot be used",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no proposals; a line is an object"),
        ("17", r"holds no proposals \(line 1: not a JSON object\)"),
        ('{"path": "b\\n.jpg"}', r'no list of "boxes" for b\\n.jpg'),
        (None, "cannot read proposals in .*: No such file or directory"),
    ],
)
def test_a_file_without_proposals_is_refused_with_the_reason(tmp_path, text, said):
    path = tmp_path / "p.jsonl"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UsageError, match=said):
        proposals_from_file(path)
