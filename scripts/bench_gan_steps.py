"""Steps a second of adversarial training, beside the step of Keras's DCGAN example.

Both train the same networks on the same pictures in memory, taking turns, in one process. Keras's
example gives its discriminator real and made pictures in one batch, and draws noise in the step;
dltk gives it them apart, as the paper has it, and noise comes with the data, so that a run can be
resumed. At the end it tells by how much memory grew over further epochs.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

from dltk.data.opposed import OpposedBatches
from dltk.models.gan.dcgan import Design, new_discriminator, new_generator
from dltk.models.gan.learning import Adversary, Rules
from dltk.objects import PIXELS
from dltk.opponents import NOISE
from dltk.training.optimizers import build_optimizer

RATE, BETA, COUNT = 2e-4, 0.5, 1024


class Together(keras.Model):
    """Takes steps as Keras's example does: real and made pictures in one batch, labels noisy."""

    def __init__(self, generator, discriminator, noise: int):
        super().__init__()
        self.generator, self.discriminator, self.noise = generator, discriminator, noise
        self.seed = keras.random.SeedGenerator(0)
        self.means = [keras.metrics.Mean(name=name) for name in ("d_loss", "g_loss")]

    def compile(self, of_discriminator, of_generator, loss):
        """Take optimizers and the loss."""
        super().compile(jit_compile=False)
        self.of_discriminator, self.of_generator, self.loss_fn = (
            of_discriminator, of_generator, loss,
        )  # fmt: skip

    @property
    def metrics(self):
        """What is told of a step."""
        return self.means

    def train_step(self, real):
        """Give each side its turn."""
        count = tf.shape(real)[0]
        made = self.generator({NOISE: self._noise(count)}, training=True)
        both = tf.concat([made, real], axis=0)
        labels = tf.concat([tf.zeros(count), tf.ones(count)], axis=0)
        labels += 0.05 * tf.random.uniform(tf.shape(labels))
        with tf.GradientTape() as tape:
            scores = self.discriminator({PIXELS: both}, training=True)
            d_loss = self.loss_fn(labels, scores)
        weights = self.discriminator.trainable_weights
        self.of_discriminator.apply(tape.gradient(d_loss, weights), weights)
        with tf.GradientTape() as tape:
            made = self.generator({NOISE: self._noise(count)}, training=True)
            g_loss = self.loss_fn(tf.ones(count), self.discriminator({PIXELS: made}, training=True))
        weights = self.generator.trainable_weights
        self.of_generator.apply(tape.gradient(g_loss, weights), weights)
        for mean, value in zip(self.means, (d_loss, g_loss), strict=True):
            mean.update_state(value)
        return {mean.name: mean.result() for mean in self.means}

    def _noise(self, count):
        return keras.random.normal((count, self.noise), seed=self.seed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=64, help="pixels of a side")
    parser.add_argument("--width", type=int, default=32, help="channels of the finest layer")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--steps", type=int, default=20, help="in a turn")
    parser.add_argument("--turns", type=int, default=5, help="of each")
    parser.add_argument("--epochs", type=int, default=10, help="over which memory is watched")
    chosen = parser.parse_args()
    random = np.random.default_rng(0)
    shape = COUNT, chosen.size, chosen.size, 3
    pictures = random.integers(0, 256, shape, dtype=np.uint8)
    ours, theirs = our_turn(pictures, chosen), their_turn(pictures, chosen)
    for warm_up in (ours, theirs):
        warm_up(2)
    rates = {ours: [], theirs: []}
    for turn in range(chosen.turns):
        for take in (ours, theirs) if turn % 2 else (theirs, ours):
            rates[take].append(take(chosen.steps))
    our_rate, their_rate = (statistics.median(rates[take]) for take in (ours, theirs))
    print(f"dltk            {our_rate:6.2f} steps a second")
    print(f"Keras's example {their_rate:6.2f} steps a second")
    ratios = [one / other for one, other in zip(rates[ours], rates[theirs], strict=True)]
    print(f"ratio {statistics.median(ratios):.3f}, from {min(ratios):.3f} to {max(ratios):.3f}")
    grown = []
    for _ in range(chosen.epochs):
        ours(chosen.steps)
        grown.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    print(f"most memory after each of {chosen.epochs} more turns, MiB: ", end="")
    print(", ".join(f"{each:.0f}" for each in grown))


def networks(chosen):
    """Return new networks and optimizers."""
    keras.utils.set_random_seed(0)
    design = Design(chosen.size, width=chosen.width)
    optimizers = [build_optimizer("adam", RATE, beta=BETA) for _ in range(2)]
    return new_generator(design), new_discriminator(design), optimizers


def our_turn(pictures: np.ndarray, chosen):
    """Return what takes steps as `dltk train gan` does."""
    generator, discriminator, optimizers = networks(chosen)
    adversary = Adversary(generator, discriminator, Rules())
    adversary.compile(*optimizers)
    batches = OpposedBatches(
        lambda indices, epoch: pictures[indices].astype(np.float32),
        len(pictures),
        noise=generator.input[NOISE].shape[1],
        batch_size=chosen.batch_size,
    )
    return stepping(adversary, batches.dataset(tf.distribute.get_strategy()))


def their_turn(pictures: np.ndarray, chosen):
    """Return what takes steps as Keras's example does."""
    generator, discriminator, optimizers = networks(chosen)
    together = Together(generator, discriminator, generator.input[NOISE].shape[1])
    together.compile(*optimizers, keras.losses.BinaryCrossentropy(from_logits=True))
    data = tf.data.Dataset.from_tensor_slices(pictures).shuffle(len(pictures), seed=0).repeat()
    data = data.batch(chosen.batch_size, drop_remainder=True)
    data = data.map(lambda some: tf.cast(some, tf.float32)).prefetch(2)
    return stepping(together, data)


def stepping(model, data):
    """Return what takes so many steps, and returns how many a second behind the first."""

    def take(steps: int) -> float:
        clock = Clock()
        model.fit(data, steps_per_epoch=steps, verbose=0, shuffle=False, callbacks=[clock])
        return (steps - 1) / (clock.ended[-1] - clock.ended[0])

    return take


class Clock(keras.callbacks.Callback):
    """Notes when each step ends."""

    def __init__(self):
        super().__init__()
        self.ended = []

    def on_train_batch_end(self, batch, logs=None):
        """Wait for the step, and note the time."""
        float(logs["loss" if "loss" in logs else "g_loss"])
        self.ended.append(time.monotonic())


if __name__ == "__main__":
    main()
