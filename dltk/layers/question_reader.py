"""The half of an answerer that reads: a recurrent network over the words of a question."""

from __future__ import annotations

import keras
import tensorflow as tf
from keras import layers

from dltk.text.vocabulary import PADDING

_SPREAD = 0.3  # standard deviation of what stands for a word at first


@keras.saving.register_keras_serializable("dltk")
class QuestionReader(layers.Layer):
    """The words of questions, to what they ask for.

    The output of an LSTM behind the last word, as in Antol et al. 2015, "VQA: Visual Question
    Answering", Sec. 4, https://arxiv.org/abs/1505.00468, and Yang et al. 2016, "Stacked Attention
    Networks", Sec. 3.2.1, https://arxiv.org/abs/1511.02274; and what is told of the sum of all
    words, whatever their order, is added: Zhou et al. 2015, "Simple Baseline for Visual Question
    Answering", https://arxiv.org/abs/1512.02167. So what a word asks for is learnt at once, however
    far it is from the end, and of few questions.

    Words int (B, Q, T), with PADDING behind the last of each question, to queries float
    (B, Q, units). What is behind a question changes nothing; one that is PADDING alone has zeros.

    Args:
        vocabulary: how many numbers of words there are, see `dltk.text.vocabulary.Vocabulary`.
        embedding: channels of a word.
        units: of the LSTM.
    """

    def __init__(self, vocabulary: int, *, embedding: int = 128, units: int = 256, **kwargs):
        super().__init__(**kwargs)
        self._config = {"vocabulary": vocabulary, "embedding": embedding, "units": units}
        # Keras's default is a tenth of it: what is asked for would hardly matter at first, all
        # places would fit alike, and nothing be learnt from where one looked.
        spread = keras.initializers.RandomNormal(stddev=_SPREAD)
        self.words = layers.Embedding(
            vocabulary, embedding, embeddings_initializer=spread, name="words"
        )
        # cuDNN fails on questions without a word, which fill up pictures about which less is asked.
        self.lstm = layers.LSTM(units, use_cudnn=False, name="lstm")
        self.of_sum = layers.Dense(units, use_bias=False, name="of_sum")

    def build(self, words_shape):
        words = None, None, self._config["embedding"]
        self.words.build(words_shape)
        self.lstm.build(words)
        self.of_sum.build(words[1:])

    def call(self, words):
        shape = tf.shape(words)
        flat = tf.reshape(words, (-1, shape[2]))
        told, there = self.words(flat), flat != PADDING
        total = tf.reduce_sum(told * tf.cast(there, told.dtype)[..., None], axis=1)
        read = self.lstm(told, mask=there) + self.of_sum(total)
        return tf.reshape(read, (shape[0], shape[1], self._config["units"]))

    def compute_output_shape(self, words_shape):
        return (*words_shape[:2], self._config["units"])

    def get_config(self):
        return super().get_config() | self._config
