"""What can go wrong, as one-line messages with an exit code. Standard library only."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from contextlib import suppress

_WORD = re.compile(r"\w+")


class DltkError(Exception):
    """A problem the user can act on.

    The message is one line: what, where (path, option, value), why, what to do.
    The command line prints it without a traceback and leaves with `exit_code`.
    """

    exit_code = 1


class UsageError(DltkError):
    """The request itself cannot work: an unknown name, options that contradict each other."""

    exit_code = 2


class WeightsError(DltkError):
    """Pretrained weights are missing, damaged or cannot be reached."""

    exit_code = 4


class InputError(DltkError):
    """One input cannot be used. A batch records it and goes on with the rest."""


class InterruptedRunError(DltkError):
    """The user stopped a run that can go on; the message has the command for it."""

    exit_code = 130


class PipeClosedError(DltkError):
    """Nobody reads our output any more, as after `| head`: no reason to say anything."""

    exit_code = 0


def nearest(word: str, choices: Iterable[str]) -> str:
    """Return ' Did you mean "x"?' for the choice most like `word`, or '' when none is near.

    A choice of several words of which it is one comes first: a "tiger cat" is nearer to "cat" than
    a "crate" is.
    """
    folded = {choice.casefold(): choice for choice in choices}
    holding = [choice for choice in folded if word.casefold() in _WORD.findall(choice)]
    close = difflib.get_close_matches(word.casefold(), folded, n=1, cutoff=0.6)
    matches = sorted(holding, key=len) or close
    return f' Did you mean "{folded[matches[0]]}"?' if matches else ""


def printable(name: object) -> str:
    """Return a file name as text that is safe on one line of a terminal or a log.

    Control characters and bytes that are not UTF-8 become backslash escapes, so that a name with
    a newline in it cannot forge a second line.
    """
    text = str(name)
    with suppress(UnicodeEncodeError):  # halves of characters, as JSON may hold; escaped below
        text = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def reason(error: BaseException) -> str:
    """Return why an operating-system call failed, without its number and path."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
