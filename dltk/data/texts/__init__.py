"""Labelled texts: readers of what people have, division, and checks."""

from dltk.data.texts.check import TextFindings, check_texts
from dltk.data.texts.memory import texts_in_memory
from dltk.data.texts.readers import holds_texts, read_texts
from dltk.data.texts.split import split_texts

__all__ = [
    "TextFindings",
    "check_texts",
    "holds_texts",
    "read_texts",
    "split_texts",
    "texts_in_memory",
]
