"""The heads of segmenters: from a backbone's maps to scores of classes."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import layers

from dltk.layers import LearntUpsampling

_DROPOUT = {"fc": 0.5, "aux": 0.1}


def build_skip_head(
    channels: Sequence[int], strides: Sequence[int], classes: int, *, finest: int, hidden: int = 0
) -> keras.Model:
    """Return the head of FCN-32s, FCN-16s or FCN-8s.

    Long et al. 2014, Sec. 4.1 and 4.2, Fig. 3: the coarsest map is scored; scores are enlarged to
    twice the size and added to those of the next finer map, until the finest that is asked for.
    Layers that score begin with zeros, so that a skip that is added changes nothing at first.

    Args:
        channels, strides: of each map of the backbone, the finest first; each stride is half of
            the next one.
        classes: K.
        finest: stride of the finest map that is scored, and of the result: 8, 16 or 32 pixels.
        hidden: channels of two more layers in front of the coarsest scores, fc6 of 7 × 7 and fc7
            of 1 × 1, which are the hidden layers of VGG's classifier in the paper; 0 for none.
    """
    inputs = [keras.Input((None, None, count)) for count in channels]
    x = inputs[-1]
    if hidden:
        for name, kernel in (("fc6", 7), ("fc7", 1)):
            x = layers.Conv2D(
                hidden, kernel, padding="same", activation="relu",
                kernel_initializer="he_uniform", name=name,
            )(x)  # fmt: skip
            x = layers.Dropout(_DROPOUT["fc"], name=f"{name}_dropout")(x)
    scores = scoring(classes, name=f"score{strides[-1]}")(x)
    for at in reversed(range(len(strides) - 1)):
        if strides[at] < finest:
            break
        finer = scoring(classes, name=f"score{strides[at]}")(inputs[at])
        enlarged = LearntUpsampling(2, name=f"enlarge{strides[at]}")(scores, finer)
        scores = layers.Add(name=f"sum{strides[at]}")([enlarged, finer])
    return keras.Model(inputs, scores, name="head")


def build_plain_head(channels: int, classes: int, *, maps: int = 1, name: str = "head"):
    """Return the head of torchvision's FCNs, for the last of some maps: one hidden layer.

    A convolution of 3 × 3 to a quarter of the channels, batch normalisation, ReLU, dropout, and
    scores.

    Args:
        channels: of the map.
        classes: K.
        maps: how many the backbone has; those before the last are not looked at.
    """
    inputs = [keras.Input((None, None, None)) for _ in range(maps - 1)]
    inputs.append(keras.Input((None, None, channels)))
    x = layers.Conv2D(channels // 4, 3, padding="same", use_bias=False, name="conv")(inputs[-1])
    x = layers.BatchNormalization(epsilon=1e-5, momentum=0.9, name="conv_bn")(x)
    x = layers.ReLU(name="conv_relu")(x)
    x = layers.Dropout(_DROPOUT["aux"], name="conv_dropout")(x)
    return keras.Model(inputs, scoring(classes, name="score", zero=False)(x), name=name)


def scoring(classes: int, *, name: str, zero: bool = True) -> layers.Layer:
    """Return a layer of scores of `classes` classes, which begins with zeros or at random."""
    return layers.Conv2D(
        classes, 1, kernel_initializer="zeros" if zero else "glorot_uniform", name=name
    )
