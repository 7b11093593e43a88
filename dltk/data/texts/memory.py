"""Labelled texts that are in memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dltk.data.examples import TextData
from dltk.data.texts.gathered import GatheredTexts
from dltk.errors import UsageError


def texts_in_memory(
    texts: Iterable[str], labels: Iterable[int], classes: Sequence[str]
) -> TextData:
    """Return data made of texts; those that are empty are left out.

    Args:
        texts: may be made one by one.
        labels: index of the class of each.
        classes: their names.
    Raises:
        UsageError: there are not as many labels, or one is no class.
    """
    found = GatheredTexts("arrays", classes=tuple(map(str, classes)))
    found.open_file("text")
    try:
        for number, (text, label) in enumerate(zip(texts, labels, strict=True), 1):
            if not 0 <= label < len(classes):
                raise UsageError(f"text {number} is of class {label}, and there are {len(classes)}")
            found.add(None, number, text, found.classes[label])
    except ValueError as error:
        raise UsageError("there must be as many labels as texts") from error
    return found.assemble()
