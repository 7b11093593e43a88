"""What the two sides of a generative adversarial network make small.

Each loss takes the discriminator's scores before any sigmoid, float32 (B,), and gives float32 (B,).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf


class AdversarialLoss(NamedTuple):
    """The losses of one game.

    Attributes:
        real: of the discriminator, from its scores of real pictures.
        made: of the discriminator, from its scores of made ones.
        maker: of the generator, from the same.
        knows_all, knows_nothing: what the first two are in sum, in the mean, where the
            discriminator tells all pictures apart, and where it does best without telling any;
            NaN where scores have no such limits.
        chances: whether the sigmoid of a score is the chance that a picture is real.
    """

    real: Callable[[tf.Tensor], tf.Tensor]
    made: Callable[[tf.Tensor], tf.Tensor]
    maker: Callable[[tf.Tensor], tf.Tensor]
    knows_all: float = math.nan
    knows_nothing: float = math.nan
    chances: bool = False


def cross_entropy(smoothing: float = 0.0) -> AdversarialLoss:
    """-log D(x), -log(1 - D(G(z))), and for the generator -log D(G(z)), which does not saturate.

    Goodfellow et al. 2014, "Generative Adversarial Nets", Sec. 3, https://arxiv.org/abs/1406.2661.

    Args:
        smoothing: how far below 1 real pictures are to be scored: Salimans et al. 2016, "Improved
            Techniques for Training GANs", Sec. 3.4, https://arxiv.org/abs/1606.03498. Made ones
            stay at 0.
    """

    def bits(chance: float, told: float) -> float:
        """Return the cross-entropy of what is told of a chance."""
        return -_times_log(chance, told) - _times_log(1 - chance, 1 - told)

    # Without telling any apart it gives all the chance that there is of real ones, smoothed.
    even = (1 - smoothing) / 2
    return AdversarialLoss(
        lambda scores: (
            (1 - smoothing) * tf.nn.softplus(-scores) + smoothing * tf.nn.softplus(scores)
        ),
        tf.nn.softplus,
        lambda scores: tf.nn.softplus(-scores),
        knows_all=bits(1 - smoothing, 1 - smoothing),
        knows_nothing=bits(1 - smoothing, even) + bits(0.0, even),
        chances=True,
    )


def hinge() -> AdversarialLoss:
    """max(0, 1 - s), max(0, 1 + s), and -s: Lim & Ye 2017, https://arxiv.org/abs/1705.02894."""
    return AdversarialLoss(
        lambda scores: tf.nn.relu(1 - scores),
        lambda scores: tf.nn.relu(1 + scores),
        tf.negative,
        knows_all=0.0,
        knows_nothing=2.0,
    )


def least_squares() -> AdversarialLoss:
    """(s - 1)² / 2, s² / 2, and (s - 1)² / 2.

    Mao et al. 2016, "Least Squares Generative Adversarial Networks", Eq. 9,
    https://arxiv.org/abs/1611.04076.
    """
    return AdversarialLoss(
        lambda scores: (scores - 1) ** 2 / 2,
        lambda scores: scores**2 / 2,
        lambda scores: (scores - 1) ** 2 / 2,
        knows_all=0.0,
        knows_nothing=0.25,
    )


def wasserstein() -> AdversarialLoss:
    """-s, s, and -s: to be held in by `gradient_penalty`.

    Arjovsky et al. 2017, "Wasserstein GAN", Sec. 3, https://arxiv.org/abs/1701.07875.
    """
    return AdversarialLoss(tf.negative, tf.identity, tf.negative)


LOSSES = {
    "cross-entropy": cross_entropy,
    "hinge": hinge,
    "least-squares": least_squares,
    "wasserstein": wasserstein,
}
"""Games by name."""

_Critic = Callable[[tf.Tensor], tf.Tensor]


def gradient_penalty(
    critic: _Critic, real: tf.Tensor, made: tf.Tensor, shares: tf.Tensor
) -> tf.Tensor:
    """Return (|∇s(x)| - 1)² at points between real and made pictures, float32 (B,).

    Gulrajani et al. 2017, "Improved Training of Wasserstein GANs", Sec. 4,
    https://arxiv.org/abs/1704.00028; the authors weigh it 10.

    Args:
        critic: pictures to scores (B,), of each picture by itself: no batch normalisation.
        real, made: float32 (B, H, W, C).
        shares: float32 (B,), 0-1: how much of each point is real.
    """
    shares = shares[:, None, None, None]
    slopes = _slopes(critic, shares * real + (1 - shares) * made)
    return (tf.sqrt(tf.reduce_sum(slopes**2, axis=1) + 1e-12) - 1) ** 2


def r1_penalty(critic: _Critic, real: tf.Tensor) -> tf.Tensor:
    """Return |∇s(x)|² / 2 at real pictures, float32 (B,).

    Mescheder et al. 2018, "Which Training Methods for GANs do actually Converge?", Eq. 9,
    https://arxiv.org/abs/1801.04406.

    Args:
        critic: see `gradient_penalty`.
        real: float32 (B, H, W, C).
    """
    return tf.reduce_sum(_slopes(critic, real) ** 2, axis=1) / 2


def _times_log(chance: float, told: float) -> float:
    return chance * math.log(told) if chance else 0.0


def _slopes(critic: _Critic, pictures: tf.Tensor) -> tf.Tensor:
    """Return the gradient of each picture's score by its pixels, (B, values)."""
    with tf.GradientTape() as tape:
        tape.watch(pictures)
        scores = critic(pictures)
    slopes = tape.gradient(scores, pictures)
    return tf.reshape(slopes, (tf.shape(slopes)[0], -1))
