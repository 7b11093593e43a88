"""Divide pictures with questions: by seed, without leaks."""

from __future__ import annotations

from dltk.data.datasets import QuestionData
from dltk.data.split import divide
from dltk.data.stratify import dealt_by


def split_questions(
    data: QuestionData, *, val_share: float = 0.15, test_share: float = 0.15, seed: int = 0
) -> QuestionData:
    """Return `data` in the splits "train", "val" and "test"; one that would be empty is left out.

    All questions about a picture go with it; the rest is as in
    `dltk.data.captions.split_captions`, which raises the same.

    Args:
        val_share, test_share: of all pictures, each in [0, 1), less than 1 together.
        seed: 0 or more.
    """
    deal = dealt_by(lambda examples, index: {0})  # all of one kind: there are no classes
    return divide(data, deal, val_share=val_share, test_share=test_share, seed=seed)
