"""Annotations in JSON, or why a file is none."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

from dltk.data.objects.files import read_bounded
from dltk.data.utf8 import decoded
from dltk.errors import UsageError, printable

_MOST_BYTES = 2 << 30
_BIG_BYTES = 100 << 20  # takes a while to read
_LETTERS = 40  # of a wrong value, in a message
_LISTS = re.compile(r'"(images|annotations|categories)"\s*:')


def is_big(path: Path) -> bool:
    """Return whether a file takes so long to read that this should be said."""
    return path.stat().st_size > _BIG_BYTES


def load_json(path: Path, *, hook: Callable[[dict], dict] | None = None) -> object:
    """Return what is in a file of JSON.

    Args:
        hook: is given each object as it is read, and returns what to keep of it.
    Raises:
        UsageError: unreadable, cut short, or no JSON; with the place.
    """
    text = decoded(read_bounded(path, _MOST_BYTES), path)
    try:
        return json.loads(text, object_hook=hook)
    except json.JSONDecodeError as error:
        raise UsageError(f"cannot read {printable(path)}: {_why(text, error)}") from error
    except (RecursionError, ValueError) as error:  # lists in lists, numbers of 5000 digits
        why = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise UsageError(f"cannot read {printable(path)}: {printable(why)}") from error


def shown(value: object) -> str:
    """Return a wrong value for a message, cut to some length."""
    text = repr(value)
    return text if len(text) <= _LETTERS else text[: _LETTERS - 1] + "…"


def _why(text: str, error: json.JSONDecodeError) -> str:
    end = text.rstrip()
    if error.pos < len(end) and end.endswith(("}", "]")):
        return f"{error.msg} in line {error.lineno}, column {error.colno}: it is no JSON"
    last = _LISTS.findall(text)
    place = f'in "{last[-1]}", ' if last else ""
    return (
        f"it ends {place}in line {end.count(chr(10)) + 1}, after {len(end)} characters: "
        "it was cut short; copy it again"
    )
