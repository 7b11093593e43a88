"""A classifier as a trunk, which turns pixels into features, and a head, which tells classes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import keras
import numpy as np
from keras import layers

from dltk.errors import UsageError
from dltk.layers import NearestNeighbours
from dltk.models.build import NetworkSpec, build_network, build_output, features_of
from dltk.models.find import PIXEL_RANGES, ModelSource
from dltk.models.scratch import build_scratch

_LEAST_DEVIATION = 0.1  # of the mean one: features that hardly vary are not blown up


def build_trunk(source: ModelSource, *, weights: str | Path = "imagenet") -> keras.Model:
    """Return a pretrained network up to its averaged last feature map.

    Args:
        source: see `dltk.models.find.find_model`.
        weights: "imagenet" for the published ones (of a file: its own), "none" for random ones,
            or a file that fits a network of the catalog.
    Returns:
        A model from float32 (B, H, W, C), 0-255, to features (B, D).
    """
    geometry = source.geometry
    if weights == "imagenet":
        scale, offset = PIXEL_RANGES[source.pixel_range]
        spec = NetworkSpec(
            model=source.entry.name if source.entry else str(source.path.absolute()),
            output="features",
            scale=scale,
            offset=offset,
            size=[geometry.height, geometry.width, geometry.channels],
        )
        return build_output(spec)
    file = None if weights == "none" else Path(weights)
    return features_of(build_network(source.entry, weights=file), None, "avg")


def build_scratch_trunk(name: str, geometry, *, seed: int) -> keras.Model:
    """Return one of `dltk.models.scratch.SCRATCH` up to the head, with fresh weights."""
    pixels = keras.Input((geometry.height, geometry.width, geometry.channels), name="pixels")
    return keras.Model(pixels, build_scratch(name, pixels, seed=seed), name=name)


def freeze(trunk: keras.Model, unfreeze: int | str) -> list:
    """Freeze all of a trunk but its top layers; return the variables left to train.

    Batch normalisation stays frozen, so it normalises with the statistics it was trained with:
    those of a small data set, seen in small batches, would spoil the features.

    Args:
        unfreeze: "none", "all", or how many of the top layers to train; only layers that
            can learn count, and batch normalisation does not.
    """
    weighted = [
        layer
        for layer in trunk._flatten_layers(include_self=False)
        if layer.weights and not any(True for _ in layer._flatten_layers(include_self=False))
    ]
    for layer in weighted:
        layer.trainable = True  # a file's may be frozen
    learning = [layer for layer in weighted if layer.trainable_variables]
    open_layers = [x for x in learning if not isinstance(x, layers.BatchNormalization)]
    if unfreeze == "none":
        open_layers = []
    elif unfreeze != "all":
        open_layers = open_layers[max(0, len(open_layers) - int(unfreeze)) :]
    for layer in weighted:
        layer.trainable = layer in open_layers
    return trunk.trainable_variables


class Head:
    """Layers from features (B, D) to logits (B, K): standardise, drop out, multiply.

    One head can be applied to features computed beforehand and to a trunk's; its weights are the
    same. Build it under the strategy's scope.

    Args:
        dimensions: D.
        classes: K.
        standardise: features (N, D) by whose mean and standard deviation to standardise, in a
            frozen batch normalisation; None to leave features as they are.
        dropout: share of features set to zero in training.
        seed: of the initial weights and of dropout.
        name: what the names of its layers begin with.
    """

    def __init__(
        self,
        dimensions: int,
        classes: int,
        *,
        standardise: np.ndarray | None = None,
        dropout: float = 0.0,
        seed: int = 0,
        name: str = "",
    ):
        self.name = name
        initializer = keras.initializers.GlorotUniform(seed=seed)
        self.logits = layers.Dense(classes, kernel_initializer=initializer, name=f"{name}logits")
        self.layers = [self.logits]
        if dropout:
            self.layers.insert(0, layers.Dropout(dropout, seed=seed, name=f"{name}drop"))
        if standardise is not None:
            scale = layers.BatchNormalization(
                center=False, scale=False, epsilon=0.0, trainable=False, name=f"{name}standardise"
            )
            scale.build((None, dimensions))
            mean, deviation = statistics(standardise)
            scale.moving_mean.assign(mean)
            scale.moving_variance.assign(np.square(deviation))
            self.layers.insert(0, scale)
        self.logits.build((None, dimensions))

    def __call__(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


def statistics(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation (D,) of features (N, D), the latter never nearly 0."""
    deviation = features.std(axis=0)
    least = _LEAST_DEVIATION * float(deviation.mean()) or 1.0
    return features.mean(axis=0), np.maximum(deviation, least)


def softmax_model(trunk: keras.Model, heads: Sequence[Head], scale: float = 1.0) -> keras.Model:
    """Return the network that is saved: pixels to probabilities softmax(scale · logits).

    Those of several heads, each of a name of its own, are averaged.
    """
    each = []
    for head in heads:
        x = head(trunk.outputs[0])
        if scale != 1.0:
            x = layers.Rescaling(scale, name=f"{head.name}temperature")(x)
        each.append(layers.Softmax(name=f"{head.name}probabilities", dtype="float32")(x))
    mean = layers.Average(name="average")(each) if len(each) > 1 else each[0]
    return keras.Model(trunk.inputs[0], mean)


@contextmanager
def synchronised(trunk: keras.Model, needed: bool) -> Iterator[None]:
    """Let batch normalisation take the statistics of all replicas' examples, in the block."""
    kept = [
        layer
        for layer in trunk._flatten_layers(include_self=False)
        if needed and isinstance(layer, layers.BatchNormalization)
    ]
    for layer in kept:
        layer.synchronized = True
    try:
        yield
    finally:
        for layer in kept:
            layer.synchronized = False


def neighbours_model(
    trunk: keras.Model, features: np.ndarray, labels: np.ndarray, classes: int, *, k: int, metric
) -> keras.Model:
    """Return the network whose head votes with the nearest training features."""
    head = NearestNeighbours(*features.shape, classes, k, metric, name="neighbours")
    outputs = head(trunk.outputs[0])
    head.learn(features, labels)
    return keras.Model(trunk.inputs[0], outputs)


def ensemble(models: Sequence[keras.Model]) -> keras.Model:
    """Return one model that averages the probabilities of several with the same input."""
    if len(models) == 1:
        return models[0]
    shapes = {tuple(model.inputs[0].shape) for model in models}
    if len(shapes) != 1:
        raise UsageError(f"members of an ensemble take inputs of one shape, not {shapes}")
    pixels = keras.Input(models[0].inputs[0].shape[1:], name="pixels")
    for number, model in enumerate(models, 1):
        model.name = f"member{number}"
    outputs = [model(pixels) for model in models]
    return keras.Model(pixels, layers.Average(name="average")(outputs), name="ensemble")
