"""A generator of texts in training: it reads on where it left off."""

from __future__ import annotations

import keras
import tensorflow as tf

from dltk.models.text_generator.network import Parts
from dltk.training.model import OwnStep


class Learner(OwnStep):
    """A generator of texts with the state that it carries from step to step.

    It trains on batches of `dltk.data.passages.Passages` by truncated back-propagation through
    time: gradients end where a window begins, and the state goes on. That state is among the
    weights of this model, though not trained, so that a run that is killed and resumed reads on as
    one never stopped. Each replica reads its lanes; all of them know the states of all.

    The log "loss" is the mean over the epoch so far of the cross-entropy of a token, in nats.

    Args:
        network: see `dltk.models.text_generator.network.new_text_generator`.
        lanes: texts of a batch, over all replicas.
    """

    def __init__(self, network: keras.Model, *, lanes: int):
        super().__init__()
        self.network, self._parts = network, Parts.of(network)
        self._carried = [
            self.add_weight(
                shape=(lanes, self._parts.units),
                initializer="zeros",
                trainable=False,
                aggregation="only_first_replica",  # they are gathered before
                name=name,
            )
            for name in self._parts.states
        ]
        self.built = True

    def compile(self, optimizer: keras.Optimizer, loss=None, metrics=(), **how):
        """Take an optimizer, and build it; the loss is its own, and there are no metrics."""
        self._begin([(optimizer, self.trainable_variables)], ["loss"])

    def train_step(self, batch):
        """Train on one replica's share of a batch; return the logs."""
        (tokens, goes_on), _ = batch
        before = self._before(goes_on)
        with tf.GradientTape() as tape:
            scores, after = self._parts.read(tokens[:, :-1], before, training=True)
            loss = tf.reduce_mean(nats(scores, tokens[:, 1:]))
            shared = self._shared(loss)
        variables = self.network.trainable_variables
        # What an embedding gives is sparse, which replicas cannot sum on every kind of device.
        slopes = map(tf.convert_to_tensor, tape.gradient(shared, variables))
        self.optimizer.apply(list(slopes), variables)
        self._carry(after)
        return self._told({"loss": loss})

    def _before(self, goes_on: tf.Tensor) -> list[tf.Tensor]:
        """Return the states before a replica's share of a step; zeros where a text begins."""
        count = tf.shape(goes_on)[0]
        at = tf.distribute.get_replica_context().replica_id_in_sync_group * count
        return [
            tf.convert_to_tensor(state)[at : at + count] * goes_on[:, None]
            for state in self._carried
        ]

    def _carry(self, after: list[tf.Tensor]) -> None:
        """Keep the states behind a step, those of all replicas."""
        context = tf.distribute.get_replica_context()
        if context.num_replicas_in_sync > 1:
            after = [context.all_gather(state, axis=0) for state in after]
        for state, value in zip(self._carried, after, strict=True):
            state.assign(value)


def nats(scores: tf.Tensor, tokens: tf.Tensor) -> tf.Tensor:
    """Return minus the logarithm of the probability of each token, float32 (B, T).

    Args:
        scores: float32 (B, T, V), before softmax.
        tokens: int32 (B, T).
    """
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=tokens, logits=scores)
