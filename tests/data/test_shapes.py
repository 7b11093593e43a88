"""Made pictures: determined by the seed, and what they are said to be."""

import numpy as np
import pytest

from dltk.data.shapes import (
    KINDS,
    draw_shape,
    shape_mask,
    shape_picture,
    shape_pictures,
    textured_ground,
    write_shapes,
)
from dltk.errors import UsageError
from dltk.images import decode


def test_pictures_come_from_seed_and_number_alone():
    images, labels, classes = shape_pictures(14, size=40, seed=3)
    more, _, _ = shape_pictures(20, size=40, seed=3)
    other, _, _ = shape_pictures(14, size=40, seed=4)
    assert images.shape == (14, 40, 40, 3) and images.dtype == np.uint8
    assert labels.dtype == np.int64 and labels.tolist() == [*range(6), *range(6), 0, 1]
    assert classes == KINDS
    assert (images == more[:14]).all() and (images != other).any(axis=(1, 2, 3)).all()


def test_some_kinds_take_turns_in_the_order_given():
    _, labels, classes = shape_pictures(3, kinds=("star", "circle"), size=16)
    assert labels.tolist() == [0, 1, 0] and classes == ("star", "circle")
    with pytest.raises(UsageError, match='Did you mean "square"'):
        shape_pictures(1, kinds=("sqare",))


def test_one_picture_is_that_of_the_set():
    images, labels, classes = shape_pictures(8, size=24, seed=5)
    one = shape_picture(7, classes[labels[7]], size=24, seed=5)
    assert one.mode == "RGB" and (np.asarray(one) == images[7]).all()
    with pytest.raises(UsageError, match='Did you mean "star"'):
        shape_picture(0, "stra")


def test_written_pictures_are_those_of_the_set_each_drawn_when_its_turn_comes(tmp_path):
    folders = write_shapes(tmp_path, 8)
    assert next(folders) == tmp_path / "circle"
    assert [path.name for path in tmp_path.iterdir()] == ["circle"]
    assert list(folders) == [tmp_path / kind for kind in KINDS[1:]]
    images, labels, _ = shape_pictures(8)
    for index, label in enumerate(labels):
        written = np.asarray(decode(tmp_path / KINDS[label] / f"{index:05d}.jpg"), float)
        assert np.abs(written - images[index]).mean() < 8
    assert len(list(tmp_path.rglob("*.jpg"))) == 8
    assert list(write_shapes(tmp_path / "few", 2)) == [tmp_path / "few" / k for k in KINDS[:2]]


def test_what_is_written_already_is_neither_written_nor_drawn(tmp_path, monkeypatch):
    list(write_shapes(tmp_path, 6))
    (tmp_path / "star" / "00004.jpg").write_text("mine")
    (tmp_path / "ring" / "00002.jpg").unlink()
    drawn = []
    monkeypatch.setattr(
        "dltk.data.shapes.shape_picture",
        lambda index, kind: drawn.append(kind) or shape_picture(index, kind),
    )
    list(write_shapes(tmp_path, 6))
    assert drawn == ["ring"] and (tmp_path / "ring" / "00002.jpg").exists()
    assert (tmp_path / "star" / "00004.jpg").read_text() == "mine"


# Areas by elementary geometry, in squares of the radius.
AREAS = {
    "circle": np.pi,
    "ring": np.pi * (1 - 0.55**2),
    "square": 2,
    "triangle": 3 * np.sqrt(3) / 4,
    "star": 1.12257,
    "cross": (8 * 0.32 - 4 * 0.32**2) / (1 + 0.32**2),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("degrees", [0, 17])
def test_a_mask_has_the_area_of_its_shape_and_stays_in_its_circle(kind, degrees):
    mask = shape_mask(kind, (120, 100), centre=(60, 50), radius=40, degrees=degrees)
    share = np.asarray(mask, float) / 255
    assert share.shape == (100, 120)
    assert share.sum() / 40**2 == pytest.approx(AREAS[kind], rel=0.03)
    ys, xs = np.nonzero(share)
    assert np.hypot(xs + 0.5 - 60, ys + 0.5 - 50).max() < 41.5
    assert 0 < ((share > 0) & (share < 1)).mean() < 0.1  # antialiased, at the edge only


def test_a_shape_stands_apart_from_its_ground_and_leaves_the_rest():
    for seed in range(20):
        random = np.random.default_rng(seed)
        ground = textured_ground(random, 64, 48)
        mask = shape_mask("square", ground.size, centre=(30, 24), radius=15)
        before, after = (np.asarray(p, float) for p in (ground, draw_shape(ground, mask, random)))
        inside = np.asarray(mask) == 255
        outside = np.asarray(mask) == 0
        assert (before[outside] == after[outside]).all()
        assert np.linalg.norm(before[inside].mean(0) - after[inside].mean(0)) > 80


def test_a_ground_is_smooth_and_textured():
    pixels = np.asarray(textured_ground(np.random.default_rng(0), 96, 96), float)
    assert pixels.shape == (96, 96, 3)
    assert pixels.std(axis=(0, 1)).max() > 8
    assert np.abs(np.diff(pixels, axis=0)).mean() < pixels.std(axis=(0, 1)).max()
