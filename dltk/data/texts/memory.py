"""Labelled texts that are in memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import zip_longest
from numbers import Integral

from dltk.data.datasets import TextData
from dltk.data.texts.gathered import GatheredTexts
from dltk.errors import UsageError, printable

_MISSING = object()


def texts_in_memory(
    texts: Iterable[str], labels: Iterable[int], classes: Sequence[str]
) -> TextData:
    """Return data made of texts; those that are empty are left out.

    Args:
        texts: may be made one by one.
        labels: index of the class of each.
        classes: their names.
    Raises:
        UsageError: what is no text, there are not as many labels, or one is no class.
    """
    found = GatheredTexts("arrays", classes=tuple(map(str, classes)))
    found.open_file("text")
    pairs = zip_longest(texts, labels, fillvalue=_MISSING)
    for number, (text, label) in enumerate(pairs, 1):
        if text is _MISSING or label is _MISSING:
            raise UsageError("there must be as many labels as texts")
        if not isinstance(text, str):
            raise UsageError(f"text {number} is no text: {printable(repr(text))[:40]}")
        if not isinstance(label, Integral) or not 0 <= label < len(classes):
            told = printable(str(label))
            raise UsageError(f"text {number} is of class {told}, and there are {len(classes)}")
        found.add(None, number, text, found.classes[label])
    return found.assemble()
