"""The parts of `recipes.visualize` that paint: pictures that a channel or a class likes best."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from dltk.drawing import gallery
from dltk.errors import DltkError, UsageError
from dltk.explain.layers import channel_count, choose_channels, deep_layer, layer_of
from dltk.explain.scores import class_index
from dltk.models.laid_open import SCORES, load_whole, see_layers
from dltk.models.taps import tap_name
from dltk.painting.excite import L2, METHODS, Exciter
from dltk.painting.redirect import redirected_unit
from dltk.painting.share import share_out
from dltk.painting.watch import PaintingStoppedError, Stop, Watch, save_trace
from dltk.strategy import Placement, choose_training_precision, place
from dltk.weights import Report, silent
from recipes._checks import check_choice, check_number, check_precision, check_whole
from recipes._looking import (
    DEFAULT_MODEL,
    LARGEST,
    PerDevice,
    check_free,
    class_name,
    classifier_of,
    file_name,
    find_one,
    folder_of,
    grey_or_colour,
    told,
    write_own,
)

_ALL_CLASSES = 12  # so many are all drawn, if none are named
_EDGE = 256  # pixels on a sheet
_SEEDS = 2**31
_MOST_COLUMNS = 8
_CLASSES = "class"  # the place of a layer's name where pictures are of classes


@dataclass
class Maximised:
    """A picture that a unit of a network likes.

    Attributes:
        name: of the unit: "channel 3", or the class.
        number: of the unit in its layer.
        layer: the layer's name; None for a class.
        image: RGB; None where it failed before the first step.
        trace: see `dltk.painting.watch.Watch`; terms are "minus_activation" and "l2".
        error: why it is not finished, or None.
        files: what was written, by kind: "picture", "trace".
    """

    name: str
    number: int
    layer: str | None
    image: Image.Image | None = field(default=None, repr=False)
    trace: list[dict] = field(default_factory=list, repr=False)
    error: str | None = None
    files: dict[str, Path] = field(default_factory=dict)

    @property
    def activation(self) -> float | None:
        """The unit's mean activation at the last step, or its score; None before the first."""
        return -self.trace[-1]["minus_activation"] if self.trace else None

    def to_dict(self) -> dict:
        """Return the outcome, ready for JSON."""
        fields = {"name": self.name, "number": self.number}
        if self.layer is not None:
            fields["layer"] = self.layer
        fields["status"] = "ok" if self.error is None else "failed"
        if self.error is not None:
            fields["error"] = self.error
        if self.trace:
            fields |= {"steps": len(self.trace), "activation": round(self.activation, 4)}
        return fields | told(self.files)


def channels(
    *,
    model: str = DEFAULT_MODEL,
    pixel_range: str = "0..255",
    layer: str | int | None = None,
    channel: str = "0-8",
    method: str = "fourier",
    size: int | None = None,
    steps: int = 256,
    l2: float | None = None,
    seed: int = 0,
    snapshots: int = 0,
    output: str | os.PathLike | None = None,
    overwrite: bool = False,
    batch_size: int | None = None,
    devices: str = "auto",
    strategy: str = "auto",
    precision: str = "auto",
    report: Report = silent,
) -> Iterator[Maximised]:
    """Paint the pictures that channels of a layer, or units of a dense one, like best.

    Args:
        model: a name in the catalog, or the path of a `.keras` file.
        pixel_range: what a file saved by plain Keras expects: "0..255", "0..1" or "-1..1".
        layer: a layer's name or index; None for a deep one, see
            `dltk.explain.layers.deep_layer`. Of a map, the mean over all places is maximised.
        channel: which, such as "0-15,40".
        method: "fourier" or "simonyan", see `dltk.painting.excite`.
        size: of the pictures, pixels a side; None for that of the network's input.
        steps: of the optimisation.
        l2: weight of the mean square of the pixels, -1 to 1; None for 10 with "simonyan", else 0.
        seed: of the first picture and of the transforms.
        snapshots: steps between two pictures of it as it grows; 0 for none.
        output: folder; below it the network's has a sheet of all, and pictures and traces.
        overwrite: write over files that are not of dltk visualize.
        batch_size: pictures under way at a time, over all devices; None for one on each.
        devices, strategy: see `dltk.strategy.place`. Each device paints pictures of its own.
        precision: "float32", "bfloat16", or "auto", see
            `dltk.strategy.choose_training_precision`.
        report: called with a line when something takes long, and every ten seconds.
    Yields:
        A Maximised for every channel, in order. After Ctrl-C, those begun are yielded as they
        are, before KeyboardInterrupt goes on.
    Raises:
        UsageError: an unknown layer or channel, a size that the network cannot take.
        DltkError: a model that cannot be loaded, weights out of reach, a disk that is full.
    """
    how = _How(method, size, steps, l2, seed, snapshots, output, overwrite)
    check_precision(precision)
    placement = place(devices, strategy)
    source = find_one(model, None, pixel_range, report)
    whole = load_whole(source)
    name = deep_layer(whole) if layer is None else tap_name(whole, str(layer))
    count = channel_count(whole, name)
    units = [
        (f"channel {number}", number, [float(each == number) for each in range(count)])
        for number in choose_channels(channel, count, layer=name)
    ]
    yield from _paint_all(source, name, units, how, placement, precision, batch_size, report)


