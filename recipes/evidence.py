"""Show where in a picture the evidence for a label is: occlusion, saliency, Grad-CAM.

from recipes.evidence import gradcam

for result in gradcam("holiday/"):
    result.overlay().save(f"shown/{result.name}")
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from dltk.batch import Item, Products, gather
from dltk.errors import InputError, UsageError
from dltk.explain.evidence import METHODS, Evidence
from dltk.explain.guided import Guide
from dltk.explain.heat import coloured, on_photo, overlay, spread, unit
from dltk.explain.layers import map_layer
from dltk.explain.occlusion import occlude
from dltk.explain.scores import class_index
from dltk.images import encodable, encode
from dltk.metadata import to_srgb
from dltk.models.find import ModelSource
from dltk.models.laid_open import SCORES, see_layers
from dltk.models.taps import last_map
from dltk.painting.share import share_out
from dltk.painting.watch import Stop
from dltk.strategy import choose_precision, place
from dltk.weights import Report, silent
from recipes._checks import check_precision
from recipes._looking import (
    DEFAULT_MODEL,
    PerDevice,
    check_raw,
    class_name,
    classifier_of,
    find_one,
    finite,
    told,
    view_of,
    write_numbers,
)

_FEW_PIXELS = 99.0  # percentile shown as hottest in maps of single pixels
_BATCH = 16  # pictures in one pass
_SAMPLES = 32
_SIDE_SHARE = 5  # a square hides a fifth of the side, if not told otherwise
_STRIDE_SHARE = 3

Look = Callable[[Evidence, np.ndarray, int], np.ndarray]


@dataclass
class Shown:
    """Where the evidence for a label is in one photo.

    Attributes:
        item: the photo.
        size: (width, height), upright; None where it failed.
        label, probability: of what the evidence is for.
        heat: float32 (h, w), as it was computed: at the network's resolution, over `box`.
        box: (left, top, right, bottom) of what the network sees of the photo, in its pixels.
        highest: percentile of `heat` that is shown as the hottest.
        error: why it failed, or None.
        files: what was written, by kind: "overlay", "heat", "raw".
    """

    item: Item
    size: tuple[int, int] | None = None
    label: str | None = None
    probability: float | None = None
    heat: np.ndarray | None = None
    box: tuple[float, float, float, float] | None = None
    highest: float = 100.0
    error: str | None = None
    files: dict[str, Path] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.item.name

    def heat_map(self) -> Image.Image:
        """Return the heat map in colours, of the photo's size; black where nothing is seen."""
        return coloured(self._spread())

    def overlay(self) -> Image.Image:
        """Return the photo under its heat map. Raises InputError if it cannot be read again."""
        return self._over(self._spread())

    def write(self, paths: dict[str, Path], raw: bool) -> None:
        """Write both pictures, and the numbers if asked, to `paths` by kind; note them."""
        heat = self._spread()
        encode(self._over(heat), paths["overlay"], quality=95)
        encode(coloured(heat), paths["heat"])
        self.files = {kind: paths[kind] for kind in ("overlay", "heat")}
        if raw:
            self.files["raw"] = write_numbers(paths["raw"], heat=self.heat)

    def _spread(self) -> np.ndarray:
        return spread(unit(self.heat, highest=self.highest), self.box, self.size)

    def _over(self, heat: np.ndarray) -> Image.Image:
        return overlay(to_srgb(self.item.decode()), heat, self.box)

    def to_dict(self) -> dict:
        """Return the record of this photo, ready for JSON."""
        if self.error is not None:
            return {"path": self.name, "status": "failed", "error": self.error}
        fields = {
            "path": self.name,
            "status": "ok",
            "width": self.size[0],
            "height": self.size[1],
            "label": self.label,
            "probability": round(self.probability, 5),
            "box": [round(edge) for edge in self.box],
            "highest": float(f"{self.heat.max():.4g}"),
        }
        return fields | told(self.files)


