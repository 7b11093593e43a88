"""Segmentation without a trained segmenter: the evidence of a classifier, outlined.

A classifier made convolutional tells what speaks for each label at each place, in a heat map (Long,
Shelhamer & Darrell 2015, "Fully Convolutional Networks", Fig. 2, https://arxiv.org/abs/1411.4038;
class activation maps: Zhou et al. 2016, https://arxiv.org/abs/1512.04150). It was never shown where
a thing ends: its heat is blurred, and highest on what tells things apart, as faces. Therefore:

1. The network is run over the picture at several scales (`recipes/_region_evidence.py`), and what
   is in the picture is found as `dltk detect` finds it: by windows, the surest of which are cut
   out and labelled again (`recipes/_evidence_masks_labels.py`).
2. A label's heat is its evidence, from nothing to about half of its peak, averaged over scales.
   Labels that a network hardly tells apart, such as tabby and tiger cat, are counted together.
3. The heat is spread along the picture up to its edges, and the colours inside and outside have
   a say (`recipes/_evidence_masks_spread.py`), on a small copy of the picture.
4. Each part of the mask is cut out and labelled once more; those in which the label is not seen,
   or that are hardly hotter than what is around them, are dropped. So is a mask that those of
   surer labels cover for the most part.
5. Masks are enlarged along edges by a guided filter: how they follow from colours is found on a
   small copy, and applied to the picture's own pixels (`dltk/ops/guided_filter.py`).

Masks are coarse, and tell labels, not objects, apart: of two cats side by side they make one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image
from scipy.ndimage import find_objects
from scipy.ndimage import label as numbered
from scipy.special import logsumexp

from dltk.engine import load_engine
from dltk.errors import UsageError
from dltk.masks import IGNORE
from dltk.models.find import ModelSource
from dltk.ops.guided_filter import GuidedFilter, applied, enlarged_rows
from dltk.segmentation import Segmentation
from dltk.weights import Report, silent
from recipes._evidence_masks_labels import Finder, Found
from recipes._evidence_masks_spread import Outliner
from recipes._region_evidence import Evidence, look

SCORE = 0.5
_FLAT = 4  # levels of 255: a picture of fewer is of one colour
_FAINT, _FULL = 0.05, 0.45  # of the peak: evidence that counts for nothing, and in full
_PEAK = 0.5  # of the highest peak of all scales: a scale with that counts in full
_SPECK = 1e-3  # of the picture: smaller parts and holes are noise
_PART = 0.1  # of the largest part: smaller ones are dropped
_PARTS = 4
_CONFIRMED = 0.6  # of the least score: probability from which on a part is of its label
_CONTRAST = 0.3  # of the heat in a part to that outside of all of them
_SURE = 0.75  # share of a place in a hole that is filled
_NEW = 0.5  # share of a mask that no surer one covers
_RADIUS = 3  # of the guided filter, in pixels of the outliner
_EPS = 1e-3
_AT_ONCE = 1 << 19  # pixels that are enlarged together


class EvidenceSegmenter:
    """Finds what is where in pictures by a classifier; see `recipes._segmenters.Segmenter`.

    In a mask, 0 is nothing. Without `classes`, the labels found are numbered from 1 by falling
    score; with them, the first is 1 in every picture, the second 2, found or not.

    Args:
        source: of the classifier, from `dltk.models.find.find_model`.
        classes: the only labels to look for, by number; none for all. They are looked for where
            another label is more probable too.
        score: leave out what is less sure; None for 0.5. See `Finder.find`: it is no probability,
            and says how sure the label is, not the outline.
        engine, devices, strategy, precision, batch_size, pictures, report: see
            `dltk.engine.load_engine`.
    Raises:
        UsageError: a network whose outputs are not the labels, or too many classes.
        DltkError, WeightsError: see `dltk.engine.load_engine`.
    """

    batch_size = 1  # a picture is dozens for the network
    at_least = 1000  # more would hardly be seen in the mask

    def __init__(
        self,
        source: ModelSource,
        *,
        classes: Sequence[int] = (),
        score: float | None = None,
        engine: str = "auto",
        devices: str = "auto",
        strategy: str = "auto",
        precision: str = "auto",
        batch_size: int = 16,
        pictures: int | None = None,
        report: Report = silent,
    ):
        if len(classes) >= IGNORE:
            raise UsageError(
                f"{len(classes)} classes are too many for one mask; ask for {IGNORE - 1} at most"
            )
        self.labels = source.labels
        self._geometry = source.geometry
        self._classes = list(classes)
        self._score = SCORE if score is None else score
        self._network = load_engine(
            source,
            output="evidence",
            engine=engine,
            devices=devices,
            strategy=strategy,
            precision=precision,
            batch_size=batch_size,
            pictures=pictures,
            report=report,
        )
        count = self._network.output_shape[-1]
        if count not in (len(self.labels), len(self.labels) + 1):
            raise UsageError(
                f"{source.name} has {count} outputs but {len(self.labels)} class names"
            )
        self._finder = Finder(self._network, self._geometry, self.labels, self._classes)
        self.workers = self._network.workers
        self.running = f"{self._network.running}, heat maps of a classifier, outlined"

    def load(
        self, picture: Image.Image, name: str, size: tuple[int, int] | None = None
    ) -> tuple[Image.Image, tuple[int, int]]:
        """Return a picture with the (width, height) of its mask."""
        return picture, size or picture.size

    def __call__(self, loaded: list[tuple[Image.Image, tuple[int, int]]]) -> list[Segmentation]:
        """Return what is in each of the pictures."""
        return [self._segment(picture, size) for picture, size in loaded]

    def stop(self) -> None:
        """Do nothing: what was begun, one picture for each worker, is soon done."""

    def _segment(self, picture: Image.Image, size: tuple[int, int]) -> Segmentation:
        if all(high - low < _FLAT for low, high in picture.getextrema()):
            return Segmentation(np.zeros(size[::-1], np.uint8), {}, {}, {})
        evidence = look(picture, self._network, self._geometry)
        found = self._finder.find(picture, evidence, self._score)
        heats = [_heat(evidence, each.shares) for each in found]
        outliner = Outliner(picture) if found else None
        insides = [outliner.outlined(_enlarged(heat, outliner.size)) for heat in heats]
        kept = _apart(self._confirmed(picture, evidence, found, heats, insides))
        values, scores, heat, masks = {}, {}, {}, {}
        for row, inside in kept.items():
            label = found[row].label
            value = self._classes.index(label) + 1 if self._classes else len(values) + 1
            values[value], scores[value] = label, found[row].score
            heat[value], masks[value] = heats[row], inside
        return Segmentation(_drawn(picture, size, masks, outliner), values, scores, heat)

    def _confirmed(
        self,
        picture: Image.Image,
        evidence: Evidence,
        found: Sequence[Found],
        heats: Sequence[np.ndarray],
        insides: Sequence[np.ndarray],
    ) -> list[np.ndarray]:
        """Return shares (h, w) without the parts that are not of their labels, seen alone."""
        parts = [(row, part) for row, inside in enumerate(insides) for part in _parts(inside)]
        if not parts:
            return []
        boxes = np.stack([_box(part, picture.size) for _, part in parts])
        shares = np.stack([found[row].shares for row, _ in parts])
        sure = self._finder.confirm(picture, evidence, boxes, shares) >= _CONFIRMED * self._score
        kept = [np.where(inside > 0.5, 0, inside) for inside in insides]
        for (row, part), right in zip(parts, sure, strict=True):
            if right and _stands_out(part, insides[row], heats[row]):
                kept[row] = np.where(part, np.maximum(insides[row], _SURE), kept[row])
        return kept


def _heat(evidence: Evidence, shares: np.ndarray) -> np.ndarray:
    """Return where the evidence for labels is, float32 (h, w), 0-1, as fine as the finest map.

    Scales at which there is little of it, as those too coarse for a small thing, count less.

    Args:
        shares: float32 (K,), how much each label counts.
    """
    counted = np.flatnonzero(shares)
    weights = shares[counted] / shares[counted].sum()
    seen = [logsumexp(scores[..., counted], axis=-1, b=weights) for scores in evidence.maps]
    peaks = np.array([max(float(scale.max()), 1e-6) for scale in seen])
    counts = np.minimum(peaks / peaks.max() / _PEAK, 1)
    high, wide = seen[-1].shape
    heat = np.zeros((high, wide), np.float32)
    for scale, peak, count in zip(seen, peaks, counts / counts.sum(), strict=True):
        strength = (scale / peak - _FAINT) / (_FULL - _FAINT)
        heat += count * _enlarged(np.clip(strength, 0, 1), (wide, high))
    return heat


def _enlarged(shares: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return float32 (h, w) resized to (width, height): bicubic, within 0-1."""
    shares = np.ascontiguousarray(shares, np.float32)
    return np.asarray(Image.fromarray(shares).resize(size, Image.Resampling.BICUBIC)).clip(0, 1)