def classes(
    *,
    model: str = DEFAULT_MODEL,
    labels: str | None = None,
    pixel_range: str = "0..255",
    label: str | Sequence[str] = (),
    method: str = "fourier",
    size: int | None = None,
    steps: int = 256,
    l2: float | None = None,
    seed: int = 0,
    snapshots: int = 0,
    output: str | os.PathLike | None = None,
    overwrite: bool = False,
    batch_size: int | None = None,
    devices: str = "auto",
    strategy: str = "auto",
    precision: str = "auto",
    report: Report = silent,
) -> Iterator[Maximised]:
    """Paint the pictures that score highest for classes, before softmax.

    Args:
        labels: a file of class names, for a model file that has none.
        label: classes, by name, id or number; none for all, if there are twelve at most.
        Others: see `channels`.
    Yields: see `channels`.
    Raises: see `channels`; UsageError also for an unknown class, or a network without classes.
    """
    how = _How(method, size, steps, l2, seed, snapshots, output, overwrite)
    check_precision(precision)
    placement = place(devices, strategy)
    source = find_one(model, labels, pixel_range, report)
    _, scores = classifier_of(source)
    asked = [label] if isinstance(label, (str, int)) else list(label)
    if not asked and scores.classes > _ALL_CLASSES:
        raise UsageError(f"{source.name} has {scores.classes} classes: name some with --label")
    known = {"classes": scores.classes, "model": source.name}
    numbers = [class_index(str(each), source.labels, **known) for each in asked]
    numbers = list(dict.fromkeys(numbers)) or range(scores.classes)
    units = [(class_name(source, each), each, scores.direction(each)) for each in numbers]
    yield from _paint_all(source, SCORES, units, how, placement, precision, batch_size, report)


@dataclass(frozen=True)
class _How:
    """The options of `channels` that go by these names."""

    method: str
    size: int | None
    steps: int
    l2: float | None
    seed: int
    snapshots: int
    output: str | os.PathLike | None
    overwrite: bool

    def __post_init__(self):
        check_choice("method", self.method, METHODS)
        for name, least in (("steps", 1), ("seed", 0), ("snapshots", 0)):
            check_whole(name, getattr(self, name), least)
        if self.seed >= _SEEDS:
            raise UsageError(f"--seed is less than {_SEEDS}, not {self.seed}")
        if self.size is not None:
            check_whole("size", self.size, 1)
            check_number("size", self.size, 1, LARGEST)
        if self.l2 is not None:
            check_number("l2", self.l2)
        if self.snapshots and self.output is None:
            raise UsageError("--snapshots writes files: name a folder with --output")


class _Files:
    """Where the pictures of `units` go, if anywhere.

    Attributes:
        sheet: the path of the sheet of all, or None.
        pictures: a path for each unit by number; or none.

    Raises:
        UsageError: one of the files is there already and not ours.
    """

    def __init__(self, source, layer: str, units, how: _How):
        self.sheet: Path | None = None
        self.pictures: dict[int, Path] = {}
        if how.output is None:
            return
        folder = folder_of(source, how.output) / (_CLASSES if layer == SCORES else file_name(layer))
        self.sheet = folder.with_name(f"{folder.name}.png")
        check_free(self.sheet, how.overwrite)
        for name, number, _ in units:
            text = f"{number:04d}" if layer != SCORES else f"{number:04d}-{file_name(name)}"
            path = self.pictures[number] = folder / f"{text}.png"
            check_free(path, how.overwrite)
            check_free(path.with_suffix(".jsonl"), how.overwrite, beside=path)
            every = how.snapshots
            for step in range(every, how.steps + 1, every) if every else ():
                check_free(_snapshot_path(path, step), how.overwrite)


