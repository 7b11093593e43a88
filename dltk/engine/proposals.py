"""Run a masker over pictures at several scales: masks of whatever objects may be there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from PIL import Image

from dltk.data.instances.patches import Patch
from dltk.engine.keras import Replicated
from dltk.masks import run_lengths
from dltk.models.masker.network import MARGIN, MASKS, OUTSIDE, SCORES, STRIDE
from dltk.objects import PIXELS

SCALES = tuple(2.0 ** (half / 2) for half in range(-4, 3))
"""Sec. 4 of the paper: from a quarter to twice the size, in steps of half an octave."""
LONGER = 640 / 224
"""Of a patch's side: the longer side of a picture at the scale 1; COCO's pictures have 640 pixels,
and the paper's patches 224."""
THRESHOLD = 0.5
MERGE_IOU = 0.7
_TRIED = 1000  # patches of a picture whose masks are looked at


@dataclass(frozen=True, eq=False)
class Proposals:
    """Masks of what may be objects in one picture, the best first.

    Attributes:
        shapes: COCO's compressed run lengths of each, in the upright original.
        scores: float32 (N,), how sure it is that there is an object, 0-1.
    """

    shapes: list[dict]
    scores: np.ndarray

    def __len__(self) -> int:
        return len(self.shapes)


class Candidate(NamedTuple):
    """A mask before it is drawn.

    Attributes:
        logits: float32 (m, m), over the patch.
        patch: of the original.
    """

    logits: np.ndarray
    patch: Patch


class Seen(NamedTuple):
    """What a network answered for patches of a picture.

    Attributes:
        scores: float32 (n,), logits.
        masks: float32 (n, m²), logits, the rows of each mask one behind another.
        patches: of the original.
    """

    scores: np.ndarray
    masks: np.ndarray
    patches: Sequence[Patch]


