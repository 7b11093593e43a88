"""Label maps painted from COCO's outlines and run lengths, and from what is wrong with them."""

import numpy as np
import pytest
from PIL import Image
from pycocotools.mask import encode

from dltk.data.masks import holds_masks, read_masks
from dltk.data.objects import read_objects
from dltk.errors import UsageError
from dltk.masks import IGNORE, of_polygons, run_lengths
from tests.data.mask_files import blocks, outline
from tests.data.object_files import coco, picture, turned, write_json

SIZE = (12, 8)


@pytest.fixture
def read(tmp_path):
    """Read a COCO file with two pictures of 12 × 8 beside it: read(annotations, …) -> data."""

    def written(annotations, **more):
        for name in ("1.png", "2.png"):
            picture(tmp_path / name, SIZE)
        content = coco([("1.png", *SIZE), ("2.png", *SIZE)], annotations) | more
        return read_masks(write_json(tmp_path / "x.json", content))

    return written


def shape(*segmentation, **more):
    return {"segmentation": list(segmentation)} | more


def runs(*corners, plain=False):
    """Return run lengths of a box, compressed or as a list."""
    labels = blocks((1, *corners), size=SIZE)
    if not plain:
        return {"segmentation": run_lengths(labels > 0)}
    pixels = labels.T.ravel()
    counts = np.diff([0, *(np.flatnonzero(np.diff(pixels)) + 1), len(pixels)]).tolist()
    assert encode(np.asfortranarray(labels))["size"] == [8, 12]
    return {"segmentation": {"size": [8, 12], "counts": counts}}


def mask(data, index=0, split="all"):
    return data.splits[split].masks[index]()


def test_outlines_and_run_lengths_mean_the_same(read):
    box = (2, 1, 3, 4)
    expected = blocks((2, 2, 1, 5, 5), size=SIZE)
    for more in (shape(outline(2, 1, 5, 5)), runs(2, 1, 5, 5), runs(2, 1, 5, 5, plain=True)):
        data = read([(1, 20, box, more)])
        assert data.classes == ("background", "cat", "dog") and data.repairs == ()
        assert np.array_equal(mask(data), expected) and not mask(data, 1).any()
        assert data.splits["all"].counts.tolist() == [[84, 0, 12], [96, 0, 0]]
    data = read([(1, 20, (), shape(*outline(2, 1, 5, 5)))])  # a list less, and no box
    assert np.array_equal(mask(data), expected) and data.repairs == ()
    corners = [[2, 1], [5, 1], [5, 5], [2, 5]]
    assert np.array_equal(mask(read([(1, 20, box, shape(corners))])), expected)
    parts = shape(outline(2, 1, 3, 5), outline(3, 1, 5, 5))
    assert np.array_equal(mask(read([(1, 20, box, parts)])), expected)


def test_smaller_ones_lie_in_front_and_crowds_are_ignored(read):
    rows = [
        (1, 20, (3, 3, 2, 2), runs(3, 3, 5, 5)),
        (1, 10, (1, 1, 6, 6), runs(1, 1, 7, 7)),
        (1, 10, (4, 0, 4, 8), runs(4, 0, 8, 8) | {"iscrowd": 1}),
        (1, 20, (10, 0, 2, 2), runs(10, 0, 12, 2) | {"ignore": 1}),
    ]
    corners = [(1, 1, 1, 7, 7), (IGNORE, 4, 0, 8, 8), (2, 3, 3, 5, 5), (IGNORE, 10, 0, 12, 2)]
    data = read(rows)
    assert np.array_equal(mask(data), blocks(*corners, size=SIZE))
    assert np.array_equal(mask(read(rows[::-1])), mask(data)) and data.repairs == ()
    assert data.splits["all"].counts[0].sum() == 96 - (mask(data) == IGNORE).sum()


def test_of_two_equally_large_ones_the_later_is_in_front(read):
    rows = [(1, 10, (0, 0, 4, 4), runs(0, 0, 4, 4)), (1, 20, (2, 0, 4, 4), runs(2, 0, 6, 4))]
    assert mask(read(rows))[0].tolist() == [1, 1, 2, 2, 2, 2, 0, 0, 0, 0, 0, 0]