def _snapshot_path(picture: Path, step: int) -> Path:
    return picture.with_suffix("") / f"{step:05d}.png"


def _paint_all(
    source, layer: str, units, how: _How, placement: Placement, precision: str, at_once, report
):
    """Yield a Maximised for each of `units`: (name, number, direction)."""
    geometry = source.geometry
    size = (how.size,) * 2 if how.size else (geometry.height, geometry.width)
    files = _Files(source, layer, units, how)

    def build() -> Exciter:
        model = load_whole(source)
        chosen = choose_training_precision(precision, model, placement)
        own = model.inputs[0].shape[1:3] == size
        swap = None if layer == SCORES else redirected_unit(layer_of(model, layer))
        network = see_layers(model, [layer], any_size=not own, swap=swap, precision=chosen)
        _check_size(network, layer, size, source.name)
        l2 = L2[how.method] if how.l2 is None else how.l2
        return Exciter(network, layer, size=size, method=how.method, l2=l2)

    exciters, stop = PerDevice(build), Stop()
    exciters(placement.strategy.extended.worker_devices[0])  # tells what cannot work
    report(f"{source.name} on Keras, {placement.reason}")

    def paint(unit, device: str) -> Maximised:
        name, number, direction = unit
        exciter = exciters(device)
        found = Maximised(name, number, None if layer == SCORES else layer)
        path = files.pictures.get(number)
        watch = Watch(
            f"{source.name}, {name}",
            stop=stop,
            report=report,
            snapshot_every=how.snapshots,
            on_snapshot=path and partial(_snapshot, exciter, path, how.overwrite),
        )
        try:
            pixels = exciter.paint(direction, steps=how.steps, seed=how.seed, watch=watch)
        except PaintingStoppedError as stopped:
            pixels, found.error = watch.pixels, str(stopped)
        found.trace = watch.trace
        if pixels is not None:
            found.image = _image(exciter, pixels)
            if path is not None and not stop.abandoned:
                found.files["picture"] = write_own(found.image, path, how.overwrite)
                found.files["trace"] = path.with_suffix(".jsonl")
                save_trace(found.trace, found.files["trace"])
        return found

    done, finished = [], False
    results = share_out(paint, units, placement, stop=stop, at_once=at_once)
    try:
        with closing(results):
            for found in results:
                if found.image is not None:
                    small = found.image.copy()
                    small.thumbnail((_EDGE, _EDGE))
                    done.append((small, found.name))
                yield found
        finished = True
    finally:
        # Of a run that was stopped a sheet shows some: no reason to lose one that shows all.
        if files.sheet is not None and done and (finished or not files.sheet.exists()):
            write_own(_sheet_of(done), files.sheet, how.overwrite)


def _sheet_of(done: list[tuple[Image.Image, str]]) -> Image.Image:
    columns = min(_MOST_COLUMNS, round(len(done) ** 0.5))
    return gallery(*zip(*done, strict=True), columns=columns, edge=_EDGE)


def _image(exciter: Exciter, pixels) -> Image.Image:
    return grey_or_colour(np.asarray(exciter.shown(pixels))[0])


def _snapshot(exciter: Exciter, picture: Path, overwrite: bool, step: int, pixels) -> None:
    write_own(_image(exciter, pixels), _snapshot_path(picture, step), overwrite)


def _check_size(network, layer: str, size: tuple[int, int], name: str) -> None:
    """Raise UsageError if the network cannot take pictures of that (height, width)."""
    try:
        shape = network.compute_output_shape((1, *size, network.input_shape[-1]))
        shape = shape[layer] if isinstance(shape, dict) else shape
        if all(shape):
            return
    except (ValueError, DltkError):
        pass
    raise UsageError(f"{name} cannot take pictures of {size[1]} × {size[0]}; try a larger --size")
