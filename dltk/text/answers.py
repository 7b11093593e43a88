"""When two answers say the same."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache

from dltk.text.tokens import joined, tokens

_ARTICLES = frozenset(("a", "an", "the"))
_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_NUMERALS = {word: str(number) for number, word in enumerate(_NUMBERS)} | {"none": "0"}


_COMMA_IN_NUMBER = re.compile(r"(?<=\d),(?=\d)")
_DOT_IN_WORD = re.compile(r"\.(?!\d)")


@lru_cache(1 << 16)  # the same few answers come again and again
def plain_answer(answer: str) -> str:
    """Return an answer in the form in which it is compared with others.

    As where answers are scored in Antol et al. 2015, "VQA", https://arxiv.org/abs/1505.00468: in
    lower case, without articles and marks, numbers up to ten in digits, and without the commas of
    large ones; a hyphen is a space, and dots are left out that no digit follows. Other than there,
    "no one" is "no 1", and "dont" is not mended to "don't". An answer that is nothing but articles
    and marks stays what it is, in lower case.
    """
    plain = _COMMA_IN_NUMBER.sub("", answer).replace("-", " ")
    plain = _DOT_IN_WORD.sub("", plain)
    words = [_NUMERALS.get(word, word) for word in tokens(plain)]
    return joined([word for word in words if word not in _ARTICLES]) or answer.strip().lower()


def frequent_answers(answers: Iterable[Sequence[str]], most: int) -> tuple[str, ...]:
    """Return the answers, in plain form, to most questions; equally frequent ones by alphabet.

    Args:
        answers: to each question, of one person or more.
        most: so many, at most.
    """
    counts = Counter(plain for given in answers for plain in set(map(plain_answer, given)))
    return tuple(sorted(counts, key=lambda answer: (-counts[answer], answer))[:most])
