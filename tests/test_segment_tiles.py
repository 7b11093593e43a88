"""Large pictures in tiles: what these weigh, and that they make what the whole is."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from dltk.engine.keras import Replicated
from dltk.objects import PIXELS
from dltk.samples import FOLDER
from recipes._segment_tiles import TileRows
from recipes._segmenters import find_segmenter, load_segmenter
from recipes._tiles import spans
from recipes.segment import segment
from tests.small_segmenters import GREEN, RED, chance, colours, painted, truth_of  # noqa: F401


def together(size, tile, overlap, say, classes=2):
    """Return what tiles say put together, (H, W, K), and how many lines came at a time.

    Args:
        say: from a tile's place to what it says, (h, w, K).
    """
    width, height = size
    across, down = spans(width, tile, overlap), spans(height, tile, overlap)
    rows = TileRows(size, across, down, classes)
    assert rows.down == down
    parts = []
    for top, bottom in rows.down:
        for left, right in across:
            place = left, top, right, bottom
            rows.add(place, say(place))
        for first, lines in rows.finished():
            assert first == sum(map(len, parts))
            parts.append(lines)
    return np.concatenate(parts), [len(part) for part in parts]


def constant(values):
    return lambda place: np.broadcast_to(
        np.float32(values), (place[3] - place[1], place[2] - place[0], len(values))
    )


def test_a_tile_weighs_less_towards_its_edge_but_not_at_the_pictures():
    """Tiles of 4 along 6 pixels weigh 4 3 2 1 and 1 2 3 4; they say 0 and 3."""
    found, _ = together((6, 4), 4, 0.5, lambda place: constant([place[0] * 1.5, 1])(place))
    assert found.dtype == np.float32 and found.shape == (4, 6, 2)
    np.testing.assert_allclose(found[..., 0], [[0, 0, 1, 2, 3, 3]] * 4, rtol=1e-6)
    np.testing.assert_allclose(found[..., 1], 1, rtol=1e-6)


def test_across_and_down_the_nearer_edge_decides():
    """Four tiles of 4 on 6 x 6 pixels; only the one at the top left says anything but 0."""
    found, lines = together(
        (6, 6), 4, 0.5, lambda place: constant([float(not any(place[:2]))])(place), 1
    )
    ramp = np.array([4, 3, 2, 1, 0, 0]), np.array([0, 0, 1, 2, 3, 4])
    weights = [np.minimum.outer(down, across) for down in ramp for across in ramp]
    np.testing.assert_allclose(found[..., 0], weights[0] / sum(weights), rtol=1e-6)
    assert found[2, 2, 0] == pytest.approx(2 / (2 + 1 + 1 + 1)) and lines == [2, 4]


@pytest.mark.parametrize("overlap", [0, 0.2, 0.5, 0.9])
@pytest.mark.parametrize(
    "size", [(23, 17), (40, 5), (5, 40), (1, 30), (30, 1), (9, 9), (1, 1), (19, 9)]
)
def test_tiles_that_agree_are_put_together_as_they_are(size, overlap):
    """Every line comes once, in order; what is the same everywhere stays so, and adds up to 1."""
    random = np.random.default_rng(0)
    field = random.dirichlet(np.ones(3), (size[1], size[0])).astype(np.float32)

    def say(place):
        left, top, right, bottom = place
        return field[top:bottom, left:right]

    found, lines = together(size, 9, overlap, say, classes=3)
    assert sum(lines) == size[1] and max(lines) <= 9
    np.testing.assert_allclose(found, field, rtol=1e-5)
    np.testing.assert_allclose(found.sum(axis=2), 1, rtol=1e-5)
    same, _ = together(size, 9, overlap, constant([0.3, 0.7]))
    np.testing.assert_allclose(same, np.broadcast_to(np.float32([0.3, 0.7]), same.shape), rtol=1e-5)


def test_tiles_that_disagree_go_over_into_each_other():
    """From 0 to 1 in 9 tiles, by no more than a fifth of what neighbours differ by at a time."""
    found, _ = together((100, 20), 20, 0.5, lambda place: constant([place[0] / 80])(place), 1)
    line = found[10, :, 0]
    assert line[0] == 0 and line[-1] == 1 and (np.diff(line) >= 0).all()
    assert max(after - before for before, after in pairwise(line.tolist())) < 1 / 8 / 5


def test_in_tiles_of_its_own_scale_a_picture_is_what_it_is_as_a_whole(chance):  # noqa: F811
    noise = np.random.default_rng(0).integers(0, 256, (12, 16, 3), np.uint8)
    pictures = [
        Image.fromarray(noise).resize((256, 192)),
        Image.open(FOLDER / "cat.jpg").resize((256, 192)),
    ]
    options = {"model": chance, "devices": "cpu", "precision": "float32"}
    whole = list(segment(pictures, scales=[2], **options))
    tiled = list(segment(pictures, tile=128, overlap=0.5, **options))
    for one, other in zip(whole, tiled, strict=True):
        assert one.mask.shape == other.mask.shape == (192, 256)
        assert sum(area.share > 0.05 for area in one.areas) >= 2
        assert (one.mask == other.mask).mean() >= 0.99
        scores = {area.name: area.score for area in other.areas}
        for area in one.areas:
            assert scores[area.name] == pytest.approx(area.score, abs=0.02)


@pytest.mark.parametrize("overlap", [0, 0.2, 0.9])
def test_each_pixel_is_told_at_its_place_however_tiles_lie(colours, overlap):  # noqa: F811
    picture = painted(
        (151, 97), red=[(3, 5, 30, 90), (140, 90, 151, 97)], green=[(60, 40, 149, 70)]
    )
    (result,) = segment(picture, model=colours, tile=64, overlap=overlap, devices="cpu")
    np.testing.assert_array_equal(result.mask, truth_of(picture))
    assert {area.value: area.pixels for area in result.areas} == {
        int(value): int(count)
        for value, count in zip(*np.unique(result.mask, return_counts=True), strict=True)
    }
    assert {area.value: round(area.score, 3) for area in result.areas}[RED] == 0.998


def test_a_picture_no_larger_than_a_tile_is_looked_at_as_a_whole(colours):  # noqa: F811
    pictures = [painted((64, 48), red=[(3, 5, 9, 9)]), painted((100, 80), green=[(20, 20, 80, 60)])]
    options = {"model": colours, "devices": "cpu"}
    whole = list(segment(pictures, **options))
    tiled = list(segment(pictures, tile=100, **options))
    mixed = list(segment(pictures, tile=64, **options))
    for one, other in zip(whole, tiled, strict=True):
        np.testing.assert_array_equal(one.mask, other.mask)
    np.testing.assert_array_equal(mixed[0].mask, whole[0].mask)
    np.testing.assert_array_equal(mixed[1].mask, truth_of(pictures[1]))


def test_once_stopped_no_more_tiles_are_looked_at(colours):  # noqa: F811
    segmenter = load_segmenter(find_segmenter(colours), tile=64, devices="cpu")
    large, small = painted((151, 97), red=[(0, 0, 151, 97)]), painted(red=[(0, 0, 64, 48)])
    loaded = [segmenter.load(picture, "a") for picture in (large, small)]
    before = [each.scores for each in segmenter(loaded)]
    segmenter.stop()
    after = segmenter(loaded)
    assert [list(scores) for scores in before] == [[RED], [RED]]
    assert after[0].scores == {} and after[0].mask.shape == (97, 151) and not after[0].mask.any()
    assert after[1].scores == before[1]


def test_large_pictures_are_loaded_one_by_one_and_others_as_many_as_a_step_has_room_for(
    colours,  # noqa: F811
):
    source = find_segmenter(colours)
    for pictures, options, expected in (
        (None, {}, 16),
        (99, {}, 16),
        (3, {}, 3),
        (99, {"flip": True, "scales": (1, 2)}, 8),
        (3, {"flip": True, "scales": (1, 2)}, 3),
        (99, {"flip": True, "batch_size": 1}, 1),
        (99, {"tile": 64}, 1),
    ):
        segmenter = load_segmenter(source, pictures=pictures, devices="cpu", **options)
        assert segmenter.batch_size == expected


@pytest.fixture
def steps(monkeypatch):
    """Of each step of a network: the side of its canvases, how many there are, and room for."""
    seen, run = [], Replicated._run

    def noted(self, batch, share):
        seen.append((batch[PIXELS].shape[1], len(batch[PIXELS]), share))
        return run(self, batch, share)

    monkeypatch.setattr(Replicated, "_run", noted)
    return seen


@pytest.mark.parametrize(
    ("size", "options", "expected"),
    [
        ((151, 97), {}, [(64, 3, 3)] * 2),
        ((151, 64), {"flip": True}, [(64, 6, 6)]),
        ((151, 64), {"scales": (1, 2, 0.5)}, [(32, 3, 3), (64, 3, 3), (128, 3, 3)]),
        ((151, 64), {"flip": True, "scales": (2, 1)}, [(64, 6, 6), (128, 6, 6)]),
        ((17 * 64, 64), {}, [(64, 9, 9), (64, 8, 9)]),
        ((151, 64), {"batch_size": 2}, [(64, 2, 2), (64, 1, 2)]),
        ((151, 64), {"batch_size": 2, "flip": True}, [(64, 2, 2)] * 3),
        ((151, 64), {"batch_size": 1, "flip": True}, [(64, 1, 1)] * 6),
        ((64, 48), {"flip": True, "scales": (1, 2)}, [(64, 2, 2), (128, 2, 2)]),
    ],
)
def test_steps_have_room_for_the_tiles_of_a_row_and_no_more(
    colours, steps, size, options, expected  # noqa: F811
):  # fmt: skip
    picture = painted(size, red=[(3, 5, 30, 60)], green=[(40, 4, 60, 40)])
    (result,) = segment(picture, model=colours, tile=64, overlap=0, devices="cpu", **options)
    assert steps == expected
    assert (result.mask == truth_of(picture)).mean() > 0.95  # other scales are not exact


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [(64, 5, 5)]),
        ({"flip": True, "scales": (2, 1)}, [(64, 10, 10), (128, 10, 10)]),
        ({"batch_size": 4, "flip": True}, [(64, 4, 4), (64, 4, 4), (64, 2, 4)]),
        (
            {"batch_size": 3, "scales": (1, 2)},
            [(64, 3, 3), (128, 3, 3), (64, 2, 3), (128, 2, 3)],
        ),
    ],
)
def test_views_of_one_size_are_looked_at_in_one_step(colours, steps, options, expected):  # noqa: F811
    pictures = [painted(red=[(at, 5, 30 + at, 40)]) for at in range(0, 20, 4)]
    results = list(segment(pictures, model=colours, devices="cpu", **options))
    assert steps == expected
    for picture, result in zip(pictures, results, strict=True):
        assert (result.mask == truth_of(picture)).mean() > 0.95


def test_heat_of_a_large_picture_is_coarser_but_in_its_place(colours):  # noqa: F811
    picture = painted((2100, 130), green=[(300, 0, 1200, 65)])
    (result,) = segment(picture, model=colours, tile=64, overlap=0, devices="cpu")
    heat = result.heat[GREEN]
    assert heat.dtype == np.float32 and heat.shape == (33, 525)  # every fourth line and column
    np.testing.assert_array_equal(heat > 0.5, truth_of(picture)[::4, ::4] == GREEN)
    assert result.areas[1].score == pytest.approx(0.99752, abs=2e-4)
