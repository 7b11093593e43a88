"""What style transfer minimises: content, style and roughness.

Gatys, Ecker & Bethge 2016, "Image Style Transfer Using Convolutional Neural Networks" (CVPR),
https://doi.org/10.1109/CVPR.2016.265; guided Grams: Gatys et al. 2017, "Controlling Perceptual
Factors in Neural Style Transfer", Sec. 4, https://arxiv.org/abs/1611.07865.

Everything is divided as the authors' released code does (PytorchNeuralStyleTransfer), not as the
paper prints it: means instead of sums, and a layer of n channels weighs 1/n² of its mean. So a
weight means the same at every size of picture. The paper's 1/(4 N² M²) · ΣΣ(G - A)² with
unnormalised Grams is a quarter of our mean over a Gram's entries, and its content loss a sum.
"""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf


def gram_sums(features, guides=None):
    """Return Gram matrices before they are divided by the number of places.

    They are sums over places: those of a picture are the sums of those of its parts.

    Args:
        features: (1, H, W, C).
        guides: float32 (R, H, W), how much each place counts for each of R regions; None for one
            region, which is everything.
    Returns:
        float32 (R, C, C): for each region the sum over places of guide² · F Fᵀ.
    """
    rows = tf.reshape(features, (1, -1, features.shape[-1]))
    if guides is not None:
        rows *= tf.cast(tf.reshape(guides, (tf.shape(guides)[0], -1, 1)), rows.dtype)
    return tf.cast(_products(rows), tf.float32)


@tf.custom_gradient
def _products(rows):
    """Return RᵀR, whose gradient takes one product with R, not one for each of the two."""

    def back(upstream):
        return tf.matmul(rows, upstream + tf.linalg.matrix_transpose(upstream))

    return tf.matmul(rows, rows, transpose_a=True), back


class ContentLoss:
    """Squared difference of features from the photo's: Gatys et al. 2016, Eq. 1.

    Args:
        weights: of each layer, which multiply its mean squared difference.
    """

    def __init__(self, weights: Mapping[str, float]):
        self.layers = tuple(weights)
        self._weights = dict(weights)

    def local(self, features: dict) -> dict:
        """Return what `measure` compares with: the photo's features."""
        return {name: features[name] for name in self.layers}

    def measure(self, features, local):
        """See `dltk.painting.objective.Objective`."""
        return {
            name: {
                "squares": tf.reduce_sum(
                    tf.square(tf.cast(features[name] - local[name], tf.float32))
                ),
                "values": tf.cast(tf.size(features[name]), tf.float32),
            }
            for name in self.layers
        }

    def terms(self, measures, target):
        """See `dltk.painting.objective.Objective`."""
        return {
            "content": tf.add_n(
                [
                    weight * measures[name]["squares"] / measures[name]["values"]
                    for name, weight in self._weights.items()
                ]
            )
        }


class StyleLoss:
    """Squared difference of Gram matrices from the style's: Gatys et al. 2016, Eq. 3 to 5.

    Args:
        weights: of each layer, which multiply the mean squared difference of its Gram's entries
            divided by the square of its number of channels.
    """

    def __init__(self, weights: Mapping[str, float]):
        self.layers = tuple(weights)
        self._weights = dict(weights)

    def measure(self, features, local):
        """See `dltk.painting.objective.Objective`; `local` is {layer: guides} or {}."""
        return {
            name: {
                "grams": gram_sums(features[name], local.get(name)),
                "places": self._places(features[name], local.get(name)),
            }
            for name in self.layers
        }

    @staticmethod
    def _places(features, guides):
        if guides is None:
            return tf.cast(tf.reduce_prod(tf.shape(features)[1:3]), tf.float32)[None]
        return tf.reduce_sum(tf.square(guides), axis=(1, 2))

    def target(self, measures) -> dict:
        """Return the style's Grams, {layer: float32 (R, C, C)}, of the measures of its picture."""
        return {
            name: own["grams"] / tf.maximum(own["places"], 1e-6)[:, None, None]
            for name, own in measures.items()
        }

    def terms(self, measures, target):
        """See `dltk.painting.objective.Objective`; regions count alike."""
        grams = self.target(measures)
        return {
            "style": tf.add_n(
                [
                    weight
                    / grams[name].shape[-1] ** 2
                    * tf.reduce_mean(tf.square(grams[name] - target[name]))
                    for name, weight in self._weights.items()
                ]
            )
        }


def total_variation(pixels):
    """Return the mean squared difference of neighbouring pixels, a float32 scalar.

    Args:
        pixels: float32 (1, H, W, 3), 0-255. Squared differences down and to the right are summed
            and divided by the number of values; one pixel has no neighbours, 0.
    """
    down = tf.reduce_sum(tf.square(pixels[:, 1:] - pixels[:, :-1]))
    right = tf.reduce_sum(tf.square(pixels[:, :, 1:] - pixels[:, :, :-1]))
    return (down + right) / tf.cast(tf.size(pixels), tf.float32)
