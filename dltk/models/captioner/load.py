"""Load a captioner from its file."""

from __future__ import annotations

import keras

from dltk.errors import DltkError, printable
from dltk.modelfile import load_model
from dltk.models.captioner.network import Parts
from dltk.models.find import ModelSource
from dltk.text.vocabulary import FIRST


def load_captioner(source: ModelSource) -> keras.Model:
    """Return the captioner in a model file.

    Raises:
        DltkError: a file that cannot be loaded, or holds something else.
    """
    captioner = load_model(source.path)
    if not {layer.name for layer in captioner.layers} >= set(Parts.__dataclass_fields__):
        raise DltkError(f"{printable(source.path)} says it is a captioner, but has not its layers")
    known, named = captioner.outputs[0].shape[-1], FIRST + len(source.labels)
    if known != named:
        raise DltkError(
            f"{printable(source.path)} is damaged: it knows {known - FIRST} words, and "
            f"{named - FIRST} are named"
        )
    return captioner
