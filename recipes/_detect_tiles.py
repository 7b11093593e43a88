"""Large pictures in tiles: each looked at on its own and the whole once, what is found made one.

Small objects are too small for a detector once a large picture is scaled to the size it was made
for; in a tile they are not. The whole picture is for objects larger than a tile.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from itertools import chain
from threading import Event

import numpy as np
from PIL import Image

from dltk.batch import batched, ordered_map
from dltk.metrics.iou import covered, overlaps
from dltk.objects import Detections
from dltk.strategy import cores
from recipes._detectors import Detector
from recipes._tiles import spans

Place = tuple[int, int, int, int]

_EDGE = 0.02  # share of a tile's side: a box that ends this near to the edge may be cut by it
_PIECE = 0.5  # share of a cut box that lies in another, from which on it is a piece of that


class Tiled:
    """A detector that looks at a picture in tiles and as a whole. See `recipes._detectors`.

    A picture is a batch of its own: its tiles are cut and loaded while others are looked at.

    Args:
        detector: for the tiles and the whole.
        tile, overlap: see `tiles`.
        merging: options of `merged`.
    """

    batch_size = 1
    at_least = None  # tiles are cut out of all pixels

    def __init__(self, detector: Detector, *, tile: int, overlap: float, **merging):
        self.labels, self.running = detector.labels, detector.running
        self.workers = detector.workers
        self._detector, self._tile, self._overlap = detector, tile, overlap
        self._stopped = Event()
        self._merging = merging

    def load(
        self, picture: Image.Image, name: str, size: tuple[int, int] | None = None
    ) -> tuple[Image.Image, str, object]:
        return picture, name, self._detector.load(picture, name)

    def stop(self) -> None:
        """Look at no more tiles: nobody waits for what is found. May be called on any thread."""
        self._stopped.set()

    def __call__(self, loaded: list) -> list[Detections]:
        return [self._found_in(*each) for each in loaded]

    def _found_in(self, picture: Image.Image, name: str, whole: object) -> Detections:
        places = tiles(picture.size, self._tile, self._overlap)
        found, size = [], self._detector.batch_size

        def load(place: Place):
            return self._detector.load(picture.crop(place), name)

        ahead = size + cores()
        with closing(ordered_map(load, places[1:], workers=cores(), ahead=ahead)) as views:
            for batch in batched(chain([whole], views), size):
                if self._stopped.is_set():
                    return Detections.of()
                found += self._detector(batch)
        return merged(found, places, picture.size, **self._merging)


def tiles(size: tuple[int, int], tile: int, overlap: float) -> list[Place]:
    """Return where to look in a picture: (left, top, right, bottom) of the whole and of its tiles.

    Tiles are equally large and evenly spread, and cover everything; those of a picture that is
    no larger than a tile are left out.

    Args:
        size: (width, height) of the picture.
        tile: pixels of a tile's sides, at most.
        overlap: share of a tile, at least, that its neighbour has in common with it.
    """
    whole = 0, 0, *size
    across, down = (spans(side, tile, overlap) for side in size)
    if len(across) == len(down) == 1:
        return [whole]
    return [whole, *((x[0], y[0], x[1], y[1]) for y in down for x in across)]


def merged(
    found: Sequence[Detections],
    places: Sequence[Place],
    size: tuple[int, int],
    *,
    iou: float,
    most: int,
    by_class: bool = True,
) -> Detections:
    """Return what was found in all `places` of a picture, each object once.

    Of boxes of one class that overlap by more than `iou`, the surest stays. A box at an inner edge
    of its tile may be a piece of an object: it gives way to any box that is whole, and goes if half
    of it lies in another box of its class.

    Args:
        found: in each place, in pixels of that place.
        places: from `tiles`.
        size: (width, height) of the picture.
        most: how many to return, the surest.
        by_class: whether boxes of different classes leave each other alone.
    """
    if len(found) == 1:
        return found[0]
    shifts = [np.float32([left, top, left, top]) for left, top, *_ in places]
    boxes = np.concatenate([each.boxes + by for each, by in zip(found, shifts, strict=True)])
    cut = [_cut(each.boxes, place, size) for each, place in zip(found, places, strict=True)]
    cut = np.concatenate(cut)
    labels = np.concatenate([each.labels for each in found])
    scores = np.concatenate([each.scores for each in found])
    order = np.lexsort((-scores, cut))  # whole ones first
    kinds = labels if by_class else np.zeros_like(labels)
    kept = order[_unrivalled(boxes[order], kinds[order], cut[order], iou)]
    kept = kept[np.argsort(-scores[kept], kind="stable")][:most]
    return Detections(boxes[kept], labels[kept], scores[kept])


def _cut(boxes: np.ndarray, place: Place, size: tuple[int, int]) -> np.ndarray:
    """Return whether boxes (N, 4) in a place end at an edge of it that is none of the picture."""
    left, top, right, bottom = place
    near_x, near_y = _EDGE * (right - left), _EDGE * (bottom - top)
    return (
        ((boxes[:, 0] <= near_x) & (left > 0))
        | ((boxes[:, 1] <= near_y) & (top > 0))
        | ((boxes[:, 2] >= right - left - near_x) & (right < size[0]))
        | ((boxes[:, 3] >= bottom - top - near_y) & (bottom < size[1]))
    )


def _unrivalled(boxes: np.ndarray, kinds: np.ndarray, cut: np.ndarray, iou: float) -> list[int]:
    """Return the indices of boxes that stay, taken greedily in their order."""
    kept, left = [], np.arange(len(boxes))
    while len(left):
        first, left = left[0], left[1:]
        kept.append(first)
        same = overlaps(boxes[[first]], boxes[left])[0] > iou
        piece = cut[left] & (covered(boxes[left], boxes[[first]])[:, 0] >= _PIECE)
        left = left[~((same | piece) & (kinds[left] == kinds[first]))]
    return kept
