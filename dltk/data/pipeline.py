"""Training batches as tf.data: what each step sees is a function of the seed and the step alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np

from dltk.errors import UsageError, printable

# Streams of random numbers that must not meet: order, augmentation, mixup, what is learnt from.
ORDER, AUGMENT, MIX, SAMPLE = range(4)
_AHEAD = 2  # batches made ahead of the step that takes them


def random_of(*key: int) -> np.random.Generator:
    """Return a generator that depends on `key` alone."""
    return np.random.default_rng(key)


class Stream:
    """An endless stream of batches that can be entered at any step.

    An epoch is a permutation of the examples, cut into whole batches; what is left over waits
    for another epoch's permutation. Step t of a run that was killed and resumed sees what step t
    of a run never stopped does. Under tf.distribute each replica takes its share of every batch,
    so a step is the same on any number of replicas. Subclasses say what a share is.

    Args:
        count: of the examples.
        batch_size: examples in a step, over all replicas.
        seed: of the order.
        names: of the examples, to say which were in a batch.
    """

    def __init__(self, count: int, *, batch_size: int, seed: int = 0, names: Sequence[str] = ()):
        self._names = names
        self.batch_size = min(batch_size, count)
        self.steps_per_epoch = count // self.batch_size
        self._count, self._seed = count, seed
        self._order = lru_cache(2)(self._order)  # two epochs may be under way at once

    def share(self, step: int, replica: int, replicas: int):
        """Return what one replica sees of a step: tuples and dicts of arrays, in any nesting.

        Their first axis has batch_size / replicas entries.
        """
        raise NotImplementedError

    def indices(self, step: int) -> np.ndarray:
        """Return the examples of a step, int64 (batch_size,)."""
        epoch, place = divmod(step, self.steps_per_epoch)
        return self._order(epoch)[place * self.batch_size :][: self.batch_size]

    def describe(self, step: int, most: int = 4) -> str:
        """Return names of the examples of a step, the first few of them."""
        names = [printable(self._names[i]) if self._names else str(i) for i in self.indices(step)]
        more = f" and {len(names) - most} more" if len(names) > most else ""
        return ", ".join(names[:most]) + more

    def _order(self, epoch: int) -> np.ndarray:
        return random_of(self._seed, ORDER, epoch).permutation(self._count)

    def dataset(self, strategy, first_step: int = 0):
        """Return the stream from `first_step` on, as a dataset distributed under `strategy`."""
        return strategy.distribute_datasets_from_function(
            lambda context: self._pipeline(first_step, context)
        )

    def _pipeline(self, first_step: int, context):
        """The tf.data pipeline of one worker: shares of a step, one for each local replica."""
        import tensorflow as tf

        replicas = context.num_replicas_in_sync
        local = replicas // context.num_input_pipelines
        first_replica = context.input_pipeline_id * local
        first = self.share(first_step, 0, replicas)
        arrays = tf.nest.flatten(first)

        def share(number):
            step, replica = divmod(int(number), local)
            return tf.nest.flatten(self.share(step, first_replica + replica, replicas))

        def load(number):
            parts = tf.numpy_function(share, [number], [array.dtype for array in arrays])
            for part, array in zip(parts, arrays, strict=True):
                part.set_shape(array.shape)
            return tf.nest.pack_sequence_as(first, parts)

        numbers = tf.data.Dataset.range(first_step * local, np.iinfo(np.int64).max)
        made = numbers.map(load, num_parallel_calls=_AHEAD, deterministic=True)
        options = tf.data.Options()
        options.autotune.enabled = False
        return made.prefetch(_AHEAD).with_options(options)


class Batches(Stream):
    """Batches of classified examples: inputs, targets and weights.

    Args:
        load: from indices int64 (n,) and an epoch to float32 (n, ...), such as pixels or
            features. It may depend on the epoch: augmentation.
        labels: int (N,), indices of classes.
        classes: K.
        batch_size, seed, names: see `Stream`; the seed is that of mixup too.
        weights: float32 (N,), of each example in the loss; None for 1.
        balanced: draw examples, with replacement, so that all classes come equally often.
        mixup: alpha of Zhang et al. 2018, Sec. 2: an example and another of the batch are
            averaged, inputs and targets, with shares from Beta(alpha, alpha), one draw for each
            example. Each counts in the loss by its share times its own weight. 0 for none.
    """

    def __init__(
        self,
        load: Callable[[np.ndarray, int], np.ndarray],
        labels: np.ndarray,
        classes: int,
        *,
        batch_size: int,
        seed: int = 0,
        weights: np.ndarray | None = None,
        balanced: bool = False,
        mixup: float = 0.0,
        names: Sequence[str] = (),
    ):
        self._load, self._labels, self._classes = load, np.asarray(labels), classes
        count = len(self._labels)
        self._weights = np.ones(count, np.float32) if weights is None else weights
        self._balanced, self._mixup = balanced, mixup
        super().__init__(count, batch_size=batch_size, seed=seed, names=names)

    def _order(self, epoch: int) -> np.ndarray:
        if not self._balanced:
            return super()._order(epoch)
        random = random_of(self._seed, ORDER, epoch)
        share = 1 / np.bincount(self._labels)[self._labels]
        return random.choice(self._count, size=self._count, p=share / share.sum())

    def share(self, step: int, replica: int, replicas: int) -> tuple[np.ndarray, ...]:
        """Return what one replica sees of a step: inputs, targets and weights.

        With n = batch_size / replicas: float32 (n, ...), (n, K) and (n,).
        """
        size, epoch = self.batch_size // replicas, step // self.steps_per_epoch
        mine = slice(replica * size, (replica + 1) * size)
        indices = self.indices(step)
        first = indices[mine]
        if not self._mixup:
            return self._load(first, epoch), self._targets(first), self._weights[first]
        random = random_of(self._seed, MIX, step)  # drawn for the whole batch
        share = random.beta(self._mixup, self._mixup, self.batch_size)[mine].astype(np.float32)
        second = indices[random.permutation(self.batch_size)[mine]]
        needed, places = np.unique(np.concatenate([first, second]), return_inverse=True)
        loaded = self._load(needed, epoch)
        wide = share.reshape(-1, *[1] * (loaded.ndim - 1))
        inputs = wide * loaded[places[:size]] + (1 - wide) * loaded[places[size:]]
        parts = share * self._weights[first], (1 - share) * self._weights[second]
        weights = parts[0] + parts[1]
        targets = sum(
            (part / weights)[:, None] * self._targets(chosen)
            for part, chosen in zip(parts, (first, second), strict=True)
        )
        return inputs, targets, weights

    def _targets(self, chosen: np.ndarray) -> np.ndarray:
        return np.eye(self._classes, dtype=np.float32)[self._labels[chosen]]


def fitting_batch_size(batch_size: int, examples: int, replicas: int, noun: str = "picture") -> int:
    """Return the batch size for so many examples: no larger than they are many.

    Args:
        noun: what they are.
    Raises:
        UsageError: the replicas cannot share it out evenly.
    """
    if batch_size % replicas:
        raise UsageError(
            f"--batch-size {batch_size} cannot be shared out among {replicas} replicas; "
            f"take {max(1, batch_size // replicas) * replicas}"
        )
    if examples < replicas:
        raise UsageError(f"{examples} training {noun}s are too few for {replicas} replicas")
    return min(batch_size, examples // replicas * replicas)
