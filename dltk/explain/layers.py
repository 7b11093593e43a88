"""Layers to look at: those with feature maps, those with kernels, a spread over the depth."""

from __future__ import annotations

import math
import re

import keras

from dltk.errors import UsageError, printable
from dltk.models.taps import Tap, last_map, list_taps, tap_name


def map_taps(model: keras.Model) -> list[Tap]:
    """Return the taps of `model` that have a feature map of more than one place."""
    return [t for t in list_taps(model) if len(t.shape) == 3 and t.shape[:2] != (1, 1)]


def map_layer(model: keras.Model, name: str) -> str:
    """Return the name of the layer that `name` means.

    Raises:
        UsageError: no such layer (the nearest is suggested), or one without a map of places.
    """
    name = tap_name(model, name)
    maps = [tap.name for tap in map_taps(model)]
    if name not in maps:
        shape = next(tap.shape for tap in list_taps(model) if tap.name == name)
        advice = f"take one with a map, such as {maps[-1]}" if maps else "and no other layer does"
        raise UsageError(f"layer {name} gives {shape}, which has no places; {advice}")
    return name


def spread_of_layers(model: keras.Model, count: int) -> list[str]:
    """Return up to `count` layers with maps, evenly over the depth.

    Of the layers in a row whose maps have the same shape, only the last is considered, so that
    convolution, normalisation and activation do not count thrice.

    Raises:
        UsageError: no layer has a map.
    """
    taps = [tap for tap in _computing(model) if tap.shape[-1] > 3]
    last = [
        tap
        for tap, following in zip(taps, [*taps[1:], None], strict=False)
        if following is None or following.shape != tap.shape
    ]
    if not last:
        raise UsageError(f"{model.name} has no layer with a feature map")
    count = min(count, len(last))
    picked = {round((index + 0.5) * len(last) / count - 0.5) for index in range(count)}
    return [last[index].name for index in sorted(picked)]


def deep_layer(model: keras.Model) -> str:
    """Return the last layer whose map has a sixteenth of the picture's side; else the last map.

    What is there is as large as eyes and faces, and places lie close enough to be everywhere.
    """
    taps, side = _computing(model), model.inputs[0].shape[1]
    deep = [
        tap.name
        for tap in taps
        if side and tap.shape[0] and round(math.log2(side / tap.shape[0])) == 4
    ]
    return deep[-1] if deep else last_map(model)


def _computing(model: keras.Model) -> list[Tap]:
    """Return the taps with maps that show more than the map before them."""
    return [tap for tap in map_taps(model) if tap.kind not in ("Rescaling", "ZeroPadding2D")]


def layer_of(model: keras.Model, name: str) -> keras.layers.Layer:
    """Return the layer that a name from `list_taps` means, nested models included."""
    if name in (layer.name for layer in model.layers):
        return model.get_layer(name)
    outer, _, inner = name.partition("/")
    return layer_of(model.get_layer(outer), inner)


def channel_count(model: keras.Model, name: str) -> int:
    """Return how many channels, or units, the layer called `name` has."""
    return next(tap.shape[-1] for tap in list_taps(model) if tap.name == name)


def choose_channels(text: str, count: int, *, layer: str) -> list[int]:
    """Return the channels that `text` names, such as "0-15,40", in its order, each once.

    Those beyond the layer's last are left out where a range goes on past it.

    Raises:
        UsageError: another form, or a channel that `layer`, which has `count`, does not have.
    """
    chosen: dict[int, None] = {}
    for part in text.replace(" ", "").split(","):
        found = re.fullmatch(r"(\d{1,7})(?:-(\d{1,7}))?", part, re.ASCII)
        if not found:
            raise UsageError(f'channels "{printable(text)}" are not like 3 or 0-15,40')
        first, last = int(found[1]), int(found[2] or found[1])
        if first >= count or last < first:
            raise UsageError(f"channel {part}: layer {layer} has channels 0 to {count - 1}")
        chosen |= dict.fromkeys(range(first, min(last, count - 1) + 1))
    return list(chosen)
