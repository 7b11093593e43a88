"""A generator of texts: a recurrent network from the tokens so far to scores of the next one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import tensorflow as tf
from keras import layers

from dltk.ops.lstm import lstm
from dltk.text.vocabulary import TOKENS

CELLS = {"lstm": layers.LSTM, "gru": layers.GRU, "rnn": layers.SimpleRNN}
"""Recurrent layers by name. The last is the plain one, h = tanh(W x + U h + b)."""
LOGITS = "logits"
"""What a network calls the scores that it gives, float32 (B, T, V), before softmax."""
_SPREAD = 1.0  # of embeddings at first; by Keras's, of 0.03, characters are learnt half as fast
_EMBEDDING, _RECURRENT, _DROPOUT = "embedding", "recurrent", "dropout"  # names of layers


def new_text_generator(
    vocabulary: int,
    *,
    cell: str = "lstm",
    depth: int = 2,
    units: int = 256,
    embedding: int = 64,
    dropout: float = 0.0,
) -> keras.Model:
    """Return a network that reads tokens and scores, after each, what comes next.

    Its state goes in and comes out, so that a text may come in pieces of any length: what is read
    in two pieces is as if it had been read in one. Dropout is between layers and before the scores,
    not from step to step: Zaremba et al. 2014, "Recurrent Neural Network Regularization", Sec. 3.2,
    https://arxiv.org/abs/1409.2329, who drop parts of what goes into the first layer too.

    Args:
        vocabulary: V, how many numbers of tokens there are.
        cell: one of CELLS.
        depth: recurrent layers, one on the other.
        units: U of each.
        embedding: what stands for a token, so many numbers.
        dropout: share that is left out in training.
    Returns:
        A model of Keras's own layers that takes {TOKENS: int32 (B, T), "state0": float32 (B, U)
        and so on for each layer, of an LSTM "cell0" and so on too} and gives {LOGITS: float32
        (B, T, V)} and the new states by the same names.
    """
    tokens = keras.Input((None,), dtype="int32", name=TOKENS)
    inputs, outputs = {TOKENS: tokens}, {}
    spread = keras.initializers.RandomNormal(stddev=_SPREAD)
    x = layers.Embedding(vocabulary, embedding, embeddings_initializer=spread, name=_EMBEDDING)(
        tokens
    )
    for level in range(depth):
        names = [f"{kind}{level}" for kind in (("state", "cell") if cell == "lstm" else ("state",))]
        before = [keras.Input((units,), name=name) for name in names]
        x, *after = CELLS[cell](
            units, return_sequences=True, return_state=True, name=f"{_RECURRENT}{level}"
        )(x, initial_state=before)
        x = layers.Dropout(dropout, name=f"{_DROPOUT}{level}")(x)
        inputs |= zip(names, before, strict=True)
        outputs |= zip(names, after, strict=True)
    logits = layers.Dense(vocabulary, dtype="float32", name=LOGITS)(x)
    return keras.Model(inputs, {LOGITS: logits} | outputs, name="text_generator")


@dataclass(frozen=True)
class Parts:
    """What a generator of texts is made of, for those who run it in another way than as a whole.

    Attributes:
        embedding, logits: its first layer and its last.
        recurrent, dropouts: the layers between, one of each for every level.
        states: the names of all states, level by level.
        units: U, how many numbers each state has.
    """

    embedding: layers.Layer
    recurrent: tuple[layers.Layer, ...]
    dropouts: tuple[layers.Layer, ...]
    logits: layers.Layer
    states: tuple[str, ...]
    units: int

    @classmethod
    def of(cls, network: keras.Model) -> Parts:
        """Return the parts of a network. Raises ValueError if it is no generator of texts."""
        named = {layer.name: layer for layer in network.layers}
        depth = sum(name.startswith(_RECURRENT) for name in named)
        inputs = network.input if isinstance(network.input, dict) else {}
        states = tuple(
            f"{kind}{level}"
            for level in range(depth)
            for kind in ("state", "cell")
            if f"{kind}{level}" in inputs
        )
        try:
            recurrent, dropouts = (
                tuple(named[f"{kind}{level}"] for level in range(depth))
                for kind in (_RECURRENT, _DROPOUT)
            )
            last = named[LOGITS]
            first, units = named[_EMBEDDING], inputs[states[0]].shape[-1]
        except (KeyError, IndexError) as error:
            raise ValueError("it has not the layers of a generator of texts") from error
        return cls(first, recurrent, dropouts, last, states, units)

    @property
    def vocabulary(self) -> int:
        """V, how many numbers of tokens there are."""
        return self.embedding.input_dim

    def begin(self, count: int) -> list[tf.Tensor]:
        """Return the state of `count` texts of which nothing has been read."""
        return [tf.zeros((count, self.units)) for _ in self.states]

    def read(
        self, tokens: tf.Tensor, states: Sequence[tf.Tensor], *, training: bool = False
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Read B texts, or go on with them; what the network does as a whole, but for dropout.

        On a CPU an LSTM goes by `dltk.ops.lstm`, which learns faster there.

        Args:
            tokens: int32 (B, T).
            states: before them, in the order of `states`, each float32 (B, U).
        Returns:
            Scores of what comes after each token, float32 (B, T, V), and the states.
        """
        x, after = self.embedding(tokens), []
        for layer, dropout, before in zip(
            self.recurrent, self.dropouts, self._by_level(states), strict=True
        ):
            run = _on_cpu if _goes_by_lstm(layer) else _by_keras
            x, *states = run(layer, x, before)
            x = dropout(x, training=training)
            after += [tf.cast(state, tf.float32) for state in states]
        return self.logits(x), after

    def step(
        self, tokens: tf.Tensor, states: Sequence[tf.Tensor]
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Read one token of each text: int32 (B,) to scores float32 (B, V), and the states."""
        x, after = self.embedding(tokens), []
        for layer, before in zip(self.recurrent, self._by_level(states), strict=True):
            x, states = layer.cell(x, before)
            after += [tf.cast(state, tf.float32) for state in tf.nest.flatten(states)]
        return self.logits(x), after

    def _by_level(self, states: Sequence[tf.Tensor]) -> list[list[tf.Tensor]]:
        each = len(self.states) // len(self.recurrent)
        return [list(states[at : at + each]) for at in range(0, len(states), each)]


def _goes_by_lstm(layer: layers.Layer) -> bool:
    accelerators = [*map(tf.config.list_logical_devices, ("GPU", "TPU"))]
    return type(layer) is layers.LSTM and layer.compute_dtype == "float32" and not any(accelerators)


def _on_cpu(layer: layers.LSTM, x: tf.Tensor, before: list[tf.Tensor]):
    kernel, recurrent, bias = map(
        tf.convert_to_tensor, (layer.cell.kernel, layer.cell.recurrent_kernel, layer.cell.bias)
    )
    given = tf.tensordot(tf.transpose(x, (1, 0, 2)), kernel, axes=1) + bias
    hiddens, *after = lstm(given, recurrent, *before)
    return tf.transpose(hiddens, (1, 0, 2)), *after


def _by_keras(layer: layers.Layer, x: tf.Tensor, before: list[tf.Tensor]):
    return layer(x, initial_state=before)
