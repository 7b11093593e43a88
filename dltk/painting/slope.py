"""Which way is down: the loss of a picture and its gradient, whole or tile by tile."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from dltk.models.fixed import fix_kernels
from dltk.painting.objective import Objective
from dltk.painting.tiles import Tile

_PROBE = 512  # pixels a side at which layers' strides are read off
_TO_THE_END = 1 << 30  # pixels: more than any picture has


class Slope:
    """Losses of pictures, seen through a network, and their gradients.

    A picture in one tile is done in one pass. In several tiles it takes two: the first adds up
    the measures over all tiles, the second sends the loss's gradient with respect to them back
    through each tile. The sum is the gradient of the whole picture, not that of a mean of tiles.

    The tiles agree exactly with the whole where halos are as wide as the network's field reaches
    and the layers' places lie on a grid that begins in the corner, as with VGG; nearly elsewhere.

    Args:
        network: from `dltk.models.laid_open.see_layers`; the outputs that the objectives need.
            Its weights are fixed from now on.
        objectives: their terms are added.
        priors: what else is minimised, as functions from pixels (1, H, W, C) to terms by name.

    Attributes:
        strides: pixels between two places of each map that the network gives.
    """

    def __init__(
        self,
        network: keras.Model,
        objectives: Sequence[Objective],
        priors: Sequence[Callable[[object], dict]] = (),
    ):
        fix_kernels(network)
        self._network = network
        self._objectives = list(objectives)
        self._priors = list(priors)
        self.strides = _strides(network)
        traced = {"reduce_retracing": True, "autograph": False}  # whose rewriting takes time
        self._features = tf.function(self._features_of, **traced)
        self._in_one = tf.function(self._whole, **traced)
        self._measured = tf.function(self._measure, **traced)
        self._pulled = tf.function(self._pull, **traced)
        self._steepness = tf.function(self._descend_measures, **traced)
        self._prior_slope = tf.function(self._descend_priors, **traced)

    @property
    def stride(self) -> int:
        """Pixels between two places of the coarsest map."""
        return max(self.strides.values(), default=1)

    def look(self, pixels, tiles: Sequence[Tile]):
        """Yield what the network sees in the core of each tile, {layer: (1, H, W, C)}."""
        for tile in tiles:
            yield self._features(_cut(pixels, tile), _inner(tile))

    def __call__(self, pixels, tiles: Sequence[Tile], targets: list, locals_: Sequence[list]):
        """Return the terms of the loss and its gradient.

        Args:
            pixels: float32 (1, H, W, 3), 0-255.
            tiles: from `dltk.painting.tiles.plan_tiles`.
            targets: for each objective, see `Objective.terms`.
            locals_: for each tile, for each objective, see `Objective.measure`.
        Returns:
            {name: float32 scalar}, and float32 (1, H, W, 3).
        """
        if len(tiles) == 1:
            terms, gradient = self._in_one(pixels, targets, locals_[0])
        else:
            terms, gradient = self._tiled(pixels, tiles, targets, locals_)
        if self._priors:
            more, pull = self._prior_slope(pixels)
            terms, gradient = terms | more, gradient + pull
        return terms, gradient

    def _tiled(self, pixels, tiles, targets, locals_):
        parts = [(_cut(pixels, tile), _inner(tile)) for tile in tiles]
        measures = None
        for (part, inner), local in zip(parts, locals_, strict=True):
            more = self._measured(part, inner, local)
            measures = more if measures is None else tf.nest.map_structure(tf.add, measures, more)
        terms, pulls = self._steepness(measures, targets)
        gradient = tf.Variable(tf.zeros_like(pixels))
        for tile, (part, inner), local in zip(tiles, parts, locals_, strict=True):
            top, left, bottom, right = tile.outer
            gradient[:, top:bottom, left:right].assign(
                gradient[:, top:bottom, left:right] + self._pulled(part, inner, local, pulls)
            )
        return terms, gradient.value()

    def _features_of(self, pixels, inner):
        features = dict(self._network(pixels, training=False))
        if inner is None:  # a whole picture, and cutting copies
            return features
        top, left, bottom, right = tf.unstack(inner)
        for name, s in self.strides.items():
            features[name] = features[name][:, top // s : bottom // s, left // s : right // s]
        return features

    def _measure(self, pixels, inner, local):
        features = self._features_of(pixels, inner)
        return [
            objective.measure(features, own)
            for objective, own in zip(self._objectives, local, strict=True)
        ]

    def _terms(self, measures, targets):
        terms = {}
        for objective, own, target in zip(self._objectives, measures, targets, strict=True):
            terms |= objective.terms(own, target)
        return terms

    def _whole(self, pixels, targets, local):
        # A size that is known makes a graph of its own, with another rounding than the graph for
        # any size, which is the one used from a second picture on.
        any_size = (1, None, None, pixels.shape[-1])
        pixels = tf.compat.v1.placeholder_with_default(pixels, any_size)
        with tf.GradientTape() as tape:
            tape.watch(pixels)
            terms = self._terms(self._measure(pixels, None, local), targets)
            loss = tf.add_n(list(terms.values()))
        return terms, tape.gradient(loss, pixels)

    def _descend_measures(self, measures, targets):
        with tf.GradientTape() as tape:
            tape.watch(measures)
            terms = self._terms(measures, targets)
            loss = tf.add_n(list(terms.values()))
        return terms, tape.gradient(loss, measures, unconnected_gradients="zero")

    def _descend_priors(self, pixels):
        with tf.GradientTape() as tape:
            tape.watch(pixels)
            terms = {name: term for prior in self._priors for name, term in prior(pixels).items()}
            loss = tf.add_n(list(terms.values()))
        return terms, tape.gradient(loss, pixels)

    def _pull(self, pixels, inner, local, pulls):
        with tf.GradientTape() as tape:
            tape.watch(pixels)
            measures = self._measure(pixels, inner, local)
        return tape.gradient(measures, pixels, output_gradients=pulls)


def _strides(network: keras.Model) -> dict[str, int]:
    """Return pixels between two places of each map that the network gives, a power of two."""
    size = [side or _PROBE for side in network.input_shape[1:3]]
    shapes = network.compute_output_shape((1, *size, network.input_shape[-1]))
    return {
        name: 2 ** round(math.log2(size[0] / shape[1]))
        for name, shape in shapes.items()
        if len(shape) == 4
    }


def _cut(pixels, tile: Tile):
    top, left, bottom, right = tile.outer
    return pixels[:, top:bottom, left:right]


def _inner(tile: Tile):
    """Return where the core is in the tile; at the picture's end, it goes on to the end."""
    top, left, bottom, right = tile.inner
    _, _, low, far = tile.outer
    bottom = _TO_THE_END if tile.core[2] == low else bottom
    right = _TO_THE_END if tile.core[3] == far else right
    return tf.constant((top, left, bottom, right))
