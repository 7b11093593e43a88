"""What two detectors answer, compared: boxes, labels and scores, whichever way ties fall."""

from __future__ import annotations

import numpy as np


def check_answers(ours, theirs, *, pixels: float = 0.05, score: float = 1e-4) -> None:
    """Assert that two detectors answer the same.

    Each answer of theirs is one of ours with the same label, near in score and box. Where the
    number of answers ends, one as sure may have taken its place.

    Args:
        ours: boxes (N, 4), labels (N,) and scores (N,).
        theirs: these by name.
        pixels, score: by which they may differ.
    """
    boxes, labels, scores = ours
    assert len(boxes) == len(theirs["boxes"])
    free = np.ones(len(boxes), bool)
    last = theirs["scores"].min(initial=1.0) + score
    for number, box in enumerate(theirs["boxes"]):
        far = np.abs(boxes - box).max(axis=1, initial=0) / pixels
        far = np.maximum(far, np.abs(scores - theirs["scores"][number]) / score)
        far[(labels != theirs["labels"][number]) | ~free] = np.inf
        nearest = int(far.argmin())
        if theirs["scores"][number] > last or far[nearest] <= 1:
            assert far[nearest] <= 1, (number, theirs["labels"][number], far[nearest])
            free[nearest] = False
