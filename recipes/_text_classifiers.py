"""Classifiers of texts: found, loaded, and asked."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import fields

import numpy as np

from dltk.engine.texts import TextNetwork
from dltk.errors import DltkError, UsageError, printable
from dltk.explain.erasure import worths
from dltk.models.find import ModelSource, find_model
from dltk.strategy import choose_precision, place
from dltk.text.encoder import Encoder, Read
from dltk.text.tokenizer import Tokenizer
from dltk.text.vocabulary import Vocabulary
from dltk.weights import Report, silent

TASK = "classify texts"
_LETTERS = 64  # of a text that are taken apart for each token that is looked at, at first


def find_text_classifier(model: str | os.PathLike) -> ModelSource:
    """Find the model called for.

    Raises:
        UsageError: no such model, or one that does not classify texts.
    """
    source = find_model(model)
    if source.task != TASK:
        raise UsageError(
            f"{printable(source.name)} is a model to {source.task}, not to classify texts; train "
            'one with "dltk text train"'
        )
    return source


def encoder_of(source: ModelSource) -> Encoder:
    """Return how a classifier reads texts. Raises DltkError where its file does not tell."""
    told = source.card.text
    try:
        known = {field.name: told[field.name] for field in fields(Tokenizer)}
        encoder = Encoder(Tokenizer(**known), Vocabulary(source.card.words), int(told["length"]))
        if encoder.length < 1:
            raise ValueError("it looks at no tokens")
    except (KeyError, TypeError, ValueError, UsageError) as error:
        raise DltkError(f"{printable(source.name)} is damaged: {error!r}") from error
    return encoder


class TextClassifier:
    """A classifier of texts, ready to run.

    Args:
        source: from `find_text_classifier`.
        batch_size, devices, strategy, precision: see `dltk.engine.load_engine`.
        report: called with a line that says what runs where.
    Attributes:
        labels: names of its classes, in the order of its outputs.
        batch_size: texts in a step.
        running: what it runs on, in a few words for the user.
    Raises:
        DltkError: it cannot be loaded.
    """

    def __init__(
        self,
        source: ModelSource,
        *,
        batch_size: int,
        devices: str = "auto",
        strategy: str = "auto",
        precision: str = "auto",
        report: Report = silent,
    ):
        self.labels = tuple(label.name for label in source.labels)
        self._name, self._encoder = source.name, encoder_of(source)
        self._network = TextNetwork(
            source.path,
            self._encoder.length,
            place(devices, strategy),
            choose_precision(precision),
            batch_size,
        )
        if self._network.output_shape != (len(self.labels),):
            raise DltkError(
                f"{printable(source.name)} is damaged: it has {len(self.labels)} class names, and "
                f"outputs of {self._network.output_shape}"
            )
        self.batch_size = self._network.batch_size
        self.running = self._network.running
        report(f"{printable(source.name)} on {self.running}")

    def read(self, text: str) -> Read:
        """Return a text as the network reads it."""
        return self._encoder(self._looked_at(text))

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return where the tokens that are looked at stand in a text, in its composed form."""
        return self._encoder.tokenizer.spans(self._looked_at(text))[: self._encoder.length]

    def _looked_at(self, text: str) -> str:
        """Return the part of a text that holds all tokens that are looked at, and one more."""
        part = text[: _LETTERS * self._encoder.length]
        if len(part) == len(text) or len(self._encoder.tokenizer(part)) >= self._encoder.length + 2:
            return part  # whose last word may be cut, and be two tokens
        return text

    def probabilities(self, texts: Sequence[Read]) -> np.ndarray:
        """Return float32 (N, K) for N texts. Raises DltkError where they are not finite."""
        return self._finite([read.numbers for read in texts])

    def worths(
        self, texts: Sequence[Read], labels: Sequence[int], probabilities: np.ndarray
    ) -> list[np.ndarray]:
        """Return what each token is worth to the text's label, see `dltk.explain.erasure.worths`.

        Args:
            probabilities: float32 (N, K), of the texts.
        """
        numbers = [read.numbers for read in texts]
        found = worths(numbers, labels, probabilities, self._finite)
        return [each[: read.tokens] for each, read in zip(found, texts, strict=True)]

    def _finite(self, numbers: Sequence[np.ndarray]) -> np.ndarray:
        found = self._network.probabilities(numbers)
        if not np.isfinite(found).all():
            raise DltkError(
                f"{printable(self._name)} gives probabilities that are no numbers: its training "
                "went wrong, or --precision float32 helps"
            )
        return found
