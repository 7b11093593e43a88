"""Load a generator of texts from its file."""

from __future__ import annotations

import keras

from dltk.errors import DltkError, printable
from dltk.modelfile import load_model
from dltk.models.find import ModelSource
from dltk.models.text_generator.network import Parts
from dltk.text.vocabulary import FIRST


def load_text_generator(source: ModelSource) -> keras.Model:
    """Return the generator of texts in a model file.

    Raises:
        DltkError: a file that cannot be loaded, or holds something else.
    """
    network = load_model(source.path)
    try:
        known = Parts.of(network).vocabulary
    except ValueError as error:
        raise DltkError(f"{printable(source.path)} says it writes texts, but {error}") from error
    named = FIRST + len(source.card.words)
    if known != named:
        raise DltkError(
            f"{printable(source.path)} is damaged: it knows {known - FIRST:,} tokens, and "
            f"{named - FIRST:,} are named"
        )
    return network
