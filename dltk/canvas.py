"""Pictures on a canvas of fixed size, and the way of boxes there and back, and of label maps there.

Training and prediction draw here, so that they cannot disagree about where a thing lies. NumPy and
Pillow, without TensorFlow.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from dltk.geometry import Geometry
from dltk.masks import IGNORE

_LEAST_SIDE = 1.0  # pixels of the canvas; regions cut smaller are of no use


@dataclass(frozen=True, eq=False, slots=True)
class Canvas:
    """A picture, or a part of one, drawn at the top left of a canvas.

    Attributes:
        pixels: uint8 or float32 (H, W, 3), 0-255, black where nothing is drawn.
        size: (height, width) of what is drawn.
        region: (left, top, right, bottom) of the part that is drawn, in pixels of the upright
            original picture.
        mirrored: whether left and right are exchanged.
    """

    pixels: np.ndarray
    size: tuple[int, int]
    region: tuple[float, float, float, float]
    mirrored: bool = False

    @property
    def scale(self) -> tuple[float, float]:
        """Pixels of the canvas for one of the original, across and down."""
        left, top, right, bottom = self.region
        return self.size[1] / (right - left), self.size[0] / (bottom - top)

    def placed(self, boxes: np.ndarray) -> np.ndarray:
        """Return boxes (N, 4) of the original on the canvas, float32; they may reach beyond it."""
        boxes = (boxes - np.tile(self.region[:2], 2)) * np.tile(self.scale, 2)
        return self._mirrored(boxes).astype(np.float32)

    def original(self, boxes: np.ndarray) -> np.ndarray:
        """Return boxes (N, 4) of the canvas in pixels of the original, float32."""
        boxes = self._mirrored(boxes) / np.tile(self.scale, 2) + np.tile(self.region[:2], 2)
        return boxes.astype(np.float32)

    def placed_mask(self, mask: np.ndarray) -> np.ndarray:
        """Return a label map of the original on the canvas, uint8 (H, W).

        Each pixel gets the class that the original has where the pixel's centre lies; those
        beyond what is drawn get `dltk.masks.IGNORE`.

        Args:
            mask: uint8, as high and wide as the upright original.
        """
        left, top, right, bottom = self.region
        (high, wide), (height, width) = self.size, mask.shape
        rows, columns = _centres(top, bottom, high, height), _centres(left, right, wide, width)
        placed = np.full(self.pixels.shape[:2], IGNORE, np.uint8)
        placed[:high, :wide] = mask[np.ix_(rows, columns[::-1] if self.mirrored else columns)]
        return placed

    def _mirrored(self, boxes: np.ndarray) -> np.ndarray:
        boxes = np.asarray(boxes, np.float64)
        if self.mirrored:
            width = self.size[1]
            return np.stack(
                [width - boxes[:, 2], boxes[:, 1], width - boxes[:, 0], boxes[:, 3]], axis=1
            )
        return boxes


def _centres(start: float, end: float, count: int, own: int) -> np.ndarray:
    """Return in which of `own` pixels the centres of `count` equal parts of a region lie."""
    centres = start + (np.arange(count) + 0.5) * (end - start) / count
    return np.clip(centres.astype(int), 0, own - 1)


def fit_within(
    picture: Image.Image, height: int, width: int, *, size: tuple[int, int] | None = None
) -> Canvas:
    """Return the whole of `picture` (RGB) on a canvas of (height, width), as large as it fits.

    These are the pixels that `Geometry(height, width, fit="within")` gives.

    Args:
        size: (width, height) of the upright original, where `picture` was decoded smaller
            (`dltk.images.decode_sized` gives both); its own size by default.
    """
    whole = 0, 0, *(size or picture.size)
    _, _, wide, high = Geometry(height, width, fit="within").place(whole)
    return draw(picture, whole, (high, wide), height, width, size=size)


def draw(
    picture: Image.Image,
    region: tuple[float, float, float, float],
    drawn: tuple[int, int],
    height: int,
    width: int,
    *,
    size: tuple[int, int] | None = None,
    mirrored: bool = False,
) -> Canvas:
    """Return a part of `picture` (RGB) on a canvas of (height, width): bilinear, antialiased.

    Args:
        region: left, top, right, bottom of the part, in pixels of the original.
        drawn: (height, width) it is drawn in, no larger than the canvas.
        size: see `fit_within`.
        mirrored: whether to exchange left and right.
    """
    own = np.tile(picture.size, 2)
    box = np.clip(np.multiply(region, own / np.tile(size or picture.size, 2)), 0, own)
    image = picture.resize(drawn[::-1], Image.Resampling.BILINEAR, box=tuple(box), reducing_gap=3.0)
    shown = np.asarray(image)
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: drawn[0], : drawn[1]] = shown[:, ::-1] if mirrored else shown
    return Canvas(pixels, drawn, region, mirrored)


def fit_sides(picture: Image.Image, shorter: int, longer: int, *, multiple: int = 32) -> Canvas:
    """Return the whole of `picture` (RGB) at the size that torchvision's detectors look at it.

    The shorter side gets `shorter` pixels, or as many as leave the longer one `longer`; sizes are
    rounded down in float32. Pixels are interpolated between the nearest two, without smoothing
    them when shrinking, which is what these networks were trained on. They stay float32.

    Args:
        multiple: of pixels, that the canvas has along each side.
    """
    sides = picture.height, picture.width
    # PyTorch divides a number by a tensor so: 400 pixels shrink to 319.99998, not 320.
    inverse = np.float32(1) / np.array([min(sides), max(sides)], np.float32)
    scale = float(min(inverse * np.array([shorter, longer], np.float32)))
    high, wide = (max(1, int(side * scale)) for side in sides)
    drawn = _interpolated(np.asarray(picture), high, axis=0)
    drawn = _interpolated(drawn, wide, axis=1)
    height, width = (-(-side // multiple) * multiple for side in (high, wide))
    pixels = np.zeros((height, width, 3), np.float32)
    pixels[:high, :wide] = drawn
    return Canvas(pixels, (high, wide), (0, 0, *picture.size))


def _interpolated(pixels: np.ndarray, count: int, axis: int) -> np.ndarray:
    """Return `count` places along an axis, each between the two that its centre lies between."""
    own = pixels.shape[axis]
    # PyTorch rounds the step to float32, and nothing else: 1e-5 of a place at the far end.
    step = np.float64(np.float32(own) / np.float32(count))
    at = np.maximum((np.arange(count) + 0.5) * step - 0.5, 0)
    first = np.minimum(at.astype(int), own - 1)
    second = np.minimum(first + 1, own - 1)
    share = (at - first).astype(np.float32).reshape((-1,) + (1,) * (pixels.ndim - 1 - axis))
    # What is taken is made float32, rather than all of a large picture.
    one, other = (np.take(pixels, at, axis).astype(np.float32) for at in (first, second))
    return one + share * (other - one)


def placed_regions(regions: np.ndarray, canvas: Canvas, most: int | None) -> np.ndarray:
    """Return regions of the original (P', 4) as far as they are on a canvas, float32 (most, 4).

    Too few are padded with boxes without area; None leaves them as many as they are.
    """
    height, width = canvas.size
    placed = np.clip(canvas.placed(regions), 0, [width, height, width, height])
    seen = np.all(placed[:, 2:] - placed[:, :2] >= _LEAST_SIDE, axis=1)
    placed = placed[seen][:most].astype(np.float32)
    if most is None:
        return placed
    return np.concatenate([placed, np.zeros((most - len(placed), 4), np.float32)])
