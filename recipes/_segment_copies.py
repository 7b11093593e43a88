"""What `segment` makes of a picture: label maps, overlays, masks of one class, and cut-outs."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image

from dltk.batch import Item
from dltk.drawing_masks import captioned, tinted
from dltk.errors import InputError
from dltk.explain.heat import coloured
from dltk.images import encodable, encode
from dltk.masks import IGNORE, index_picture
from recipes._copies import CopyFolders, png_name
from recipes.classify import folder_name


class Class(Protocol):
    """A class in a picture: its name, its number among the classes, its value in the label map."""

    name: str
    number: int
    value: int


@dataclass(frozen=True)
class Copies(CopyFolders):
    """Which files are wanted of each picture, and where. All have the picture's size.

    Attributes:
        masks: folder for label maps, PNG files of indices into a palette.
        overlay: folder for copies under the colours and names of their classes.
        binary: folder for masks of each class, black and white, in one folder for each.
        cutouts: folder for what is of each class, the rest transparent, likewise.
        heat: folder for maps of how sure the segmenter is of each class, in colours, likewise.
        alpha: share of the colours in overlays.
        skipped: numbers of classes that only `masks` has: the ground.
        folders: names of the folders of all classes, see `class_folders`.
    """

    masks: str | os.PathLike | None = None
    overlay: str | os.PathLike | None = None
    binary: str | os.PathLike | None = None
    cutouts: str | os.PathLike | None = None
    heat: str | os.PathLike | None = None
    alpha: float = 0.5
    skipped: frozenset[int] = frozenset()
    folders: Sequence[str] = ()

    def _folders(self):
        return {
            "--masks": (self.masks, png_name),
            "--overlay": (self.overlay, encodable),
            "--binary": (self.binary, png_name),
            "--cutouts": (self.cutouts, png_name),
            "--heat": (self.heat, png_name),
        }

    def write(
        self, item: Item, mask: np.ndarray, classes: Sequence[Class], heat: dict[int, np.ndarray]
    ) -> dict[str, Path]:
        """Write the files of one picture; return their paths by kind.

        Raises:
            InputError: the picture can no longer be read, or has another size now; nothing is
                written then.
            UsageError: a file of another picture has the place of one of these.
            DltkError: a file cannot be written.
        """
        self.check([item])
        picture, files = None, {}
        if self.overlay is not None or self.cutouts is not None:
            picture = item.decode()
            _check_size(picture, mask)
        if self.masks is not None:
            files["mask"] = Path(self.masks) / png_name(item.name)
            encode(index_picture(mask), files["mask"])
        shown = [each for each in classes if each.number not in self.skipped]
        if self.overlay is not None:
            files["overlay"] = Path(self.overlay) / encodable(item.name)
            encode(overlaid(picture, mask, shown, self.alpha), files["overlay"])
        for each in shown:
            for kind, folder, draw in (
                ("binary", self.binary, lambda of: binary(mask, of.value)),
                ("cutout", self.cutouts, lambda of: cut_out(picture, mask, of.value)),
                ("heat", self.heat, lambda of: heat_map(heat[of.value], mask.shape)),
            ):
                if folder is not None:
                    path = Path(folder) / self.folders[each.number] / png_name(item.name)
                    files[f"{kind}-{each.name}"] = path
                    encode(draw(each), path)
        return files


def overlaid(
    picture: Image.Image, mask: np.ndarray, classes: Sequence[Class], alpha: float = 0.5
) -> Image.Image:
    """Return a copy of `picture` (RGB) under the colours and names of some classes.

    Other classes leave it as it is; pixels without any are hatched.

    Raises:
        InputError: the label map is of another size.
    """
    _check_size(picture, mask)
    names = {each.value: each.name for each in classes}
    clear = [value for value in np.unique(mask).tolist() if value not in names and value != IGNORE]
    drawn = tinted(np.asarray(picture), mask, strength=alpha, clear=clear)
    drawn.info.update(picture.info)
    return captioned(drawn, mask, names)


def _check_size(picture: Image.Image, mask: np.ndarray) -> None:
    """Raise InputError if a picture is not the one that was looked at, by its size."""
    if picture.size != mask.shape[::-1]:
        raise InputError("it is of another size now")


def binary(mask: np.ndarray, value: int) -> Image.Image:
    """Return where a label map has a value: white there, black elsewhere."""
    return Image.fromarray(np.where(mask == value, np.uint8(255), np.uint8(0)))


def cut_out(picture: Image.Image, mask: np.ndarray, value: int) -> Image.Image:
    """Return a copy of `picture` (RGB), transparent where the label map has another value."""
    copy = picture.convert("RGBA")
    copy.putalpha(binary(mask, value))
    return copy


def heat_map(heat: np.ndarray, shape: tuple[int, int]) -> Image.Image:
    """Return a map of probabilities (h, w) in colours, at a picture's size (H, W)."""
    whole = Image.fromarray(heat.astype(np.float32)).resize(shape[::-1], Image.Resampling.BILINEAR)
    return coloured(np.clip(np.asarray(whole), 0, 1))


def class_folders(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the classes' folders; those that would meet with the class's number."""
    folders = [folder_name(name) for name in names]
    often = Counter(folders)
    return tuple(
        folder if often[folder] == 1 else f"{folder} (output {number})"
        for number, folder in enumerate(folders)
    )
