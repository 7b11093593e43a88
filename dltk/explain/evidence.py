"""Where the evidence for a class is: gradients of its score, and feature maps weighed by them.

- "gradient": Simonyan, Vedaldi & Zisserman 2013, Sec. 3, https://arxiv.org/abs/1312.6034
- "smoothgrad": Smilkov et al. 2017, https://arxiv.org/abs/1706.03825
- "integrated": Sundararajan, Taly & Yan 2017, https://arxiv.org/abs/1703.01365
- "guided": Springenberg et al. 2014, https://arxiv.org/abs/1412.6806
- Grad-CAM: Selvaraju et al. 2017, https://arxiv.org/abs/1610.02391
"""

from __future__ import annotations

from threading import Event

import keras
import numpy as np
import tensorflow as tf

from dltk.errors import InputError, UsageError
from dltk.explain.scores import Scores
from dltk.models.laid_open import NO_GRADIENT

METHODS = ("gradient", "smoothgrad", "integrated", "guided")
_NOISE = 0.15 * 255  # standard deviation, as a share of the range: Smilkov et al. 2017, Sec. 4


class Evidence:
    """Attributes the score of a class to pixels, or to places of a feature map.

    Args:
        network: from `dltk.models.laid_open.see_layers`, which gives SCORES and, for
            `grad_cam`, `layer`.
        scores: how its scores are read.
        layer: for `grad_cam`.
        batch_size: pictures in one pass.
        stop: set when the user wants all work to end; looked at before every pass.
    """

    def __init__(
        self,
        network: keras.Model,
        scores: Scores,
        *,
        layer: str | None = None,
        batch_size: int = 8,
        stop: Event | None = None,
    ):
        self._network, self._scores, self._layer = network, scores, layer
        self._batch_size, self._stop = batch_size, stop or Event()
        self._ascent = tf.function(self._ascend, reduce_retracing=True)
        self._weighed = tf.function(self._weigh)
        self._seen = tf.function(self._classify, reduce_retracing=True)

    def gradient(self, pixels: np.ndarray, index: int) -> np.ndarray:
        """Return the largest absolute derivative over channels, float32 (H, W).

        Args (of all methods):
            pixels: float32 (H, W, C), 0-255.
            index: of the class.
        Raises (all methods):
            UsageError: a score without a gradient.
            InputError: it was stopped.
        """
        return np.abs(self._slopes(pixels[None], index)[0]).max(axis=-1)

    def smoothgrad(
        self, pixels: np.ndarray, index: int, *, samples: int, seed: int = 0
    ) -> np.ndarray:
        """Return `gradient` of the mean derivative over noisy copies, float32 (H, W).

        Args:
            samples: how many copies; with noise of a standard deviation of 15 % of the range.
            seed: of the noise.
        """
        random = np.random.default_rng(seed)
        total = np.zeros_like(pixels)
        for at in range(0, samples, self._batch_size):
            count = min(self._batch_size, samples - at)
            noise = random.normal(0, _NOISE, (count, *pixels.shape)).astype(np.float32)
            total += self._slopes(pixels + noise, index).sum(axis=0)
        return np.abs(total / samples).max(axis=-1)

    def integrated(self, pixels: np.ndarray, index: int, *, samples: int) -> np.ndarray:
        """Return what each place adds to the score between black and the picture, float32 (H, W).

        Signed; the sum is the score's difference between the two, but for the error of an
        integral by `samples` midpoints (completeness: Sundararajan et al. 2017, Sec. 3).
        """
        shares = ((np.arange(samples) + 0.5) / samples).astype(np.float32)
        total = np.zeros_like(pixels)
        for at in range(0, samples, self._batch_size):
            steps = shares[at : at + self._batch_size, None, None, None] * pixels
            total += self._slopes(steps, index).sum(axis=0)
        return (pixels * total / samples).sum(axis=-1)

    def grad_cam(self, pixels: np.ndarray, index: int) -> np.ndarray:
        """Return the map's channels summed with weights, negative sums as 0, float32 (h, w).

        A channel's weight is the mean derivative of the score over its places, which makes
        the result that of CAM (Zhou et al. 2016) for networks that end in global average pooling
        and one dense layer, divided by the number of places.
        """
        self._check_going()
        weighed = self._weighed(tf.constant(pixels[None]), tf.constant(index))
        if weighed is None:
            raise UsageError(f"the score does not depend on {self._layer}; name another --layer")
        return weighed.numpy()

    @property
    def classes(self) -> int:
        """Number of classes."""
        return self._scores.classes

    def probabilities(self, pixels: np.ndarray) -> np.ndarray:
        """Return the probabilities of all classes, float32 (K,)."""
        return self._seen(tf.constant(pixels[None]))[0].numpy()

    def probabilities_of(self, batch: np.ndarray, index: int) -> np.ndarray:
        """Return the probability of class `index`, float32 (B,), of pictures (B, H, W, C)."""
        self._check_going()
        return self._seen(tf.constant(batch))[:, index].numpy()

    def _slopes(self, batch: np.ndarray, index: int) -> np.ndarray:
        self._check_going()
        slopes = self._ascent(tf.constant(batch), tf.constant(index))
        if slopes is None:
            raise UsageError(f'{NO_GRADIENT}; "dltk visualize occlusion" needs none')
        return slopes.numpy()

    def _check_going(self) -> None:
        if self._stop.is_set():
            raise InputError("stopped")

    def _classify(self, batch):
        return self._scores.probabilities(self._network(batch, training=False))

    def _ascend(self, batch, index):
        with tf.GradientTape() as tape:
            tape.watch(batch)
            score = self._scores.read(self._network(batch, training=False), index)
        return tape.gradient(score, batch)

    def _weigh(self, pixels, index):
        with tf.GradientTape() as tape:
            tape.watch(pixels)
            outputs = self._network(pixels, training=False)
            score = self._scores.read(outputs, index)
        maps = outputs[self._layer]
        slopes = tape.gradient(score, maps)
        if slopes is None:
            return None
        maps, slopes = tf.cast(maps[0], tf.float32), tf.cast(slopes[0], tf.float32)
        return tf.nn.relu(tf.reduce_sum(maps * tf.reduce_mean(slopes, axis=(0, 1)), axis=-1))
