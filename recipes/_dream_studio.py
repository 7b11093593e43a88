"""The method of dreams: one picture, one network, octave by octave.

Mordvintsev, Olah & Tyka 2015, "Inceptionism", and google/deepdream. The photo is made small, and
changed in some steps so that what a network sees in it grows; what was added is enlarged and laid
over the photo one size larger, and so on. A network makes forms of one size in pixels: octaves
make them of several, large ones first and smaller ones in them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import keras
import numpy as np
import tensorflow as tf
from PIL import Image

from dltk.errors import UsageError
from dltk.explain.layers import choose_channels, map_layer, map_taps
from dltk.explain.scores import Scores, class_index
from dltk.losses.dream import ClassScores, Guidance, LayerNorms
from dltk.models.find import find_model
from dltk.models.labels import distinct_names
from dltk.models.laid_open import SCORES, load_whole, see_layers
from dltk.ops.colour import luminance, with_luminance
from dltk.painting.ascent import GRADIENTS, ascend
from dltk.painting.octaves import octave_sizes, plan_windows, smallest_side
from dltk.painting.redirect import redirected
from dltk.painting.scales import fitted, resized, to_pixels
from dltk.painting.slope import Slope
from dltk.painting.tiles import TileSize, plan_tiles
from dltk.painting.watch import Watch
from dltk.strategy import choose_training_precision
from dltk.weights import Report
from recipes._checks import check_choice, check_number, check_whole
from recipes._dream_presets import default_layer, preview_layers

_HALO = 96  # pixels; fields reach farther, but hardly look there, and jitter hides the rest
_GUIDE_SIDE = 256  # pixels of the longer side
_LEAST = {"octaves": 1, "steps": 1, "jitter": 0, "tile": 64, "seed": 0}
_LEAST_SCALE = 1.05


@dataclass(frozen=True)
class Method:
    """How to dream: the options of `recipes.dream.dream` that go by these names.

    Raises:
        UsageError: values that cannot work.
    """

    model: str
    labels: str | None
    pixel_range: str
    layers: dict[str, float]
    channels: str | None
    classes: tuple[str, ...]
    guide: Image.Image | None
    gradient: str
    octaves: int
    octave_scale: float
    steps: int
    step_size: float
    jitter: int
    preserve_color: bool
    strength: float
    tile: int
    seed: int

    def __post_init__(self):
        for name, least in _LEAST.items():
            check_whole(name, getattr(self, name), least)
        check_number("octave_scale", self.octave_scale, _LEAST_SCALE)
        check_number("step_size", self.step_size, above=True)
        check_number("strength", self.strength, 0, 1)
        check_choice("gradient", self.gradient, GRADIENTS)
        one_layer = len(self.layers) == 1 or not (self.layers or self.classes)
        if self.channels is not None and not one_layer:
            raise UsageError("--channels are those of one layer: name one with --layer")
        if self.channels is not None and self.guide is not None:
            raise UsageError("--channels and --guide both say what to dream of: choose one")


class Dreamer:
    """Dreams of some objectives, as a network on one device sees them.

    Args:
        network: from `dltk.models.laid_open.see_layers`; what the objectives need.
        objectives: their terms are added.
        window: (height, width) of a network that takes no other; then pictures are looked at in
            windows of that size.

    Attributes:
        least: pixels that the shorter side of a picture must have.
    """

    def __init__(self, method: Method, network, objectives, *, window, report: Report):
        self.method = method
        self.least = max(window) if window else smallest_side(network)
        self._slope, self._window = Slope(network, objectives), window
        self._tile = TileSize(method.tile, report)
        self._locals = [{} for _ in objectives]
        if isinstance(objectives[0], Guidance):
            self._locals[0] = objectives[0].local(self._look(method.guide))

    def steps(self, size: tuple[int, int]) -> int:
        """Return how many steps a picture of (width, height) takes."""
        return self.method.steps * len(self._octaves(size))

    def dream(self, start, mask: np.ndarray | None, watch: Watch, *, frame: int = 0):
        """Return what becomes of `start`, float32 (1, H, W, 3), 0-255, as `develop` takes it.

        Args:
            mask: float32 (H, W) in [0, 1], where to dream; None for everywhere.
            frame: number of the picture in a film, which its jitter depends on.
        Raises:
            PaintingStoppedError: Ctrl-C, or a step that is not finite.
        """
        method = self.method
        random = np.random.default_rng([method.seed, frame])
        detail = None
        for size in self._octaves(start.shape[2:0:-1]):
            base = pixels = tf.clip_by_value(resized(start, size), 0.0, 255.0)
            if detail is not None:
                pixels = tf.clip_by_value(base + resized(detail, size), 0.0, 255.0)
            pixels = ascend(
                self._descend,
                pixels,
                steps=method.steps,
                step=method.step_size,
                jitter=method.jitter,
                gradient=method.gradient,
                mask=None if mask is None else _mask_at(mask, size),
                random=random,
                on_step=watch.step,
            )
            detail = pixels - base
        return watch.finished(pixels)

    def develop(self, start, mask: np.ndarray | None, pixels) -> np.ndarray:
        """Return what is shown of `pixels`, at the size of any octave: like `start`, 0-255.

        What was dreamt is laid over `start`, with its colours if they are kept, and with
        `strength`. Where the mask is black, `start` is not changed at all.
        """
        start = np.asarray(start)
        small = resized(tf.constant(start), pixels.shape[2:0:-1])
        detail = resized(pixels - tf.clip_by_value(small, 0.0, 255.0), start.shape[2:0:-1])
        dreamt = (start + np.asarray(detail)).clip(0, 255)
        if self.method.preserve_color:
            dreamt = with_luminance(start, luminance(dreamt)).clip(0, 255)
        dreamt = start + np.float32(self.method.strength) * (dreamt - start)
        return dreamt if mask is None else np.where(mask[..., None] > 0, dreamt, start)

    def _octaves(self, size) -> list[tuple[int, int]]:
        method = self.method
        return octave_sizes(
            tuple(size), octaves=method.octaves, scale=method.octave_scale, least=self.least
        )

    def _descend(self, pixels):
        return self._tile.attempt(partial(self._slope_of, pixels))

    def _slope_of(self, pixels, side: int):
        tiles = self._tiles(*pixels.shape[1:3], side)
        return self._slope(pixels, tiles, [{} for _ in self._locals], [self._locals] * len(tiles))

    def _tiles(self, height: int, width: int, side: int):
        multiple = self._slope.stride
        if self._window:
            return plan_windows(height, width, window=self._window, multiple=multiple)
        side = max(height, width) if max(height, width) <= side else side
        return plan_tiles(height, width, tile=side, halo=_HALO, multiple=multiple)

    def _look(self, guide: Image.Image) -> dict:
        """Return what the network sees of the guide, {layer: (1, H, W, C)}."""
        if self._window:
            size = self._window[::-1]
        else:
            side = max(_GUIDE_SIDE, -(-self.least * max(guide.size) // min(guide.size)))
            size = fitted(guide.size, side)
        pixels = resized(to_pixels(guide), size)
        (features,) = self._slope.look(pixels, self._tiles(*pixels.shape[1:3], max(size)))
        return features


def _mask_at(mask: np.ndarray, size: tuple[int, int]):
    return tf.clip_by_value(resized(mask[None, :, :, None], size)[0, :, :, 0], 0.0, 1.0)


@dataclass(frozen=True)
class Studio:
    """What dreams on one device.

    Attributes:
        dreamers: one; for a preview one for each layer, by its name.
        running: what runs where, for the user.
    """

    dreamers: dict[str, Dreamer]
    running: str

    @property
    def dreamer(self) -> Dreamer:
        """The first one."""
        return next(iter(self.dreamers.values()))


def open_studio(
    method: Method, precision: str, placement, device: str, report: Report, *, every_layer: bool
) -> Studio:
    """Build the network on `device`, under which dreams are to be called too.

    Args:
        every_layer: dream of every layer worth it, each apart.
    Raises:
        UsageError: a layer, channel or class that the network does not have.
    """
    source = find_model(method.model, labels=method.labels, pixel_range=method.pixel_range)
    with tf.device(device):
        model = load_whole(source)
        if model.inputs[0].shape[-1] != 3:
            raise UsageError(f"{source.name} sees grey pictures; dreams need one that sees colour")
        precision = choose_training_precision(precision, model, placement)
        layers = preview_layers(model) if every_layer else ()
        wanted = [[LayerNorms({name: 1.0})] for name in layers] or [
            _objectives(method, model, source)
        ]
        names = [name for own in wanted for each in own for name in each.layers]
        network, window = _seen(model, source, names, precision)
        dreamers = {}
        for own in wanted:
            names = [name for each in own for name in each.layers]
            part = keras.Model(network.inputs, {name: network.output[name] for name in names})
            dreamers[", ".join(names)] = Dreamer(method, part, own, window=window, report=report)
    running = f"Keras, {placement.reason}, {precision}"
    what = "each layer" if every_layer else next(iter(dreamers))
    return Studio(dreamers, f"{source.name}, {what} on {running}")


def _objectives(method: Method, model: keras.Model, source) -> list:
    layers = {map_layer(model, name): weight for name, weight in method.layers.items()}
    if not layers and (method.guide is not None or not method.classes):
        layers = {default_layer(model, source): 1.0}
    found: list = []
    if layers and method.guide is not None:
        found.append(Guidance(layers))
    elif layers:
        found.append(LayerNorms(layers, _channels(method, model, next(iter(layers)))))
    if method.classes:
        found.append(_class_scores(method, model, source))
    return found


def _channels(method: Method, model: keras.Model, layer: str) -> list[int] | None:
    if method.channels is None:
        return None
    count = next(tap.shape[-1] for tap in map_taps(model) if tap.name == layer)
    return choose_channels(method.channels, count, layer=layer)


def _class_scores(method: Method, model: keras.Model, source) -> ClassScores:
    scores = Scores.of(model)
    names = distinct_names(source.labels)
    reads = {}
    for label in method.classes:
        index = class_index(label, source.labels, classes=scores.classes, model=source.name)
        name = names[index] if index < len(names) else f"output {index}"
        reads[f"class {name}"] = partial(scores.read, index=index)
    return ClassScores([SCORES], reads)


def _seen(model: keras.Model, source, names: list[str], precision: str):
    """Return the network that gives these layers, and its window if it takes one size only."""
    height, width = model.inputs[0].shape[1:3]
    see = partial(see_layers, names=names, swap=redirected, precision=precision)
    try:
        return see(model), None
    except UsageError:  # a head that counts on its own number of places
        if None in (height, width):
            raise
        return see(load_whole(source), any_size=False), (height, width)
