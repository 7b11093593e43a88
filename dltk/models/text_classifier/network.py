"""A text classifier put together, and where it looks."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np
from keras import layers

from dltk.layers import AttentionOverTime, BagOfTokens, MaxOverTime, Present, TokenVectors
from dltk.text.vocabulary import TOKENS

PRESETS = ("textcnn", "lstm", "gru", "bilstm", "rnn", "bow")
RECURRENT = ("lstm", "gru", "bilstm", "rnn")
EMBEDDINGS = ("random", "static", "non-static", "both")
LOGITS = "logits"
ATTENTION = "attention"
_SPREAD = 0.25  # Kim 2014, code: words are in U(-0.25, 0.25) at first, as are those of word2vec


@dataclass(frozen=True)
class Design:
    """What a text classifier looks like.

    Attributes:
        preset: "textcnn": Kim's; "lstm", "gru" and "rnn": the state behind the last token, of an
            LSTM, a GRU, or h = tanh(W x + U h + b); "bilstm": LSTMs in both directions, and the
            mean of their states by attention; "bow": softmax regression on how often each token
            occurs.
        classes: K.
        vocabulary: how many numbers of tokens there are.
        embedding: "random", vectors of tokens are learnt from nothing; "static", they are given
            and stay; "non-static", they are given and learnt on; "both", two channels, of which one
            stays.
        size: D, of a token's vector.
        units: of the recurrent networks, in each direction.
        windows: tokens that filters of "textcnn" see at once.
        maps: filters of each window.
        dropout: share of what the last layer sees that is left out in training.
        max_norm: largest norm of a class's weights in the last layer of "textcnn"; 0 for any.
    """

    preset: str
    classes: int
    vocabulary: int
    embedding: str = "random"
    size: int = 128
    units: int = 128
    windows: tuple[int, ...] = (3, 4, 5)
    maps: int = 100
    dropout: float = 0.5
    max_norm: float = 3.0


def new_text_classifier(design: Design, vectors: np.ndarray | None = None) -> keras.Model:
    """Return a network; build it under a strategy's scope.

    Args:
        vectors: float32 (vocabulary, D), NaN where a token has none and begins at random. Needed
            for all embeddings but "random".
    Returns:
        A model that takes {TOKENS: int32 (B, T)}, PADDING behind the end, and gives probabilities
        float32 (B, K). Its layer LOGITS gives what they are made of.
    """
    tokens = keras.Input((None,), dtype="int32", name=TOKENS)
    if design.preset == "bow":
        logits = BagOfTokens(design.vocabulary, design.classes, name=LOGITS)(tokens)
    else:
        told = _READERS[design.preset](design, _vectors_of(design, tokens), tokens)
        told = layers.Dropout(design.dropout, name="dropout")(told)
        bound = design.max_norm if design.preset == "textcnn" else 0
        logits = layers.Dense(
            design.classes,
            kernel_initializer="zeros",
            kernel_constraint=keras.constraints.MaxNorm(bound) if bound else None,
            name=LOGITS,
        )(told)
    probabilities = layers.Softmax(name="probabilities", dtype="float32")(logits)
    network = keras.Model({TOKENS: tokens}, probabilities, name=design.preset)
    if vectors is not None:
        _begin_with(network, vectors)
    return network


def _vectors_of(design: Design, tokens):
    """Return the vectors of tokens, (B, T, D); (B, T, 2 D) of two channels."""
    channels = {"both": {"static": False, "words": True}, "static": {"static": False}}
    kinds = channels.get(design.embedding, {"words": True})
    spread = keras.initializers.RandomUniform(-_SPREAD, _SPREAD)
    found = [
        TokenVectors(
            design.vocabulary,
            design.size,
            embeddings_initializer=spread,
            trainable=learnt,
            name=name,
        )(tokens)
        for name, learnt in kinds.items()
    ]
    return layers.Concatenate(name="channels")(found) if len(found) > 1 else found[0]


def _convolved(design: Design, vectors, tokens):
    there, found = Present(name="there")(tokens), []
    for window in design.windows:
        with_zeros = layers.ZeroPadding1D(window - 1, name=f"around-{window}")(vectors)
        maps = layers.Conv1D(design.maps, window, activation="relu", name=f"window-{window}")
        largest = MaxOverTime(window, name=f"largest-{window}")
        found.append(largest(maps(with_zeros), there))
    return layers.Concatenate(name="features")(found) if len(found) > 1 else found[0]


def _last_state(design: Design, vectors, tokens):
    kinds = {"lstm": layers.LSTM, "gru": layers.GRU, "rnn": layers.SimpleRNN}
    there = Present(name="there")(tokens)
    return kinds[design.preset](design.units, name="reader")(vectors, mask=there)


def _attended(design: Design, vectors, tokens):
    there = Present(name="there")(tokens)
    both = layers.Bidirectional(layers.LSTM(design.units, return_sequences=True), name="reader")
    states = both(vectors, mask=there)
    return AttentionOverTime(design.units, name=ATTENTION)(states, there)[0]


_READERS = {
    "textcnn": _convolved,
    "bilstm": _attended,
    **dict.fromkeys(("lstm", "gru", "rnn"), _last_state),
}


def _begin_with(network: keras.Model, vectors: np.ndarray) -> None:
    """Give tokens their vectors, in all channels; those without one keep theirs."""
    first = None
    for layer in network.layers:
        if isinstance(layer, TokenVectors):
            (weights,) = layer.get_weights()
            first = np.where(np.isnan(vectors), weights, vectors) if first is None else first
            layer.set_weights([first])  # both channels begin alike
