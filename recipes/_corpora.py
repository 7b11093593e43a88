"""Running text as a user names it, and how a run folder finds it again."""

from __future__ import annotations

import os
from collections.abc import Iterable

from dltk.text.corpus import Corpus
from dltk.weights import Report


def named(data: str | os.PathLike | Iterable[str | os.PathLike] | Corpus) -> str | list[str] | None:
    """Return data as a run folder keeps them, to find them again from another folder.

    None for what is in memory, and for a file or folder, of which it is kept anyway.
    """
    if isinstance(data, Corpus):
        return None
    if isinstance(data, (str, os.PathLike)):
        return None if os.path.lexists(data) else _absolute(os.fspath(data))
    return [_absolute(os.fspath(each)) for each in data]


def found(where: str, *, report: Report) -> Corpus:
    """Return the text that a name means, see `dltk.text.corpus.text_files`."""
    return Corpus.found(where, report)


def _absolute(name: str) -> str:
    if name.startswith("@") and not os.path.lexists(name):
        return "@" + os.path.abspath(name[1:])
    return os.path.abspath(name)
