"""Named places inside a network: every layer's output, nested models included."""

from __future__ import annotations

import re
from dataclasses import dataclass

import keras

from dltk.errors import UsageError, nearest, printable
from dltk.models.autoencoder import CODES


@dataclass(frozen=True, slots=True)
class Tap:
    """A layer whose output can be asked for.

    Attributes:
        name: the layer's; inside a nested model, "model/layer".
        kind: the layer's class.
        shape: of its output, without the batch; None for an open size.
        parameters: number of weights.
    """

    name: str
    kind: str
    shape: tuple[int | None, ...]
    parameters: int


def list_taps(model: keras.Model, prefix: str = "") -> list[Tap]:
    """Return the taps of `model` from input to output."""
    taps = []
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            taps += list_taps(layer, f"{prefix}{layer.name}/")
        elif not isinstance(layer, keras.layers.InputLayer) and _output_of(layer) is not None:
            shape = tuple(_output_of(layer).shape[1:])
            kind = type(layer).__name__
            taps.append(Tap(prefix + layer.name, kind, shape, layer.count_params()))
    return taps


def last_map(model: keras.Model) -> str:
    """Return the name of the last layer with a feature map, the usual place to take features.

    Maps of one place are vectors in disguise and do not count. In a network without maps it is
    the last layer but one; in an auto-encoder, that of the codes.

    Raises:
        UsageError: the model has no layers that can be asked for.
    """
    taps = list_taps(model)
    if not taps:
        raise UsageError(f"{model.name} is a subclassed model: its layers cannot be asked for")
    output = getattr(model, "output", None)  # a Sequential that was never called has none
    if isinstance(output, dict) and CODES in output:
        return CODES
    maps = [tap.name for tap in taps if len(tap.shape) == 3 and tap.shape[:2] != (1, 1)]
    return maps[-1] if maps else taps[-2 if len(taps) > 1 else -1].name


def tap(model: keras.Model, name: str):
    """Return the symbolic output of the layer called `name`, as a tensor of `model`'s graph.

    Args:
        name: see `tap_name`.
    Raises:
        UsageError: there is no such layer; the nearest is suggested.
    """
    return _tap(model, tap_name(model, name))


def tap_name(model: keras.Model, name: str) -> str:
    """Return the name of the layer that `name` means.

    Args:
        name: as `list_taps` gives it, or its index there as a number, such as "-2".
    Raises:
        UsageError: there is no such layer; the nearest is suggested.
    """
    names = [tap.name for tap in list_taps(model)]
    # Of a network with our own scaling in front, which is nested under its own name, names and
    # numbers are those that its file has without.
    fed = names[:1] == ["normalise"] and all(n.startswith(f"{model.name}/") for n in names[1:])
    own = names[1:] if fed else names
    if re.fullmatch(r"-?\d+", name, re.ASCII) and name not in names:
        if not -len(own) <= int(name) < len(own):
            raise UsageError(f"layer {name} is out of range: {model.name} has {len(own)} layers")
        name = own[int(name)]
    if fed and f"{model.name}/{name}" in own:
        name = f"{model.name}/{name}"
    if name not in names:
        raise UsageError(
            f'{model.name} has no layer "{printable(name)}".{nearest(name, names)} '
            '"dltk models layers" lists them'
        )
    return name


def _tap(model: keras.Model, name: str):
    outer, _, inner = name.partition("/")
    if not inner or name in (layer.name for layer in model.layers):
        return _output_of(model.get_layer(name))
    nested = model.get_layer(outer)
    name = f"{outer}_to_{inner.rsplit('/', 1)[-1]}"
    part = keras.Model(nested.inputs, _tap(nested, inner), name=name)
    operations = {id(operation) for operation in model.operations}
    for call in nested._inbound_nodes:  # one is of this graph, others may be of other models
        if all(id(x._keras_history.operation) in operations for x in call.input_tensors):
            return part(call.input_tensors)
    raise UsageError(f"{model.name} does not call {outer} in its graph")


def _output_of(layer):
    try:
        output = layer.output
    except (AttributeError, ValueError, RuntimeError):  # not part of a graph
        return None
    return output if hasattr(output, "shape") else None
