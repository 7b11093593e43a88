"""Words as directions: which are near to which, and what is to one word as others to each other."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from dltk.errors import InputError, UsageError, nearest, printable
from dltk.text.lines import read_lines
from dltk.text.vectors import WordVectors

METHODS = ("add", "mul")
PLUS, MINUS = "+", "-"
_SUGGESTED_FROM = 30_000  # of the most frequent words
_LEAST = 1e-3  # by which 3CosMul never divides less
_AT_ONCE = 256  # questions
_NOTHING = 1e-5  # a length that rounding leaves of directions that cancel each other out
_SIGN_INSIDE = re.compile(r"\w[+-]\w")


class Term(NamedTuple):
    """A word of a question.

    Attributes:
        sign: 1, or -1 for a word that is taken away.
        word: as it was asked.
    """

    sign: int
    word: str


class Near(NamedTuple):
    """A word that answers a question, and how well: its cosine, or what 3CosMul gives."""

    word: str
    score: float


def parse_terms(asked: str | Iterable[str]) -> tuple[Term, ...]:
    """Return the terms of a question: words with "+" or "-" between, and perhaps in front.

    Raises:
        UsageError: no word, two words or two signs side by side, a sign at the end, nothing added.
    """
    pieces = asked.split() if isinstance(asked, str) else [str(piece) for piece in asked]
    terms: list[Term] = []
    sign: str | None = PLUS
    said = False  # whether the sign in front of the next word was written
    for piece in pieces:
        if piece in (PLUS, MINUS):
            if said:
                raise UsageError(f"two signs side by side, in front of and behind no word: {piece}")
            sign, said = piece, True
        elif sign is None:
            last = printable(terms[-1].word)
            raise UsageError(f"say + or - between {last} and {printable(piece)}")
        else:
            terms.append(Term(1 if sign == PLUS else -1, piece))
            sign, said = None, False
    if said:
        raise UsageError("a question ends with a word, not with a sign")
    if not any(term.sign > 0 for term in terms):
        raise UsageError("ask with a word or more, such as: king - man + woman")
    return tuple(terms)


class Space:
    """Vectors of words by their directions.

    Args:
        vectors: the most frequent words first.
        restrict: only so many of the first words are answers; None for all.
    """

    def __init__(self, vectors: WordVectors, restrict: int | None = None):
        self._vectors = vectors
        self._count = min(restrict or len(vectors), len(vectors))

    @cached_property
    def _lengths(self) -> np.ndarray:
        values = self._vectors.vectors
        lengths = np.sqrt(np.einsum("nd,nd->n", values, values))
        return np.where(lengths > 0, lengths, 1.0)

    def row(self, word: str) -> int:
        """Return the row of a word. Raises UsageError if it has no vector, with one like it."""
        rows = self._vectors.rows
        for form in (word, unicodedata.normalize("NFC", word)):
            if form in rows:
                return rows[form]
        hint = nearest(word, self._vectors.words[:_SUGGESTED_FROM])
        if _SIGN_INSIDE.search(word):
            hint += " The + and - of a question stand between spaces."
        raise UsageError(f'the word "{printable(word)}" has no vector.{hint}')

    def directions(self, rows: Sequence[int] | slice) -> np.ndarray:
        """Return the vectors of some rows, each of length 1, float32 (n, D)."""
        return self._vectors.vectors[rows] / self._lengths[rows, None]

    def answers(self, terms: Sequence[Term], *, method: str = "add", top: int = 10) -> list[Near]:
        """Return the words that answer a question best, those that are in it left out.

        Args:
            method: "add", 3CosAdd: the cosine with the sum of the words' directions (Mikolov et
                al. 2013, https://aclanthology.org/N13-1090, Sec. 4); or "mul", 3CosMul: products of
                cosines, brought to 0-1 (Levy & Goldberg 2014, https://aclanthology.org/W14-1618).
        Raises:
            UsageError: a word that has no vector; words that add up to no direction.
        """
        rows = [self.row(term.word) for term in terms]
        signs = np.array([term.sign for term in terms], np.float32)
        total = signs @ self.directions(rows)
        length = float(np.linalg.norm(total))
        if length < _NOTHING:
            raise UsageError("nothing is left of the question: its words add up to no direction")
        scores = self._cosines(total / length) if method == "add" else self._products(rows, signs)
        scores[[row for row in rows if row < self._count]] = -np.inf
        best = np.argsort(-scores, kind="stable")[:top]
        words = self._vectors.words
        return [Near(words[at], float(scores[at])) for at in best if np.isfinite(scores[at])]

    def _products(self, rows: list[int], signs: np.ndarray) -> np.ndarray:
        scores = np.ones(self._count, np.float32)
        for sign, direction in zip(signs, self.directions(rows), strict=True):
            share = (self._cosines(direction) + 1) / 2
            scores = scores * share if sign > 0 else scores / (share + _LEAST)
        return scores

    def _cosines(self, direction: np.ndarray) -> np.ndarray:
        return self._vectors.vectors[: self._count] @ direction / self._lengths[: self._count]

    def solve(self, questions: np.ndarray, among: np.ndarray, method: str) -> np.ndarray:
        """Return the rows that answer questions, int64 (Q,): what is to c as b to a.

        Args:
            questions: int (Q, 3), rows of a, b and c.
            among: int (n,), rows that may be answers; those of the question are not.
        """
        units = self.directions(among)
        place = np.full(len(self._vectors), -1)
        place[among] = np.arange(len(among))
        found = [self._solve(q, units, place, method) for q in _chunks(questions)]
        return among[np.concatenate(found)]

    def _solve(self, questions, units, place, method) -> np.ndarray:
        a, b, c = (self.directions(rows) for rows in questions.T)
        if method == "add":
            scores = (b - a + c) @ units.T
        else:
            scores = (b @ units.T + 1) / 2
            scores *= (c @ units.T + 1) / 2
            scores /= (a @ units.T + 1) / 2 + _LEAST
        asked = place[questions]
        at, which = np.nonzero(asked >= 0)
        scores[at, asked[at, which]] = -np.inf
        return scores.argmax(axis=1)


def _chunks(questions: np.ndarray) -> list[np.ndarray]:
    return [questions[at : at + _AT_ONCE] for at in range(0, len(questions), _AT_ONCE)]


@dataclass(frozen=True)
class Section:
    """How one kind of questions was answered.

    Attributes:
        name: of the kind.
        right: questions of which the expected word was the best answer.
        asked: questions all of whose words have vectors.
        unknown: the others.
    """

    name: str
    right: int
    asked: int
    unknown: int = 0

    @property
    def accuracy(self) -> float | None:
        """Share of the asked that was right; None if none was asked."""
        return self.right / self.asked if self.asked else None

    @property
    def syntactic(self) -> bool:
        """Whether it is about grammar, which the name tells as in questions-words.txt."""
        return self.name.startswith("gram")

    def to_dict(self) -> dict:
        """Return the fields and the accuracy, ready for JSON."""
        told = {"name": self.name, "right": self.right, "asked": self.asked}
        return told | {"unknown": self.unknown, "accuracy": self.accuracy}


def total(name: str, sections: Iterable[Section]) -> Section:
    """Return the sums over sections, as one."""
    sections = list(sections)
    sums = (sum(getattr(s, field) for s in sections) for field in ("right", "asked", "unknown"))
    return Section(name, *sums)


def read_questions(path: str | os.PathLike) -> dict[str, list[tuple[str, str, str, str]]]:
    """Return analogies by section from a file in the form of questions-words.txt.

    ": name" begins a section; every other line has four words: the first two are to each other as
    the last two.

    Raises:
        UsageError: a line that has no four words, with its number; no question at all.
    """
    sections: dict[str, list[tuple[str, str, str, str]]] = {}
    name = ""
    try:
        for line in read_lines(path):
            where, words = f"{printable(path)}, line {line.number}", line.text.split()
            if line.problem:
                raise UsageError(f"{where}: {line.problem}")
            if words[:1] == [":"]:
                name = " ".join(words[1:])
            elif len(words) == 4:
                sections.setdefault(name, []).append(tuple(words))
            elif words:
                raise UsageError(f"{where}: an analogy has four words, not {len(words)}")
    except InputError as error:
        raise UsageError(f"{printable(path)}: {error}") from error
    if not sections:
        raise UsageError(f"{printable(path)} has no questions")
    return sections


def check_questions(sections: dict[str, Sequence]) -> None:
    """Raise UsageError for what is no question, with its section."""
    for name, questions in sections.items():
        for question in questions:
            words = question if isinstance(question, Sequence) else ()
            if len(words) != 4 or not all(isinstance(word, str) for word in words):
                where, told = f'section "{printable(name)}"', printable(repr(question))
                raise UsageError(f"{where}: an analogy has four words, and {told} has not")


def ask_all(
    space: Space, vectors: WordVectors, questions: dict[str, list], method: str
) -> list[Section]:
    """Return how sections of questions are answered.

    Letters' case does not count, as in word2vec's compute-accuracy: of words that differ in it
    alone, the most frequent one stands for all.
    """
    rows: dict[str, int] = {}
    for row, word in enumerate(vectors.words):
        rows.setdefault(_folded(word), row)
    among = np.array(list(rows.values()), np.int64)
    sections = []
    for name, asked in questions.items():
        found = [[rows.get(_folded(word), -1) for word in question] for question in asked]
        known = np.array([each for each in found if min(each) >= 0], np.int64).reshape(-1, 4)
        right = 0
        if len(known):
            right = int((space.solve(known[:, :3], among, method) == known[:, 3]).sum())
        sections.append(Section(name, right, len(known), len(asked) - len(known)))
    return sections


def _folded(word: str) -> str:
    return unicodedata.normalize("NFC", word).casefold()
