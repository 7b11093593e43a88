"""How a text becomes tokens, kept with a model, and how tokens become a text again."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from dltk.errors import UsageError, nearest, printable
from dltk.text.tokens import joined, spans_before_lower, token_spans, tokens

UNITS = ("word", "space", "character")


@dataclass(frozen=True)
class Tokenizer:
    """How a text becomes tokens, in Unicode's composed form (NFC).

    Attributes:
        unit: "word": see `dltk.text.tokens.tokens`; "space": what stands between spaces; or
            "character": code points, line breaks among them.
        lower: whether in lower case.
        marks: of words: whether marks such as commas are tokens too.
        breaks: of words: whether line breaks are tokens too.
    """

    unit: str = "word"
    lower: bool = True
    marks: bool = False
    breaks: bool = False

    def __post_init__(self):
        if self.unit not in UNITS:
            hint, shown = nearest(str(self.unit), UNITS), printable(self.unit)
            raise UsageError(f"a token is one of {', '.join(UNITS)}, not {shown}.{hint}")

    def __call__(self, text: str) -> list[str]:
        """Return the tokens of a text."""
        if self.unit == "word":
            if not self.breaks:
                return tokens(text, marks=self.marks, lower=self.lower)
            lines = (tokens(line, marks=self.marks, lower=self.lower) for line in text.split("\n"))
            found = next(lines)
            for line in lines:
                found += ["\n", *line]
            return found
        plain = self.plain(text)
        return list(plain) if self.unit == "character" else plain.split()

    def plain(self, text: str) -> str:
        """Return a text in composed form, and in lower case if its tokens are.

        Its letters are what a call returns of the unit "character".
        """
        plain = unicodedata.normalize("NFC", text)
        return plain.lower() if self.lower else plain

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return where each token of a text begins and ends, in its composed form (NFC)."""
        composed = unicodedata.normalize("NFC", text)
        if self.unit != "word":
            plain = composed.lower() if self.lower else composed
            pattern = r"(?s:.)" if self.unit == "character" else r"\S+"
            spans = [match.span() for match in re.finditer(pattern, plain)]
            return spans if len(plain) == len(composed) else spans_before_lower(spans, composed)
        start, spans = 0, []
        for line in composed.split("\n") if self.breaks else [composed]:
            if start:
                spans.append((start - 1, start))
            found = token_spans(line, marks=self.marks, lower=self.lower)
            spans += [(start + first, start + last) for first, last in found]
            start += len(line) + 1
        return spans

    def join(self, found: Iterable[str]) -> str:
        """Return tokens as one text: the inverse of a call, but for letters' case and spaces."""
        if self.unit == "character":
            return "".join(found)
        if self.unit == "space":
            return " ".join(found)
        lines: list[list[str]] = [[]]
        for token in found:
            if token == "\n":
                lines.append([])
            else:
                lines[-1].append(token)
        return "\n".join(map(joined, lines))

    def to_dict(self) -> dict:
        """Return the fields, ready for JSON."""
        return asdict(self)
