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
        self._strategy, self._map = strategy, tf.nest.map_structure
        self._replicas = len(strategy.extended.worker_devices)

        def forward(batch):
            return self._map(_single, model(batch, training=False))

        def _single(output):
            return tf.cast(output, tf.float32) if output.dtype.is_floating else output

        self._step = tf.function(
            lambda batch: strategy.run(forward, args=(batch,)),
            reduce_retracing=True,
            autograph=False,  # whose rewriting takes time
        )

    def __call__(self, batch, step: int | None = None):
        """Return float32 (B, ...) for float32 (B, ...); or dicts of arrays, if it works on such.

        Args:
            step: examples in a step, rounded up likewise; `batch_size` by default.
        """
        share, count = -(-(step or self.batch_size) // self._replicas), _length(batch)
        step = share * self._replicas
        parts = [
            self._run(self._map(lambda array, at=at: array[at : at + step], batch), share)
            for at in range(0, count, step)
        ]
        if not parts:
            return np.zeros((0, *self.output_shape), np.float32)
        return self._map(lambda *arrays: np.concatenate(arrays), *parts)

    def _run(self, batch, share: int):
        """Run a step of `share` examples for each replica; `batch` has that many or less."""
        count, step = _length(batch), share * self._replicas

        def own(context):
            at = context.replica_id_in_sync_group % self._replicas * share
            return self._map(lambda array: _padded(array, step)[at : at + share], batch)

        shares = self._strategy.experimental_distribute_values_from_function(own)
        results = self._strategy.experimental_local_results(self._step(shares))
        return self._map(
            lambda *arrays: np.concatenate([array.numpy() for array in arrays])[:count], *results
        )


def _length(batch) -> int:
    return len(next(iter(batch.values())) if isinstance(batch, dict) else batch)


def _padded(array: np.ndarray, count: int) -> np.ndarray:
    """Return an array of `count` entries, zeros behind those it has."""
    missing = count - len(array)
    if not missing:
        return array
    return np.concatenate([array, np.zeros((missing, *array.shape[1:]), array.dtype)])


class KerasNetwork(Replicated):
    """A network of the catalog or from a file, ready to run on raw pixels."""

    def __init__(self, spec: dict, placement: Placement, precision: str, batch_size: int):
        from dltk.models.build import NetworkSpec, build_output

        with placement.strategy.scope():
            model = build_output(NetworkSpec(**spec))
            apply_precision(model, precision)
        super().__init__(model, placement.strategy, batch_size)
        self.running = f"Keras, {placement.reason}, {precision}"


class AnySizeKerasNetwork:
    """A network that takes pictures of more than one size. It runs on one device, the first.

    Replicas would each need pictures of the same size at the same time.
    """

    workers = 1

    def __init__(self, spec: dict, placement: Placement, precision: str, batch_size: int):
        import tensorflow as tf

        from dltk.models.build import NetworkSpec, build_output

        self._device = placement.strategy.extended.worker_devices[0]
        with tf.device(self._device):
            model = build_output(NetworkSpec(**spec))
            apply_precision(model, precision)
        self.batch_size = batch_size
        self.output_shape = tuple(model.outputs[0].shape[1:])
        self.running = f"Keras, {placement.reason}, {precision}"

        def forward(batch):
            with tf.device(self._device):
                return tf.cast(model(batch, training=False), tf.float32)

        self._step = tf.function(forward, reduce_retracing=True)

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        """Return float32 (B, ...) for float32 (B, H, W, C)."""
        starts = range(0, len(batch), self.batch_size)
        return np.concatenate([self._step(batch[at : at + self.batch_size]) for at in starts])
