"""Look pictures with captions over before training on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from dltk.data.check_told import IN_ALL, ToldFindings, found_in
from dltk.data.datasets import CaptionData
from dltk.data.examples import CaptionedExamples
from dltk.data.look import some
from dltk.errors import printable
from dltk.text.tokens import tokens

_SHARE = 0.01  # of all pictures, from which on a caption tells little
_LEAST = 3  # pictures
_LISTED = 50  # captions that are said of many pictures


@dataclass(frozen=True)
class Spoken:
    """What is said of the pictures of a split, in numbers.

    Attributes:
        pictures, captions: how many there are.
        median, longest: words of a caption; see `dltk.text.tokens.tokens`.
        distinct: words.
        once: how many of these occur once only.
    """

    pictures: int
    captions: int
    median: float
    longest: int
    distinct: int
    once: int


@dataclass(frozen=True, kw_only=True)
class CaptionFindings(ToldFindings):
    """What was found in a data set of pictures with captions.

    Attributes:
        spoken: what is said, by split, and of all together in "in all".
        repeated: (caption, pictures) of those that are said of a hundredth of all pictures or
            more, the most frequent first, without regard to capitals and marks.
    """

    spoken: dict[str, Spoken]
    repeated: tuple[tuple[str, int], ...] = ()

    def _pictures(self) -> int:
        return self.spoken[IN_ALL].pictures

    def _doubts(self) -> Iterable[str]:
        if self.repeated:
            said = [f'"{printable(caption)}" ({count})' for caption, count in self.repeated]
            yield f"captions of many pictures: {some(said)}"


def check_captions(data: CaptionData, *, decode: bool, threads: int) -> CaptionFindings:
    """Return what is found in `data`, divided or not. Its captions were looked at in reading.

    Args:
        decode: decode every picture; otherwise only their bytes are compared.
        threads: that decode at the same time.
    """
    said = {split: _words(examples) for split, examples in data.splits.items()}
    every = [captions for of_split in said.values() for captions in of_split]
    return CaptionFindings(
        spoken={split: _spoken(captions) for split, captions in (said | {IN_ALL: every}).items()},
        repeated=_repeated(every),
        **found_in(data, decode=decode, threads=threads),
    )


_Said = list[list[tuple[str, ...]]]  # of each picture, words of each caption


def _words(examples: CaptionedExamples) -> _Said:
    return [[tuple(tokens(text)) for text in captions] for captions in examples.captions]


def _spoken(said: _Said) -> Spoken:
    captions = [words for of_picture in said for words in of_picture]
    lengths = [len(words) for words in captions]
    counts = Counter(word for words in captions for word in words)
    return Spoken(
        pictures=len(said),
        captions=len(captions),
        median=float(median(lengths or [0])),
        longest=max(lengths, default=0),
        distinct=len(counts),
        once=sum(count == 1 for count in counts.values()),
    )


def _repeated(said: Iterable[list[tuple[str, ...]]]) -> tuple[tuple[str, int], ...]:
    """Return the captions of many pictures, and of how many each is."""
    said = list(said)
    counts = Counter(words for of_picture in said for words in set(of_picture))
    least = max(_LEAST, _SHARE * len(said))
    return tuple(
        (" ".join(words), count) for words, count in counts.most_common(_LISTED) if count >= least
    )
