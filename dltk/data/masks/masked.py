"""What readers of label maps gather: pictures, and how the label map of each is come by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
from PIL import Image

from dltk.data.gathered import Notes
from dltk.data.objects.shapes import Sheet
from dltk.errors import InputError
from dltk.headers import Header
from dltk.masks import IGNORE, MOST_CLASSES, counted

Faults = list[tuple[str, str]]  # (where, what), `what` as "kind: how"


@dataclass(frozen=True, eq=False, kw_only=True)
class Mask:
    """The label map of one picture, made whenever it is asked for. Subclasses say of what.

    Attributes:
        file: what annotates the picture, to say where something is amiss.
        size: (width, height) of the upright picture; None until it is known.
        turn: what turns the label map as it was annotated upright; None for nothing.
        classes: their number.
        white: whether 255 stands for class 1, and no pixel is ignored.
    """

    file: str
    size: tuple[int, int] | None = None
    turn: Image.Transpose | None = None
    classes: int = MOST_CLASSES
    white: bool = False

    @property
    def stated(self) -> tuple[int, int] | None:
        """(width, height) that was annotated; None where only the picture tells."""
        raise NotImplementedError

    @property
    def as_stated(self) -> str:
        """What goes before that size in a sentence about the picture."""
        raise NotImplementedError

    def numbers(self, faults: Faults) -> np.ndarray:
        """Return the label map as it was annotated, uint8. Raises InputError.

        Args:
            faults: gets what is amiss and was mended.
        """
        raise NotImplementedError

    def fitted(self, header: Header) -> Self:
        """Return the same for a picture with that header. Raises InputError: of another size."""
        sheet = Sheet.under(header, self.stated, self.as_stated)
        return replace(self, size=header.upright, turn=sheet.turn)

    def upright(self, faults: Faults) -> np.ndarray:
        """Return the label map of the upright picture, uint8 (H, W). Raises InputError."""
        labels = self.numbers(faults)
        if self.turn is not None:
            labels = np.asarray(Image.fromarray(labels).transpose(self.turn))
        if labels.shape != self.size[::-1]:  # only if files were changed since they were first read
            now, then = "{1} × {0}".format(*labels.shape), "{} × {}".format(*self.size)
            raise InputError(f"it was {then}, and {self.as_stated} now {now}")
        if self.white:
            labels = np.where(labels == IGNORE, np.uint8(1), labels)
        return labels

    def __call__(self) -> np.ndarray:
        """Return the label map, uint8 (H, W). Raises InputError."""
        labels = self.upright([])
        self.check(labels)
        return labels

    def check(self, labels: np.ndarray) -> None:
        """Raise InputError if one of these labels is beyond the classes."""
        try:
            counted(labels, self.classes)
        except InputError as error:
            raise InputError(f"its mask {self.file}: {error}") from error


@dataclass(slots=True)
class Masked:
    """One picture as a reader found it.

    Attributes:
        split: "train", "val", "test", or None.
        name: its path relative to the data's root, with "/" between the parts.
        source: what `dltk.images.decode` takes, or a function that returns it.
        mask: its label map.
    """

    split: str | None
    name: str
    source: object
    mask: Mask


@dataclass
class GatheredMasks(Notes):
    """All that a reader found.

    Attributes:
        pictures: in their final order.
        classes: in the order of the labels; None where they are known by number only.
        usual: names that such data usually has, taken where none are given and none is beyond.
        numbers: whether label maps are files of numbers: where all have nothing but 0 and 255,
            these are two classes.
    """

    pictures: list[Masked] = field(default_factory=list)
    classes: Sequence[str] | None = None
    usual: Sequence[str] = ()
    numbers: bool = True
