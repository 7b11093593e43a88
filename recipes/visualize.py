"""Show what a network looks for: its filters, feature maps, and the pictures that excite it.

from recipes.visualize import channels

for found in channels(model="vgg16-hed", layer="block4_conv2", channel="0-3"):
    found.image.save(f"channel-{found.number}.png")
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image

from dltk.batch import Item, Products, gather
from dltk.drawing import contact_sheet, in_rows
from dltk.errors import InputError, UsageError
from dltk.explain.kernels import kernel_layer, kernel_tile, kernels_of
from dltk.explain.layers import choose_channels, map_layer, spread_of_layers
from dltk.explain.maps import map_tile, strongest_channels
from dltk.images import encode
from dltk.models.laid_open import load_whole, see_layers
from dltk.painting.share import share_out
from dltk.painting.watch import Stop
from dltk.strategy import choose_precision, place
from dltk.weights import Report, silent
from recipes._checks import check_precision
from recipes._looking import (
    DEFAULT_MODEL,
    PerDevice,
    check_free,
    check_raw,
    enlarge,
    file_name,
    find_one,
    finite,
    folder_of,
    grey_or_colour,
    smooth,
    told,
    view_of,
    write_numbers,
    write_own,
)
from recipes._maximise import channels, classes
from recipes._over_epochs import training
from recipes._top9 import top9
from recipes.evidence import gradcam, occlusion, saliency

__all__ = [
    "activations",
    "channels",
    "classes",
    "filters",
    "gradcam",
    "occlusion",
    "saliency",
    "top9",
    "training",
]

_TILE, _MAP_EDGE = 64, 160  # pixels on sheets
_SLICES = 16  # of a filter of a deeper layer, if not told otherwise
_LAYERS = 6  # looked at, if none are named


@dataclass
class Filters:
    """The kernels of one layer.

    Attributes:
        layer: its name.
        kernels: float32 (h, w, inputs, filters), see `dltk.explain.kernels.kernels_of`.
        sheet: all that were asked for, as a picture: middle grey is 0, and each is scaled by
            its own largest weight.
        files: what was written, by kind: "sheet", "raw".
    """

    layer: str
    kernels: np.ndarray = field(repr=False)
    sheet: Image.Image = field(repr=False)
    files: dict[str, Path] = field(default_factory=dict)

    def to_dict(self) -> dict:
        """Return the outcome, ready for JSON."""
        shape = list(self.kernels.shape)
        return {"layer": self.layer, "shape": shape} | told(self.files)


def filters(
    *,
    model: str = DEFAULT_MODEL,
    pixel_range: str = "0..255",
    layer: str | int | None = None,
    channel: str | None = None,
    limit_channels: int | None = None,
    output: str | os.PathLike | None = None,
    raw: bool = False,
    overwrite: bool = False,
    report: Report = silent,
) -> Filters:
    """Draw the kernels of a convolution.

    Kernels of one input are grey, those of three in colour; of deeper layers each filter is a row
    of its slices, one for each input.

    Args:
        model: a name in the catalog, or the path of a `.keras` file.
        pixel_range: what a file saved by plain Keras expects: "0..255", "0..1" or "-1..1".
        layer: a convolution, by name or index; None for the first.
        channel: filters, such as "0-15,40"; None for all, or for 16 where they are rows of slices.
        limit_channels: slices of a filter of a deeper layer, at most; None for 16.
        output: folder; below it the network's has the sheet.
        raw: write the kernels too, as `.npy`.
        overwrite: write over files that are not of dltk visualize.
        report: called with a line when something takes long, such as a download.
    Raises:
        UsageError: a layer without kernels, a channel that it does not have.
        DltkError: a model that cannot be loaded, weights out of reach, a disk that is full.
    """
    if limit_channels is not None and limit_channels < 1:
        raise UsageError(f"--limit-channels is at least 1, not {limit_channels}")
    check_raw(raw, output)
    source = find_one(model, None, pixel_range, report)
    network = load_whole(source)
    name = kernel_layer(network, None if layer is None else str(layer))
    files = {}
    if output is not None:
        files["sheet"] = folder_of(source, output) / f"{file_name(name)}.png"
        check_free(files["sheet"], overwrite)
    if raw:
        files["raw"] = files["sheet"].with_suffix(".npy")
        check_free(files["raw"], overwrite, beside=files["sheet"])
    kernels = kernels_of(network, name)
    inputs, count = kernels.shape[2:]
    sliced = inputs not in (1, 3)
    if limit_channels is not None and not sliced:
        raise UsageError(f"--limit-channels is for deeper layers: {name} sees {inputs} channels")
    chosen = choose_channels(channel or ("0-15" if sliced else f"0-{count - 1}"), count, layer=name)
    if sliced:
        tiles = [
            [
                enlarge(kernel_tile(kernels[..., i, f]), _TILE)
                for i in range(min(inputs, limit_channels or _SLICES))
            ]
            for f in chosen
        ]
        rows, names = tiles, [str(f) for f in chosen]
        columns = [str(i) for i in range(len(tiles[0]))]
    else:
        flat = kernels[:, :, 0] if inputs == 1 else kernels
        tiles = [enlarge(kernel_tile(flat[..., f]), _TILE) for f in chosen]
        columns = [""] * min(8 if count <= 64 else 16, len(tiles))
        rows = in_rows(tiles, len(columns))
        names = [str(chosen[at * len(columns)]) for at in range(len(rows))]
    edge = max(rows[0][0].size)
    sheet = contact_sheet(rows, row_names=names, column_names=columns, edge=edge)
    if output is not None:
        write_own(sheet, files["sheet"], overwrite)
    if raw:
        write_numbers(files["raw"], kernels=kernels)
    return Filters(name, kernels, sheet, files)


@dataclass
class Activations:
    """The feature maps of one photo.

    Attributes:
        item: the photo.
        size: (width, height), upright; None where it failed.
        pixels: float32 (H, W, C), 0-255, what the network saw.
        maps: for each layer by name, its strongest channels by number, strongest first, each
            float32 (h, w).
        error: why it failed, or None.
        files: what was written, by kind: "sheet", "raw".
    """

    item: Item
    size: tuple[int, int] | None = None
    pixels: np.ndarray | None = field(default=None, repr=False)
    maps: dict[str, dict[int, np.ndarray]] = field(default_factory=dict, repr=False)
    error: str | None = None
    files: dict[str, Path] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.item.name

    def sheet(self) -> Image.Image:
        """Return a row for each layer, the photo first; each map is scaled by itself."""
        photo = grey_or_colour(self.pixels)
        count = max(map(len, self.maps.values()))
        rows, captions = [], []
        for at, maps in enumerate(self.maps.values()):
            tiles = [smooth(map_tile(values), _MAP_EDGE) for values in maps.values()]
            rows.append([None if at else photo, *tiles] + [None] * (count - len(tiles)))
            captions.append(["photo", *map(str, maps)])
        return contact_sheet(
            rows,
            row_names=[*self.maps],
            column_names=[""] * (count + 1),
            edge=_MAP_EDGE,
            captions=captions,
        )

    def to_dict(self) -> dict:
        """Return the record of this photo, ready for JSON."""
        if self.error is not None:
            return {"path": self.name, "status": "failed", "error": self.error}
        layers = [
            {
                "layer": layer,
                "channels": list(maps),
                "highest": [float(f"{values.max():.4g}") for values in maps.values()],
            }
            for layer, maps in self.maps.items()
        ]
        fields = {"path": self.name, "status": "ok", "width": self.size[0], "height": self.size[1]}
        return fields | {"layers": layers} | told(self.files)


def activations(
    images,
    *,
    model: str = DEFAULT_MODEL,
    pixel_range: str = "0..255",
    layer: str | Sequence[str] = (),
    count: int = 8,
    output: str | os.PathLike | None = None,
    raw: bool = False,
    batch_size: int | None = None,
    devices: str = "auto",
    strategy: str = "auto",
    precision: str = "auto",
    report: Report = silent,
) -> Iterator[Activations]:
    """See the feature maps of photos, layer by layer.

    Args:
        images: see `recipes.evidence.gradcam`; so are model, pixel_range, batch_size, devices,
            strategy, precision and report.
        layer: layers with maps; none for six, evenly over the depth.
        count: channels of a layer, the strongest ones.
        output: folder for a sheet for each photo.
        raw: write the maps too, as `.npz`: an array (h, w) for each "layer:channel".
    Yields:
        Activations for every photo, in order. One that cannot be used has `error` set.
    Raises:
        UsageError: an unknown layer, or one without a map.
        DltkError: a model that cannot be loaded, weights out of reach, a disk that is full.
    """
    if count < 1:
        raise UsageError(f"--count is at least 1, not {count}")
    check_raw(raw, output)
    check_precision(precision)
    placement = place(devices, strategy)
    source = find_one(model, None, pixel_range, report)
    asked = [layer] if isinstance(layer, (str, int)) else list(layer)
    items = gather(images)
    products = output and Products(
        output, lambda name: {"sheet": f"{name}.png", "raw": f"{name}.npz"}
    )
    if products and hasattr(items, "__len__"):
        products.check(items)

    def build():
        whole = load_whole(source)
        names = [map_layer(whole, str(name)) for name in asked] or spread_of_layers(whole, _LAYERS)
        network = see_layers(whole, names, any_size=False, precision=choose_precision(precision))
        return tf.function(lambda pixels: network(pixels, training=False)), names

    networks, stop = PerDevice(build), Stop()
    networks(placement.strategy.extended.worker_devices[0])
    report(f"{source.name} on Keras, {placement.reason}")

    def look(item: Item, device: str) -> Activations:
        try:
            view = view_of(item, source)
            see, names = networks(device)
            seen = see(tf.constant(view.pixels[None]))
            found = Activations(item, view.size, view.pixels)
            for name in names:
                maps = finite(np.asarray(seen[name][0], np.float32))
                best = strongest_channels(maps, count)
                found.maps[name] = {channel: maps[..., channel] for channel in best}
            if products and not stop.abandoned:
                _write_activations(found, products.of(item), raw)
            return found
        except InputError as error:
            return Activations(item, error=str(error))

    with closing(share_out(look, items, placement, stop=stop, at_once=batch_size)) as results:
        yield from results


def _write_activations(found: Activations, paths: dict[str, Path], raw: bool) -> None:
    found.files["sheet"] = paths["sheet"]
    encode(found.sheet(), paths["sheet"])
    if raw:
        flat = {f"{l}:{c}": m for l, maps in found.maps.items() for c, m in maps.items()}  # noqa: E741
        found.files["raw"] = write_numbers(paths["raw"], **flat)
