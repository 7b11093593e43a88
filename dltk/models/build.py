"""Build the network that an engine runs: raw pixels in, probabilities or features out."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path

import keras
from keras import layers

from dltk.errors import UsageError, WeightsError, printable, reason
from dltk.layers import NearestNeighbours
from dltk.modelfile import load_model
from dltk.models.catalog import Entry, lookup
from dltk.models.taps import last_map, tap

# What is done to raw RGB pixels in front of each network: (scale, offset), per channel where the
# two are lists. "caffe" also turns RGB into BGR, and "inside" means the network does it all.
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
PIXELS = {
    "inside": None,
    "tf": (1 / 127.5, -1.0),
    "lite": (1 / 128, -127 / 128),
    "torch": (
        [1 / (255 * std) for std in _STD],
        [-mean / std for mean, std in zip(_MEAN, _STD, strict=True)],
    ),
    "caffe": (1.0, [-103.939, -116.779, -123.68]),
}


@dataclass(frozen=True)
class NetworkSpec:
    """Which network to run and which of its outputs is wanted. Plain data, ready for JSON.

    Attributes:
        model: a name in the catalog, or the absolute path of a `.keras` file.
        output: "probabilities" (B, K), "features", or "evidence", see `dltk.models.evidence`.
        layer: for features, a layer's name or index; None for the last feature map.
        pool: for features that are maps, "avg", "max" or "none".
        scale, offset: applied to raw pixels before a network from a file.
        size: (H, W, C) to fix the input of a network from a file to, if it leaves it open.
    """

    model: str
    output: str = "probabilities"
    layer: str | None = None
    pool: str = "avg"
    scale: float = 1.0
    offset: float = 0.0
    size: list[int] | None = None


def build_output(spec: NetworkSpec) -> keras.Model:
    """Build the network of `spec`: float32 (B, H, W, C), pixels 0-255, to the wanted output.

    Raises:
        UsageError: unknown model or layer, or a network without classes asked for probabilities.
        DltkError: a model file that cannot be loaded.
        WeightsError: weights missing or damaged.
    """
    if spec.output == "evidence":
        from dltk.models.evidence import evidence_of  # which is built on this module

        return evidence_of(lambda: _whole(spec))
    if spec.output == "features":
        return features_of(_whole(spec), spec.layer, spec.pool)
    return probabilities_of(_whole(spec))


def _whole(spec: NetworkSpec) -> keras.Model:
    """Build or load the network of `spec`, all of it."""
    if not Path(spec.model).is_absolute():
        entry = lookup(spec.model)
        return build_network(entry, weights=entry.weights.get())
    model = load_model(spec.model)
    is_open = None in model.inputs[0].shape[1:]
    if is_open or (spec.scale, spec.offset) != (1.0, 0.0):
        model = _fed(model, spec)
    return model


def build_network(
    entry: Entry, *, weights: Path | None, classifier_activation: str | None = "softmax"
) -> keras.Model:
    """Build a network of the catalog on raw pixels, as one flat graph.

    Args:
        weights: its weight file, or None for random weights.
        classifier_activation: "softmax", or None for logits.
    Returns:
        A model from float32 (B, H, W, 3), 0-255, to (B, 1000), or to a trunk's last map.
    Raises:
        WeightsError: the file does not fit.
    """
    size = entry.geometry.height, entry.geometry.width, 3
    inputs = keras.Input(size, name="pixels")
    x = normalised(inputs, entry.pixels)
    module, function = entry.builder.split(":")
    builder = getattr(importlib.import_module(module), function)
    if module != "keras.applications":
        return builder(x, weights, classifier_activation=classifier_activation, **entry.options)
    try:
        return builder(
            input_tensor=x,
            weights=str(weights) if weights else None,
            classifier_activation=classifier_activation,
        )
    except (OSError, ValueError, KeyError) as error:
        raise WeightsError(
            f"{printable(weights)} does not fit {entry.name}: {reason(error).splitlines()[0]}; "
            "delete the file to fetch it again"
        ) from error


def normalised(pixels, kind: str):
    """Return raw RGB pixels as a network of that `kind` (a key of PIXELS) expects them."""
    if PIXELS[kind] is None:
        return pixels
    if kind == "caffe":
        pixels = keras.ops.flip(pixels, axis=-1)
    scale, offset = PIXELS[kind]
    return layers.Rescaling(scale, offset, name="normalise")(pixels)


def features_of(model: keras.Model, layer: str | None, pool: str) -> keras.Model:
    """Return the part of `model` that ends at `layer`, its map pooled to a vector.

    Args:
        layer: a layer's name, or its index as a number; None for the last feature map.
        pool: "avg" or "max" over places (of a map) or tokens; "none" keeps the shape.
    """
    x = tap(model, layer if layer is not None else last_map(model))
    if len(x.shape) not in (2, 3, 4):
        raise UsageError(f"layer {layer} gives {tuple(x.shape)}, which is not a vector or a map")
    rank = {3: "1D", 4: "2D"}.get(len(x.shape))
    if rank and pool != "none":
        name = {"avg": "GlobalAveragePooling", "max": "GlobalMaxPooling"}[pool]
        x = getattr(layers, name + rank)(name=_free("pooled", model))(x)
    return keras.Model(model.inputs, x, name=f"{model.name}_features")


def probabilities_of(model: keras.Model) -> keras.Model:
    """Return `model` with probabilities (B, K) for outputs, whatever its last layer gives.

    Logits go through softmax; a single output, a sigmoid's or a logit, becomes two classes.
    Sigmoids over several classes (multi-label) are left as they are.
    """
    if len(model.outputs) != 1 or len(model.outputs[0].shape) != 2:
        shapes = [tuple(output.shape) for output in model.outputs]
        raise UsageError(f"{model.name} is not a classifier: its output is {shapes}, not (B, K)")
    x = model.outputs[0]
    activation = last_activation(x)
    if x.shape[-1] == 1:
        if activation != "sigmoid":
            x = layers.Activation("sigmoid", name=_free("probability", model))(x)
        x = layers.Concatenate(name=_free("probabilities", model))([1.0 - x, x])
    elif activation not in ("softmax", "sigmoid"):
        x = layers.Softmax(name=_free("probabilities", model))(x)
    return model if x is model.outputs[0] else keras.Model(model.inputs, x, name=model.name)


def last_activation(tensor) -> str | None:
    """Return "softmax" or "sigmoid" if that is what last made these values, else None or another.

    Args:
        tensor: symbolic, such as an output of a model.
    """
    operation, index = last_operation(tensor)
    kind = type(operation).__name__.lower()
    if kind in ("softmax", "sigmoid"):  # a layer, or an operation of keras.ops
        return kind
    if isinstance(operation, NearestNeighbours):  # shares of votes
        return "softmax"
    if kind == "average":  # an ensemble
        inputs = operation._inbound_nodes[index].input_tensors
        kinds = {last_activation(each) for each in inputs}
        return kinds.pop() if len(kinds) == 1 else None
    activation = getattr(getattr(operation, "activation", None), "__name__", "linear")
    return activation if activation != "linear" else None


def last_operation(tensor) -> tuple:
    """Return what last changed these values, in nested models too, and the number of its call."""
    operation, index = tensor._keras_history.operation, tensor._keras_history.node_index
    if isinstance(operation, keras.Model):
        return last_operation(operation.outputs[0])
    kind = type(operation).__name__.lower()
    linear = getattr(getattr(operation, "activation", None), "__name__", "linear") == "linear"
    if kind in ("activation", "reshape", "flatten", "cast", "identity", "dropout") and linear:
        return last_operation(operation._inbound_nodes[index].input_tensors[0])
    return operation, index


def _free(name: str, model: keras.Model) -> str:
    """Return `name`, lengthened until no layer of `model` has it."""
    taken = {layer.name for layer in model.layers}
    while name in taken:
        name += "_"
    return name


def _fed(model: keras.Model, spec: NetworkSpec) -> keras.Model:
    """Put an input of fixed size and the scaling of `spec` in front of `model`."""
    inputs = keras.Input(spec.size or model.inputs[0].shape[1:], name="raw_pixels")
    x = layers.Rescaling(spec.scale, spec.offset, name="normalise")(inputs)
    return keras.Model(inputs, model(x), name=model.name)
