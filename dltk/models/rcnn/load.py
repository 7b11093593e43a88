"""Load a detector: a published one with its weights, or one from a model file."""

from __future__ import annotations

import keras

from dltk.errors import DltkError, printable
from dltk.modelfile import load_model
from dltk.models.find import ModelSource
from dltk.models.rcnn.torchvision import build_published


def load_rcnn(source: ModelSource) -> keras.Model:
    """Return the detector of `source` with its weights, see `dltk.models.rcnn.detector`.

    Raises:
        WeightsError: weights that are missing or damaged.
        DltkError: a model file that cannot be loaded, or holds something else.
    """
    if source.entry is not None:
        return build_published(weights=source.weights(), **source.entry.options)
    detector = load_model(source.path)
    if not {layer.name for layer in detector.layers} >= {"box_head", "final_boxes"}:
        raise DltkError(f"{printable(source.path)} says it is a detector, but has not its layers")
    return detector
