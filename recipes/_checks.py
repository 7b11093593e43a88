"""Values that options take, checked: what a command line has parsed, Python may get wrong."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from numbers import Integral, Real

from dltk.errors import UsageError, nearest, printable
from dltk.painting import LARGEST
from dltk.text.lines import not_utf8

_PRECISIONS = ("auto", "float32", "bfloat16")


def check_whole(option: str, value, least: int, most: int | None = None) -> None:
    """Raise UsageError unless `value` is a whole number from `least` to `most`, None for any."""
    _check_integral(option, value)
    if value < least:
        raise UsageError(f"{_dashed(option)} is at least {least}, not {value}")
    if most is not None and value > most:
        raise UsageError(f"{_dashed(option)} is at most {most}, not {value}")


def check_multiple(option: str, value, of: int, least: int, most: int) -> None:
    """Raise UsageError unless `value` is a multiple of `of` from `least` to `most`.

    Args:
        least, most: multiples themselves.
    """
    _check_integral(option, value)
    if value % of or not least <= value <= most:
        near = min(most, max(least, round(value / of) * of))
        raise UsageError(
            f"{_dashed(option)} {value} is not a multiple of {of} from {least} to {most}; "
            f"take {near}"
        )


def check_number(
    option: str,
    value,
    least: float = 0.0,
    most: float = math.inf,
    *,
    above: bool = False,
    below: bool = False,
) -> None:
    """Raise UsageError unless `value` is a finite number from `least` (or above) to `most` (or
    below)."""
    known = isinstance(value, Real) and math.isfinite(value)
    at_border = (above and value == least) or (below and value == most)
    if known and least <= value <= most and not at_border:
        return
    span = f"above {least:g}" if above else f"of at least {least:g}"
    if most < math.inf:
        span = f"from {least:g} to {'below ' * below}{most:g}"
    raise UsageError(f"{_dashed(option)} is a number {span}, not {printable(str(value))}")


def check_text(option: str, value: str) -> None:
    """Raise UsageError if there are bytes in a text that are not UTF-8, or halves of characters."""
    if problem := not_utf8(value):
        raise UsageError(f"{_dashed(option)} is {problem}")


def check_choice(option: str, value, choices) -> None:
    """Raise UsageError unless `value` is one of `choices`, of which None may be one."""
    if value not in choices:
        known = list(filter(None, choices))
        shown, hint = printable(str(value)), nearest(str(value), known)
        raise UsageError(
            f"{_dashed(option)} is one of {', '.join(known)}, not {shown}{hint and '.' + hint}"
        )


def check_idle(options: Iterable[str], asked, defaults: Mapping, why: str) -> None:
    """Raise UsageError if one of some options was given, which do nothing here.

    Args:
        asked: has what was asked for, by name.
        defaults: what they are where they are not given.
        why: they do nothing.
    """
    for option in options:
        if getattr(asked, option) != defaults[option]:
            raise UsageError(f"{_dashed(option)} has no meaning here: {why}")


def check_precision(precision: str) -> None:
    """Raise UsageError for what painting cannot be done in: Gram matrices overflow float16."""
    check_choice("precision", precision, _PRECISIONS)


def check_size(size, least: int) -> int:
    """Return the pixels of the longer side that `size` means: a number, or "keep" for the photo's.

    Raises:
        UsageError: neither, or outside of `least` to 4096.
    """
    if isinstance(size, str) and size == "keep":
        return LARGEST
    if not isinstance(size, Integral) or not least <= size <= LARGEST:
        raise UsageError(f"--size is keep, or pixels from {least} to {LARGEST}, not {size!r}")
    return int(size)


def _check_integral(option: str, value) -> None:
    if not isinstance(value, Integral):
        raise UsageError(f"{_dashed(option)} is a whole number, not {printable(str(value))}")


def _dashed(option: str) -> str:
    return "--" + option.replace("_", "-")
