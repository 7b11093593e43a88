"""A generator and an auto-encoder in training, which are kept in balance."""

from __future__ import annotations

import keras
import tensorflow as tf

from dltk.models.gan.learning import Adversary, Rules
from dltk.objects import PIXELS
from dltk.opponents import NOISE, REAL

_SCALE = 127.5  # levels: errors are of pixels from -1 to 1


class Equilibrium(Adversary):
    """A generator against an auto-encoder: Berthelot et al. 2017, Sec. 3.3 and 3.4.

    The auto-encoder is to copy real pictures well and made ones badly, the generator is to make
    what is copied well. How much made pictures count for the auto-encoder is steered such that
    their errors are to those of real ones as `balance` is to 1.

    The logs are float32, means over the epoch so far, with L the mean absolute error of a copy, of
    pixels from -1 to 1: "loss"; "discriminator_loss", L(x) - k L(G(z)); "generator_loss", L(G(z));
    "real_error", L(x); "made_k", k; and "convergence", L(x) + |balance L(x) - L(G(z))|, which falls
    as pictures get better.

    Args:
        generator, autoencoder: see `dltk.models.gan.began`.
        balance: γ of the paper, 0-1: lower for better and less varied pictures.
        gain: λ of the paper, how fast k follows.
    """

    def __init__(
        self,
        generator: keras.Model,
        autoencoder: keras.Model,
        *,
        balance: float = 0.5,
        gain: float = 0.001,
    ):
        super().__init__(generator, autoencoder, Rules())
        self._balance, self._gain = balance, gain
        self._made_k = self.add_weight(
            (), initializer="zeros", trainable=False, aggregation="only_first_replica", name="k"
        )

    @property
    def logs(self) -> list[str]:
        """Names of what is told of a step."""
        losses = ["loss", "discriminator_loss", "generator_loss"]
        return [*losses, "real_error", "made_k", "convergence"]

    def _judge(self, batch: dict, turn: int) -> dict[str, tf.Tensor]:
        real = batch[REAL][:, turn]
        made = tf.stop_gradient(self.generator({NOISE: batch[NOISE][:, turn]}, training=True))
        with tf.GradientTape() as tape:
            real_error = self._error(real)
            loss = real_error - self._made_k * self._error(made)
            shared = self._shared(loss)
        self._move(tape, shared, self.discriminator, self.optimizers[0])
        return {"discriminator_loss": loss, "penalty": 0.0, "real_error": real_error}

    def _make(self, batch: dict, turn: int) -> dict[str, tf.Tensor]:
        with tf.GradientTape() as tape:
            made = self.generator({NOISE: batch[NOISE][:, turn]}, training=True)
            loss = self._error(made)
            shared = self._shared(loss)
        self._move(tape, shared, self.generator, self.optimizers[1])
        return {"generator_loss": loss}

    def _after(self, logs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Let k follow what both sides did, all replicas' shares together."""
        errors = tf.stack([logs["real_error"], logs["generator_loss"]])
        real, made = tf.unstack(tf.distribute.get_replica_context().all_reduce("MEAN", errors))
        gap = self._balance * real - made
        self._made_k.assign(tf.clip_by_value(self._made_k + self._gain * gap, 0.0, 1.0))
        return {"made_k": tf.identity(self._made_k), "convergence": real + tf.abs(gap)}

    def _error(self, pictures: tf.Tensor) -> tf.Tensor:
        """Return the mean absolute error of copies, over all of a replica's share."""
        copies = self.discriminator({PIXELS: pictures}, training=True)
        return tf.reduce_mean(tf.abs(pictures - copies)) / _SCALE
