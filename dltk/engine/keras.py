"""The Keras engine: the network as it is, under a tf.distribute strategy."""

from __future__ import annotations

import numpy as np

from dltk.strategy import Placement, apply_precision


class KerasNetwork:
    """A Keras network that shares each batch out over the replicas of a strategy.

    Every step runs `batch_size` pictures, the last one padded, so that one graph serves all and
    a picture's result does not depend on its neighbours' number.
    """

    workers = 1

    def __init__(self, spec: dict, placement: Placement, precision: str, batch_size: int):
        import tensorflow as tf

        from dltk.models.build import NetworkSpec, build_output

        self._strategy = placement.strategy
        self.batch_size = batch_size
        self._share = -(-batch_size // placement.replicas)  # pictures of one replica, rounded up
        with self._strategy.scope():
            model = build_output(NetworkSpec(**spec))
            apply_precision(model, precision)
        self.output_shape = tuple(model.outputs[0].shape[1:])
        self.running = f"Keras, {placement.reason}, {precision}"

        def forward(batch):
            return tf.cast(model(batch, training=False), tf.float32)

        self._step = tf.function(lambda batch: self._strategy.run(forward, args=(batch,)))

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        """Return float32 (B, ...) for float32 pixels (B, H, W, C), 0-255."""
        step = self._share * self._strategy.num_replicas_in_sync
        parts = [self._run(batch[at : at + step], step) for at in range(0, len(batch), step)]
        return np.concatenate(parts) if parts else np.zeros((0, *self.output_shape), np.float32)

    def _run(self, batch: np.ndarray, step: int) -> np.ndarray:
        count = len(batch)
        if count < step:
            batch = np.concatenate([batch, np.zeros((step - count, *batch.shape[1:]), np.float32)])

        def share(context):
            at = context.replica_id_in_sync_group * self._share
            return batch[at : at + self._share]

        shares = self._strategy.experimental_distribute_values_from_function(share)
        results = self._strategy.experimental_local_results(self._step(shares))
        return np.concatenate([result.numpy() for result in results])[:count]
