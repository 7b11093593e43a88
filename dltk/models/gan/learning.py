"""A generator and its discriminator in training: each has its turn in a step."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

import keras
import tensorflow as tf

from dltk.losses.adversarial import AdversarialLoss, cross_entropy, gradient_penalty, r1_penalty
from dltk.objects import PIXELS
from dltk.opponents import CLASSES, NOISE, REAL, SEEDS
from dltk.ops.diff_augment import drawn, varied
from dltk.training.model import OwnStep

_NEUTRAL = 127.5  # of a pixel, and how far it goes from there: penalties are of pixels from -1 to 1


@dataclass(frozen=True)
class Rules:
    """What the two sides play for.

    Attributes:
        loss: see `dltk.losses.adversarial`.
        gradient_penalty, r1: weights of these penalties; 0 for none.
        policies: how pictures are varied for the discriminator, see `dltk.ops.diff_augment`.
    """

    loss: AdversarialLoss = field(default_factory=cross_entropy)
    gradient_penalty: float = 0.0
    r1: float = 0.0
    policies: Collection[str] = ()


class Adversary(OwnStep):
    """A generator against a discriminator: Goodfellow et al. 2014, Alg. 1.

    A step is one turn of the discriminator or several, then one of the generator. Real and made
    pictures go through the discriminator apart, each batch with its own statistics (Radford et al.
    2015, and their code). It trains on batches of `dltk.data.opposed.OpposedBatches`; compile it
    with both optimizers.

    The logs are float32, means over the epoch so far: "loss", the sum of both sides' losses;
    "discriminator_loss" and "generator_loss", of the game alone; "penalty", if there is one, with
    its weight; and what the discriminator gives real pictures, and made ones in its last turn:
    "d_real" and "d_made", 0-1, the chance that they are real, in a game where scores tell it, else
    "real_score" and "made_score".

    Args:
        generator, discriminator: see `dltk.models.gan.dcgan`.
    """

    def __init__(self, generator: keras.Model, discriminator: keras.Model, rules: Rules):
        super().__init__()
        self._judged = ("d_real", "d_made") if rules.loss.chances else ("real_score", "made_score")
        self.generator, self.discriminator, self._rules = generator, discriminator, rules
        self.built = True

    def compile(self, discriminator: keras.Optimizer, generator: keras.Optimizer):
        """Take the optimizers of both sides, and build them."""
        sides = (discriminator, self.discriminator), (generator, self.generator)
        self._begin([(own, network.trainable_variables) for own, network in sides], self.logs)

    @property
    def logs(self) -> list[str]:
        """Names of what is told of a step."""
        penalty = ["penalty"] if self._rules.gradient_penalty or self._rules.r1 else []
        return ["loss", "discriminator_loss", "generator_loss", *penalty, *self._judged]

    def call(self, inputs, training=None):
        """Return pictures made from {NOISE, perhaps CLASSES}."""
        return self.generator(inputs, training=training)

    def train_step(self, batch):
        """Give each side its turns on one replica's share of a batch; return the logs."""
        for turn in range(batch[REAL].shape[1]):
            of_discriminator = self._judge(batch, turn)
        logs = of_discriminator | self._make(batch, turn + 1)
        logs["loss"] = logs["discriminator_loss"] + logs["generator_loss"] + logs["penalty"]
        return self._told(logs | self._after(logs))

    def _judge(self, batch: dict, turn: int) -> dict[str, tf.Tensor]:
        """Take a turn of the discriminator."""
        rules, about = self._rules, self._classes_of(batch, turn)
        real = self._varied(batch[REAL][:, turn], batch, turn)
        made = self.generator({NOISE: batch[NOISE][:, turn], **about}, training=True)
        made = self._varied(tf.stop_gradient(made), batch, turn)

        def score(centred):
            pixels = centred * _NEUTRAL + _NEUTRAL
            return self.discriminator({PIXELS: pixels, **about}, training=True)

        with tf.GradientTape() as tape:
            of_real = self.discriminator({PIXELS: real, **about}, training=True)
            of_made = self.discriminator({PIXELS: made, **about}, training=True)
            losses = rules.loss.real(of_real) + rules.loss.made(of_made)
            centred = [pixels / _NEUTRAL - 1 for pixels in (real, made)]
            penalties = tf.zeros_like(losses)
            if rules.gradient_penalty:
                seed = batch[SEEDS][0, turn] + 1
                shares = drawn(tf.shape(losses)[0], seed, self._share())
                penalties += rules.gradient_penalty * gradient_penalty(score, *centred, shares)
            if rules.r1:
                penalties += rules.r1 * r1_penalty(score, centred[0])
            loss, penalty = tf.reduce_mean(losses), tf.reduce_mean(penalties)
            shared = self._shared(loss + penalty)
        self._move(tape, shared, self.discriminator, self.optimizers[0])
        told = [of_real, of_made]
        if rules.loss.chances:
            told = map(tf.sigmoid, told)
        judged = dict(zip(self._judged, map(tf.reduce_mean, told), strict=True))
        return {"discriminator_loss": loss, "penalty": penalty, **judged}

    def _make(self, batch: dict, turn: int) -> dict[str, tf.Tensor]:
        """Take the turn of the generator."""
        about = self._classes_of(batch, turn - 1)
        with tf.GradientTape() as tape:
            made = self.generator({NOISE: batch[NOISE][:, turn], **about}, training=True)
            made = self._varied(made, batch, turn)
            scores = self.discriminator({PIXELS: made, **about}, training=True)
            loss = tf.reduce_mean(self._rules.loss.maker(scores))
            shared = self._shared(loss)
        self._move(tape, shared, self.generator, self.optimizers[1])
        return {"generator_loss": loss}

    def _after(self, logs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Do what a step ends with; return logs of it."""
        return {}

    def _varied(self, pictures: tf.Tensor, batch: dict, turn: int) -> tf.Tensor:
        if not self._rules.policies:
            return pictures
        return varied(pictures, self._rules.policies, batch[SEEDS][0, turn], self._share())

    @staticmethod
    def _share() -> tuple[int, int]:
        """Return which part of a batch a replica has, and of how many."""
        context = tf.distribute.get_replica_context()
        return context.replica_id_in_sync_group, context.num_replicas_in_sync

    @staticmethod
    def _classes_of(batch: dict, turn: int) -> dict[str, tf.Tensor]:
        return {CLASSES: batch[CLASSES][:, turn]} if CLASSES in batch else {}

    @staticmethod
    def _move(tape, loss: tf.Tensor, network: keras.Model, optimizer: keras.Optimizer) -> None:
        variables = network.trainable_variables
        # What an embedding gives is sparse, which replicas cannot sum on every kind of device.
        slopes = map(tf.convert_to_tensor, tape.gradient(loss, variables))
        optimizer.apply(list(slopes), variables)
