"""How good captions are: BLEU, ROUGE-L, CIDEr-D, and how much is new in them.

METEOR, the fourth measure that is often given, is left out: its stems, synonyms and paraphrases
are in a program in Java, and what there is in Python gives other values.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from dltk.errors import UsageError
from dltk.metrics.bleu import bleu
from dltk.metrics.cider import cider_d
from dltk.metrics.rouge import rouge_l
from dltk.text.tokens import tokens


@dataclass(frozen=True, eq=False)
class CaptionReport:
    """How good the captions of N pictures are, one of each. Shares are 0-1.

    Attributes:
        bleu: BLEU-1 to BLEU-4 of all captions together, 0-1, see `dltk.metrics.bleu`.
        rouge_l_each: float64 (N,), ROUGE-L of each picture, 0-1, see `dltk.metrics.rouge`.
        cider_d_each: float64 (N,), CIDEr-D of each picture, 0-10, see `dltk.metrics.cider`.
        distinct: different captions, as a share of the captions.
        distinct_words: different words, as a share of the words of all captions: distinct-1 of
            Li et al. 2016, "A Diversity-Promoting Objective Function for Neural Conversation
            Models". The more captions there are, the lower it is. 0 if there are no words.
        copied: captions that are among those trained on, word for word, as a share of the
            captions; None if those are not known.
        length: words of a caption, the mean.
    """

    bleu: tuple[float, ...]
    rouge_l_each: np.ndarray
    cider_d_each: np.ndarray
    distinct: float
    distinct_words: float
    copied: float | None
    length: float

    @property
    def pictures(self) -> int:
        """N."""
        return len(self.cider_d_each)

    @property
    def rouge_l(self) -> float:
        """The mean of `rouge_l_each`."""
        return float(self.rouge_l_each.mean())

    @property
    def cider_d(self) -> float:
        """The mean of `cider_d_each`."""
        return float(self.cider_d_each.mean())

    def to_dict(self) -> dict:
        """Return the report, ready for JSON, without what is of each picture."""
        return {
            "pictures": self.pictures,
            **{f"bleu{order}": round(value, 6) for order, value in enumerate(self.bleu, 1)},
            "rouge_l": round(self.rouge_l, 6),
            "cider_d": round(self.cider_d, 6),
            "distinct": round(self.distinct, 6),
            "distinct_words": round(self.distinct_words, 6),
            "copied": None if self.copied is None else round(self.copied, 6),
            "length": round(self.length, 6),
        }


def measure_captions(
    found: Sequence[str],
    references: Sequence[Sequence[str]],
    *,
    training: Iterable[str] | None = None,
) -> CaptionReport:
    """Measure captions against those that people wrote.

    Texts are compared as the words that `dltk.text.tokens` takes them apart into, so neither
    capitals nor marks matter. Published values are mostly of the Penn Treebank's words as a
    program in Java finds them, which are the same in nearly all captions.

    A caption without words is wrong and 0 words long. References without words say nothing, and
    are left out; coco-caption has them count as captions that nothing is like. CIDEr-D is 0 if
    there is one picture only.

    Args:
        found: the caption of each picture.
        references: the captions that people wrote for each, in the same order, at least one each.
        training: the captions that were trained on, for the share that was copied of them.
    Raises:
        UsageError: there are no pictures.
        ValueError: numbers of pictures that differ, a picture without references, or one text in
            place of several.
    """
    _check(found, references)
    captions = [tuple(tokens(text)) for text in found]
    written = [[words for words in map(tokens, texts) if words] for texts in references]
    count = sum(map(len, captions))
    return CaptionReport(
        bleu=bleu(captions, written),
        rouge_l_each=rouge_l(captions, written),
        cider_d_each=cider_d(captions, written),
        distinct=len(set(captions)) / len(captions),
        distinct_words=len({word for words in captions for word in words}) / max(1, count),
        copied=None if training is None else _copied(captions, training),
        length=count / len(captions),
    )


def _copied(captions: Sequence[tuple[str, ...]], training: Iterable[str]) -> float:
    """Return the share of captions that are in `training`; one without words is in none."""
    made = set(captions)
    # Of the captions trained on, which may be millions, only those that matter are kept.
    known = {words for words in map(tuple, map(tokens, training)) if words and words in made}
    return sum(words in known for words in captions) / len(captions)


def _check(found: Sequence[str], references: Sequence[Sequence[str]]) -> None:
    if len(found) != len(references):
        raise ValueError(
            "there must be one caption for each picture, if an empty one. "
            f"Received: {len(found)} captions, references for {len(references)} pictures"
        )
    if not len(found):
        raise UsageError("there are no pictures to measure on")
    for index, texts in enumerate(references):
        if isinstance(texts, str) or not len(texts):
            raise ValueError(
                "each picture must have a sequence of references, at least one. "
                f"Received: references[{index}]={texts!r}"
            )
