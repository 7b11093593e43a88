"""Questions listed in a table: a row for each answer, with the path of its picture."""

from __future__ import annotations

import csv
from itertools import islice
from pathlib import Path

from dltk.data.captions.listed import Listed
from dltk.data.captions.table import COLUMNS as _OF_CAPTIONS
from dltk.data.captions.table import listed_rows, several
from dltk.data.objects.files import children
from dltk.data.questions.questioned import Asked, GatheredQuestions
from dltk.data.table import header_of
from dltk.data.utf8 import lines_of
from dltk.weights import Report, silent

_COLUMNS = {
    "path": _OF_CAPTIONS["path"],
    "question": ("question", "questions", "query"),
    "answer": ("answer", "answers"),
    "split": _OF_CAPTIONS["split"],
    "kind": ("kind", "answer_type", "question_type", "type"),
}
_NEEDED = ("path", "question", "answer")
_SUFFIXES = (".csv", ".tsv", ".txt")
_START = 64 << 10  # bytes, in which the header must end
_MOST_FILES = 50  # of a folder, that are looked into


def heads_questions(path: Path) -> bool:
    """Return whether a file is a table with paths, questions and answers, by its first line."""
    if not path.name.lower().endswith(_SUFFIXES):
        return False
    try:
        with open(path, "rb") as file:
            start = file.read(_START).decode("utf-8-sig", errors="replace")
        columns, _ = header_of(next((line for _, line in lines_of(start)), ""))
    except (OSError, csv.Error):
        return False
    return all(any(name in columns for name in _COLUMNS[field]) for field in _NEEDED)


def question_tables(folder: Path) -> list[Path]:
    """Return the tables of questions in a folder."""
    names = (name for name in children(folder)[1] if name.lower().endswith(_SUFFIXES))
    paths = (folder / name for name in islice(names, _MOST_FILES))
    return [path for path in paths if heads_questions(path)]


def gather_table(
    path: Path,
    root: Path,
    found: GatheredQuestions,
    *,
    split: str | None = None,
    report: Report = silent,
) -> None:
    """Add the pictures listed in a table (UTF-8; commas, semicolons, tabs or bars) to the found.

    Its header names the columns "path", "question" and "answer", and maybe "split" and "kind"; or
    other usual names of these, such as "image" and "answer_type". Rows of one picture and one
    question are answers of several people, as is a list in JSON in a cell. For pictures, and rows
    that cannot be used, see `dltk.data.captions.table.gather_table`.

    Args:
        split: of all pictures, where no column says it.
    Raises:
        UsageError: it cannot be read, or has not these columns.
    """
    listed = Listed(path, root, found, split=split)
    for where, fields in listed_rows(path, listed, _COLUMNS, needed=_NEEDED, last="answer"):
        text, answers = fields["question"], several(fields["answer"])
        key = " ".join(text.split()).casefold()
        asked = Asked(key, text, fields.get("kind"), [(f"{listed.name}, {where}", answers)])
        listed.add(where, fields["path"], [asked], split=fields.get("split"))
    listed.hand_over()
