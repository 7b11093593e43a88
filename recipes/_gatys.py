"""The method of style transfer: one photo, one look, one picture, from coarse to fine.

Gatys, Ecker & Bethge 2016, "Image Style Transfer Using Convolutional Neural Networks" (CVPR).
The pixels of a picture are changed until a fixed network sees in it the features of the photo and
the Gram matrices of the style. Here this is done at several sizes, each beginning with the result
of the one before (Gatys et al. 2017, Sec. 6): a network sees strokes of a certain size, which are
large on a small picture.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from threading import Lock

import numpy as np
import tensorflow as tf
from PIL import Image

from dltk.errors import UsageError
from dltk.losses.style import ContentLoss, StyleLoss, total_variation
from dltk.models.find import find_model
from dltk.models.laid_open import average_pooling, load_whole, reach, see_layers
from dltk.ops.colour import (
    luminance,
    match_histogram,
    match_luminance,
    match_mean_covariance,
    with_luminance,
)
from dltk.painting.optimise import adam, lbfgs
from dltk.painting.photo import Photo
from dltk.painting.scales import coarse_to_fine, fitted, resized, to_picture, to_pixels
from dltk.painting.slope import Slope
from dltk.painting.tiles import TileSize, plan_tiles
from dltk.painting.watch import Watch
from dltk.strategy import choose_training_precision
from dltk.weights import Report
from recipes._checks import check_choice, check_number, check_whole
from recipes._styles import LEAST, Look

_FULL_STEPS_UP_TO = 512  # pixels; larger sizes get fewer steps, as they only sharpen
_NOISE = 50.0  # levels of 255, the standard deviation of a beginning with noise

_LEAST_FACTOR = 1.05  # between sizes: below, there would be hundreds of them
_CACHED = 64  # Grams of styles at a size that a device keeps: 2.4 MB each
_ADAM_RATE = 10.0
_CHOICES = {
    "backbone": ("vgg16-hed", "vgg16", "vgg19"),
    "pooling": ("max", "avg"),
    "optimizer": ("adam", "lbfgs"),
    "preserve_color": ("none", "luminance", "histogram", "linear"),
}


@dataclass(frozen=True)
class Method:
    """How to paint: the options of `recipes.stylize.stylize` that go by these names.

    Raises:
        UsageError: values that cannot work.
    """

    backbone: str
    content_layers: dict[str, float]
    style_layers: dict[str, float]
    content_weight: float
    style_weight: float
    tv_weight: float
    pooling: str
    optimizer: str
    rate: float | None
    steps: int
    min_scale: int
    scale_factor: float
    style_scale: float
    preserve_color: str
    tile: int
    seed: int

    def __post_init__(self):
        for name, least in (("steps", 1), ("min_scale", LEAST), ("tile", 64), ("seed", 0)):
            check_whole(name, getattr(self, name), least)
        for name in ("content_weight", "style_weight", "tv_weight"):
            check_number(name, getattr(self, name))
        check_number("scale_factor", self.scale_factor, _LEAST_FACTOR)
        check_number("style_scale", self.style_scale, above=True)
        if self.rate is not None:
            check_number("rate", self.rate, above=True)
        for name, choices in _CHOICES.items():
            check_choice(name, getattr(self, name), choices)
        if self.optimizer == "lbfgs" and self.rate is not None:
            raise UsageError("--rate is Adam's; L-BFGS finds its own")
        for name in ("content_layers", "style_layers"):
            if not getattr(self, name):
                raise UsageError(f"--{name.replace('_', '-')}: at least one is needed")


class Studio:
    """A network on one device, and the Grams of the styles it has seen.

    Args:
        device: to build the network on; call `paint` under it too.
    """

    def __init__(self, method: Method, precision: str, placement, device: str, report: Report):
        with tf.device(device):
            model = load_whole(find_model(method.backbone))
        precision = choose_training_precision(precision, model, placement)
        names = list(method.content_layers | method.style_layers)
        swap = average_pooling if method.pooling == "avg" else None
        network = see_layers(model, names, swap=swap, precision=precision)
        for name, output in network.output.items():
            if len(output.shape) != 4:
                raise UsageError(f"layer {name} of {method.backbone} has no places, only channels")
        self.method = method
        self.content = ContentLoss(_scaled(method.content_layers, method.content_weight))
        self.style = StyleLoss(_scaled(method.style_layers, method.style_weight))
        self.slope = Slope(network, [self.content, self.style], self._priors())
        self.tile = TileSize(method.tile, report)
        self.reach = reach(network)
        self.running = f"Keras, {placement.reason}, {precision}"
        self._grams: OrderedDict = OrderedDict()
        self._lock = Lock()

    def paint(self, photo: Photo, look: Look, masks, start, watch: Watch):
        """Return the painting, float32 (1, H, W, 3), 0-255.

        Args:
            masks: float32 (R, H, W) in [0, 1], where each style of the look goes; None for
                everywhere.
            start: the picture to begin with, "content" or "noise".
        Raises:
            PaintingStoppedError: Ctrl-C, or a step that is not finite.
        """
        method = self.method
        picture, styles = in_its_colours(photo.picture, look.pictures, method.preserve_color)
        cached = method.preserve_color == "none"
        plan = self.plan(picture.size)
        watch.plan(sum(count for _, count in plan))
        descend = (
            partial(adam, rate=method.rate or _ADAM_RATE) if method.optimizer == "adam" else lbfgs
        )
        pixels = None
        for side, count in plan:
            size = fitted(picture.size, side)
            content = resized(to_pixels(picture), size)
            if pixels is None:
                pixels = self._begin(start, content, picture)
            grams = [self._grams_of(style, side, cached) for style in styles]
            scale = Scale(self, content, _joined(grams, look.weights), masks)
            pixels = tf.clip_by_value(resized(pixels, size), 0.0, 255.0)
            pixels = descend(scale, pixels, steps=count, on_step=watch.step)
        return watch.finished(pixels)

    def develop(self, photo: Photo, masks, strength: float, pixels) -> np.ndarray:
        """Return what is shown of pixels (1, H, W, 3) at any scale: float32 (H, W, 3), 0-255.

        At the photo's size, in its colours if they are kept, the photo itself where no mask is,
        and laid over it with `strength`.
        """
        here = np.asarray(photo.picture, np.float32)
        painted = np.asarray(resized(pixels, photo.picture.size))[0]
        if self.method.preserve_color == "luminance":
            painted = with_luminance(here, luminance(painted))
        share = strength
        if masks is not None:
            share = strength * np.clip(masks.sum(axis=0), 0, 1)[..., None]
        return here + share * (painted.clip(0, 255) - here)

    def _priors(self):
        weight = self.method.tv_weight
        return [lambda pixels: {"tv": weight * total_variation(pixels)}] if weight else []

    def plan(self, size: tuple[int, int]) -> list[tuple[int, int]]:
        """Return for each scale its longer side, and steps; no shorter side is below LEAST.

        Args:
            size: (width, height) of the painting.
        """
        method = self.method
        smallest = max(method.min_scale, -(-LEAST * max(size) // min(size)))
        sides = coarse_to_fine(max(size), smallest=smallest, factor=method.scale_factor)
        shares = [min(1.0, _FULL_STEPS_UP_TO / side) for side in sides]
        return [
            (side, max(1, round(method.steps * share)))
            for side, share in zip(sides, shares, strict=True)
        ]

    def _begin(self, start, content, picture: Image.Image):
        if start == "content":
            return content
        if start == "noise":
            random = np.random.default_rng(self.method.seed)
            noise = random.normal(127.5, _NOISE, content.shape).clip(0, 255)
            return tf.constant(noise, tf.float32)
        return to_pixels(start.resize(picture.size, Image.Resampling.LANCZOS))

    def _grams_of(self, picture: Image.Image, side: int, cached: bool) -> dict:
        """Return the Grams of a style at a scale, {layer: float32 (1, C, C)}."""
        # As large as the photo, but not larger than it is: enlarged strokes are blurred ones.
        least = -(-LEAST * max(picture.size) // min(picture.size))
        side = min(max(round(side * self.method.style_scale), least), max(picture.size))
        measure = partial(self.tile.attempt, partial(self._measure_style, picture, side))
        if not cached:
            return measure()
        key = id(picture), side  # looks hold their pictures as long as there are studios
        with self._lock:  # of pictures under way at once, one computes
            if key not in self._grams:
                self._grams[key] = measure()
            self._grams.move_to_end(key)
            if len(self._grams) > _CACHED:
                self._grams.popitem(last=False)
            return self._grams[key]

    def _measure_style(self, picture: Image.Image, side: int, tile: int) -> dict:
        pixels = resized(to_pixels(picture), fitted(picture.size, side))
        measures = None
        for features in self.slope.look(pixels, self.tiles_of(pixels, tile)):
            more = self.style.measure(features, {})
            measures = more if measures is None else tf.nest.map_structure(tf.add, measures, more)
        return self.style.target(measures)

    def tiles_of(self, pixels, tile: int):
        """Cut pixels (1, H, W, 3) into tiles with a core of `tile` pixels a side at most."""
        _, height, width, _ = pixels.shape
        if max(height, width) <= tile:
            tile = max(height, width)
        return plan_tiles(height, width, tile=tile, halo=self.reach, multiple=self.slope.stride)


class Scale:
    """The slope of pictures at one size: called with pixels, gives terms and gradient.

    Args:
        content: the photo at that size, float32 (1, H, W, 3).
        grams: of the style, {layer: (R, C, C)}.
        masks: (R, H', W') at any size, or None.
    """

    def __init__(self, studio: Studio, content, grams: dict, masks):
        self._studio, self._content, self._grams, self._masks = studio, content, grams, masks
        layers = studio.style.layers if masks is not None else ()
        self._whole_guides = {name: self._guide(studio.slope.strides[name]) for name in layers}
        self._side = None

    def __call__(self, pixels):
        return self._studio.tile.attempt(partial(self._slope, pixels))

    def _slope(self, pixels, side: int):
        if side != self._side:
            self._tiles = self._studio.tiles_of(self._content, side)
            seen = self._studio.slope.look(self._content, self._tiles)
            self._locals = [
                [self._studio.content.local(features), self._guides(tile)]
                for tile, features in zip(self._tiles, seen, strict=True)
            ]
            self._side = side
        targets = [{}, self._grams]
        return self._studio.slope(pixels, self._tiles, targets, self._locals)

    def _guides(self, tile) -> dict:
        """Return the masks as each style layer sees them in a tile's core, {layer: (R, h, w)}."""
        top, left, bottom, right = tile.core
        strides = self._studio.slope.strides
        return {
            name: whole[
                :, top // strides[name] : bottom // strides[name],
                left // strides[name] : right // strides[name],
            ]
            for name, whole in self._whole_guides.items()
        }  # fmt: skip

    def _guide(self, stride: int):
        """Return the masks (R, h, w) at the places of layers with that stride."""
        height, width = self._content.shape[1:3]
        whole = resized(self._masks[..., None], (width // stride, height // stride))
        return tf.clip_by_value(whole[..., 0], 0.0, 1.0)


def in_its_colours(
    photo: Image.Image, styles: Sequence[Image.Image], how: str
) -> tuple[Image.Image, Sequence[Image.Image]]:
    """Return photo and styles as they are painted, so that the photo's colours stay.

    Gatys et al. 2017, Sec. 5: "luminance" paints in grey (the colours come back afterwards, see
    `Studio.develop`); "histogram" and "linear" give the styles the photo's colours.
    """
    if how == "none":
        return photo, styles
    here = np.asarray(photo, np.float32)
    others = [np.asarray(style, np.float32) for style in styles]
    if how == "luminance":
        like = luminance(here)
        greys = [like, *(match_luminance(luminance(other), like) for other in others)]
        photo, *styles = [to_picture(np.repeat(grey[..., None], 3, axis=2)) for grey in greys]
        return photo, styles
    match = {"histogram": match_histogram, "linear": match_mean_covariance}[how]
    return photo, [to_picture(match(other, here)) for other in others]


def _scaled(weights: dict[str, float], factor: float) -> dict[str, float]:
    return {name: weight * factor for name, weight in weights.items()}


def _joined(grams: Sequence[dict], weights: Sequence[float] | None) -> dict:
    """Return one target of several styles' Grams: their mean, or one after the other as regions.

    A mean of Grams asks for the same as a mean of losses: they differ by a constant.
    """
    if weights is None:
        return {name: tf.concat([each[name] for each in grams], axis=0) for name in grams[0]}
    return {
        name: tf.add_n([w * each[name] for w, each in zip(weights, grams, strict=True)])
        for name in grams[0]
    }
