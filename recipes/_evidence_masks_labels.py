"""Which labels a classifier finds in a picture, with where to look for them.

The windows laid over the picture are answered for by the evidence inside of them, as regions are
in `recipes._regions`. The surest window of each label is cut out and labelled again, alone, as
R-CNN does it (Girshick et al. 2014, https://arxiv.org/abs/1311.2524): galaxies that look like
flatworms in the maps look like nothing to the network that sees them alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from dltk.engine import Network
from dltk.geometry import Geometry
from dltk.metrics.iou import overlaps
from dltk.models.alike import alikeness
from dltk.models.catalog import Label
from dltk.proposals import sliding_windows
from recipes._region_evidence import Evidence, softmax

_STEP = 1 / 3  # of windows
_TRIED, _EACH = 12, 3  # windows that are cut out, of all labels and of like ones
_OVERLAP = 0.5  # IoU above which another window of a like label shows nothing new
_VIEWS = ((0.08, False), (0.25, False), (0.25, True))  # context, and whether square
_COUNTED = 0.4  # likeness from which on a label's evidence is that of another one, too


@dataclass(frozen=True, eq=False)
class Found:
    """A label that is in a picture.

    Attributes:
        label: its index.
        score: how sure that is, 0-1.
        shares: float32 (K,), how much each label counts as this one.
    """

    label: int
    score: float
    shares: np.ndarray


class Finder:
    """Finds labels in pictures.

    Args:
        network: gives evidence, see `dltk.engine.load_engine`.
        geometry: of its classifier.
        labels: of the classifier.
        classes: the only labels to look for; none for all.
    """

    def __init__(
        self,
        network: Network,
        geometry: Geometry,
        labels: Sequence[Label],
        classes: Sequence[int] = (),
    ):
        self._network, self._geometry = network, geometry
        self._alike = alikeness(labels)
        self._wanted = np.zeros(len(labels), np.float32)
        self._wanted[list(classes) or slice(None)] = 1
        self._classes = np.array(classes, np.intp)

    def find(self, picture: Image.Image, evidence: Evidence, least: float) -> list[Found]:
        """Return the labels found in a picture, surest first; of like ones the surest.

        A score is the geometric mean of three numbers from 0 to 1, as those of
        `recipes._regions`: how probable the label is by the evidence inside its window, how
        probable to the network that sees the window alone, and how well the window fits the
        evidence.

        Args:
            least: score from which on a label is found.
        """
        windows = sliding_windows(evidence.size, step=_STEP)
        answers = self._answers(evidence, windows)
        mixtures = answers * self._wanted
        mixtures /= np.maximum(mixtures.sum(axis=1, keepdims=True), 1e-9)
        fits, _ = evidence.fits(windows, mixtures)
        together, labels = answers @ self._alike, mixtures.argmax(axis=1)
        probable = together[np.arange(len(windows)), labels] * fits
        left = np.where(probable >= least**3, probable * fits, 0)  # the third may be 1 at most
        tried, times = [], np.zeros(len(labels), np.intp)
        while len(tried) < _TRIED and left.max(initial=0) > 0:
            best = int(left.argmax())
            tried.append(best)
            like = self._alike[labels, labels[best]] > 0
            times += like
            left[
                like & ((overlaps(windows, windows[best])[:, 0] > _OVERLAP) | (times >= _EACH))
            ] = 0
        if not tried:
            return []
        alone = self._cut_out(picture, windows[tried]).mean(axis=1)
        labels = (answers[tried] * np.square(alone) * self._wanted).argmax(axis=1)
        rows = np.arange(len(tried))
        probable = together[tried, labels] * (alone @ self._alike)[rows, labels]
        return self._surest(labels, np.cbrt(probable * fits[tried]), least)

    def confirm(
        self, picture: Image.Image, evidence: Evidence, boxes: np.ndarray, shares: np.ndarray
    ) -> np.ndarray:
        """Return how probable labels are in boxes that were found to hold them, float32 (P,).

        It is the geometric mean of what the evidence inside says, and the network that sees the
        box alone, with as much context as is best.

        Args:
            boxes: float32 (P, 4).
            shares: float32 (P, K), how much each label counts in each box.
        """
        inside = (self._answers(evidence, boxes) * shares).sum(axis=1)
        alone = (self._cut_out(picture, boxes) * shares[:, None]).sum(axis=2).max(axis=1)
        return np.sqrt(inside * alone)

    def _answers(self, evidence: Evidence, boxes: np.ndarray) -> np.ndarray:
        return evidence.answers(boxes)[:, : len(self._wanted)]

    def _surest(self, labels: np.ndarray, scores: np.ndarray, least: float) -> list[Found]:
        """Return what is found in windows with these labels and scores."""
        found: list[Found] = []
        for row in np.argsort(-scores, kind="stable"):
            label = int(labels[row])
            like = any(self._alike[label, other.label] > 0 for other in found)
            if scores[row] >= least and not like:
                found.append(Found(label, float(scores[row]), self._shares(label)))
        return found

    def _shares(self, label: int) -> np.ndarray:
        """Return how much each label counts as `label`: like ones do, unless asked for too."""
        shares = np.where(self._alike[label] >= _COUNTED, self._alike[label], 0)
        shares[self._classes[self._classes != label]] = 0
        return shares

    def _cut_out(self, picture: Image.Image, boxes: np.ndarray) -> np.ndarray:
        """Return the probabilities of boxes, seen alone, float32 (P, V, K), in V views."""
        views = [
            self._geometry.pixels(picture, _around(box, picture.size, context, square))
            for box in boxes
            for context, square in _VIEWS
        ]
        scores = self._network(np.stack(views))
        if scores.ndim == 4:
            scores = scores.mean(axis=(1, 2))
        probabilities = softmax(scores)[:, : len(self._wanted)]
        return probabilities.reshape(len(boxes), len(_VIEWS), -1)


def _around(box, size, context: float, square: bool) -> tuple[float, float, float, float]:
    """Return the part of a picture to cut out for a box, as far as the picture goes."""
    middle, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2
    half = np.maximum(half, half.max() if square else 0.5) * (1 + 2 * context)
    left, top = np.maximum(middle - half, 0)
    right, bottom = np.minimum(middle + half, size)
    return left, top, right, bottom
