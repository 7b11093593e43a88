"""Divide labelled texts: by class, by seed, without leaks."""

from __future__ import annotations

from dltk.data.datasets import TextData
from dltk.data.split import split_data


def split_texts(
    data: TextData, *, val_share: float = 0.1, test_share: float = 0.1, seed: int = 0
) -> TextData:
    """Return `data` in the splits "train", "val" and "test", as `dltk.data.split.split_data` does:
    every class alike, and copies of a text in the same split.

    Args:
        val_share, test_share: of all texts, each in [0, 1), less than 1 together.
        seed: 0 or more.
    Raises:
        UsageError: impossible shares or seed, or divided data without "train".
    """
    return split_data(data, val_share=val_share, test_share=test_share, seed=seed)
