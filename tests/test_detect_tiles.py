"""Large pictures in tiles: where they lie, and that each object is found once."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from dltk.objects import Detections
from recipes._detect_tiles import Tiled, merged, tiles
from tests.blobs import RED, WHITE, Blobs, scene


def found_in(picture, *, tile=200, overlap=0.2, iou=0.5, most=100) -> list:
    detector = Tiled(Blobs(), tile=tile, overlap=overlap, iou=iou, most=most)
    return detector([detector.load(picture, "picture")])[0]


def test_tiles_cover_everything_evenly_and_come_after_the_whole():
    places = tiles((500, 200), 200, 0.2)
    assert places == [
        (0, 0, 500, 200), (0, 0, 200, 200), (150, 0, 350, 200), (300, 0, 500, 200)
    ]  # fmt: skip
    assert tiles((250, 300), 200, 0) == [
        (0, 0, 250, 300), (0, 0, 200, 200), (50, 0, 250, 200), (0, 100, 200, 300),
        (50, 100, 250, 300),
    ]  # fmt: skip


@pytest.mark.parametrize("size", [(1, 1), (200, 200), (200, 10)])
def test_a_picture_that_is_no_larger_than_a_tile_is_looked_at_once(size):
    assert tiles(size, 200, 0.5) == [(0, 0, *size)]


@pytest.mark.parametrize("overlap", [0, 0.1, 0.25, 0.5, 0.9])
@pytest.mark.parametrize("side", [201, 399, 400, 401, 1000, 3777])
def test_neighbours_have_at_least_the_overlap_in_common(side, overlap):
    spans = sorted({(left, right) for left, _, right, _ in tiles((side, 64), 200, overlap)[1:]})
    assert spans[0][0] == 0 and spans[-1][1] == side
    assert all(right - left == 200 for left, right in spans)
    shared = [before[1] - after[0] for before, after in pairwise(spans)]
    assert min(shared) >= 200 * overlap - 1
    fewer = 200 + (len(spans) - 2) * int(200 * (1 - overlap))
    assert fewer < side  # no tile too many


def test_small_objects_are_found_where_they_are():
    boxes = [(3, 4, 20, 24), (190, 190, 215, 211), (700, 350, 716, 370), (780, 380, 800, 400)]
    picture = scene((800, 400), boxes)
    assert len(Blobs()([Blobs().load(picture, "")])[0]) == 0  # too small for the whole
    found = found_in(picture)
    assert sorted(map(tuple, found.boxes.tolist())) == sorted(boxes)
    assert (np.diff(found.scores) <= 0).all()


def test_objects_larger_than_a_tile_are_found_in_the_whole_and_their_pieces_left_out():
    boxes = [(50, 60, 550, 330)]
    assert found_in(scene((800, 400), boxes)).boxes.tolist() == [list(map(float, boxes[0]))]


def test_an_object_of_another_class_on_a_large_one_stays():
    found = found_in(scene((800, 400), [(50, 60, 550, 330)], [(150, 100, 190, 140)]))
    assert found.labels.tolist() == [WHITE, RED]
    assert found.boxes.tolist()[1] == [150, 100, 190, 140]


def test_a_whole_box_is_better_than_a_surer_piece_of_it():
    places = [(0, 0, 300, 100), (0, 0, 200, 100), (100, 0, 300, 100)]
    piece = Detections.of([[120, 10, 200, 50]], [WHITE], [0.9])
    whole = Detections.of([[20, 10, 130, 50]], [WHITE], [0.6])
    result = merged([Detections.of(), piece, whole], places, (300, 100), iou=0.5, most=9)
    assert result.boxes.tolist() == [[120, 10, 230, 50]]
    assert result.scores.tolist() == [np.float32(0.6)]
    assert [each.dtype for each in (result.boxes, result.labels, result.scores)] == [
        np.float32, np.int64, np.float32
    ]  # fmt: skip


def test_a_piece_of_what_no_other_look_has_found_stays():
    places = [(0, 0, 300, 100), (0, 0, 200, 100), (100, 0, 300, 100)]
    piece = Detections.of([[20, 10, 200, 50]], [WHITE], [0.4])
    result = merged([Detections.of(), piece, Detections.of()], places, (300, 100), iou=0.5, most=9)
    assert result.boxes.tolist() == [[20, 10, 200, 50]]


def test_boxes_at_the_edge_of_the_picture_are_no_pieces():
    places = [(0, 0, 300, 100), (0, 0, 200, 100), (100, 0, 300, 100)]
    found = [
        Detections.of(),
        Detections.of([[0, 0, 90, 60], [0, 10, 60, 50]], [WHITE, WHITE], [0.9, 0.8]),
        Detections.of(),
    ]
    assert len(merged(found, places, (300, 100), iou=0.5, most=9)) == 2


def test_overlapping_boxes_of_one_class_are_one_and_only_the_surest_are_kept():
    places = [(0, 0, 300, 100), (0, 0, 200, 100), (100, 0, 300, 100)]
    found = [
        Detections.of([[110, 10, 150, 50]], [WHITE], [0.5]),
        Detections.of([[111, 10, 151, 50], [111, 10, 151, 50]], [WHITE, RED], [0.7, 0.4]),
        Detections.of([[50, 60, 80, 90]], [RED], [0.3]),
    ]
    result = merged(found, places, (300, 100), iou=0.5, most=9)
    assert result.labels.tolist() == [WHITE, RED, RED]
    assert result.boxes.tolist()[0] == [111, 10, 151, 50]
    assert result.boxes.tolist()[2] == [150, 60, 180, 90]
    assert len(merged(found, places, (300, 100), iou=0.99, most=9)) == 4
    one_a_place = merged(found, places, (300, 100), iou=0.5, most=9, by_class=False)
    assert one_a_place.labels.tolist() == [WHITE, RED]
    assert merged(found, places, (300, 100), iou=0.5, most=2).labels.tolist() == [WHITE, RED]


def test_nothing_in_many_tiles_is_nothing():
    result = found_in(scene((800, 400)))
    assert len(result) == 0 and result.boxes.shape == (0, 4)


class StoppedWhileLooking(Blobs):
    """Is told to stop while it looks for the second time."""

    def __call__(self, loaded: list):
        if len(self.batches) == 1:
            self.tiled.stop()
        return super().__call__(loaded)


def test_once_stopped_no_more_tiles_are_looked_at():
    detector = StoppedWhileLooking()
    detector.tiled = Tiled(detector, tile=100, overlap=0.5, iou=0.5, most=9)
    (found,) = detector.tiled([detector.tiled.load(scene((900, 600), white=[(0, 0, 9, 9)]), "a")])
    assert detector.batches == [3, 3] and len(found) == 0


def test_tiles_are_given_to_the_detector_in_its_batches():
    detector = Blobs()
    tiled = Tiled(detector, tile=200, overlap=0.0, iou=0.5, most=9)
    tiled([tiled.load(scene((600, 400)), "a"), tiled.load(scene((90, 90)), "b")])
    assert detector.batches == [3, 3, 1, 1]
    assert (tiled.batch_size, tiled.workers, tiled.labels) == (1, 1, detector.labels)