def _parts(inside: np.ndarray) -> list[np.ndarray]:
    """Return the larger parts of where shares are more than half, bool (h, w), without holes."""
    parts, areas = _pieces(inside > 0.5, np.ones((3, 3)))
    least = max(_SPECK * inside.size, _PART * areas.max(initial=0))
    largest = np.argsort(-areas, kind="stable")[:_PARTS] + 1
    return [_filled(parts == part) for part in largest if areas[part - 1] >= least]


def _filled(part: np.ndarray) -> np.ndarray:
    """Return a part bool (h, w) without its small holes."""
    around, areas = _pieces(~part, None)
    return part | np.isin(around, np.flatnonzero(areas < _SPECK * part.size) + 1)


def _pieces(mask: np.ndarray, structure) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers of connected pieces of a mask (h, w), from 1, and their areas."""
    pieces, count = numbered(mask, structure)
    return pieces, np.bincount(pieces.ravel(), minlength=count + 1)[1:]


def _stands_out(part: np.ndarray, inside: np.ndarray, heat: np.ndarray) -> bool:
    """Return whether there is clearly more heat in a part than outside of all parts."""
    heat = _enlarged(heat, part.shape[::-1])
    around = heat[inside <= 0.5]
    return not around.size or heat[part].mean() - around.mean() >= _CONTRAST


def _box(part: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return the box of a part bool (h, w) in a picture of `size`, float32 (4,)."""
    rows, columns = find_objects(part.astype(np.uint8))[0]
    down, across = size[1] / part.shape[0], size[0] / part.shape[1]
    return np.float32(
        [columns.start * across, rows.start * down, columns.stop * across, rows.stop * down]
    )


