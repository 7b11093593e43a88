"""Words that numbers take."""

from __future__ import annotations


def amount(number: int, noun: str, nouns: str | None = None) -> str:
    """Return "1 picture", "2,000 pictures", "3 classes".

    Args:
        nouns: the plural, where it is not made by adding an s.
    """
    return f"{number:,} {noun if number == 1 else nouns or noun + 's'}"
