"""The half of a captioner that speaks: a recurrent network that is told of a picture."""

from __future__ import annotations

from typing import NamedTuple

import keras
import tensorflow as tf
from keras import layers

from dltk.layers.attention import SoftAttention

CELLS = {"lstm": layers.LSTMCell, "gru": layers.GRUCell, "plain": layers.SimpleRNNCell}
"""Recurrent cells by name. The plain one is h = tanh(W_i x + W_r h + b)."""


class Memory(NamedTuple):
    """What a decoder keeps of a picture: its places (B, L, D), and their keys (B, L, U)."""

    places: tf.Tensor
    keys: tf.Tensor


@keras.saving.register_keras_serializable("dltk")
class CaptionDecoder(layers.Layer):
    """The places of a picture and the words so far, to scores of the word that comes next.

    Without attention it is that of Vinyals et al. 2014, "Show and Tell", Sec. 3.1,
    https://arxiv.org/abs/1411.4555: the mean of all places is the first input of a recurrent cell
    and words are all others; scores are told from the cell's output.

    With attention it is that of Xu et al. 2015, "Show, Attend and Tell", Sec. 3.1,
    https://arxiv.org/abs/1502.03044: the cell's state begins with what is told of that mean; each
    of its inputs is a word and what attention saw, times a gate β that is told from the state
    (Sec. 4.2.1); and scores are told from word, state and what was seen (Eq. 7), with a tanh
    before the last layer as in the authors' code. Other than there, what is looked for is told from
    the state and the word before, and not from the state alone, which does not know that word yet:
    behind "red" it is looked at what is red.

    Takes places float (B, L, D) and words int (B, T), and gives scores float32 (B, T, V) before
    softmax and the weights of attention float32 (B, T, L), L being 0 without.

    Args:
        vocabulary: V, see `dltk.text.vocabulary.Vocabulary`.
        cell: one of CELLS.
        units: of the cell.
        embedding: channels of a word.
        attention: units of its hidden layer; 0 for none.
        dropout: share of what scores are told from that is left out in training.
    """

    def __init__(
        self,
        vocabulary: int,
        *,
        cell: str = "lstm",
        units: int = 512,
        embedding: int = 512,
        attention: int = 512,
        dropout: float = 0.5,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self._config = {
            "vocabulary": vocabulary,
            "cell": cell,
            "units": units,
            "embedding": embedding,
            "attention": attention,
            "dropout": dropout,
        }
        self.words = layers.Embedding(vocabulary, embedding, name="words")
        self.cell = CELLS[cell](units, name="cell")
        self.dropout = layers.Dropout(dropout, name="dropout")
        self.scores = layers.Dense(vocabulary, dtype="float32", name="scores")
        self.seed_generator = keras.random.SeedGenerator()
        if attention:
            self.attention = SoftAttention(attention, name="attention")
            self.begins = [
                layers.Dense(units, activation="tanh", name=f"begin{at}")
                for at in range(self._states)
            ]
            self.gate = layers.Dense(1, activation="sigmoid", name="gate")
            self.tells = layers.Dense(embedding, name="tells")
        else:
            self.attention = None
            self.of_picture = layers.Dense(embedding, name="of_picture")

    @property
    def _states(self) -> int:
        size = self.cell.state_size
        return len(size) if isinstance(size, (list, tuple)) else 1

    def build(self, places_shape, words_shape):
        units, embedding = self._config["units"], self._config["embedding"]
        channels, state, word = places_shape[-1], (None, units), (None, embedding)
        self.words.build(words_shape)
        if self.attention is None:
            self.of_picture.build((None, channels))
            self.cell.build(word)
            self.scores.build(state)
            return
        self.attention.build((None, units + embedding), places_shape)
        for begin in self.begins:
            begin.build((None, channels))
        self.gate.build(state)
        self.tells.build((None, units + channels))
        self.cell.build((None, embedding + channels))
        self.scores.build(word)

    def begin(self, places) -> tuple[list[tf.Tensor], Memory]:
        """Return the state before the first word, and what is kept of a picture."""
        mean = tf.reduce_mean(places, axis=1)
        if self.attention is not None:
            keys = self.attention.keys(places)
            return [begin(mean) for begin in self.begins], Memory(places, keys)
        empty = tf.zeros((tf.shape(mean)[0], self._config["units"]), self.compute_dtype)
        _, state = self.cell(self.of_picture(mean), [empty] * self._states)
        nothing = places[:, :0]
        return _listed(state), Memory(nothing, nothing)

    def step(self, words, state, memory: Memory):
        """Go on by one word.

        Args:
            words: int (B,).
            state, memory: from `begin`, or the step before.
        Returns:
            What scores are told from (B, ·), the state, and the weights of attention (B, L).
        """
        return self._advance(self.words(words), state, memory)

    def _advance(self, word, state, memory: Memory):
        if self.attention is None:
            output, state = self.cell(word, list(state))
            return output, _listed(state), tf.cast(memory.keys[..., 0], "float32")
        seen, weights = self.attention(tf.concat([state[0], word], axis=-1), *memory)
        seen = self.gate(state[0]) * seen
        output, state = self.cell(tf.concat([word, seen], axis=-1), list(state))
        # One product for both: a sum of three in a loop is what TensorFlow's memory optimizer turns
        # into a temporary variable, which large batches then find to be there already.
        told = tf.tanh(word + self.tells(tf.concat([output, seen], axis=-1)))
        return told, _listed(state), tf.cast(weights, "float32")

    def call(self, places, words, training=None, sampling=None):
        """Return the scores of all words and the weights of attention.

        Args:
            sampling: how often the likeliest word, float 0-1, stands for the true one before it:
                Bengio et al. 2015, "Scheduled Sampling for Sequence Prediction with Recurrent
                Neural Networks", Sec. 2.4, https://arxiv.org/abs/1506.03099. None for never.
        """
        state, memory = self.begin(places)
        inputs = tf.transpose(self.words(words), (1, 0, 2))
        steps = tf.shape(inputs)[0]
        told_of = tf.TensorArray(inputs.dtype, size=steps)
        weights_of = tf.TensorArray("float32", size=steps)
        chances = None
        if sampling is not None:
            shape = tf.shape(inputs)[:2]
            chances = keras.random.uniform(shape, seed=self.seed_generator) < sampling

        def advance(at, word, state, told_of, weights_of):
            told, state, weights = self._advance(word, state, memory)
            after = inputs[tf.minimum(at + 1, steps - 1)]
            if chances is not None:
                own = self.words(tf.argmax(self.scores(told), axis=-1))
                after = tf.where(chances[at][:, None], own, after)
            return at + 1, after, state, told_of.write(at, told), weights_of.write(at, weights)

        *_, told_of, weights_of = tf.while_loop(
            lambda at, *_: at < steps, advance, (0, inputs[0], state, told_of, weights_of)
        )
        told = self.dropout(tf.transpose(told_of.stack(), (1, 0, 2)), training=training)
        return self.scores(told), tf.transpose(weights_of.stack(), (1, 0, 2))

    def compute_output_shape(self, places_shape, words_shape):
        places = places_shape[1] if self.attention is not None else 0
        return (*words_shape, self._config["vocabulary"]), (*words_shape, places)

    def get_config(self):
        return super().get_config() | self._config


def _listed(state) -> list:
    return list(state) if isinstance(state, (list, tuple)) else [state]