class ProposalNetwork:
    """A masker (see `dltk.models.masker.network`) that takes pictures and gives proposals.

    A picture is drawn at all scales, on a ground as wide as it takes for patches at the edges, and
    the network answers for all patches with their middle in the picture. So objects are found
    whose larger side is from about a tenth to four fifths of the picture's longer side.

    Masks are compared at the scale 1; of two that are alike the less sure one goes.

    Args:
        masker: built under `strategy`'s scope.
        patch: pixels of a patch's side.
        threshold: a pixel is of an object if it is so probable that it is.
        merge: intersection over union of two masks from which on they are the same; 1 for never.
    """

    def __init__(
        self,
        masker,
        strategy,
        patch: int,
        *,
        threshold: float = THRESHOLD,
        merge: float = MERGE_IOU,
    ):
        self._network = Replicated(masker, strategy, 1)  # pictures are of many sizes
        self._patch = patch
        self._threshold, self._merge = threshold, merge
        self._longer = round(LONGER * patch)

    @property
    def at_least(self) -> int:
        """Pixels that are enough for the shorter side of a decoded picture."""
        return round(self._longer * SCALES[-1])

    def __call__(
        self, picture: Image.Image, size: tuple[int, int] | None = None, *, most: int
    ) -> Proposals:
        """Return what may be objects in a picture.

        Args:
            picture: upright RGB.
            size: its full (width, height), where it was decoded smaller.
            most: proposals, at most.
        """
        from pycocotools.mask import area

        size = size or picture.size
        best = best_of(self._seen(picture, size), min(_TRIED, 3 * most))
        scores, candidates = _candidates(best)
        plain = self._longer / max(size)
        sizes = [tuple(max(1, round(side * plain)) for side in size), size]
        small = [placed_runs(each, sizes[0], plain, self._threshold) for each in candidates]
        shapes, kept = [], []
        for at in without_alike(small, self._merge):
            if len(kept) == most:
                break
            # At the original's size, for those alone that are wanted.
            shape = placed_runs(candidates[at], size, 1.0, self._threshold)
            if area(shape):
                shapes.append(shape)
                kept.append(at)
        return Proposals(shapes, scores[kept])

    def _seen(self, picture: Image.Image, size: tuple[int, int]) -> Iterator[Seen]:
        """Yield what the network answers at each scale."""
        for scale in SCALES:
            shown = scale * self._longer / max(size)  # pixels for one of the original
            pixels, (down, across) = self._laid_out(picture, size, shown)
            found = self._network({PIXELS: pixels[None]})
            scores, masks = found[SCORES][0, :down, :across, 0], found[MASKS][0, :down, :across]
            places = [
                Patch(x * STRIDE / shown, y * STRIDE / shown, self._patch / shown)
                for y in range(down)
                for x in range(across)
            ]
            yield Seen(scores.ravel(), masks.reshape(len(places), -1), places)

    def _laid_out(
        self, picture: Image.Image, size: tuple[int, int], shown: float
    ) -> tuple[np.ndarray, tuple[int, int]]:
        """Return a picture drawn on a ground, and how many patches have their middle in it.

        The middle of the first patch is the picture's top left.
        """
        wide, high = (max(1, round(side * shown)) for side in size)
        around = self._patch // 2 + MARGIN
        places = tuple(1 + side // STRIDE for side in (high, wide))
        pixels = np.full(
            (*((count - 1) * STRIDE + 2 * around for count in places), 3), OUTSIDE, np.float32
        )
        image = picture.resize((wide, high), Image.Resampling.BILINEAR, reducing_gap=3.0)
        part = np.asarray(image)[: pixels.shape[0] - around, : pixels.shape[1] - around]
        pixels[around : around + part.shape[0], around : around + part.shape[1]] = part
        return pixels, places


def best_of(seen: Iterable[Seen], count: int) -> Seen:
    """Return the patches with the highest scores of all, the best first; of equal ones the first.

    Of all scales together the masks are too many to be kept: those that are not among the best so
    far go as soon as the next are there.

    Args:
        seen: at each scale, one at least.
        count: how many to return, at most.
    """
    best = None
    for each in seen:
        each = _first(each, count)
        if best is not None:
            scores, masks = (np.concatenate(pair) for pair in zip(best[:2], each[:2], strict=True))
            each = _first(Seen(scores, masks, [*best.patches, *each.patches]), count)
        best = each
    return best


def _first(seen: Seen, count: int) -> Seen:
    """Return the `count` patches with the highest scores, in a copy: what was seen can go."""
    order = np.argsort(-seen.scores, kind="stable")[:count]
    return Seen(seen.scores[order], seen.masks[order], [seen.patches[at] for at in order])


def _candidates(seen: Seen) -> tuple[np.ndarray, list[Candidate]]:
    """Return the scores, float32 (n,), 0-1, and the masks of what was seen."""
    side = round(seen.masks.shape[1] ** 0.5)
    squares = seen.masks.reshape(-1, side, side)
    candidates = list(map(Candidate, squares, seen.patches))
    return (1 / (1 + np.exp(-seen.scores))).astype(np.float32), candidates


def placed_runs(
    candidate: Candidate, size: tuple[int, int], scale: float, threshold: float
) -> dict:
    """Return the run lengths of a mask, drawn into a picture where its patch is.

    Args:
        size: (width, height) to draw in.
        scale: of its pixels for one of the original.
        threshold: probability from which on a pixel belongs to the mask.
    """
    logits, patch = candidate
    first, last = np.subtract(patch[:2], patch.side / 2), np.add(patch[:2], patch.side / 2)
    left, top = np.maximum(np.ceil(first * scale), 0).astype(int)
    right, bottom = np.minimum(np.floor(last * scale), size).astype(int)
    shape = np.zeros(size[::-1], bool)
    if left < right and top < bottom:
        cells = len(logits) / (patch.side * scale)  # for a pixel
        box = np.subtract((left, top, right, bottom), np.tile(first * scale, 2)) * cells
        shown = Image.fromarray(np.ascontiguousarray(logits, np.float32)).resize(
            (right - left, bottom - top),
            Image.Resampling.BILINEAR,
            box=tuple(np.clip(box, 0, len(logits))),
        )
        shape[top:bottom, left:right] = np.asarray(shown) >= np.log(threshold / (1 - threshold))
    return run_lengths(shape)


def without_alike(shapes: Sequence[dict], most: float) -> Iterator[int]:
    """Yield the places of masks that no mask before them is like, in order; none that are empty.

    Args:
        shapes: run lengths, the surest first.
        most: intersection over union from which on masks are alike.
    """
    from pycocotools.mask import area, iou, toBbox

    areas = np.array([area(shape) for shape in shapes], np.float64)  # of 256 at once it fails
    boxes = np.array([toBbox(shape) for shape in shapes], np.float64).reshape(-1, 4)
    first, last = boxes[:, :2], boxes[:, :2] + boxes[:, 2:]
    left = areas > 0
    for at in range(len(shapes)):
        if not left[at]:
            continue
        yield at
        left[at] = False
        if most >= 1:
            continue
        # What masks share is in both boxes, and no more than the smaller one: most are told apart
        # by that.
        shared = np.minimum(last, last[at]) - np.maximum(first, first[at])
        bound = np.minimum(np.prod(np.maximum(shared, 0), axis=1), np.minimum(areas, areas[at]))
        near = np.flatnonzero(left & (bound >= most * np.maximum(areas, areas[at])))
        if len(near):
            alike = iou([shapes[at]], [shapes[other] for other in near], [0] * len(near))[0]
            left[near[alike >= most]] = False
