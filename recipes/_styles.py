"""What paintings are to look like: pictures to take styles from, blends of them, masks."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from dltk.batch import Item
from dltk.errors import InputError, UsageError, nearest, printable
from dltk.images import decode, opened
from dltk.metadata import to_srgb
from dltk.painting import LARGEST
from dltk.painting.scales import shrink
from dltk.samples import style_files

LEAST = 32  # pixels a side: two places of the deepest layer of VGG
_ASPECT_TOLERANCE = 0.02


def one_or_many(pictures) -> list:
    """Return a picture (path, Pillow image or array), or a sequence of them, as a list."""
    one = isinstance(pictures, (str, os.PathLike, Image.Image, np.ndarray))
    return [pictures] if one else list(pictures)


@dataclass(frozen=True)
class Look:
    """The style of one painting: a picture, a blend of several, or one for each region.

    Attributes:
        name: for files and messages.
        pictures: RGB, sRGB.
        weights: shares in the blend, summing to 1; None for one style in each region.
    """

    name: str
    pictures: tuple[Image.Image, ...]
    weights: tuple[float, ...] | None = (1.0,)


def find_looks(style, *, blend, masked: bool) -> list[Look]:
    """Return a look for each style; one for all of them with `blend` or where they are masked.

    Args:
        style: one or several paths, names of styles that ship with dltk, Pillow images or arrays.
        blend: a weight for each, as numbers or as text such as "2,1"; or None.
    Raises:
        UsageError: no style, two of one name, one that cannot be used; weights that do not fit.
    """
    styles = one_or_many(style)
    names = style_names(styles)
    pictures = {name: _read_style(each) for name, each in zip(names, styles, strict=True)}
    weights = None if blend is None else _weights(blend, len(styles))
    if blend is not None and masked:
        raise UsageError("--blend mixes styles everywhere, --mask gives each a place: choose one")
    if blend is None and not masked:
        return [Look(name, (picture,)) for name, picture in pictures.items()]
    return [Look("+".join(pictures), tuple(pictures.values()), weights)]


def look_names(style, *, blend, masked: bool) -> list[str]:
    """Return what `find_looks` calls its looks, without reading a picture. Raises UsageError."""
    names = style_names(one_or_many(style))
    return ["+".join(names)] if blend is not None or masked else names


def style_names(styles: Sequence) -> list[str]:
    """Return what each style is called. Raises UsageError: none at all, or two of one name."""
    if not styles:
        known = ", ".join(_shipped())
        raise UsageError(f"no style: name a picture with --style, or one of {known}")
    names = [
        Path(each).stem if isinstance(each, (str, os.PathLike)) else f"style-{number}"
        for number, each in enumerate(styles, start=1)
    ]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(
                f'two styles are called "{printable(name)}", and paintings are named by their '
                "style; rename one"
            )
    return names


def _weights(blend, count: int) -> tuple[float, ...]:
    try:
        parts = blend.split(",") if isinstance(blend, str) else blend
        weights = [float(part) for part in parts]
    except (TypeError, ValueError) as error:
        raise UsageError(
            f'--blend is one number for each style, such as 2,1, not "{blend}"'
        ) from error
    if len(weights) != count:
        raise UsageError(f"--blend has {len(weights)} weights for {count} styles")
    if not all(0 <= weight < float("inf") for weight in weights) or sum(weights) == 0:
        raise UsageError("--blend: weights are at least 0, and not all of them 0")
    return tuple(weight / sum(weights) for weight in weights)


def _shipped() -> dict[str, Path]:
    return {path.stem: path for path in style_files() if path.suffix == ".jpg"}


def _read_style(style) -> Image.Image:
    source = style
    if isinstance(style, (str, os.PathLike)) and not os.path.exists(style):
        shipped = _shipped()
        if str(style) not in shipped:
            raise UsageError(
                f"no such style: {printable(style)}; it is the path of a picture, or one of "
                f"{', '.join(shipped)}.{nearest(str(style), shipped)}"
            )
        source = shipped[str(style)]
    name = printable(style) if isinstance(style, (str, os.PathLike)) else "the style"
    try:
        picture = shrink(to_srgb(decode(source, at_least=LARGEST)), LARGEST)
    except InputError as error:
        raise UsageError(f"cannot take a style from {name}: {error}") from error
    if min(picture.size) < LEAST:
        raise UsageError(
            f"cannot take a style from {name}: it has {picture.width} × {picture.height} pixels, "
            f"and the network needs {LEAST} on the shorter side"
        )
    return picture


class Masks:
    """Where each style goes.

    Args:
        masks: for each style a picture (path, Pillow image or array), white where it goes; or a
            folder of such pictures, named like the photos. None at all for everywhere.
    Raises:
        UsageError: not one for each style, or one that cannot be read.
    """

    def __init__(self, masks, styles: int):
        self._sources = one_or_many(masks)
        if self._sources and len(self._sources) != styles:
            raise UsageError(
                f"--mask is given {len(self._sources)} times for {styles} styles; give one for each"
            )
        self._read = [None if _is_folder(s) else _read_mask(s) for s in self._sources]

    def __bool__(self) -> bool:
        return bool(self._sources)

    def of(self, item: Item, size: tuple[int, int]) -> np.ndarray | None:
        """Return the masks of a photo, float32 (R, H, W) in [0, 1], or None for everywhere.

        Args:
            size: (width, height) of the photo as it is painted.
        Raises:
            InputError: a mask of another aspect, or a folder without one for this photo.
        """
        if not self._sources:
            return None
        pairs = zip(self._sources, self._read, strict=True)
        masks = [read or self._in_folder(source, item) for source, read in pairs]
        for mask in masks:
            if abs(mask.width * size[1] / (mask.height * size[0]) - 1) > _ASPECT_TOLERANCE:
                raise InputError(
                    f"the mask has {mask.width} × {mask.height} pixels, which is another shape "
                    f"than that of the photo, painted at {size[0]} × {size[1]}"
                )
        fitted = [mask.resize(size, Image.Resampling.BILINEAR) for mask in masks]
        return np.stack([np.asarray(mask, np.float32) / 255 for mask in fitted])

    @staticmethod
    def _in_folder(folder, item: Item) -> Image.Image:
        stem = Path(folder) / Path(item.name).with_suffix("")
        named = stem.parent.glob(f"{glob.escape(stem.name)}.*")
        beside = sorted(path for path in named if path.stem == stem.name)  # not cat.2.png for cat
        if not beside:
            raise InputError(f"no mask for it in {printable(folder)}")
        try:
            return _brightness(beside[0])
        except InputError as error:
            raise InputError(f"its mask {printable(beside[0])}: {error}") from error


def _is_folder(source) -> bool:
    return isinstance(source, (str, os.PathLike)) and os.path.isdir(source)


def _read_mask(source) -> Image.Image:
    try:
        return _brightness(source)
    except InputError as error:
        raise UsageError(f"cannot read the mask {printable(source)}: {error}") from error


def _brightness(source) -> Image.Image:
    """Return a mask in grey. Raises InputError.

    One with transparency is refused: laid over white, as pictures are, white paint on nothing
    would be white everywhere.
    """
    picture = decode(source)
    if not isinstance(source, np.ndarray):
        with nullcontext(source) if isinstance(source, Image.Image) else opened(source) as image:
            if image.has_transparency_data and image.convert("RGBA").getextrema()[3][0] < 255:
                raise InputError("a mask has no transparency; paint it in white on black")
    return picture.convert("L")


def weighted(layers: Sequence[str], option: str) -> dict[str, float]:
    """Return {layer: weight} of names such as "block4_conv2" or "block4_conv2:0.5".

    Raises:
        UsageError: one twice, a weight that is not a number of at least 0, or nothing but zeros.
    """
    layers = [layers] if isinstance(layers, (str, int)) else list(layers)
    weights = {}
    for text in map(str, layers):
        name, colon, weight = text.rpartition(":")
        name = name if colon else text
        try:
            number = float(weight) if colon else 1.0
        except ValueError:
            number = float("nan")
        if not 0 <= number < float("inf") or name in weights:
            raise UsageError(
                f'{option} "{printable(text)}": a layer, or a layer with its weight such as '
                "block4_conv2:0.5, each layer once"
            )
        weights[name] = number
    if weights and not any(weights.values()):
        raise UsageError(f"{option}: all weights are 0")
    return weights
