"""Load an answerer from its file."""

from __future__ import annotations

import keras

from dltk.errors import DltkError, printable
from dltk.modelfile import load_model
from dltk.models.answerer.network import Parts
from dltk.models.find import ModelSource
from dltk.text.vocabulary import FIRST


def load_answerer(source: ModelSource) -> keras.Model:
    """Return the answerer in a model file.

    Raises:
        DltkError: a file that cannot be loaded, or holds something else.
    """
    answerer = load_model(source.path)
    if not {layer.name for layer in answerer.layers} >= set(Parts.__dataclass_fields__):
        raise DltkError(f"{printable(source.path)} says it is an answerer, but has not its layers")
    words = Parts.of(answerer).reader.get_config()["vocabulary"] - FIRST
    for known, named, what in (
        (answerer.outputs[0].shape[-1], len(source.labels), "answers"),
        (words, len(source.card.words), "words"),
    ):
        if known != named:
            raise DltkError(
                f"{printable(source.path)} is damaged: it knows {known} {what}, and {named} are "
                "named"
            )
    return answerer
