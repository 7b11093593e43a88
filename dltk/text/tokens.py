"""What a text is made of: words, or the signs of scripts that put no space between these."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

import regex

# Scripts that are written without spaces are taken sign by sign, with the marks on each.
_UNSPACED = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]"
_SIGN = rf"{_UNSPACED}[\p{{M}}ー]*"
_BEGINS_WITH_SIGN, _ENDS_IN_SIGN = regex.compile(_UNSPACED), regex.compile(rf"{_SIGN}\Z")
_WORD = rf"(?:(?!{_UNSPACED})\w)+(?:['’.\-](?:(?!{_UNSPACED})\w)+)*"
_TOKEN = regex.compile(rf"{_SIGN}|{_WORD}")
_TOKEN_OR_MARK = regex.compile(rf"{_SIGN}|{_WORD}|[^\s\p{{M}}]\p{{M}}*")
# What these two find in a text that is ASCII, many times as fast.
_ASCII_TOKEN = re.compile(r"\w+(?:['.\-]\w+)*", re.ASCII)
_ASCII_TOKEN_OR_MARK = re.compile(rf"{_ASCII_TOKEN.pattern}|\S", re.ASCII)
# As the Penn Treebank takes English apart: "it's" is two words, and so is "don't".
_CLITIC = regex.compile(r"(?<=\w)(n't|'(?:s|re|ve|ll|d|m))$", regex.IGNORECASE)
_OPENING, _CLOSING = frozenset("([{¿¡«“‘"), frozenset(")]}.,:;!?%»”’…।،؛؟")
_WIDE = frozenset("。、，！？：；「」『』（）《》")  # which have their spaces in themselves
_NO_SPACE_BEHIND, _NO_SPACE_BEFORE = _OPENING | _WIDE, _CLOSING | _WIDE


def tokens(text: str, *, marks: bool = False, lower: bool = True) -> list[str]:
    """Return the words of a text in Unicode's composed form (NFC).

    Words may have apostrophes, dots and hyphens inside. "'s", "n't" and their like are words of
    their own, as in the Penn Treebank, whose rules for English captions are scored by. Scripts
    that put no spaces between words are taken sign by sign.

    Args:
        marks: whether marks such as commas are tokens too, each by itself; else they are dropped.
        lower: whether in lower case.
    """
    plain = _plain(unicodedata.normalize("NFC", text), lower)
    found = _pattern(plain, marks).findall(plain)
    if "'" not in plain:
        return found
    return [part for word in found for part in _taken_apart(word)]


def token_spans(text: str, *, marks: bool = False, lower: bool = True) -> list[tuple[int, int]]:
    """Return where each of the `tokens` of a text begins and ends, in its composed form (NFC)."""
    composed = unicodedata.normalize("NFC", text)
    plain = _plain(composed, lower)
    spans = []
    for match in _pattern(plain, marks).finditer(plain):
        end = match.start()
        for part in _taken_apart(match[0]):
            start, end = end, end + len(part)
            spans.append((start, end))
    return spans if len(plain) == len(composed) else spans_before_lower(spans, composed)


def _plain(composed: str, lower: bool) -> str:
    plain = composed.replace("’", "'")
    return plain.lower() if lower else plain


def _pattern(plain: str, marks: bool):
    if plain.isascii():
        return _ASCII_TOKEN_OR_MARK if marks else _ASCII_TOKEN
    return _TOKEN_OR_MARK if marks else _TOKEN


def _taken_apart(word: str) -> list[str]:
    clitic = _CLITIC.search(word) if "'" in word else None
    return [word[: clitic.start()], clitic[0]] if clitic and clitic.start() else [word]


def spans_before_lower(spans: list[tuple[int, int]], composed: str) -> list[tuple[int, int]]:
    """Return spans of a text in lower case as they are in the text: "İ" becomes two characters."""
    places = [at for at, letter in enumerate(composed) for _ in letter.lower()]
    return [(places[start], places[end - 1] + 1) for start, end in spans]


def joined(words: Iterable[str]) -> str:
    """Return tokens as one text: the inverse of `tokens`, but for letters' case and spaces."""
    parts, before = [], ""
    for word in words:
        if before and not _touches(before, word):
            parts.append(" ")
        parts.append(word)
        before = word
    return "".join(parts)


def _touches(before: str, word: str) -> bool:
    """Return whether no space is written between a token and the one that follows it."""
    if before[-1] in _NO_SPACE_BEHIND or word[0] in _NO_SPACE_BEFORE:
        return True
    if _CLITIC.fullmatch(f"x{word}", 1) and before[-1].isalnum():
        return True
    return bool(_BEGINS_WITH_SIGN.match(word) and _ENDS_IN_SIGN.search(before))
