"""What the recipes that paint over photos share: their results, and the way from photos to them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from PIL import Image

from dltk.batch import Item
from dltk.errors import InputError, printable
from dltk.painting.photo import Painting
from dltk.painting.share import devices_of, share_out
from dltk.painting.watch import Stop
from dltk.strategy import Placement

Result = TypeVar("Result")
Studio = TypeVar("Studio")


@dataclass
class Painted:
    """What became of one photo.

    Attributes:
        item: the photo.
        paintings: by name; none where it failed.
        error: why it failed or is not finished, or None.
        files: what was written, by kind.
    """

    item: Item
    paintings: dict[str, Painting] = field(default_factory=dict)
    error: str | None = None
    files: dict[str, Path] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.item.name

    @property
    def painting(self) -> Painting | None:
        """The first painting, or None where it failed."""
        return next(iter(self.paintings.values()), None)

    @property
    def image(self) -> Image.Image | None:
        """The first painting's picture, RGB; None where it failed."""
        return self.painting and self.painting.image

    @property
    def trace(self) -> list[dict]:
        """The first painting's trace, see `dltk.painting.watch.Watch`."""
        return self.painting.trace if self.painting else []

    def save(self, path: str | os.PathLike) -> None:
        """Write the first painting, with the photo's ICC profile and EXIF.

        Raises:
            InputError: there is none.
            DltkError: it cannot be written.
        """
        if self.painting is None:
            raise InputError(f"{printable(self.name)} was not painted: {self.error}")
        self.painting.save(path)

    def losses(self) -> dict[str, float]:
        """Return the last loss of each painting, by its name."""
        return {
            name: float(f"{painting.trace[-1]['loss']:.6g}")
            for name, painting in self.paintings.items()
            if painting.trace
        }

    def to_dict(self) -> dict:
        """Return the record of this photo, ready for JSON."""
        fields = {"path": self.name, "status": "ok" if self.error is None else "failed"}
        if self.error is not None:
            fields["error"] = self.error
        if self.painting is not None:
            fields["width"], fields["height"] = self.image.size
            fields["steps"] = len(self.trace)
            fields["losses"] = self.losses()
        if self.files:
            fields["files"] = {kind: str(path) for kind, path in self.files.items()}
        return fields


def paint_each(
    items: Iterable[Item],
    studio_on: Callable[[str], Studio],
    paint: Callable[[Item, Studio, Stop], Result],
    placement: Placement,
    *,
    at_once: int | None,
    tell: Callable[[Studio], None],
) -> Iterator[Result]:
    """Yield what `paint` makes of each item, in a studio on one of the devices.

    Args:
        studio_on: builds what is needed on a device, by its name.
        tell: called with the first studio, before anything is painted.
        placement, at_once: see `dltk.painting.share.share_out`.
    """
    studios = {device: studio_on(device) for device in devices_of(placement, at_once)}
    tell(next(iter(studios.values())))
    stop = Stop()

    def work(item: Item, device: str) -> Result:
        return paint(item, studios[device], stop)

    with closing(share_out(work, items, placement, stop=stop, at_once=at_once)) as results:
        yield from results
