"""What dreams make more of: what layers already see, features of a guide, scores of classes.

Mordvintsev, Olah & Tyka 2015, "Inceptionism: Going Deeper into Neural Networks", and the code
released with it (google/deepdream): a picture is changed so that what a layer sees in it grows,
whatever that is. Here everything is minimised, so all terms have a minus before them. They are
means over places, not sums as there: a layer's weight means the same at every size of picture.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import tensorflow as tf

_GUIDE_PLACES = 1024  # of a guide, at most: each place of the picture is compared with all of them


class LayerNorms:
    """Half the mean square of what layers give: their L2 norms.

    Args:
        weights: of each layer, which multiply its term.
        channels: those that count, of every layer; None for all.
    """

    def __init__(self, weights: Mapping[str, float], channels: Sequence[int] | None = None):
        self.layers = tuple(weights)
        self._weights = dict(weights)
        self._channels = channels

    def measure(self, features, local):
        """See `dltk.painting.objective.Objective`."""
        measures = {}
        for name in self.layers:
            seen = tf.cast(features[name], tf.float32)
            if self._channels is not None:
                seen = tf.gather(seen, self._channels, axis=-1)
            measures[name] = {
                "squares": tf.reduce_sum(tf.square(seen)),
                "values": tf.cast(tf.size(seen), tf.float32),
            }
        return measures

    def terms(self, measures, target):
        """See `dltk.painting.objective.Objective`; one term for each layer, by its name."""
        return {
            name: -0.5 * weight * measures[name]["squares"] / measures[name]["values"]
            for name, weight in self._weights.items()
        }


class Guidance:
    """Likeness to a guide: at each place the dot product with the guide's place it is most like.

    The "guided dreams" of google/deepdream. Which place that is counts as given, so the gradient
    is the guide's features there.

    Args:
        weights: of each layer, which multiply its term.
    """

    def __init__(self, weights: Mapping[str, float]):
        self.layers = tuple(weights)
        self._weights = dict(weights)

    def local(self, features: dict) -> dict:
        """Return what `measure` compares with, {layer: (M, C)}: the guide's features.

        Args:
            features: {layer: (1, H, W, C)} of the guide. Of more than 1024 places, every
                n-th is taken.
        """
        rows = {
            name: tf.reshape(features[name], (-1, features[name].shape[-1])) for name in self.layers
        }
        return {name: each[:: -(-len(each) // _GUIDE_PLACES)] for name, each in rows.items()}

    def measure(self, features, local):
        """See `dltk.painting.objective.Objective`; `local` is that of the guide, in every tile."""
        measures = {}
        for name in self.layers:
            seen = tf.reshape(features[name], (-1, features[name].shape[-1]))
            guide = tf.cast(local[name], seen.dtype)
            nearest = tf.argmax(tf.matmul(seen, guide, transpose_b=True), axis=1)
            measures[name] = {
                "products": tf.reduce_sum(tf.cast(seen * tf.gather(guide, nearest), tf.float32)),
                "places": tf.cast(tf.shape(seen)[0], tf.float32),
            }
        return measures

    def terms(self, measures, target):
        """See `dltk.painting.objective.Objective`; one term for each layer, by its name."""
        return {
            name: -weight * measures[name]["products"] / measures[name]["places"]
            for name, weight in self._weights.items()
        }


class ClassScores:
    """Scores of classes before softmax; of a picture in tiles, their mean over the tiles.

    Args:
        layers: what they are read from.
        reads: for each class, by the name of its term, what gives its score (1,) from features.
    """

    def __init__(self, layers: Sequence[str], reads: Mapping[str, Callable[[dict], object]]):
        self.layers = tuple(layers)
        self._reads = dict(reads)

    def measure(self, features, local):
        """See `dltk.painting.objective.Objective`."""
        scores = {name: tf.reduce_sum(read(features)) for name, read in self._reads.items()}
        return {"scores": scores, "tiles": tf.constant(1.0)}

    def terms(self, measures, target):
        """See `dltk.painting.objective.Objective`; one term for each class, by its name."""
        return {name: -score / measures["tiles"] for name, score in measures["scores"].items()}
