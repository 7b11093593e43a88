"""How a picture becomes the input of a network.

Training, evaluation and prediction apply it alike, by what the model file says.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from PIL import Image

from dltk.errors import UsageError

_FITS = ("crop", "squash", "pad", "within")
_INTERPOLATIONS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}


@dataclass(frozen=True, slots=True)
class Geometry:
    """How a picture becomes the input of a network: size, crop, interpolation. Plain data.

    Attributes:
        height, width: pixels of the network's input.
        channels: 3 for RGB, 1 for grey.
        fit: "crop" takes the centred part of the right shape, `crop` of its size at most, as
            ImageNet networks are evaluated; "squash" stretches the whole picture; "pad" keeps
            the whole picture, in the centre, and fills the rest with black; "within" does so
            with the picture at the top left, as detectors take it.
        crop: share of the largest centred part that "crop" keeps, in (0, 1].
        interpolation: "nearest", "bilinear" or "bicubic", always antialiased when shrinking.
    """

    height: int
    width: int
    channels: int = 3
    fit: str = "crop"
    crop: float = 0.875
    interpolation: str = "bilinear"

    def __post_init__(self):
        known = self.fit in _FITS and self.interpolation in _INTERPOLATIONS
        whole = isinstance(self.height, int) and isinstance(self.width, int)
        sized = whole and 1 <= min(self.height, self.width) <= max(self.height, self.width) <= 8192
        sized = sized and self.channels in (1, 3)
        if not (known and sized and 0 < self.crop <= 1):
            raise UsageError(f"impossible geometry: {asdict(self)}")

    @property
    def at_least(self) -> int:
        """Pixels that the shorter side of a decoded picture must have to lose nothing."""
        if self.fit == "within":  # the shape stays, so the shorter side goes into the shorter one
            return min(self.height, self.width)
        return round(max(self.height, self.width) / (self.crop if self.fit == "crop" else 1))

    def apply(self, picture: Image.Image) -> np.ndarray:
        """Return `picture` (RGB) as float32 (H, W, C), 0-255."""
        return self.pixels(picture, self._centre_box(picture))

    def ten_crops(self, picture: Image.Image) -> np.ndarray:
        """Return the four corners and the centre, each also mirrored, as float32 (10, H, W, C).

        Krizhevsky et al. 2012, Sec. 4.1. Other fits than "crop" have no corners to take: they
        give the picture and its mirror image, (2, H, W, C).
        """
        boxes = [self._centre_box(picture)]
        if self.fit == "crop":
            left, top, right, bottom = boxes[0]
            wide, high = right - left, bottom - top
            x, y = picture.width - wide, picture.height - high
            corners = ((0, 0), (x, 0), (0, y), (x, y))
            boxes += [(cx, cy, cx + wide, cy + high) for cx, cy in corners]
        views = [self.pixels(picture, box) for box in boxes]
        return np.stack(views + [view[:, ::-1] for view in views])

    def _centre_box(self, picture: Image.Image) -> tuple[float, float, float, float]:
        return self.seen(picture.size)

    def seen(self, size: tuple[int, int]) -> tuple[float, float, float, float]:
        """Return the part (left, top, right, bottom) of a picture of `size` that `apply` takes."""
        width, height = size
        if self.fit != "crop":
            return 0, 0, width, height
        scale = self.crop * min(width / self.width, height / self.height)
        wide, high = max(1, round(self.width * scale)), max(1, round(self.height * scale))
        left, top = (width - wide) // 2, (height - high) // 2
        return left, top, left + wide, top + high

    def pixels(self, picture: Image.Image, box: tuple[float, float, float, float]) -> np.ndarray:
        """Return the part `box` (left, top, right, bottom) of `picture` as float32 (H, W, C)."""
        left, top, wide, high = self.place(box)
        resample = _INTERPOLATIONS[self.interpolation]
        image = picture.resize((wide, high), resample, box=box, reducing_gap=3.0)
        if (wide, high) != (self.width, self.height):
            ground = Image.new("RGB", (self.width, self.height))
            ground.paste(image, (left, top))
            image = ground
        if self.channels == 1:
            image = image.convert("L")
        pixels = np.asarray(image, np.float32)
        return pixels[..., None] if self.channels == 1 else pixels

    def place(self, box: tuple[float, float, float, float]) -> tuple[int, int, int, int]:
        """Return (left, top, width, height) of where `pixels` puts that part in the input."""
        if self.fit not in ("pad", "within"):
            return 0, 0, self.width, self.height
        sides = box[2] - box[0], box[3] - box[1]
        scale = min(self.width / sides[0], self.height / sides[1])
        wide, high = (max(1, round(side * scale)) for side in sides)
        if self.fit == "within":
            return 0, 0, wide, high
        return round((self.width - wide) / 2), round((self.height - high) / 2), wide, high

    def to_dict(self) -> dict:
        """Return the fields, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, fields: dict) -> Geometry:
        """Rebuild what `to_dict` gave. Raises UsageError on unknown or impossible fields."""
        try:
            return cls(**fields)
        except TypeError as error:
            raise UsageError(f"unknown geometry: {fields}") from error
