"""Models that `fit` trains, mended for workers in several processes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import keras
import tensorflow as tf


class AcrossWorkers:
    """What a model adds to `keras.Model`, to train under every strategy, several workers included.

    Keras 3.15 fails with MultiWorkerMirroredStrategy in two places. Both are mended here, in
    methods that Keras means to be overridden or calls on itself:

    - before the first step it averages one batch over all replicas, to see its shapes. Local
      arrays cannot be averaged so; one replica's share has the same shapes.
    - it averages the logs over the replicas along their first axis, which scalars do not have.
      So the logs are given one.

    It stands before `keras.Model` among a class's bases and is none itself: Keras makes a
    functional model of a class and of all the models that it derives from once the class has been
    called with inputs and outputs.
    """

    def train_step(self, data):
        """Train on one replica's share of a batch; return the logs."""
        return self._reducible(super().train_step(data))

    def test_step(self, data):
        """Measure one replica's share of a batch; return the logs."""
        return self._reducible(super().test_step(data))

    def _reducible(self, logs: dict) -> dict:
        if not isinstance(self.distribute_strategy, tf.distribute.MultiWorkerMirroredStrategy):
            return logs
        return {name: tf.reshape(value, [1]) for name, value in logs.items()}

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        if iterator is not None:
            _, _, batches = next(iter(iterator))
            local = self.distribute_strategy.experimental_local_results
            data_batch = tf.nest.map_structure(lambda value: local(value)[0], next(batches))
        super()._maybe_symbolic_build(data_batch=data_batch)


class TrainingModel(AcrossWorkers, keras.Model):
    """A functional model that trains under every strategy.

    It is made for `fit` only. What is saved is a plain `keras.Model` of the same layers.
    """


class OwnStep(AcrossWorkers, keras.Model):
    """A model with a step of its own, in which several optimizers move parts of its weights.

    Attributes:
        optimizers: all of them, for `dltk.training.fit`.
    """

    def _begin(self, moved: Sequence[tuple[keras.Optimizer, list]], told: Iterable[str]) -> None:
        """Take optimizers and the variables that each moves, and the names of the logs."""
        for optimizer, variables in moved:
            optimizer.build(variables)
        self.optimizers = [optimizer for optimizer, _ in moved]
        super().compile(self.optimizers[0], jit_compile=False)
        self._means = [keras.metrics.Mean(name=name) for name in told]

    def _told(self, logs: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Return the means of logs over the epoch so far, which is what callbacks count on."""
        for mean in self._means:
            mean.update_state(logs[mean.name])
        return self._reducible({mean.name: mean.result() for mean in self._means})

    def _shared(self, loss: tf.Tensor) -> tf.Tensor:
        """Return the replica's share of a loss: gradients are summed over replicas."""
        return loss / self.distribute_strategy.num_replicas_in_sync
