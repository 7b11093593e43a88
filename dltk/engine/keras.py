"""The Keras engine: the network as it is, under a tf.distribute strategy."""

from __future__ import annotations

import numpy as np

from dltk.strategy import Placement, apply_precision


class Replicated:
    """A Keras model that shares each batch out over the local replicas of a strategy.

    Every step runs `batch_size` examples, the last one padded, so that one graph serves all and
    an example's result does not depend on its neighbours' number. Workers in other processes
    take no part.

    Args:
        model: built under `strategy`'s scope.
        batch_size: examples in a step, rounded up to a multiple of the local replicas.
    """

    workers = 1

    def __init__(self, model, strategy, batch_size: int):
        import tensorflow as tf

        self.batch_size = batch_size
        self.output_shape = tuple(model.outputs[0].shape[1:])
        self._strategy = strategy
        self._replicas = len(strategy.extended.worker_devices)
        self._share = -(-batch_size // self._replicas)

        def forward(batch):
            return tf.cast(model(batch, training=False), tf.float32)

        self._step = tf.function(lambda batch: strategy.run(forward, args=(batch,)))

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        """Return float32 (B, ...) for float32 (B, ...)."""
        step = self._share * self._replicas
        parts = [self._run(batch[at : at + step], step) for at in range(0, len(batch), step)]
        return np.concatenate(parts) if parts else np.zeros((0, *self.output_shape), np.float32)

    def _run(self, batch: np.ndarray, step: int) -> np.ndarray:
        count = len(batch)
        if count < step:
            batch = np.concatenate([batch, np.zeros((step - count, *batch.shape[1:]), np.float32)])

        def share(context):
            at = context.replica_id_in_sync_group % self._replicas * self._share
            return batch[at : at + self._share]

        shares = self._strategy.experimental_distribute_values_from_function(share)
        results = self._strategy.experimental_local_results(self._step(shares))
        return np.concatenate([result.numpy() for result in results])[:count]


class KerasNetwork(Replicated):
    """A network of the catalog or from a file, ready to run on raw pixels."""

    def __init__(self, spec: dict, placement: Placement, precision: str, batch_size: int):
        from dltk.models.build import NetworkSpec, build_output

        with placement.strategy.scope():
            model = build_output(NetworkSpec(**spec))
            apply_precision(model, precision)
        super().__init__(model, placement.strategy, batch_size)
        self.running = f"Keras, {placement.reason}, {precision}"
