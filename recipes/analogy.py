"""Ask vectors of words: which are alike, and what is to one word as two others to each other.

from recipes.analogy import analogy

print(analogy("king - man + woman", model="vectors.bin").answers[0])
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from dltk.errors import UsageError, printable
from dltk.text.vectors import WordVectors, read_vectors
from dltk.weights import Report, silent
from dltk.wording import amount
from recipes._analogies import (
    METHODS,
    Near,
    Section,
    Space,
    Term,
    ask_all,
    check_questions,
    parse_terms,
    read_questions,
    total,
)
from recipes._checks import check_choice, check_whole

RESTRICT = 30_000
"""Of the most frequent words questions are asked of a file, as word2vec's demo-word.sh does."""
_OF_RUN = "vectors.bin"  # as trainings call it
_ON_MAP = 150  # words of a map, if none are named
_FEW = 40  # words up to which a map is two principal components


@dataclass(frozen=True)
class Analogy:
    """A question and its answers.

    Attributes:
        terms: of the question, in order.
        answers: words with scores, the best first.
    """

    terms: tuple[Term, ...]
    answers: tuple[Near, ...]

    def to_dict(self) -> dict:
        """Return the question and its answers, ready for JSON."""
        question = " ".join(f"{'+' if term.sign > 0 else '-'} {term.word}" for term in self.terms)
        answers = [{"word": near.word, "score": round(near.score, 5)} for near in self.answers]
        return {"question": question.removeprefix("+ "), "answers": answers}


@dataclass(frozen=True)
class AnalogyEvaluation:
    """How well questions are answered.

    Attributes:
        sections: of each kind, in the order of the file.
        words: how many were looked among.
    """

    sections: tuple[Section, ...]
    words: int

    @property
    def totals(self) -> tuple[Section, ...]:
        """All sections on meaning, all on grammar, and all."""
        syntactic = [section for section in self.sections if section.syntactic]
        semantic = [section for section in self.sections if not section.syntactic]
        parts = total("semantic", semantic), total("syntactic", syntactic)
        return (*parts, total("total", self.sections))

    def to_dict(self) -> dict:
        """Return all scores, ready for JSON."""
        return {
            "words": self.words,
            "sections": [section.to_dict() for section in self.sections],
            **{section.name: section.to_dict() for section in self.totals},
        }


def analogy(
    question: str | Iterable[str],
    *,
    model: str | os.PathLike | WordVectors,
    top: int = 10,
    method: str = "add",
    restrict: int | None = None,
    report: Report = silent,
) -> Analogy:
    """Answer a question about words: "king - man + woman", or the words nearest to a single one.

    Args:
        question: words with + and - between them, as text or piece by piece. A sign may stand in
            front of the first one. The words of the question are no answers.
        model: a file of vectors, see `dltk.text.vectors.read_vectors`, or what it returns.
        top: answers, at most.
        method: "add" or "mul", see `recipes._analogies.Space.answers`.
        restrict: look among the most frequent words only, so many; None for all.
        report: called with a line on what was read.
    Raises:
        UsageError: a question that is none, has a word without a vector, or whose words add up
            to no direction.
        DltkError: a file that is none of vectors.
    """
    check_whole("top", top, 1)
    _check(method, restrict)
    terms = parse_terms(question)
    space = Space(_read(model, report), restrict)
    return Analogy(terms, tuple(space.answers(terms, method=method, top=top)))


def evaluate_analogies(
    questions: str | os.PathLike | dict[str, Sequence[tuple[str, str, str, str]]],
    *,
    model: str | os.PathLike | WordVectors,
    method: str = "add",
    restrict: int | None = RESTRICT,
    report: Report = silent,
) -> AnalogyEvaluation:
    """Measure how well analogies are solved: of four words, the last is asked for.

    Mikolov et al. 2013, https://arxiv.org/abs/1301.3781, Sec. 4.1. Questions with words that have
    no vector, or are not frequent enough, are not asked, but counted.

    Args:
        questions: a file in the form of questions-words.txt, or the questions of each section.
        model, method, report: see `analogy`.
        restrict: take only so many of the most frequent words; None for all.
    Raises:
        UsageError: a file that has no questions, or what is none: it has not four words.
        DltkError: a file that is none of vectors.
    """
    _check(method, restrict)
    asked = questions if isinstance(questions, dict) else read_questions(questions)
    check_questions(asked)
    vectors = _first(_read(model, report, most=restrict), restrict)
    sections = ask_all(Space(vectors), vectors, asked, method)
    return AnalogyEvaluation(tuple(sections), len(vectors))


def draw_word_map(
    path: str | os.PathLike,
    *,
    model: str | os.PathLike | WordVectors,
    words: Sequence[str] = (),
    seed: int = 0,
    report: Report = silent,
) -> int:
    """Draw words in the plane, those that are alike side by side; return how many.

    Up to 40 words by the first two principal components of their directions, which show what pairs
    have in common (Mikolov et al. 2013, https://arxiv.org/abs/1310.4546, Fig. 2); more by t-SNE.

    Args:
        path: of a PNG file.
        model: see `analogy`.
        words: to draw; if none are named, the 150 most frequent ones.
        seed: of t-SNE.
    Raises:
        UsageError: a word without a vector, or only one word.
        DltkError: the file cannot be written, or is none of vectors.
    """
    from dltk.plots_words import plot_words
    from recipes._plane import components_of, places_of

    vectors = _read(model, report, most=None if words else _ON_MAP)
    space = Space(vectors)
    rows = [space.row(word) for word in dict.fromkeys(words)] or list(range(len(vectors)))[:_ON_MAP]
    if len(rows) < 2:
        raise UsageError("a map has two words at least")
    directions = space.directions(rows)
    few = len(rows) <= _FEW
    places = components_of(directions) if few else places_of(directions, seed)
    how = "first and second principal component" if few else "t-SNE"
    plot_words([vectors.words[row] for row in rows], places, path, how=how)
    return len(rows)


def _check(method: str, restrict: int | None) -> None:
    check_choice("method", method, METHODS)
    if restrict is not None:
        check_whole("restrict", restrict, 2)


def _read(model, report: Report, *, most: int | None = None) -> WordVectors:
    if isinstance(model, WordVectors):
        return model
    inside = Path(model) / _OF_RUN
    if inside.is_file():
        raise UsageError(f"{printable(model)} is a run folder; take {printable(inside)}")
    if inside.parent.suffix == ".keras":
        raise UsageError(
            f"{printable(model)} is a model file; name a file of vectors, such as the {_OF_RUN} "
            'that "dltk text vectors" writes'
        )
    vectors = read_vectors(model, most=most, report=report)
    size = vectors.vectors.shape[1]
    report(f"{amount(len(vectors), 'word')} with {amount(size, 'number')} each")
    return vectors


def _first(vectors: WordVectors, count: int | None) -> WordVectors:
    if count is None or len(vectors) <= count:
        return vectors
    return WordVectors(vectors.words[:count], vectors.vectors[:count])
