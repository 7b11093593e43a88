"""The photo that is painted over, and the picture that becomes of it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from PIL import Image

from dltk.batch import Item
from dltk.errors import InputError
from dltk.images import encode
from dltk.metadata import exif_of, from_srgb, to_srgb
from dltk.painting import LARGEST
from dltk.painting.scales import shrink, to_picture
from dltk.painting.watch import save_trace

_QUALITY = 95


@dataclass(frozen=True)
class Photo:
    """A photo to paint over.

    Attributes:
        picture: upright, in sRGB, at the size to paint.
        profile, exif: of its file, which the painting gets too.
    """

    picture: Image.Image
    profile: bytes | None = None
    exif: bytes | None = None


def open_photo(item: Item, *, size: int | None, least: int = 1) -> Photo:
    """Read a photo.

    Args:
        size: pixels of the longer side, at most; None to keep it, up to LARGEST.
        least: pixels that the shorter side must then have.
    Raises:
        InputError: not a picture, damaged, or too small.
    """
    side = size or LARGEST
    picture = item.decode(at_least=side)
    profile, exif = picture.info.get("icc_profile"), exif_of(item.source)
    own = picture.size
    picture = shrink(to_srgb(picture), side)
    if min(picture.size) < least:
        enough = -(-least * max(own) // min(own))
        way_out = f"; ask for --size {enough}" if min(own) >= least else ""
        reduced = " as it was reduced" if picture.size != own else ""
        raise InputError(
            f"too small: {picture.width} × {picture.height} pixels{reduced}, and the network needs "
            f"{least} on the shorter side{way_out}"
        )
    return Photo(picture, profile, exif)


@dataclass
class Painting:
    """A picture that was painted.

    Attributes:
        image: RGB; with the photo's ICC profile, if it has one, in `info`.
        trace: see `dltk.painting.watch.Watch`.
        stopped: why it is not finished, or None.
    """

    image: Image.Image
    trace: list[dict] = field(default_factory=list, repr=False)
    stopped: str | None = None
    exif: bytes | None = field(default=None, repr=False)

    @classmethod
    def of(cls, photo: Photo, pixels, trace=(), stopped: str | None = None) -> Painting:
        """Return what became of `photo`: pixels (1, H, W, 3), 0-255 sRGB, in its colour space."""
        image = from_srgb(to_picture(pixels), photo.profile)
        return cls(image, list(trace), stopped, photo.exif)

    def save(self, path: str | os.PathLike) -> None:
        """Write the picture with the photo's ICC profile and EXIF. Raises DltkError."""
        encode(self.image, path, exif=self.exif, quality=_QUALITY)

    def save_trace(self, path: str | os.PathLike) -> None:
        """Write the trace as JSON lines. Raises DltkError."""
        save_trace(self.trace, path)
