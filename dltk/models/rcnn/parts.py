"""The parts of a detector: feature pyramid, region proposal network, heads.

Each is a Keras model of its own, so that a detector's file can be taken apart by their names.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import layers


def build_pyramid(
    channels: Sequence[int],
    strides: Sequence[int],
    *,
    width: int = 256,
    normalised: bool = False,
    extra: bool = True,
) -> keras.Model:
    """Return a feature pyramid network: maps of a backbone to as many of equal width.

    Lin et al. 2016, "Feature Pyramid Networks", Sec. 3, https://arxiv.org/abs/1612.03144: from the
    coarsest map on, each is enlarged and added to the next finer one.

    Args:
        channels: of each map, the finest first.
        strides: of each map, in pixels; multiples of one another.
        width: channels of all maps of the pyramid.
        normalised: batch normalisation after every convolution, which then has no bias.
        extra: add a coarser map, every second place of the coarsest, for proposals of the
            largest objects.
    """

    def convolved(x, kernel, name):
        x = layers.Conv2D(
            width,
            kernel,
            padding="same",
            use_bias=not normalised,
            kernel_initializer=keras.initializers.HeUniform(),
            name=name,
        )(x)
        return layers.BatchNormalization(epsilon=1e-5, name=f"{name}_bn")(x) if normalised else x

    inputs = [keras.Input((None, None, count)) for count in channels]
    inner = [convolved(x, 1, f"inner{level}") for level, x in enumerate(inputs)]
    for level in reversed(range(len(inner) - 1)):
        factor = strides[level + 1] // strides[level]
        above = inner[level + 1]
        if factor > 1:
            above = layers.UpSampling2D(factor, name=f"enlarge{level + 1}")(above)
        inner[level] = layers.Add(name=f"sum{level}")([inner[level], above])
    outputs = [convolved(x, 3, f"layer{level}") for level, x in enumerate(inner)]
    if extra:
        outputs.append(layers.MaxPooling2D(1, 2, padding="same", name="pool")(outputs[-1]))
    return keras.Model(inputs, outputs, name="pyramid")


ANSWERS = ("cls_logits", "bbox_pred", "cls_score", "svm", "regression")
"""Names of layers that give logits and deltas, which two digits would be too few for."""


def build_rpn(width: int, anchors: int, *, depth: int = 1) -> keras.Model:
    """Return the head of a region proposal network, for a map of any level.

    Ren et al. 2015, Sec. 3.1: maps (B, H, W, `width`) to the logits of `anchors` anchors at each
    place, (B, H, W, A), of being an object, and to the deltas that correct them, (B, H, W, 4 · A).

    Args:
        depth: convolutions of 3 × 3 before the two answers.
    """
    small = keras.initializers.RandomNormal(stddev=0.01)
    inputs = x = keras.Input((None, None, width))
    for number in range(depth):
        x = layers.Conv2D(
            width, 3, padding="same", activation="relu", kernel_initializer=small,
            name=f"conv{number}",
        )(x)  # fmt: skip
    logits = layers.Conv2D(anchors, 1, kernel_initializer=small, name="cls_logits")(x)
    deltas = layers.Conv2D(4 * anchors, 1, kernel_initializer=small, name="bbox_pred")(x)
    return keras.Model(inputs, [logits, deltas], name="rpn")


def build_box_head(
    width: int,
    classes: int,
    *,
    size: int = 7,
    hidden: int = 1024,
    convolutions: int = 0,
    dense: int = 2,
) -> keras.Model:
    """Return the head that says what is in a region and where exactly.

    Girshick 2015, "Fast R-CNN", Sec. 2: features (R, size, size, `width`) to scores (R, K + 1),
    of ground first, and to deltas (R, 4 · (K + 1)), for each class its own.

    Args:
        classes: K.
        hidden: units of each dense layer.
        convolutions: of 3 × 3 with batch normalisation before the dense layers.
        dense: layers.
    """
    inputs = x = keras.Input((size, size, width))
    for number in range(convolutions):
        x = layers.Conv2D(width, 3, padding="same", use_bias=False, name=f"conv{number}")(x)
        x = layers.BatchNormalization(epsilon=1e-5, name=f"conv{number}_bn")(x)
        x = layers.ReLU(name=f"conv{number}_relu")(x)
    x = layers.Flatten(name="flatten")(x)
    for number in range(dense):
        x = layers.Dense(
            hidden, activation="relu", kernel_initializer="he_uniform", name=f"fc{6 + number}"
        )(x)
    return keras.Model(inputs, answers(x, classes), name="box_head")


def answers(features, classes: int) -> list:
    """Return scores (R, K + 1) and deltas (R, 4 · (K + 1)) of features (R, D), weights fresh."""
    return [
        layers.Dense(
            count, kernel_initializer=keras.initializers.RandomNormal(stddev=deviation), name=name
        )(features)
        for count, deviation, name in (
            (classes + 1, 0.01, "cls_score"),
            (4 * (classes + 1), 0.001, "bbox_pred"),
        )
    ]