def _apart(insides: Sequence[np.ndarray]) -> dict[int, np.ndarray]:
    """Return shares (h, w) without what is of surer ones, those before; none of few left."""
    kept: dict[int, np.ndarray] = {}
    taken = False
    for row, inside in enumerate(insides):
        whole = inside > 0.5
        new = whole & ~np.broadcast_to(taken, whole.shape)
        if whole.any() and new.sum() >= _NEW * whole.sum():
            kept[row] = np.where(whole & ~new, 0, inside)
            taken = taken | whole
    return kept


def _drawn(
    picture: Image.Image,
    size: tuple[int, int],
    insides: dict[int, np.ndarray],
    outliner: Outliner | None,
) -> np.ndarray:
    """Return the mask of a picture, uint8 (H, W): the value with the largest share, if over half.

    Args:
        size: (width, height) of the mask.
        insides: shares (h, w) of each value.
        outliner: that found them; None where there are none.
    """
    mask = np.zeros(size[::-1], np.uint8)
    if not insides:
        return mask
    guided = GuidedFilter(outliner.picture / 255, _RADIUS, _EPS)
    functions = {value: guided.fit(inside) for value, inside in insides.items()}
    count, down = max(1, _AT_ONCE // size[0]), picture.height / size[1]
    for top in range(0, size[1], count):
        rows = range(top, min(size[1], top + count))
        box = (0, rows.start * down, picture.width, min(rows.stop * down, picture.height))
        strip = picture.resize((size[0], len(rows)), Image.Resampling.BILINEAR, box=box)
        colours = np.asarray(strip, np.float32) / 255
        best = np.full(colours.shape[:2], 0.5, np.float32)
        for value, function in functions.items():
            share = applied(enlarged_rows(function, size, rows), colours)
            mask[rows.start : rows.stop][share > best] = value
            best = np.maximum(best, share)
    return mask
