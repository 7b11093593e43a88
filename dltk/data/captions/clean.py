"""Captions, and other texts about pictures, on one line each, or why they are none."""

from __future__ import annotations

import re

import regex

from dltk.data.objects.json_files import shown
from dltk.text.tokens import tokens

_MANY = 200  # words, more than people say of a picture
_HALVES = re.compile("[\ud800-\udfff]")  # of characters, and bytes that are none
_CONTROL = re.compile(
    "[\0-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ufeff]"
)  # and neither space nor line end
_LOST = "\ufffd"  # stands for what somebody could not read
_WORD = regex.compile(r"\w")

Fault = tuple[str, str, str]  # what is amiss, with which text, and what is done about it


def cleaned(text: object, noun: str = "caption") -> tuple[str | None, list[Fault]]:
    """Return a text on one line, or None if it is none; and what is amiss with it.

    Args:
        noun: what it is, to say that.
    """
    article = f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"
    if not isinstance(text, str):
        return None, [("no text", shown(text), "left out")]
    if _HALVES.search(text):
        return None, [("not UTF-8", shown(text), "left out")]
    faults = []
    if _CONTROL.search(text):
        faults.append(("control characters", shown(text), "taken for spaces"))
        text = _CONTROL.sub(" ", text)
    text = " ".join(text.split())
    if not text:
        return None, [(f"an empty {noun}", "", "left out")]
    if not _WORD.search(text) and not tokens(text):
        return None, [(f"{article} without words", shown(text), "left out")]
    if _LOST in text:
        faults.append(("damaged characters", shown(text), "kept"))
    if len(text) > _MANY and (count := len(tokens(text))) > _MANY:
        faults.append((f"{article} of more than {_MANY} words", f"{count} words", "kept"))
    return text, faults
