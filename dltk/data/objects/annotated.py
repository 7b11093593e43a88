"""What readers of objects gather: annotated pictures, and what was amiss with them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple


class Annotation(NamedTuple):
    """One object as a file has it.

    Attributes:
        where: its place in the file, such as "line 3".
        label: the name of its class.
        box: left, top, right, bottom, in pixels or in shares of the picture.
        ignored, area: see `dltk.objects.Objects`; NaN for an area that is not given.
    """

    where: str
    label: str
    box: Sequence[float]
    ignored: bool = False
    area: float = math.nan


@dataclass(slots=True)
class Annotated:
    """One picture as a reader found it.

    Attributes:
        split: "train", "val", "test", or None.
        name: its path relative to the data's root, with "/" between the parts.
        source: what `dltk.images.decode` takes, or a function that returns it.
        file: what annotates it, to say where something is amiss.
        objects: in it.
        stated: (width, height) by the annotation, or None.
        lost: how many more objects there are of which the annotation says nothing usable.
    """

    split: str | None
    name: str
    source: object
    file: str
    objects: list[Annotation] = field(default_factory=list)
    stated: tuple[int, int] | None = None
    lost: int = 0


@dataclass
class Gathered:
    """All that a reader found.

    Attributes:
        where: the data, as the user named it.
        pictures: in their final order.
        classes: in the order of the labels; None for those of the annotations, sorted.
        shares: whether boxes are in shares of the picture's width and height, not in pixels.
        passed_over, damaged, repairs: see `dltk.data.examples.ObjectData`.
    """

    where: str
    pictures: list[Annotated] = field(default_factory=list)
    classes: Sequence[str] | None = None
    shares: bool = False
    passed_over: list[tuple[str, str]] = field(default_factory=list)
    damaged: list[tuple[str, str]] = field(default_factory=list)
    repairs: list[tuple[str, str]] = field(default_factory=list)

    def pass_over(self, name: str, why: str, objects: int = 0) -> None:
        """Note a file that is no example, and how many objects are lost with it."""
        self.passed_over.append((name, f"{why}, with {counted(objects)}" if objects else why))

    def pass_damaged(self, name: str, why: str, objects: int = 0) -> None:
        """Note a picture, or what annotates it, that is missing or cannot be read."""
        self.pass_over(name, why, objects)
        self.damaged.append(self.passed_over[-1])

    def lose(self, picture: Annotated, where: str, kind: str, what: str = "") -> None:
        """Note an object of a picture of which nothing usable is said."""
        self.repair(f"{picture.file}, {where}", kind, f"{what}, left out" if what else "left out")
        picture.lost += 1

    def repair(self, where: str, kind: str, how: str) -> None:
        """Note what was changed or left out. Lines of one kind are counted together."""
        self.repairs.append((where, f"{kind}: {how}"))


def counted(objects: int) -> str:
    """Return "1 object", "2 objects"."""
    return f"{objects} object{'s' * (objects != 1)}"


def number(text: str) -> float:
    """Return the number that a text spells, NaN for what is none."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def no_numbers(words: Iterable[str]) -> tuple[str, str]:
    """Return what is wrong with coordinates that are none, for `Gathered.lose`."""
    return "coordinates that are no numbers", f"({', '.join(words)})"


def stated_size(width: float, height: float) -> tuple[int, int] | None:
    """Return a size that an annotation gives, None for what cannot be one, such as 0 × 0."""
    if not all(1 <= side < 1e6 for side in (width, height)):  # nor NaN
        return None
    return round(width), round(height)
