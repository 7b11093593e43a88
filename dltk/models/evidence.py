"""A classifier made convolutional: what speaks for each class at each place of a larger picture.

A network that ends in global average pooling says the same of a picture whether its last map is
averaged before the classes are told or after, as long as what tells them is linear. So the
pooling is left out, and the network, which now takes pictures of any size, gives a map of scores
for every class: Sermanet et al. 2014 (OverFeat), Sec. 3.3, https://arxiv.org/abs/1312.6229, and
the class activation maps of Zhou et al. 2016, https://arxiv.org/abs/1512.04150.
"""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from dltk.errors import UsageError
from dltk.models.build import last_activation, last_operation, probabilities_of
from dltk.models.laid_open import SCORES, see_layers

_LEAST = 1e-7  # of a probability whose logarithm is taken
_ALIKE = 0.9  # correlation with the network's own answer below which the maps are not believed


def evidence_of(make: Callable[[], keras.Model]) -> keras.Model:
    """Return a classifier that tells what speaks for each class, place by place if it can.

    Args:
        make: builds the classifier, anew at every call.
    Returns:
        A model from float32 (B, H, W, C) of any size, 0-255, to scores (B, h, w, K), whose mean
        over places is the classifier's score before softmax. Of a classifier without global
        average pooling at its end: from pictures of its own size to scores (B, K). Either way
        the probabilities are the softmax. Sigmoids over several classes get one score more, the
        last, which is 0: that of none of them.
    """
    model = make()
    pixels = _sample(model)
    kind, count = last_activation(model.outputs[0]), model.outputs[0].shape[-1]
    several = kind == "sigmoid" and count > 1
    known = _logarithms(_scores_of(probabilities_of(model), several)(pixels))
    try:
        found = _convolutional(model, several)
        means = _logarithms(tf.reduce_mean(found(pixels), axis=(1, 2)))
    except (UsageError, ValueError, TypeError, tf.errors.InvalidArgumentError):
        found = None  # it has layers that know one size only, or are not ours to look into
    if found is None or np.corrcoef(means, known)[0, 1] < _ALIKE:
        return _scores_of(probabilities_of(make()), several)
    return found


def _scores_of(model: keras.Model, several: bool) -> keras.Model:
    """Return a classifier's probabilities as scores whose softmax they are."""
    return keras.Model(model.inputs[0], _Scores(several, name="scores")(model.outputs[0]))


def _convolutional(model: keras.Model, several: bool) -> keras.Model:
    """Return the model without its last pooling, from pictures of any size to (B, h, w, K)."""
    output = model.outputs[0]
    kind, (last, _) = last_activation(output), last_operation(output)
    taken = getattr(getattr(last, "activation", None), "__name__", type(last).__name__).lower()
    # Means of probabilities, as an ensemble's, and shares of votes have no scores behind them.
    mixed = kind in ("softmax", "sigmoid") and taken not in ("softmax", "sigmoid")
    poolings, maps = _last_poolings(model), []
    if not poolings or (mixed and output.shape[-1] == 1):
        raise UsageError(f"{model.name} has no scores place by place")

    def swap(layer):
        if not any(layer is pooling for pooling in poolings):
            return None

        def places(x, **_):
            maps.append(x)
            return _Places(layer.keepdims, name=f"{layer.name}_places")(x)

        return places

    network = see_layers(model, [SCORES], swap=swap)
    scores = network.output[SCORES]
    if mixed:
        scores = _Scores(several, name="scores")(scores)
    elif several or scores.shape[-1] == 1:
        scores = _Beside(several, name="beside_none")(scores)
    return keras.Model(network.inputs[0], _Map(name="map")([scores, maps[0]]))


def _last_poolings(model: keras.Model) -> list[layers.Layer]:
    """Return the pooling that ends a network, or each of those nested in it that gives vectors.

    Poolings before that are parts of blocks, as squeeze-and-excitation, and stay.
    """
    nested = [x for x in model.layers if isinstance(x, keras.Model) and _rank(x) == 2]
    if nested:
        return [pooling for each in nested for pooling in _last_poolings(each)]
    return [x for x in model.layers if isinstance(x, layers.GlobalAveragePooling2D)][-1:]


def _rank(model: keras.Model) -> int:
    return len(model.outputs[0].shape)


def _sample(model: keras.Model) -> np.ndarray:
    """Return a picture at the network's own size on which two forms of it can be compared."""
    height, width, channels = (side or 224 for side in model.inputs[0].shape[1:])
    random = np.random.default_rng(0)
    coarse = random.uniform(0, 255, (2, 8, 8, channels)).astype(np.float32)
    return np.asarray(tf.image.resize(coarse, (height, width)))


def _logarithms(scores) -> np.ndarray:
    """Return those of the probabilities that scores (B, K) stand for, in one row."""
    return np.asarray(tf.nn.log_softmax(scores)).ravel()


class _Places(layers.Layer):
    """A map (B, h, w, C) as the features of its places (B · h · w, C), or (…, 1, 1, C)."""

    def __init__(self, keepdims: bool = False, **kwargs):
        super().__init__(**kwargs)
        self.keepdims = keepdims

    def call(self, x):
        return tf.reshape(x, (-1, *([1, 1] if self.keepdims else []), x.shape[-1]))

    def compute_output_shape(self, shape):
        return (None, *([1, 1] if self.keepdims else []), shape[-1])


class _Map(layers.Layer):
    """Scores of places (B · h · w, K) back in the map (B, h, w, C) they are of: (B, h, w, K)."""

    def call(self, inputs):
        scores, of = inputs
        return tf.reshape(scores, tf.concat([tf.shape(of)[:3], scores.shape[-1:]], axis=0))

    def compute_output_shape(self, shapes):
        return (*shapes[1][:3], shapes[0][-1])


class _Scores(layers.Layer):
    """Logarithms of probabilities (B, K); of independent ones log(p / (1 - p)), and 0 for none."""

    def __init__(self, several: bool, **kwargs):
        super().__init__(**kwargs)
        self.several = several

    def call(self, x):
        x = tf.clip_by_value(x, _LEAST, 1 - _LEAST)
        if not self.several:
            return tf.math.log(x)
        return tf.pad(tf.math.log(x / (1 - x)), [[0, 0], [0, 1]])

    def compute_output_shape(self, shape):
        return (*shape[:-1], shape[-1] + self.several)


class _Beside(layers.Layer):
    """Scores of sigmoids (B, K) beside that of none of them, 0: last; of a single one, first."""

    def __init__(self, last: bool, **kwargs):
        super().__init__(**kwargs)
        self.last = last

    def call(self, x):
        return tf.pad(x, [[0, 0], [0, 1] if self.last else [1, 0]])

    def compute_output_shape(self, shape):
        return (*shape[:-1], shape[-1] + 1)
