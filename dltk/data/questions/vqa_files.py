"""Where VQA's files are: questions, and the file beside them that has their answers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from dltk.data.objects.coco_files import holds_answers, holds_questions, one_a_split, split_of
from dltk.data.objects.files import children, named
from dltk.data.questions.questioned import GatheredQuestions
from dltk.data.rows import split_named
from dltk.errors import UsageError, printable

_FOLDERS = ("annotations", "questions", "answers")
_OF_KIND = re.compile(
    r"open[-_ ]?ended|multiple[-_ ]?choice|questions?|annotations?|answers?|[\W_]+", re.IGNORECASE
)
_CHOICE = re.compile(r"multiple[-_ ]?choice", re.IGNORECASE)


class Pair(NamedTuple):
    """Two files of VQA that belong together."""

    questions: Path
    answers: Path


def question_pairs(folder: Path, found: GatheredQuestions | None = None) -> dict[str | None, Pair]:
    """Return the pairs of VQA's files in a folder, by split; nothing if it has none.

    They are in the folder itself, in annotations/, questions/ or answers/, or in a folder of a
    split. Two belong together if they are called the same but for words such as "questions",
    "OpenEnded" and "annotations". The split is a word of the questions' name, or of their folder's.
    Where there are the same questions with and without a choice of answers, as in VQA's first
    version, those without are taken.

    Args:
        found: is told of files that are not used.
    Raises:
        UsageError: two pairs mean the same split.
    """
    questions, answers = _files(folder)
    pairs: dict[Path, Pair] = {}
    for path in sorted(questions, key=lambda path: bool(_CHOICE.search(path.name))):
        partner = _partner(path, answers, alone=len(questions) == 1)
        same = next((pair for pair in pairs.values() if pair.answers == partner), None)
        if partner is None:
            _pass_over(found, path, folder, "no file with the answers beside it")
        elif same:
            _pass_over(found, path, folder, f"{same.questions.name} has its questions")
        else:
            pairs[path] = Pair(path, partner)
    used = {pair.answers for pair in pairs.values()}
    for path in answers:
        if path not in used:
            _pass_over(found, path, folder, "no file with the questions beside it")
    if not pairs:
        return {}
    chosen = one_a_split([path for path in questions if path in pairs], folder, found)
    return {split: pairs[path] for split, path in chosen.items()}


def pair_of(path: Path) -> Pair:
    """Return the pair to which a file belongs that is named itself, be it questions or answers.

    The other one is in its folder; or, if that is called annotations/ or after its kind, beside it.

    Raises:
        UsageError: it is neither, or the other one is not there.
    """
    asks = holds_questions(path)
    if not asks and not holds_answers(path):
        raise UsageError(f'{printable(path)} holds no questions: it has no list "questions"')
    folder = path.parent
    places = [folder, folder.parent] if folder.name.casefold() in _FOLDERS else [folder]
    for place in places:
        files = _files(place)
        own, others = files if asks else reversed(files)
        if partner := _partner(path, others, alone=len(own) == 1):
            return Pair(path, partner) if asks else Pair(partner, path)
    have, want = ("questions", "answers") if asks else ("answers", "questions")
    example = "v2_mscoco_val2014_annotations.json" if asks else "v2_OpenEnded_…_questions.json"
    raise UsageError(
        f"{printable(path)} has {have}, and no file with their {want} is beside it, "
        f"such as {example} or {want}_val.json; put it there"
    )


def _files(folder: Path) -> tuple[list[Path], list[Path]]:
    """Return the files of questions and those of answers in a folder and in some in it."""
    inner = [
        name for name in children(folder)[0] if name.casefold() in _FOLDERS or split_named(name)
    ]
    places = [folder, *(folder / name for name in inner)]
    paths = [place / name for place in places for name in children(place)[1]]
    paths = [path for path in paths if path.suffix.lower() == ".json"]
    questions = [path for path in paths if holds_questions(path)]
    others = (path for path in paths if path not in questions)
    return questions, [path for path in others if holds_answers(path)]


def _partner(path: Path, others: list[Path], *, alone: bool) -> Path | None:
    """Return the file of the other kind that belongs to one.

    Args:
        alone: whether there is no second one of its own kind.
    """
    called = [other for other in others if _called(other) == _called(path)]
    if alone and len(others) == 1 and not called:
        of_other_splits = {split_of(path), split_of(others[0])} - {None}
        called = others if len(of_other_splits) <= 1 else []
    if len(called) > 1:
        called = [other for other in called if not _CHOICE.search(other.name)]
    return called[0] if len(called) == 1 else None


def _called(path: Path) -> tuple[str | None, str]:
    """Return what two files that belong together have in common."""
    words = _OF_KIND.sub(" ", path.stem).casefold().split()
    return split_named(path.parent.name), " ".join(words)


def _pass_over(found: GatheredQuestions | None, path: Path, folder: Path, why: str) -> None:
    if found:
        found.pass_over(named(path, folder), why)
