"""Divide pictures with label maps: by all the classes in each at once, by seed, without leaks."""

from __future__ import annotations

import numpy as np

from dltk.data.datasets import MaskData
from dltk.data.examples import MaskedExamples
from dltk.data.split import divide
from dltk.data.stratify import dealt_by


def split_masks(
    data: MaskData, *, val_share: float = 0.15, test_share: float = 0.15, seed: int = 0
) -> MaskData:
    """Return `data` in the splits "train", "val" and "test"; one that would be empty is left out.

    Pictures are dealt out by which classes are in them, however few their pixels, the rarest
    first: see `dltk.data.stratify.dealt_by`. Every class that occurs is trained on, whatever the
    shares.

    Data that is divided already stays so; if it has no "val", that is taken out of "train", but
    no "test" is.

    Args:
        val_share, test_share: of all pictures, each in [0, 1), less than 1 together.
        seed: 0 or more.
    Raises:
        UsageError: impossible shares or seed, or divided data without "train".
    """
    return divide(data, dealt_by(_kinds), val_share=val_share, test_share=test_share, seed=seed)


def _kinds(examples: MaskedExamples, index: int) -> set[int]:
    """Return the labels that are in a picture."""
    return set(np.flatnonzero(examples.counts[index]).tolist())
