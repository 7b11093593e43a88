"""What becomes of a photo that is translated."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from dltk.batch import Item
from dltk.errors import InputError, printable

if TYPE_CHECKING:  # which needs TensorFlow
    from dltk.painting.photo import Painting


@dataclass(eq=False)
class Translated:
    """What became of one photo.

    Attributes:
        item: the photo.
        domain: of which it is a picture now.
        painting: the picture, with the photo's ICC profile and EXIF; None where it failed.
        error: why it failed, or None.
        files: what was written, by kind.
    """

    item: Item
    domain: str
    painting: Painting | None = None
    error: str | None = None
    files: dict[str, Path] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.item.name

    @property
    def image(self) -> Image.Image | None:
        """The picture, RGB; None where it failed."""
        return self.painting and self.painting.image

    def save(self, path: str | os.PathLike) -> None:
        """Write the picture, with the photo's ICC profile and EXIF.

        Raises:
            InputError: there is none.
            DltkError: it cannot be written.
        """
        if self.painting is None:
            raise InputError(f"{printable(self.name)} was not translated: {self.error}")
        self.painting.save(path)

    def to_dict(self) -> dict:
        """Return the record of this photo, ready for JSON."""
        if self.painting is None:
            return {"path": self.name, "status": "failed", "error": self.error}
        width, height = self.image.size
        fields = {"path": self.name, "status": "ok", "width": width, "height": height}
        if self.files:
            fields["files"] = {kind: str(path) for kind, path in self.files.items()}
        return fields
