"""Detection without a trained detector: regions of a picture, labelled by a classifier.

R-CNN in the plainest sense (Girshick et al. 2014, https://arxiv.org/abs/1311.2524): selective
search proposes regions, a network that was trained to label whole pictures labels them, and
overlapping answers are merged. A classifier is as sure of a cat's face as of the cat, so what a
region is labelled says little about where its object ends. Therefore:

1. The network is made convolutional and run over the picture at several scales, which gives the
   evidence for every class at every place (`recipes/_region_evidence.py`).
2. A region's labels come from the evidence inside of it. How well it fits its object is how well a
   map with just this region in it would explain where the evidence for these labels is.
3. The surest regions are taken, one for each place. A box becomes the mean of those that overlap
   it, weighed by how sure they are (box voting: Gidaris & Komodakis 2015,
   https://arxiv.org/abs/1505.01749).
4. Each is cut out and labelled again, as R-CNN does it. What looks like something only in its
   surroundings, or only without them, is dropped; so is what surer objects already explain.

Labels that a network hardly tells apart, such as tabby and tiger cat, are counted together, and
the surest of them is given. Regions may come from a file as well. Without one, and where selective
search is not installed, windows are slid over the picture, and moved to where they fit best.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from dltk.engine import load_engine
from dltk.errors import UsageError
from dltk.metrics.iou import covered, overlaps
from dltk.models.alike import alikeness
from dltk.models.find import ModelSource
from dltk.objects import Detections
from dltk.proposals import (
    check_search,
    given_regions,
    proposals_from_file,
    selective_search,
    sliding_windows,
)
from dltk.weights import Report, silent
from recipes._region_evidence import Evidence, look, softmax

SCORE = 0.5
NMS = 0.5
_SEARCH = {"side": 400, "k": 150}
_STEP = 1 / 3  # of windows, where there is no search
_CANDIDATES = 24  # regions that are cut out and labelled again
_PART = 0.6  # of a region inside another of like labels: it is a part of that one's object
_VOTING = 0.5  # IoU from which on regions have a say in another's box
_SHARPNESS = 20  # exponent of a vote: a region nine tenths as sure has an eighth of the say
_VIEWS = ((0.08, False), (0.25, True))  # how regions are cut out: context, and whether square
_RIVAL = 0.1  # probability from which on a region may be of another one's label
_GROWTH = 1.25  # of the box of an object, with which its evidence is explained
_ALPHA = 0.5
_NEW = 0.5  # share of a box's evidence that no other object explains
_MOVES = (1 / 8, 1 / 16)  # of a window's sides, tried in turn
_ROUNDS = 4


@dataclass(frozen=True, eq=False)
class _Regions:
    """Boxes and what the evidence says of them.

    Attributes:
        boxes: float32 (P, 4).
        answers: float32 (P, K), probabilities; labels counted alone.
        together: float32 (P, K), probabilities of each label and of those like it.
        mixtures: float32 (P, K), shares of the labels that are looked for.
        fits: float32 (P,).
    """

    boxes: np.ndarray
    answers: np.ndarray
    together: np.ndarray
    mixtures: np.ndarray
    fits: np.ndarray

    @property
    def labels(self) -> np.ndarray:
        return self.mixtures.argmax(axis=1)

    def sureness(self, label: int | np.ndarray) -> np.ndarray:
        """Return how sure each region is of being all of an object of `label`, (P,)."""
        probabilities = self.together[np.arange(len(self.boxes)), label]
        return np.sqrt(probabilities) * self.fits


class RegionDetector:
    """Finds objects by labelling regions with a classifier; see `recipes._detectors.Detector`.

    Args:
        source: of the classifier, from `dltk.models.find.find_model`.
        score: leave out what is less sure; None for 0.5. A score is the geometric mean of three
            numbers from 0 to 1: how probable the label is by the evidence inside the box, how
            probable it is to the network that sees the box alone, and how well the box fits the
            evidence. It is no probability.
        nms: IoU above which of two boxes, whatever their labels, the less sure one goes; None
            for 0.5. One whose evidence other boxes explain goes in any case.
        most: boxes for each picture, at most.
        classes: the only labels to look for, by number; none for all. They are looked for where
            another label is more probable too.
        regions: a file of regions to label, see `dltk.proposals.proposals_from_file`; None to
            search for them.
        engine, devices, strategy, precision, batch_size, pictures, report: see
            `dltk.engine.load_engine`.
    Raises:
        UsageError: a network whose outputs are not the labels, or a file of no use.
        DltkError, WeightsError: see `dltk.engine.load_engine`.
    """

    batch_size = 1  # a picture is hundreds of regions
    at_least = None

    def __init__(
        self,
        source: ModelSource,
        *,
        score: float | None = None,
        nms: float | None = None,
        most: int = 100,
        classes: Sequence[int] = (),
        regions: str | os.PathLike | None = None,
        engine: str = "auto",
        devices: str = "auto",
        strategy: str = "auto",
        precision: str = "auto",
        batch_size: int = 16,
        pictures: int | None = None,
        report: Report = silent,
    ):
        self.labels = source.labels
        self._geometry = source.geometry
        self._score = SCORE if score is None else score
        self._nms = NMS if nms is None else nms
        self._most = most
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
        self._alike = alikeness(self.labels)
        self._wanted = np.zeros(len(self.labels), np.float32)
        self._wanted[list(classes) or slice(None)] = 1
        self._given = None if regions is None else proposals_from_file(regions, report=report)
        self._windows = self._given is None and not _can_search(report)
        self.workers = self._network.workers
        what = "sliding windows" if self._windows else "regions of selective search"
        what = what if regions is None else "the regions of a file"
        self.running = f"{self._network.running}, {what} labelled by a classifier"

    def load(
        self, picture: Image.Image, name: str, size: tuple[int, int] | None = None
    ) -> tuple[Image.Image, np.ndarray]:
        """Return a picture with the regions to look at: float32 (P, 4)."""
        if self._given is not None:
            boxes = np.clip(given_regions(self._given, name), 0, np.float32(picture.size * 2))
            return picture, boxes[np.all(boxes[:, 2:] > boxes[:, :2], axis=1)]
        if self._windows:
            return picture, sliding_windows(picture.size, step=_STEP)
        found = selective_search(picture, **_SEARCH)
        return picture, np.concatenate([np.float32([[0, 0, *picture.size]]), found])

    def __call__(self, loaded: list[tuple[Image.Image, np.ndarray]]) -> list[Detections]:
        """Return what is in each of the pictures."""
        return [self._detect(picture, boxes) for picture, boxes in loaded]

    def _detect(self, picture: Image.Image, boxes: np.ndarray) -> Detections:
        evidence = look(picture, self._network, self._geometry)
        candidates = self._propose(self._describe(evidence, boxes))
        if self._windows:
            candidates = self._refine(evidence, candidates)
        return self._verify(picture, evidence, self._describe(evidence, candidates))

    def _describe(self, evidence: Evidence, boxes: np.ndarray) -> _Regions:
        """Label boxes by the evidence inside of them, and tell how well they fit it."""
        answers = evidence.answers(boxes)[:, : len(self.labels)]
        mixtures = answers * self._wanted
        mixtures /= np.maximum(mixtures.sum(axis=1, keepdims=True), 1e-9)
        fits, _ = evidence.fits(boxes, mixtures)
        return _Regions(boxes, answers, answers @ self._alike, mixtures, fits)

    def _propose(self, regions: _Regions) -> np.ndarray:
        """Return the boxes of the surest regions, one for each place, float32 (N, 4)."""
        boxes, labels = regions.boxes, regions.labels
        sureness = regions.sureness(labels)
        left, chosen = sureness.copy(), []
        while len(chosen) < _CANDIDATES and left.max(initial=0) > 0:
            best = int(left.argmax())
            overlap = overlaps(boxes, boxes[best])[:, 0]
            chosen.append(_voted(boxes, overlap, regions.sureness(labels[best]), best))
            nested = np.maximum(covered(boxes, boxes[best])[:, 0], covered(boxes[best], boxes)[0])
            like = self._alike[labels, labels[best]] > 0
            left[(overlap > self._nms) | ((nested > _PART) & like)] = 0
            left[best] = 0
        return np.float32(chosen).reshape(-1, 4)

    def _verify(self, picture: Image.Image, evidence: Evidence, regions: _Regions) -> Detections:
        """Label boxes once more, cut out; keep those of which both answers are sure."""
        boxes, rows = regions.boxes, np.arange(len(regions.boxes))
        if not len(boxes):
            return Detections.of()
        alone = self._cut_out(picture, boxes)
        labels = (regions.answers * np.square(alone) * self._wanted).argmax(axis=1)
        probable = regions.together[rows, labels] * (alone @ self._alike)[rows, labels]
        kept, scores = [], []
        for row in np.argsort(-probable * regions.fits, kind="stable"):
            box, mixture = boxes[row : row + 1], regions.mixtures[row : row + 1]
            rivals = [i for i in kept if regions.together[row, labels[i]] >= _RIVAL]
            (fit,), (new,) = evidence.fits(box, mixture, _grown(boxes[rivals], _GROWTH))
            score = np.cbrt(probable[row] * fit)
            twice = overlaps(box, boxes[kept]).max(initial=0) > self._nms
            if score >= self._score and new >= _NEW and not twice:
                kept.append(row)
                scores.append(score)
        found = Detections.of(boxes[kept], labels[kept], scores)
        return found.take(slice(self._most))

    def _cut_out(self, picture: Image.Image, boxes: np.ndarray) -> np.ndarray:
        """Return the probabilities of boxes, seen alone, float32 (N, K): the mean of views."""
        views = [
            self._geometry.pixels(picture, _around(box, picture.size, context, square))
            for box in boxes
            for context, square in _VIEWS
        ]
        scores = self._network(np.stack(views))
        if scores.ndim == 4:
            scores = scores.mean(axis=(1, 2))
        probabilities = softmax(scores)[:, : len(self.labels)]
        return probabilities.reshape(len(boxes), len(_VIEWS), -1).mean(axis=1)

    def _refine(self, evidence: Evidence, boxes: np.ndarray) -> np.ndarray:
        """Move the sides of windows, one at a time, as long as that makes them surer."""
        labels = self._describe(evidence, boxes).labels
        for share in np.repeat(_MOVES, _ROUNDS):
            moved = _moved(boxes, share, evidence.size)
            tried = self._describe(evidence, moved.reshape(-1, 4))
            sureness = tried.sureness(np.repeat(labels, moved.shape[1])).reshape(moved.shape[:2])
            boxes = moved[np.arange(len(boxes)), sureness.argmax(axis=1)]
        return boxes


def _can_search(report: Report) -> bool:
    try:
        check_search()
    except UsageError as error:
        report(f"{error}; sliding windows take its place, which fit less well")
        return False
    return True


def _voted(boxes: np.ndarray, overlap: np.ndarray, sureness: np.ndarray, best: int) -> np.ndarray:
    """Return the mean of the boxes that overlap the best one, weighed by how sure they are."""
    votes = np.minimum(sureness / max(sureness[best], 1e-9), 1) ** _SHARPNESS
    votes[overlap < _VOTING] = 0
    return votes @ boxes / votes.sum()


def _grown(boxes: np.ndarray, factor: float) -> np.ndarray:
    """Return boxes (N, 4) of `factor` times the width and height."""
    middles, halves = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 2
    return np.concatenate([middles - factor * halves, middles + factor * halves], axis=1)


def _around(box, size, context: float, square: bool) -> tuple[float, float, float, float]:
    """Return the part of a picture to cut out for a box, as far as the picture goes."""
    middle, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2
    half = np.maximum(half, half.max() if square else 0.5) * (1 + 2 * context)
    left, top = np.maximum(middle - half, 0)
    right, bottom = np.minimum(middle + half, size)
    return left, top, right, bottom


def _moved(boxes: np.ndarray, share: float, size: tuple[int, int]) -> np.ndarray:
    """Return boxes (N, 4) as they are and with one side moved, in or out: (N, 9, 4)."""
    steps = np.tile(boxes[:, 2:] - boxes[:, :2], 2) * share
    moves = np.concatenate([np.zeros((1, 4)), np.eye(4), -np.eye(4)])
    moved = boxes[:, None] + moves * steps[:, None]
    return np.clip(moved, 0, np.tile(size, 2)).astype(np.float32)
