"""What readers of objects gather: annotated pictures, and what was amiss with them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from dltk.data.gathered import Notes
from dltk.wording import amount


class Annotation(NamedTuple):
    """One object as a file has it.

    Attributes:
        where: its place in the file, such as "line 3".
        label: the name of its class.
        box: left, top, right, bottom, in pixels or in shares of the picture.
        ignored, area: see `dltk.objects.Objects`; NaN for an area that is not given.
        shape: its outlines or run lengths, as COCO has them, where these were asked for; or None.
    """

    where: str
    label: str
    box: Sequence[float]
    ignored: bool = False
    area: float = math.nan
    shape: object = None


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

    @property
    def said(self) -> str:
        """What is known of it in short, "" for nothing."""
        return amount(len(self.objects), "object") if self.objects else ""


@dataclass
class Gathered(Notes):
    """All that a reader found.

    Attributes:
        pictures: in their final order.
        classes: in the order of the labels; None for those of the annotations, sorted.
        shares: whether boxes are in shares of the picture's width and height, not in pixels.
    """

    pictures: list[Annotated] = field(default_factory=list)
    classes: Sequence[str] | None = None
    shares: bool = False

    def pass_over(self, name: str, why: str, objects: int = 0) -> None:
        """Note a file that is no example, and how many objects are lost with it."""
        super().pass_over(name, f"{why}, with {amount(objects, 'object')}" if objects else why)

    def pass_damaged(self, name: str, why: str, objects: int = 0) -> None:
        """Note a picture, or what annotates it, that is missing or cannot be read."""
        super().pass_damaged(name, f"{why}, with {amount(objects, 'object')}" if objects else why)

    def lose(self, picture: Annotated, where: str, kind: str, what: str = "") -> None:
        """Note an object of a picture of which nothing usable is said."""
        self.repair(f"{picture.file}, {where}", kind, f"{what}, left out" if what else "left out")
        picture.lost += 1


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
