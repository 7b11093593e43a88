"""Which generator of texts is asked for, found without loading it."""

from __future__ import annotations

import os

from dltk.errors import DltkError, UsageError, printable
from dltk.modelfile import read_card
from dltk.models.find import ModelSource, find_model, is_file, refuse_annotator
from dltk.text.language import Language

TASK = "generate texts"
_TRAIN = "dltk text train"


def find_text_generator(model: str | os.PathLike) -> ModelSource:
    """Find the generator of texts called for, without loading it.

    Raises:
        UsageError: no such model, or one that does not write texts.
        DltkError: not a model file.
    """
    if is_file(model) and os.fspath(model).endswith(".keras") and read_card(model) is None:
        raise UsageError(
            f"{printable(model)} was saved by plain Keras, and does not say what its numbers mean; "
            f'train one with "{_TRAIN}"'
        )
    source = find_model(model)
    if source.task != TASK:
        refuse_annotator(source)
        raise UsageError(
            f"{printable(source.name)} is a model to {source.task}, and does not write texts; "
            f'train one with "{_TRAIN}"'
        )
    return source


def language_of(source: ModelSource) -> Language:
    """Return the tokens of a generator of texts. Raises DltkError where its file is damaged."""
    card = source.card
    if not card.words:
        raise DltkError(f"{printable(source.path)} is damaged: it names no tokens")
    try:
        return Language.of(card.words, card.text)
    except UsageError as error:
        raise DltkError(f"{printable(source.path)} is damaged: {error}") from error
