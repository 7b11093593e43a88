"""A classifier's scores before softmax or sigmoid: a class's own, and all probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import tensorflow as tf

from dltk.errors import UsageError, nearest, printable
from dltk.models.build import last_activation, last_operation
from dltk.models.catalog import Label
from dltk.models.labels import distinct_names
from dltk.models.laid_open import SCORES

_LEAST = 1e-7  # of a probability whose logarithm is taken


@dataclass(frozen=True)
class Scores:
    """How the scores of one network are read.

    Attributes:
        outputs: how many there are; a single one is that of the second of two classes.
        activation: "softmax" or "sigmoid", what the network does to its scores.
        mixed: whether what counts as scores is probabilities already, as the mean of an ensemble;
            then their logarithms stand for scores.
    """

    outputs: int
    activation: str
    mixed: bool = False

    @property
    def classes(self) -> int:
        """Number of classes."""
        return max(2, self.outputs)

    @classmethod
    def of(cls, model: keras.Model) -> Scores:
        """Return those of a classifier as it was built or loaded.

        Raises:
            UsageError: no classifier.
        """
        if len(model.outputs) != 1 or len(model.outputs[0].shape) != 2:
            raise UsageError(f"{model.name} is not a classifier: it does not give (B, K) scores")
        output = model.outputs[0]
        activation = last_activation(output)
        last, _ = last_operation(output)
        taken = getattr(getattr(last, "activation", None), "__name__", type(last).__name__).lower()
        count = output.shape[-1]
        return cls(
            count,
            "sigmoid" if activation == "sigmoid" or count == 1 else "softmax",
            activation in ("softmax", "sigmoid") and taken not in ("softmax", "sigmoid"),
        )

    def read(self, outputs: dict, index):
        """Return the score of class `index` (a number or a tensor), float32 (B,)."""
        scores = tf.cast(outputs[SCORES], tf.float32)
        if self.mixed:
            scores = tf.math.log(tf.maximum(scores, _LEAST))
        if scores.shape[-1] == 1:
            return scores[:, 0] * tf.where(tf.equal(index, 1), 1.0, -1.0)
        return tf.gather(scores, index, axis=1)

    def probabilities(self, outputs: dict):
        """Return the probabilities of all classes, float32 (B, K)."""
        scores = tf.cast(outputs[SCORES], tf.float32)
        if not self.mixed:
            scores = (tf.sigmoid if self.activation == "sigmoid" else tf.nn.softmax)(scores)
        return scores if scores.shape[-1] > 1 else tf.concat([1 - scores, scores], axis=-1)

    def direction(self, index: int) -> list[float]:
        """Return what each output counts in the score of class `index`."""
        if self.outputs == 1:
            return [1.0 if index else -1.0]
        return [float(each == index) for each in range(self.outputs)]


def class_index(name: str, labels: Sequence[Label], *, classes: int, model: str) -> int:
    """Return the output that `name` means: a class's name, its id, or its number.

    Raises:
        UsageError: no such class; the nearest is suggested.
    """
    names = distinct_names(labels)
    folded = {_folded(label.id): i for i, label in enumerate(labels) if label.id}
    for each, index in zip(names, range(classes), strict=False):
        folded.setdefault(_folded(each), index)
    index = folded.get(_folded(name))
    if index is None and name.isdecimal() and int(name) < classes:
        index = int(name)
    if index is None:
        advice = nearest(name, names) if names else " Its classes have no names; give a number"
        raise UsageError(f'{printable(model)} has no class "{printable(name)}".{advice}')
    return index


def _folded(name: str) -> str:
    return " ".join(name.casefold().replace("_", " ").replace("-", " ").split())