def occlusion(
    images,
    *,
    model: str = DEFAULT_MODEL,
    labels: str | None = None,
    pixel_range: str = "0..255",
    label: str | None = None,
    patch: int | None = None,
    stride: int | None = None,
    output: str | os.PathLike | None = None,
    raw: bool = False,
    batch_size: int | None = None,
    devices: str = "auto",
    strategy: str = "auto",
    precision: str = "auto",
    report: Report = silent,
) -> Iterator[Shown]:
    """Slide a grey square over photos and see where the probability of a label falls.

    Args:
        patch, stride: of the square, in pixels of the network's input; by default a fifth of its
            shorter side, and a third of that.
        Others: see `gradcam`.
    Yields, Raises: see `gradcam`.
    """
    for name, value in (("patch", patch), ("stride", stride)):
        if value is not None and value < 1:
            raise UsageError(f"--{name} is at least 1, not {value}")
    source = find_one(model, labels, pixel_range, report)
    side = min(source.geometry.height, source.geometry.width)
    patch = patch or max(1, side // _SIDE_SHARE)
    stride = stride or max(1, patch // _STRIDE_SHARE)
    if patch > side:
        raise UsageError(f"--patch {patch}: the input of {source.name} has {side} pixels")
    if stride > patch:
        raise UsageError(f"--stride {stride} would leave places between squares of {patch}")

    def look(evidence: Evidence, pixels: np.ndarray, index: int) -> np.ndarray:
        hidden = partial(evidence.probabilities_of, index=index)
        return occlude(pixels, hidden, patch=patch, stride=stride, batch_size=_BATCH)

    placing = {"devices": devices, "strategy": strategy, "precision": precision}
    return _show(images, source, look, label, output, raw, batch_size, placing, report)


def saliency(
    images,
    *,
    model: str = DEFAULT_MODEL,
    labels: str | None = None,
    pixel_range: str = "0..255",
    label: str | None = None,
    method: str = "gradient",
    samples: int | None = None,
    seed: int | None = None,
    output: str | os.PathLike | None = None,
    raw: bool = False,
    batch_size: int | None = None,
    devices: str = "auto",
    strategy: str = "auto",
    precision: str = "auto",
    report: Report = silent,
) -> Iterator[Shown]:
    """See which pixels of photos change the score of a label most.

    Args:
        method: "gradient", "smoothgrad", "integrated" (what speaks against the label is negative
            in `heat` and not shown) or "guided"; see `dltk.explain.evidence`.
        samples: noisy copies of "smoothgrad", steps of "integrated"; None for 32.
        seed: of the noise of "smoothgrad"; None for 0.
        Others: see `gradcam`.
    Yields, Raises: see `gradcam`.
    """
    if method not in METHODS:
        raise UsageError(f'method "{method}" is none of {", ".join(METHODS)}')
    for name, value, methods in (
        ("samples", samples, ("smoothgrad", "integrated")),
        ("seed", seed, ("smoothgrad",)),
    ):
        if value is not None and method not in methods:
            raise UsageError(f"--{name} is for --method {' and '.join(methods)}, not {method}")
    samples = _SAMPLES if samples is None else samples
    if samples < 1:
        raise UsageError(f"--samples is at least 1, not {samples}")
    if seed is not None and seed < 0:
        raise UsageError(f"--seed is at least 0, not {seed}")
    source = find_one(model, labels, pixel_range, report)
    look: Look = {
        "gradient": Evidence.gradient,
        "guided": Evidence.gradient,
        "smoothgrad": partial(Evidence.smoothgrad, samples=samples, seed=seed or 0),
        "integrated": partial(Evidence.integrated, samples=samples),
    }[method]
    guided = method == "guided"
    placing = {"devices": devices, "strategy": strategy, "precision": precision}
    return _show(
        images, source, look, label, output, raw, batch_size, placing, report,
        guided=guided, highest=_FEW_PIXELS,
    )  # fmt: skip


def gradcam(
    images,
    *,
    model: str = DEFAULT_MODEL,
    labels: str | None = None,
    pixel_range: str = "0..255",
    label: str | None = None,
    layer: str | int | None = None,
    output: str | os.PathLike | None = None,
    raw: bool = False,
    batch_size: int | None = None,
    devices: str = "auto",
    strategy: str = "auto",
    precision: str = "auto",
    report: Report = silent,
) -> Iterator[Shown]:
    """Weigh the feature maps of a layer by what they do for the score of a label.

    Args:
        images: a path (file, folder or pattern), a Pillow image, an array (H, W[, C]) of uint8 or
            of floats 0-255, or an iterable of paths, images and arrays, read as results are taken.
        model: a name in the catalog, or the path of a `.keras` file: a classifier.
        labels: a file of class names, for a model file that has none.
        pixel_range: what a file saved by plain Keras expects: "0..255", "0..1" or "-1..1".
        label: the class to look for: a name, an id, or the number of an output; None for the
            most probable one of each photo.
        layer: a layer with a map; None for the last one.
        output: folder for pictures, below it "overlay" and "heat".
        raw: write the numbers of the heat maps too, as `.npy` below "raw".
        batch_size: photos under way at a time, over all devices; None for one on each.
        devices, strategy: see `dltk.strategy.place`. Each device has photos of its own.
        precision: "float32", "bfloat16", or "auto", which is float32: see
            `dltk.strategy.choose_precision`.
        report: called with a line when something takes long, such as a download.
    Yields:
        A Shown for every photo, in order. One that cannot be used has `error` set, as has one
        that Ctrl-C stopped.
    Raises:
        UsageError: no classifier, an unknown class or layer, options that cannot work.
        DltkError: a model that cannot be loaded, weights out of reach, a disk that is full.
    """
    source = find_one(model, labels, pixel_range, report)
    layer = "" if layer is None else str(layer)
    placing = {"devices": devices, "strategy": strategy, "precision": precision}
    look = Evidence.grad_cam
    return _show(images, source, look, label, output, raw, batch_size, placing, report, layer=layer)


def products_of(output: str | os.PathLike | None) -> Products | None:
    """Return where pictures and numbers go, by kind: "overlay", "heat", "raw"; None for nowhere."""
    if output is None:
        return None
    return Products(
        output,
        lambda name: {
            "overlay": f"overlay/{encodable(name)}",
            "heat": f"heat/{name}.png",
            "raw": f"raw/{name}.npy",
        },
    )


def _show(
    images, source: ModelSource, look: Look, label, output, raw, batch_size, placing, report,
    *, layer: str | None = None, guided: bool = False, highest: float = 100.0,
) -> Iterator[Shown]:  # fmt: skip
    """Yield what `look` finds in each photo; see `gradcam`."""
    check_raw(raw, output)
    placement = place(placing["devices"], placing["strategy"])
    check_precision(placing["precision"])
    items, products = gather(images), products_of(output)
    if products and hasattr(items, "__len__"):
        products.check(items)

    def build() -> Evidence:
        model, scores = classifier_of(source)
        precision = choose_precision(placing["precision"])
        names, chosen = [SCORES], None
        if layer is not None:
            chosen = map_layer(model, layer or last_map(model))
            names.append(chosen)
        guide = Guide() if guided else None
        network = see_layers(model, names, any_size=False, swap=guide, precision=precision)
        if guide and not guide.count:
            raise UsageError(f"--method guided needs ReLUs, and {source.name} has none")
        return Evidence(network, scores, layer=chosen, batch_size=_BATCH, stop=stop)

    evidences, stop = PerDevice(build), Stop()
    first = evidences(placement.strategy.extended.worker_devices[0])  # tells what cannot work
    classes = first.classes
    wanted = None
    if label is not None:
        wanted = class_index(str(label), source.labels, classes=classes, model=source.name)
    report(f"{source.name} on Keras, {placement.reason}")

    def show(item: Item, device: str) -> Shown:
        try:
            view, evidence = view_of(item, source), evidences(device)
            probabilities = evidence.probabilities(view.pixels)
            index = int(probabilities.argmax()) if wanted is None else wanted
            heat = finite(look(evidence, view.pixels, index))
            shown = Shown(
                item,
                view.size,
                class_name(source, index),
                float(probabilities[index]),
                on_photo(heat, source.geometry, view.size),
                view.box,
                highest,
            )
            if products and not stop.abandoned:
                shown.write(products.of(item), raw)
            return shown
        except InputError as error:
            return Shown(item, error=str(error))

    return _closed(share_out(show, items, placement, stop=stop, at_once=batch_size))


def _closed(results: Iterator[Shown]) -> Iterator[Shown]:
    with closing(results):
        yield from results
