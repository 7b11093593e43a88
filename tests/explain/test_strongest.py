"""The strongest pictures: equal to sorting them all, and where their patches lie on a photo."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from dltk.explain.strongest import Peak, Strongest, box_on_photo, peaks_of
from dltk.geometry import Geometry


def test_peaks_are_the_largest_values_and_their_places():
    maps = np.zeros((2, 3, 3), np.float32)
    maps[1, 2, 0], maps[0, 1, 2] = 4, 7
    maps[..., 1] = -1
    maps[1, 0, 1] = -0.5
    assert peaks_of(maps, [2, 0, 1]) == [Peak(7, 0, 1), Peak(4, 1, 2), Peak(-0.5, 1, 0)]
    maps[1, 0, 2] = 7
    assert peaks_of(maps, [2]) == [Peak(7, 0, 1)]  # the first of equals


def test_what_is_the_same_everywhere_has_no_peak_and_is_not_among_the_strongest():
    maps = np.ones((2, 2, 2), np.float32)
    maps[0, 1, 1] = 3
    peaks = peaks_of(maps, [0, 1])
    assert peaks == [None, Peak(3, 0, 1)]
    strongest = Strongest([0, 1], 9)
    strongest.add("p", peaks)
    assert list(strongest) == [(0, []), (1, [("p", Peak(3, 0, 1))])]


@pytest.mark.parametrize("pictures", [0, 3, 9, 60])
def test_the_strongest_are_those_of_a_sort_of_all(pictures):
    random = np.random.default_rng(pictures)
    values = random.integers(0, 12, (pictures, 2))  # with many ties
    strongest = Strongest([5, 3], 9)
    for number, row in enumerate(values):
        strongest.add(f"p{number}", [Peak(float(v), number, 0) for v in row])
    found = list(strongest)
    assert [channel for channel, _ in found] == [5, 3]
    for column, (_, best) in enumerate(found):
        order = sorted(range(pictures), key=lambda n: (-values[n, column], n))[:9]
        assert [name for name, _ in best] == [f"p{n}" for n in order]
        assert [peak.value for _, peak in best] == [values[n, column] for n in order]


GEOMETRIES = [
    Geometry(40, 60, fit="squash", interpolation="nearest"),
    Geometry(40, 60, fit="crop", crop=0.8, interpolation="nearest"),
    Geometry(40, 60, fit="pad", interpolation="nearest"),
]


@pytest.mark.parametrize("geometry", GEOMETRIES, ids=lambda each: each.fit)
@pytest.mark.parametrize("size", [(240, 160), (300, 90), (90, 300), (31, 17)])
def test_the_box_on_the_photo_is_what_the_field_of_the_input_shows(geometry, size):
    field = 24, 16, 36, 23
    left, top, right, bottom = box_on_photo(field, geometry, size)
    assert 0 <= left < right <= size[0] and 0 <= top < bottom <= size[1]
    photo = np.zeros((size[1], size[0], 3), np.uint8)
    photo[top:bottom, left:right] = 255
    seen = geometry.apply(Image.fromarray(photo))[..., 0] > 127
    inside = np.zeros_like(seen)
    inside[field[1] : field[3], field[0] : field[2]] = True
    at_x, at_y, wide, high = geometry.place(geometry.seen(size))
    within = np.zeros_like(seen)  # the photo's part of the input: around it are margins
    within[at_y : at_y + high, at_x : at_x + wide] = True
    assert seen[inside & within].all()
    # Pixels of the photo that an edge of the field cuts are taken whole, and no more.
    box = geometry.seen(size)
    over_x, over_y = (int(np.ceil(s)) for s in (wide / (box[2] - box[0]), high / (box[3] - box[1])))
    rows = slice(max(0, field[1] - over_y), field[3] + over_y)
    seen[rows, max(0, field[0] - over_x) : field[2] + over_x] = False
    assert not seen.any()


def test_boxes_worked_by_hand():
    squash, crop, pad = GEOMETRIES
    assert box_on_photo((30, 20, 60, 40), squash, (600, 200)) == (300, 100, 600, 200)
    # 480 × 320 of 600 × 400 are seen, from (60, 40) on, eight pixels for each of the input
    assert box_on_photo((0, 0, 60, 40), crop, (600, 400)) == (60, 40, 540, 360)
    assert box_on_photo((10, 5, 20, 6), crop, (600, 400)) == (140, 80, 220, 88)
    # 600 × 200 become 60 × 20, from row 10 on
    assert box_on_photo((0, 0, 60, 40), pad, (600, 200)) == (0, 0, 600, 200)
    assert box_on_photo((6, 12, 12, 15), pad, (600, 200)) == (60, 20, 120, 50)


def test_a_patch_on_the_margin_or_in_a_tiny_photo_is_a_pixel_at_least():
    assert box_on_photo((0, 0, 3, 3), GEOMETRIES[2], (600, 200)) == (0, 0, 30, 1)
    for geometry in GEOMETRIES:
        assert box_on_photo((3, 3, 5, 5), geometry, (1, 1)) == (0, 0, 1, 1)