def test_outlines_enclose_what_they_do_in_coco(read):
    """Random ones, partly outside, of one or two parts, each covering what is larger."""
    random = np.random.default_rng(0)
    for _ in range(20):
        parts = [random.uniform(-4, 14, (random.integers(1, 3), 8)).tolist() for _ in range(5)]
        data = read([(1, 10 + 10 * (at % 2), (), shape(*part)) for at, part in enumerate(parts)])
        shapes = [of_polygons(part, 8, 12) for part in parts]
        expected = np.zeros((8, 12), np.uint8)
        for at in sorted(range(5), key=lambda at: -shapes[at].sum()):
            expected[shapes[at]] = 1 + at % 2
        assert np.array_equal(mask(data), expected)


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        ({}, "no outline"),
        (shape(), "no outline"),
        (shape([1, 2, 3, 4]), "no outline"),
        ({"segmentation": "somewhere"}, "no outline"),
        (shape([{}, 1, 2, 2, 3, 3]), "no outline"),
        (shape([None, 1, 2, 2, 3, 3]), "an outline of impossible coordinates"),
        (shape([1, 1, 1e30, 2, 3, 3]), "an outline of impossible coordinates"),
        (shape([1, 1, float("nan"), 2, 3, 3]), "an outline of impossible coordinates"),
        ({"segmentation": {"size": [8, 12], "counts": "~~~~"}}, "damaged run lengths"),
        ({"segmentation": {"size": [8, 12], "counts": [7]}}, "damaged run lengths"),
        ({"segmentation": {"size": [9, 12], "counts": [108]}}, "run lengths of another size"),
        ({"segmentation": {"counts": [96]}}, "run lengths of another size"),
        ({"segmentation": {"size": [8, 12]}}, "damaged run lengths"),
        ({"segmentation": {"size": [8, 12], "counts": [97, -1]}}, "damaged run lengths"),
        ({"segmentation": {"size": [8, 12], "counts": "é"}}, "damaged run lengths"),
    ],
)
def test_the_box_of_what_has_no_shape_is_ignored(read, wrong, kind):
    known = (1, 10, (2, 2, 2, 2), runs(2, 2, 4, 4))
    data = read([known, (1, 20, (1.5, 1, 6, 30), wrong)])
    what = f"{kind}: the pixels in its box ignored"
    assert data.repairs == (("x.json, annotation 2", what),)
    expected = blocks((IGNORE, 1, 1, 8, 8), (1, 2, 2, 4, 4), size=SIZE)
    assert np.array_equal(mask(data), expected) and len(data) == 2
    data = read([(2, *known[1:]), (1, 20, (), wrong)])
    assert data.splits["all"].names == ("2.png",)
    if wrong.get("segmentation") and kind != "no outline":
        why = f"annotation 2 has {kind}, and no box"
        assert data.damaged == (("1.png", why),)


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ((1, 99, (0, 0, 2, 2), runs(0, 0, 2, 2)), "unknown category: 99, left out"),
        ((1, 10, ()), "no box of four numbers: [], left out"),
    ],
)
def test_a_picture_of_which_something_is_unknown_is_no_example(read, row, what):
    """What lies where would be learnt as background."""
    data = read([(1, 10, (2, 2, 2, 2), runs(2, 2, 4, 4)), row, (2, 10, (), runs(0, 0, 1, 1))])
    assert data.repairs[0] == ("x.json, annotation 2", what)
    assert data.passed_over == (("1.png", "nothing usable is said of 1 object in it"),)
    assert data.splits["all"].names == ("2.png",) and data.damaged == ()


