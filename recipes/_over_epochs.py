"""The part of `recipes.visualize` that shows how a network changed while it was trained.

Zeiler & Fergus 2013, "Visualizing and Understanding Convolutional Networks", Sec. 4.1 and Fig. 4,
https://arxiv.org/abs/1311.2901.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from PIL import Image

from dltk.batch import gather
from dltk.drawing import contact_sheet
from dltk.errors import DltkError, InputError, UsageError, printable
from dltk.explain.kernels import kernel_layer, kernel_reader, kernel_tile
from dltk.explain.layers import map_layer, map_taps, spread_of_layers
from dltk.explain.maps import map_tile, strongest_channels
from dltk.models.find import find_model
from dltk.models.laid_open import load_whole, see_layers
from dltk.samples import sample_files
from dltk.training.run import MODEL_FILE, RunFolder
from dltk.weights import Report, silent
from recipes._looking import (
    enlarge,
    file_name,
    finite,
    grey_or_colour,
    smooth,
    told,
    view_of,
    write_own,
)

_LAYERS = 3
_TILE, _EDGE = 48, 96  # pixels on sheets, about
_SAMPLES = 2


@dataclass
class Changed:
    """How a network changed: a sheet with a row for every epoch that was kept.

    That of filters has another row below: how they changed from the first of these to the last.

    Attributes:
        what: "filters", or the name of the photo whose feature maps these are.
        stage: of the training.
        epochs: of the rows; 0 is before the first.
        columns: what the columns show, such as "conv2 17".
        sheet: the picture; None where it failed.
        error: why it failed, or None.
        files: what was written, by kind: "sheet".
    """

    what: str
    stage: str
    epochs: list[int]
    columns: list[str] = field(default_factory=list)
    sheet: Image.Image | None = field(default=None, repr=False)
    error: str | None = None
    files: dict[str, Path] = field(default_factory=dict)

    def to_dict(self) -> dict:
        """Return the outcome, ready for JSON."""
        fields = {"what": self.what, "status": "ok" if self.error is None else "failed"}
        if self.error is not None:
            fields["error"] = self.error
        fields |= {"stage": self.stage, "epochs": self.epochs, "columns": self.columns}
        return fields | told(self.files)


def training(
    run: str | os.PathLike,
    photos=(),
    *,
    layer: str | Sequence[str] = (),
    count: int = 4,
    output: str | os.PathLike | None = None,
    overwrite: bool = False,
    report: Report = silent,
) -> Iterator[Changed]:
    """Show how first filters and feature maps changed over the epochs kept of a run.

    Args:
        run: the folder of a run of `recipes.finetune.finetune` with `keep_epochs`.
        photos: whose feature maps to show, see `recipes.evidence.gradcam`; none for two samples.
        layer: layers with maps; none for three, evenly over the depth.
        count: channels of a layer: those that are strongest in the end.
        output: folder; below it the run's has the sheets.
        overwrite: write over files that are not of dltk visualize.
        report: called with a line now and then.
    Yields:
        a Changed for the first layer's filters, and for each photo. Of several networks in one
        run, it is the first.
    Raises:
        UsageError: no such run, one that kept no epochs or is not finished; an unknown layer.
        DltkError: weights that cannot be read, or do not fit the run's model.
    """
    if count < 1:
        raise UsageError(f"--count is at least 1, not {count}")
    folder = RunFolder.open(run, "finetune")
    kept = folder.kept_weights()
    if not kept:
        raise UsageError(
            f"the run {printable(folder.path)} kept no epochs; train with --keep-epochs doubling"
        )
    if not (folder.path / MODEL_FILE).exists():
        raise UsageError(
            f"the run {printable(folder.path)} is not finished; go on with: {folder.resume_command}"
        )
    stage = next(iter(kept))
    epochs = kept[stage]
    source = find_model(folder.path / MODEL_FILE)
    report(f"{stage}: epochs {', '.join(map(str, epochs))}")

    def built() -> keras.Model:
        whole = load_whole(source)
        member = stage.rpartition("-")[0]
        return whole.get_layer(member) if member.startswith("member") else whole

    def set_epoch(model: keras.Model, epoch: int) -> None:
        weights = folder.load_weights(stage, epoch)
        if [w.shape for w in weights] != [w.shape for w in model.get_weights()]:
            raise DltkError(
                f"the weights after epoch {epoch} do not fit {printable(source.path)}; "
                "it is not the model of this run"
            )
        model.set_weights(weights)

    model = built()
    if not map_taps(model):
        raise UsageError(f"the network of {printable(folder.path)} has no feature maps")
    asked = [layer] if isinstance(layer, (str, int)) else list(layer)
    names = [map_layer(model, str(each)) for each in asked]
    names = list(dict.fromkeys(names)) or spread_of_layers(model, _LAYERS)
    target = None if output is None else Path(output) / file_name(folder.path.name)

    found = Changed("filters", stage, epochs)
    set_epoch(model, epochs[-1])
    first = kernel_layer(model, None)
    read, kernels = kernel_reader(model, first), []
    for epoch in epochs:
        set_epoch(model, epoch)
        kernels.append(read())
    _draw_filters(found, first, kernels)
    yield _written(found, target, "filters.png", overwrite)

    model = built()
    network = see_layers(model, names, any_size=False)
    see = tf.function(lambda pixels: network(pixels, training=False))

    def maps_at(epoch: int, pixels: np.ndarray) -> dict[str, np.ndarray]:
        set_epoch(model, epoch)
        seen = see(tf.constant(pixels[None]))
        return {name: finite(np.asarray(seen[name][0], np.float32)) for name in names}

    for item in gather(photos or _samples()):
        found = Changed(item.name, stage, epochs)
        try:
            view = view_of(item, source)
            _draw_maps(found, view.pixels, maps_at, count)
        except InputError as error:
            found.error = str(error)
        yield _written(found, target, f"maps/{item.name}.png", overwrite)


def _samples() -> list[Path]:
    return [path for path in sample_files() if path.suffix == ".jpg"][:_SAMPLES]


def _draw_filters(found: Changed, layer: str, kernels: list[np.ndarray]) -> None:
    """Draw sixteen filters at most; one scale for a filter at all epochs, so growth is seen.

    The change from the first epoch to the last has a row, and a scale, of its own.
    """
    shown = min(16, kernels[0].shape[-1])
    found.columns = [f"{layer} {index}" for index in range(shown)]
    rows = []
    stacked = (
        np.stack(kernels)[:, :, :, :3]
        if kernels[0].shape[2] == 3
        else np.stack(kernels)[:, :, :, 0]
    )
    for at in range(len(kernels)):
        rows.append([enlarge(_among(stacked[..., index], at), _TILE) for index in range(shown)])
    names = [f"epoch {epoch}" for epoch in found.epochs]
    if len(kernels) > 1:
        change = stacked[-1] - stacked[0]
        rows.append([enlarge(kernel_tile(change[..., index]), _TILE) for index in range(shown)])
        names.append("change")
    found.sheet = contact_sheet(
        rows,
        row_names=names,
        column_names=[str(index) for index in range(shown)],
        edge=max(rows[0][0].size),
    )


def _among(kernels: np.ndarray, at: int) -> Image.Image:
    """Return kernel `at` of (N, h, w[, 3]) as a tile, in the scale of all of them."""
    flat = kernels.reshape(len(kernels) * kernels.shape[1], *kernels.shape[2:])
    height = kernels.shape[1]
    return kernel_tile(flat).crop((0, at * height, kernels.shape[2], (at + 1) * height))


def _draw_maps(found: Changed, pixels: np.ndarray, maps_at: Callable, count: int) -> None:
    """Draw the channels that are strongest in the end; one scale for each at all epochs."""
    last = maps_at(found.epochs[-1], pixels)
    chosen = {name: strongest_channels(maps, count) for name, maps in last.items()}

    def only(maps: dict[str, np.ndarray]) -> list[np.ndarray]:
        return [maps[name][..., channel] for name in chosen for channel in chosen[name]]

    at_epochs = [only(maps_at(epoch, pixels)) for epoch in found.epochs[:-1]] + [only(last)]
    found.columns = [f"{name} {channel}" for name in chosen for channel in chosen[name]]
    photo = smooth(grey_or_colour(pixels), _EDGE)
    columns = [[photo, *[None] * (len(at_epochs) - 1)]]
    columns += [_in_one_scale(maps) for maps in zip(*at_epochs, strict=True)]
    found.sheet = contact_sheet(
        [list(row) for row in zip(*columns, strict=True)],
        row_names=[f"epoch {epoch}" for epoch in found.epochs],
        column_names=["", *found.columns],
        edge=_EDGE,
    )


def _in_one_scale(maps: Sequence[np.ndarray]) -> list[Image.Image]:
    """Return maps (h, w) of one channel as tiles, in the scale of all of them."""
    tall, high = map_tile(np.concatenate(maps)), len(maps[0])
    tops = range(0, tall.height, high)
    return [smooth(tall.crop((0, top, tall.width, top + high)), _EDGE) for top in tops]


def _written(found: Changed, folder: Path | None, name: str, overwrite: bool) -> Changed:
    if folder is not None and found.sheet is not None:
        found.files["sheet"] = write_own(found.sheet, folder / name, overwrite)
    return found
