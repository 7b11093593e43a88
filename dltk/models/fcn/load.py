"""Load a segmenter: a published one with its weights, or one from a model file."""

from __future__ import annotations

import keras

from dltk.errors import DltkError, printable
from dltk.modelfile import load_model
from dltk.models.fcn.segmenter import Parts
from dltk.models.fcn.torchvision import build_published
from dltk.models.find import ModelSource


def load_fcn(source: ModelSource) -> keras.Model:
    """Return the segmenter of `source` with its weights, see `dltk.models.fcn.segmenter`.

    Raises:
        WeightsError: weights that are missing or damaged.
        DltkError: a model file that cannot be loaded, or holds something else.
    """
    if source.entry is not None:
        return build_published(weights=source.weights(), **source.entry.options)
    segmenter = load_model(source.path)
    if not {layer.name for layer in segmenter.layers} >= set(Parts.__dataclass_fields__):
        raise DltkError(f"{printable(source.path)} says it is a segmenter, but has not its layers")
    return segmenter