def test_a_class_called_background_is_class_0(read):
    categories = [{"id": 10, "name": "cat"}, {"id": 20, "name": "Background"}]
    rows = [(1, 10, (), runs(0, 0, 6, 6)), (1, 20, (), runs(1, 1, 3, 3))]
    data = read(rows, categories=categories)
    assert data.classes == ("background", "cat")
    assert np.array_equal(mask(data), blocks((1, 0, 0, 6, 6), (0, 1, 1, 3, 3), size=SIZE))


def test_a_picture_of_another_size_is_damaged(read, tmp_path):
    images = [
        {"id": 1, "file_name": "1.png", "width": 24, "height": 16},
        {"id": 2, "file_name": "2.png"},
    ]
    rows = [(1, 10, (), runs(0, 0, 6, 6)), (2, 10, (), runs(0, 0, 6, 6))]
    data = read(rows, images=images)
    assert data.damaged == (("1.png", "it is 12 × 8, and annotated as 24 × 16"),)
    assert np.array_equal(mask(data), blocks((1, 0, 0, 6, 6), size=SIZE))


def test_outlines_of_a_picture_lying_on_its_side_are_turned_with_it(tmp_path):
    turned(tmp_path / "1.jpg", (12, 8), 6)  # a quarter to the right
    content = coco([("1.jpg", 12, 8)], [(1, 10, (0, 5, 4, 3), shape(outline(0, 5, 4, 8)))])
    data = read_masks(write_json(tmp_path / "x.json", content))
    expected = blocks((1, 0, 5, 4, 8), size=SIZE)
    assert np.array_equal(mask(data), np.rot90(expected, -1))
    assert data.repairs == (("x.json", "annotated lying on its side: 1.jpg, turned"),)
    assert data.splits["all"].decode(0).size == (8, 12)


def test_files_of_splits_are_read_together_and_what_boxes_say_stays(tmp_path):
    for split, category in (("train", 10), ("val", 20)):
        picture(tmp_path / "images" / split / "1.png", SIZE)
        rows = [(1, category, (1, 1, 2, 2), runs(1, 1, 3, 3)), (1, 10, (5, 5, 2, 2), shape())]
        content = coco([("1.png", *SIZE)], rows)
        write_json(tmp_path / "annotations" / f"instances_{split}.json", content)
    assert holds_masks(tmp_path) and holds_masks(tmp_path / "annotations/instances_val.json")
    data = read_masks(tmp_path)
    assert mask(data, split="train")[1, 1] == 1 and mask(data, split="val")[1, 1] == 2
    assert mask(data, split="val")[5, 5] == IGNORE
    boxes = read_objects(tmp_path).splits["val"].objects[0]
    assert boxes.boxes.tolist() == [[1, 1, 3, 3], [5, 5, 7, 7]] and not boxes.ignored.any()


def test_without_shapes_or_objects_data_is_refused(read, tmp_path):
    with pytest.raises(UsageError, match=r"x.json has boxes of objects only, no outlines and"):
        read([(1, 10, (0, 0, 2, 2))])
    assert not holds_masks(tmp_path / "x.json")
    with pytest.raises(UsageError, match=r"x.json has no objects in 2 pictures"):
        read([])
    (tmp_path / "1.png").unlink()
    data_file = tmp_path / "x.json"
    write_json(data_file, coco([("gone.png", 3, 3)], [(1, 10, (), shape(outline(0, 0, 2, 2)))]))
    with pytest.raises(UsageError, match=r"not one of its 1 pictures is there, such as gone.png"):
        read_masks(data_file)
    (tmp_path / "empty.json").write_text("")
    assert not holds_masks(tmp_path / "empty.json")


def test_the_picture_shows_what_the_mask_says(tmp_path):
    """An outline of a dark square in a bright picture, of parts of pixels."""
    pixels = np.full((40, 60), 220, np.uint8)
    pixels[10:30, 20:45] = 30
    Image.fromarray(pixels).save(tmp_path / "1.png")
    content = coco([("1.png", 60, 40)], [(1, 10, (), shape(outline(19.9, 9.9, 45.1, 30.1)))])
    data = read_masks(write_json(tmp_path / "x.json", content))
    assert np.array_equal(mask(data) == 1, pixels < 128)
