"""Divide pictures with captions: by seed, without leaks."""

from __future__ import annotations

from dltk.data.datasets import CaptionData
from dltk.data.split import divide
from dltk.data.stratify import dealt_by


def split_captions(
    data: CaptionData, *, val_share: float = 0.15, test_share: float = 0.15, seed: int = 0
) -> CaptionData:
    """Return `data` in the splits "train", "val" and "test"; one that would be empty is left out.

    All captions of a picture go with it, and copies of it to the same split. Some pictures are
    trained on, whatever the shares. It depends on names and seed, not on the order of the
    examples; within a split the order is that of `data`.

    Data that is divided already stays so; if it has no "val", that is taken out of "train", but
    no "test" is.

    Args:
        val_share, test_share: of all pictures, each in [0, 1), less than 1 together.
        seed: 0 or more.
    Raises:
        UsageError: impossible shares or seed, or divided data without "train".
    """
    deal = dealt_by(lambda examples, index: {0})  # all of one kind: there are no classes
    return divide(data, deal, val_share=val_share, test_share=test_share, seed=seed)
