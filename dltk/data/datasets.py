"""Data sets: examples in splits, where they came from, and what was passed over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np

from dltk.data.examples import (
    AnnotatedExamples,
    CaptionedExamples,
    Examples,
    MaskedExamples,
    Pictures,
    QuestionedExamples,
    Texts,
)

SPLITS = ("train", "val", "test")


class _Divided:
    """What data sets can do that have `splits` and `passed_over`."""

    @property
    def divided(self) -> bool:
        """Whether the examples are in splits already."""
        return "all" not in self.splits

    def __len__(self) -> int:
        return sum(map(len, self.splits.values()))

    def without(self, unusable: dict[str, dict[int, str]]) -> Self:
        """Return the data less some examples, which are added to `passed_over`.

        Args:
            unusable: for a split, index and reason of each example to leave out.
        """
        splits, passed = dict(self.splits), list(self.passed_over)
        for split, reasons in unusable.items():
            examples = splits[split]
            splits[split] = examples.take(i for i in range(len(examples)) if i not in reasons)
            passed += [(examples.names[i], why) for i, why in sorted(reasons.items())]
        return replace(self, splits=splits, passed_over=tuple(passed))


@dataclass(frozen=True)
class _Data(_Divided):
    """A data set with classes, in splits; subclasses say of what kind.

    Attributes:
        where: where it came from, as the user named it.
        classes: names of the classes, in the order of the labels.
        splits: "train", "val" and "test" as far as the data has them; or "all", undivided.
        passed_over: (name, why) of files and rows that are no examples.
    """

    where: str
    classes: tuple[str, ...]
    splits: dict[str, Pictures]
    passed_over: tuple[tuple[str, str], ...] = field(default=())


@dataclass(frozen=True)
class LabelledData(_Data):
    """A data set of classified pictures; its splits are Examples."""

    splits: dict[str, Examples]


@dataclass(frozen=True)
class _AnnotatedData(_Data):
    """A data set whose classes stand in annotations, which may be wrong.

    Attributes:
        repairs: (where, what) of annotations that were changed or left out in reading, such as a
            box that reached over its picture's edge, or an empty text.
        damaged: those of `passed_over` that are wrong and not merely beside the point: pictures,
            texts, or what annotates them, that are missing or cannot be read.
    """

    repairs: tuple[tuple[str, str], ...] = field(default=())
    damaged: tuple[tuple[str, str], ...] = field(default=())


@dataclass(frozen=True)
class TextData(_AnnotatedData):
    """A data set of classified texts; its splits are Texts."""

    splits: dict[str, Texts]


@dataclass(frozen=True)
class ObjectData(_AnnotatedData):
    """A data set of pictures with objects; its splits are AnnotatedExamples."""

    splits: dict[str, AnnotatedExamples]


@dataclass(frozen=True)
class MaskData(_AnnotatedData):
    """A data set of pictures with label maps; its splits are MaskedExamples."""

    splits: dict[str, MaskedExamples]


@dataclass(frozen=True)
class _SpokenData(_Divided):
    """A data set of pictures of which something is said.

    Attributes:
        where, splits, passed_over: see `LabelledData`.
        repairs, damaged: see `ObjectData`, of what is said.
    """

    where: str
    splits: dict[str, Pictures]
    passed_over: tuple[tuple[str, str], ...] = field(default=())
    repairs: tuple[tuple[str, str], ...] = field(default=())
    damaged: tuple[tuple[str, str], ...] = field(default=())


@dataclass(frozen=True)
class CaptionData(_SpokenData):
    """A data set of pictures with captions; its splits are CaptionedExamples."""

    splits: dict[str, CaptionedExamples]


@dataclass(frozen=True)
class QuestionData(_SpokenData):
    """A data set of pictures with questions and answers; its splits are QuestionedExamples."""

    splits: dict[str, QuestionedExamples]


@dataclass(frozen=True)
class PictureData(_Divided):
    """A data set of pictures of which nothing is known.

    Attributes:
        where, passed_over: see `LabelledData`.
        splits: Pictures; "train", "val" and "test" as far as the data has them, or "all".
    """

    where: str
    splits: dict[str, Pictures]
    passed_over: tuple[tuple[str, str], ...] = field(default=())


def in_memory(images: Sequence, labels: Sequence, classes: Sequence[str]) -> LabelledData:
    """Return data made of arrays or Pillow images.

    Args:
        images: each what `dltk.images.decode` takes.
        labels: index of the class of each.
        classes: their names.
    """
    names = tuple(f"{index:05d}" for index in range(len(images)))
    examples = Examples(names, images, np.asarray(labels, np.int64))
    return LabelledData("arrays", tuple(map(str, classes)), {"all": examples})
