"""Small classifiers of texts, with weights that were set by hand or drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import keras
import numpy as np

from dltk.modelfile import ModelCard, save_model
from dltk.text.tokenizer import Tokenizer
from dltk.text.vocabulary import FIRST, TOKENS, UNKNOWN

TASK = "classify texts"


def save_linear(
    path: Path,
    weights: Mapping[str, Sequence[float]],
    labels: Sequence[str] = ("bad", "good"),
    *,
    unknown: Sequence[float] | None = None,
    tokenizer: Tokenizer | None = None,
    length: int = 20,
) -> Path:
    """Write a network that adds up what each word speaks for each class, and takes the softmax.

    Args:
        weights: of each word it knows, one for each class.
        unknown: those of a word that it does not know; 0 if not given.
    """
    table = np.zeros((FIRST + len(weights), len(labels)), np.float32)
    table[UNKNOWN] = 0 if unknown is None else unknown
    table[FIRST:] = list(weights.values())
    tokens = keras.Input((None,), dtype="int32", name=TOKENS)
    embedding = keras.layers.Embedding(*table.shape)
    present = keras.ops.cast(keras.ops.not_equal(tokens, 0), "float32")[..., None]
    scores = keras.layers.Softmax()(keras.ops.sum(embedding(tokens) * present, axis=1))
    network = keras.Model({TOKENS: tokens}, scores)
    embedding.set_weights([table])
    return _save(network, path, labels, tuple(weights), tokenizer, length)


def save_convolutional(
    path: Path, words: Sequence[str], labels: Sequence[str] = ("a", "b", "c"), *, length: int = 20
) -> Path:
    """Write a network to which the order of words matters, with weights drawn by chance."""
    keras.utils.set_random_seed(0)
    tokens = keras.Input((None,), dtype="int32", name=TOKENS)
    present = keras.ops.cast(keras.ops.not_equal(tokens, 0), "float32")[..., None]
    vectors = keras.layers.Embedding(FIRST + len(words), 8, embeddings_initializer="normal")(tokens)
    found = keras.layers.Conv1D(16, 3, padding="same", activation="relu")(vectors * 20 * present)
    most = keras.ops.max(found * present, axis=1)
    network = keras.Model({TOKENS: tokens}, keras.layers.Dense(len(labels), "softmax")(most))
    return _save(network, path, labels, tuple(words), None, length)


def _save(network, path, labels, words, tokenizer, length) -> Path:
    text = (tokenizer or Tokenizer()).to_dict() | {"length": length}
    save_model(network, path, ModelCard(TASK, tuple(labels), None, words=words, text=text))
    return path
