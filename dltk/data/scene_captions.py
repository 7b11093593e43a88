"""Captions of made scenes, by a small grammar: always true, and in few words.

Three references a scene, of different wording: a list of all that is there; how the two largest
stand to one another; and where things are, or, when they are many, how many there are of a kind.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

import numpy as np

NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight")
_LARGE, _SMALL = 0.38, 0.18  # longer side of a box, as shares of the picture's shorter side
_FEW = 3  # so many are told where they are
_ROWS, _COLUMNS = ("top", "", "bottom"), ("left", "", "right")


class Thing(NamedTuple):
    """One object of a scene: its kind, its colour, and its box and area in pixels."""

    kind: str
    colour: str
    box: tuple[float, float, float, float]
    area: float


def captions(
    things: Sequence[Thing],
    *,
    width: int,
    height: int,
    covers: Collection[tuple[int, int]],
    random: np.random.Generator,
) -> tuple[str, str, str]:
    """Return three captions of a scene of `width` by `height` pixels, in lower case.

    Largest things come first. Chance chooses between wordings that say the same.

    Args:
        things: all there are, at most as many as there are NUMBERS for.
        covers: pairs (front, back) of indices of things; the one hides a part of the other.
    """
    if not things:
        return "no shapes", "there are no shapes", "there is no shape"
    sizes = width, height
    order = sorted(range(len(things)), key=lambda index: -things[index].area)
    ordered = [things[index] for index in order]
    inventory = _there(_listed(_named(thing) for thing in ordered), random)
    if len(things) == 1:
        (thing,) = things
        spot = f"{_sized(thing, sizes)} {_place(thing.box, sizes)}"
        return inventory, spot, _there(f"only {article(thing.kind)}", random)
    one, other = random.permutation(order[:2])
    relation = _relation(one, other, things, covers, random)
    pair = f"{_sized(things[one], sizes)} {relation} {_sized(things[other], sizes)}"
    rest = len(things) - 2
    if rest:
        pair = f"{pair} with {NUMBERS[rest]} more shape{'s' if rest > 1 else ''}"
    if len(things) > _FEW:
        return inventory, pair, _there(_listed(thing.kind for thing in ordered), random)
    spots = [f"{article(_named(thing))} {_place(thing.box, sizes)}" for thing in ordered]
    return inventory, pair, _there(_joined(spots), random)


def _named(thing: Thing) -> str:
    return f"{thing.colour} {thing.kind}"


def _sized(thing: Thing, sizes: tuple[int, int]) -> str:
    """Return the name of a thing with its article, and its size if that is out of the common."""
    left, top, right, bottom = thing.box
    share = max(right - left, bottom - top) / min(sizes)
    size = "large " if share >= _LARGE else "small " if share <= _SMALL else ""
    return article(size + _named(thing))


def article(words: str) -> str:
    """Return "a red star", "an orange star"."""
    return f"an {words}" if words[0] in "aeiou" else f"a {words}"


def _listed(names: Iterable[str]) -> str:
    """Return how many there are of each name, in the order in which they first come."""
    numbers = Counter(names)
    return _joined([_counted(number, name) for name, number in numbers.items()])


def _counted(number: int, name: str) -> str:
    if number == 1:
        return article(name)
    return f"{NUMBERS[number]} {plural(name)}"


def plural(name: str) -> str:
    """Return the name of a kind for several: "stars", "crosses"."""
    return f"{name}{'es' if name.endswith('s') else 's'}"


def _joined(parts: Sequence[str]) -> str:
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last


def _there(words: str, random: np.random.Generator) -> str:
    """Return `words`, or, as often, that there is or are what they say."""
    if random.random() < 0.5:
        return words
    return f"there {'are' if words.split()[0] in NUMBERS[2:] else 'is'} {words}"


def _relation(
    one: int,
    other: int,
    things: Sequence[Thing],
    covers: Collection[tuple[int, int]],
    random: np.random.Generator,
) -> str:
    """Return how `one` stands to `other`: beside it where the gap between their boxes is widest.

    Where the boxes meet both ways, one is in front of the other, or they are near.
    """
    left, top, right, bottom = things[one].box
    x, y, x_end, y_end = things[other].box
    gaps = {
        "left of": x - right,
        "right of": left - x_end,
        "above": y - bottom,
        "below": top - y_end,
    }
    side, gap = max(gaps.items(), key=lambda item: item[1])
    if gap >= 0:
        return f"to the {side}" if side.endswith("of") and random.random() < 0.5 else side
    if (one, other) in covers:
        return "in front of"
    return "behind" if (other, one) in covers else "near"


def _place(box: tuple[float, float, float, float], sizes: tuple[int, int]) -> str:
    """Return in which ninth of the picture the middle of a box lies, with its preposition."""
    place = ninth(box, sizes)
    if place == "middle":
        return "in the middle"
    return f"{'on' if place in _COLUMNS else 'at'} the {place}"


def ninth(box: tuple[float, float, float, float], sizes: tuple[int, int]) -> str:
    """Return the ninth of a picture of `sizes` in which the middle of a box lies: "top left".

    Those between two corners are "top", "left", "right" and "bottom"; the last one is "middle".
    """
    left, top, right, bottom = box
    row = _ROWS[int(3 * (top + bottom) / 2 / sizes[1])]
    column = _COLUMNS[int(3 * (left + right) / 2 / sizes[0])]
    return f"{row} {column}".strip() or "middle"
