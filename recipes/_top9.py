"""The part of `recipes.visualize` that finds the pictures that excite a feature map most.

Zeiler & Fergus 2013, "Visualizing and Understanding Convolutional Networks", Sec. 4.1 and Fig. 2,
https://arxiv.org/abs/1311.2901.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageOps

from dltk.batch import Item, gather, predict, write_csv
from dltk.drawing import contact_sheet
from dltk.engine import load_engine
from dltk.errors import InputError, UsageError
from dltk.explain.field import Fields
from dltk.explain.layers import channel_count, choose_channels, map_layer, spread_of_layers
from dltk.explain.strongest import Peak, Strongest, box_on_photo, peaks_of
from dltk.metadata import to_srgb
from dltk.models.find import ModelSource
from dltk.models.laid_open import load_whole
from dltk.strategy import cores, place
from dltk.weights import Report, silent
from recipes._looking import DEFAULT_MODEL, check_free, file_name, find_one, write_own

_NINE = 9
_EDGE = 128  # pixels on a sheet
_FRAME = (255, 210, 0)
COLUMNS = ("channel", "rank", "path", "activation", "left", "top", "right", "bottom")


@dataclass(frozen=True)
class Patch:
    """What excites a channel in one picture.

    Attributes:
        channel: its number.
        rank: 1 for the strongest.
        item: the picture.
        activation: the channel's largest value in it.
        box: (left, top, right, bottom) of what the place sees, in the picture's pixels.
    """

    channel: int
    rank: int
    item: Item
    activation: float
    box: tuple[int, int, int, int]

    def to_dict(self) -> dict:
        """Return a row of COLUMNS."""
        values = self.channel, self.rank, self.item.name, self.activation, *self.box
        return dict(zip(COLUMNS, values, strict=True))


@dataclass(slots=True)
class Excited:
    """How one picture excites the channels.

    Attributes:
        size: (width, height), upright; None where it failed.
        peaks: of each channel asked for; None of one that is the same everywhere.
        error: why it failed, or None.
    """

    item: Item
    size: tuple[int, int] | None = None
    peaks: list[Peak | None] = field(default_factory=list)
    error: str | None = None

    def to_dict(self) -> dict:
        """Return the record of this picture, ready for JSON."""
        if self.error is not None:
            return {"path": self.item.name, "status": "failed", "error": self.error}
        peaks = [peak and [peak.value, peak.row, peak.column] for peak in self.peaks]
        wide, high = self.size
        return {
            "path": self.item.name, "status": "ok", "width": wide, "height": high, "peaks": peaks,
        }  # fmt: skip


class Seeker:
    """Finds what excites the channels of one layer.

    Args: see `top9`.

    Attributes:
        layer: its name.
        channels: their numbers.
    """

    def __init__(
        self,
        *,
        model: str,
        pixel_range: str,
        layer: str | int | None,
        channel: str,
        report: Report = silent,
        **running,
    ):
        self.source: ModelSource = find_one(model, None, pixel_range, report)
        self._running, self._report = running, report
        if running.get("engine") != "litert":
            # Before TensorFlow is at work: then it is too late to split the CPU.
            place(running.get("devices", "auto"), running.get("strategy", "auto"))
        whole = load_whole(self.source)
        self.layer = (
            spread_of_layers(whole, 1)[0] if layer is None else map_layer(whole, str(layer))
        )
        count = channel_count(whole, self.layer)
        self.channels = choose_channels(channel, count, layer=self.layer)
        self._fields: Fields | None = None

    def excite(self, items: Iterable[Item]) -> Iterator[Excited]:
        """Yield how each picture excites the channels, in order; memory does not grow."""
        known = len(items) if hasattr(items, "__len__") else None
        network = load_engine(
            self.source,
            output="features",
            layer=self.layer,
            pool="none",
            pictures=known,
            report=self._report,
            **self._running,
        )
        self._report(f"{self.source.name} on {network.running}")
        geometry = self.source.geometry

        def load(item: Item):
            picture, size = item.decode_sized(at_least=geometry.at_least)
            return size, geometry.apply(picture)

        def run(loaded: list):
            if not loaded:
                return
            for (size, _), maps in zip(
                loaded, network(np.stack([pixels for _, pixels in loaded])), strict=True
            ):
                yield size, peaks_of(maps, self.channels) if np.isfinite(maps).all() else None

        outcomes = predict(
            items, load, run, batch_size=network.batch_size, loaders=cores(),
            runners=network.workers,
        )  # fmt: skip
        with closing(outcomes):
            for item, output, error in outcomes:
                if error is None and output[1] is None:
                    error = "the network gives values that are not finite for it"
                yield Excited(item, *output) if error is None else Excited(item, error=error)

    def patches(
        self, rows: Iterable[tuple[Item, tuple[int, int], list[Peak | None]]]
    ) -> Iterator[Patch]:
        """Yield the nine strongest patches of each channel, by channel and rank."""
        strongest: Strongest = Strongest(self.channels, _NINE)
        for item, size, peaks in rows:
            strongest.add((item, size), peaks)
        for channel, found in strongest:
            for rank, ((item, size), peak) in enumerate(found, 1):
                yield Patch(channel, rank, item, peak.value, self._box(peak, size))

    def _box(self, peak: Peak, size: tuple[int, int]) -> tuple[int, int, int, int]:
        geometry = self.source.geometry
        if self._fields is None:
            seen = geometry.height, geometry.width
            self._fields = Fields(load_whole(self.source), self.layer, seen)
        return box_on_photo(self._fields(peak.row, peak.column), geometry, size)


def top9(
    images,
    *,
    model: str = DEFAULT_MODEL,
    pixel_range: str = "0..255",
    layer: str | int | None = None,
    channel: str = "0-15",
    output: str | os.PathLike | None = None,
    overwrite: bool = False,
    batch_size: int = 16,
    engine: str = "auto",
    devices: str = "auto",
    strategy: str = "auto",
    precision: str = "auto",
    report: Report = silent,
) -> list[Patch]:
    """Find the nine pictures that excite each channel most, and where; one place of a picture.

    Args:
        images: see `recipes.features.features`; read once, in order. Those that cannot be read
            are told to `report` and passed over.
        model: a name in the catalog, or the path of a `.keras` file.
        pixel_range: what a file saved by plain Keras expects: "0..255", "0..1" or "-1..1".
        layer: a layer with a map, by name or index; None for one halfway: places of deeper ones
            see most of a picture.
        channel: which, such as "0-15,40".
        output: folder for index.csv, and sheets of the pictures and their patches.
        overwrite: write over files that are not of dltk visualize.
        batch_size, engine, devices, strategy, precision: see `dltk.engine.load_engine`.
        report: called with a line when something takes long.
    Returns:
        by channel, the strongest first.
    Raises:
        UsageError: an unknown layer, one without a map, an unknown channel; no picture that could
            be used.
        DltkError: a model that cannot be loaded, weights out of reach, a disk that is full.
    """
    seeker = Seeker(
        model=model, pixel_range=pixel_range, layer=layer, channel=channel, report=report,
        batch_size=batch_size, engine=engine, devices=devices, strategy=strategy,
        precision=precision,
    )  # fmt: skip
    if output is not None:
        check_top9(Path(output), seeker.layer, overwrite)

    def rows():
        for found in seeker.excite(gather(images)):
            if found.error is None:
                yield found.item, found.size, found.peaks
            else:
                report(f"passed over: {found.item.name}: {found.error}")

    patches = list(seeker.patches(rows()))
    if not patches:
        raise UsageError("no picture could be used: there is nothing to show")
    if output is not None:
        write_top9(patches, Path(output), seeker.layer, overwrite)
    return patches


def check_top9(folder: Path, layer: str, overwrite: bool) -> None:
    """Raise UsageError if a file that `write_top9` writes is there already and not ours."""
    for sheet in _sheets(folder, layer).values():
        check_free(sheet, overwrite)
        check_free(folder / "index.csv", overwrite, beside=sheet)


def write_top9(patches: list[Patch], folder: Path, layer: str, overwrite: bool = False) -> None:
    """Write index.csv, and a sheet of pictures and one of patches: a row for each channel.

    Args:
        patches: at least one.
    Raises:
        UsageError: there are other pictures in the place of the sheets.
        DltkError: they cannot be written.
    """
    sheets = _sheets(folder, layer)
    for path in sheets.values():
        check_free(path, overwrite)
    write_csv(folder / "index.csv", COLUMNS, (patch.to_dict() for patch in patches))
    cells = _cells(patches)
    by_channel: dict[int, list[Patch]] = {}
    for patch in patches:
        by_channel.setdefault(patch.channel, []).append(patch)
    names = [str(channel) for channel in by_channel]
    ranks = [str(rank) for rank in range(1, _NINE + 1)]
    for number, path in enumerate(sheets.values()):
        rows = [
            [cells[id(patch)][number] for patch in found] + [None] * (_NINE - len(found))
            for found in by_channel.values()
        ]
        sheet = contact_sheet(rows, row_names=names, column_names=ranks, edge=_EDGE)
        write_own(sheet, path, overwrite)


def _sheets(folder: Path, layer: str) -> dict[str, Path]:
    return {kind: folder / f"{file_name(layer)}-{kind}.png" for kind in ("pictures", "patches")}


def _cells(patches: list[Patch]) -> dict[int, tuple[Image.Image | None, Image.Image | None]]:
    """Return for the id of each patch its picture with the patch framed, and the patch, small.

    Each picture is read once, whatever channels it excites; None where it is gone.
    """
    of_item: dict[int, list[Patch]] = {}
    for patch in patches:
        of_item.setdefault(id(patch.item), []).append(patch)
    cells = {}
    for found in of_item.values():
        try:
            picture = to_srgb(found[0].item.decode())
        except InputError:
            cells |= {id(patch): (None, None) for patch in found}
            continue
        small = _contained(picture)
        for patch in found:
            framed = _framed(small, patch.box, small.width / picture.width)
            cells[id(patch)] = framed, _contained(picture.crop(patch.box))
    return cells


def _contained(picture: Image.Image) -> Image.Image:
    return ImageOps.contain(picture, (_EDGE, _EDGE), Image.Resampling.LANCZOS)


def _framed(small: Image.Image, box: tuple[int, int, int, int], scale: float) -> Image.Image:
    """Return a copy of a picture, that was made smaller by `scale`, with a frame around `box`."""
    left, top, right, bottom = (round(edge * scale) for edge in box)
    framed = small.copy()
    frame = left, top, max(right - 1, left), max(bottom - 1, top)
    ImageDraw.Draw(framed).rectangle(frame, outline=_FRAME, width=2)
    return framed
