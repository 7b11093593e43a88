"""How well the boundaries between classes are found: the boundary F of Csurka et al.

Csurka, Larlus & Perronnin 2013, "What is a good evaluation measure for semantic segmentation?"
(BMVC), https://doi.org/10.5244/C.27.32. For each class of a picture, precision is the share of its
boundary as it was found that the true one is near to, and recall the share of the true boundary
that is near to the one that was found; near is less than 0.75 % of the picture's diagonal away.
F is their harmonic mean. The paper leaves open what follows:

- A boundary pixel of a class has another class above, below, left or right of it. The edge of the
  picture is no boundary: it is where it is, whoever segments.
- A class that only one of the two label maps has is all wrong, 0. One that both have and that has
  a boundary in neither, as it fills the picture, is all right, 1.
- Ignored pixels nearer than the tolerance to others take the class of the nearest. So VOC's, which
  lie along all boundaries and hide them, have the boundary in their middle. Deeper ones have no
  class, and against them there is no boundary. What was found on ignored pixels can be right, but
  not wrong.
"""

from __future__ import annotations

import math

import numpy as np

from dltk.masks import IGNORE

TOLERANCE = 0.0075  # of the diagonal


def boundary_scores(
    truth: np.ndarray, found: np.ndarray, classes: int, tolerance: float = TOLERANCE
) -> np.ndarray:
    """Return the boundary F of each class in a picture, float64 (K,), 0-1.

    Args:
        truth, found: uint8 (H, W), label maps; those of `found` may have pixels without an
            answer, IGNORE.
        classes: K.
        tolerance: as a share of the diagonal.
    Returns:
        NaN for classes that neither has, where the truth is not ignored.
    """
    counts = truth != IGNORE
    reach = tolerance * math.hypot(*truth.shape)
    filled, known = _filled(truth, counts, reach)
    in_truth, in_found = (_occur(labels[counts], classes) for labels in (truth, found))
    scores = np.full(classes, np.nan)
    scores[in_truth ^ in_found] = 0
    true_lines, found_lines = _boundaries(filled, known), _boundaries(found, known)
    for label in np.flatnonzero(in_truth & in_found):
        true_line, found_line = true_lines & (filled == label), found_lines & (found == label)
        scores[label] = _agreement(true_line, found_line, counts, reach)
    return scores


def _filled(truth: np.ndarray, counts: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """Return a label map whose ignored pixels have the class of the nearest that count, and which
    are near enough for that, bool (H, W)."""
    from scipy.ndimage import distance_transform_edt

    if counts.all() or not counts.any():
        return truth, counts
    away, nearest = distance_transform_edt(~counts, return_indices=True)
    return truth[tuple(nearest)], away < reach


def _occur(labels: np.ndarray, classes: int) -> np.ndarray:
    return np.bincount(labels, minlength=IGNORE + 1)[:classes] > 0


def _boundaries(labels: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return which pixels have another class beside them, bool (H, W), where both are known."""
    found = np.zeros(labels.shape, bool)
    for axis in (0, 1):
        one, other = (
            tuple(side if each == axis else slice(None) for each in (0, 1))
            for side in (slice(1, None), slice(-1))
        )
        differ = (labels[one] != labels[other]) & known[one] & known[other]
        found[one] |= differ
        found[other] |= differ
    return found


def _agreement(
    true_line: np.ndarray, found_line: np.ndarray, counts: np.ndarray, reach: float
) -> float:
    """Return the F of boundaries, bool (H, W), and 1 if there are none in either."""
    box = _around(true_line | found_line)
    true_line, found_line, counts = true_line[box], found_line[box], counts[box]
    right = found_line & _near(true_line, reach)
    wrong = found_line & ~right & counts
    missed = true_line & ~_near(found_line, reach)
    hits, claimed = np.count_nonzero(right), np.count_nonzero(right | wrong)
    true = np.count_nonzero(true_line)
    if not claimed and not true:
        return 1.0
    precision = hits / max(claimed, 1)
    recall = (true - np.count_nonzero(missed)) / max(true, 1)
    return 2 * precision * recall / max(precision + recall, 1e-9)


def _around(shape: np.ndarray) -> tuple[slice, slice]:
    """Return the rows and columns in which something is: of most classes a part of a picture."""
    rows, columns = (np.flatnonzero(shape.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return slice(0), slice(0)
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _near(line: np.ndarray, reach: float) -> np.ndarray:
    from scipy.ndimage import distance_transform_edt

    if not line.any():  # from which there are no distances
        return np.zeros(line.shape, bool)
    return distance_transform_edt(~line) < reach
