"""What dreams look like: sets of options by name, and layers to dream of where none is named."""

from __future__ import annotations

from dataclasses import dataclass

import keras

from dltk.errors import UsageError, nearest, printable
from dltk.explain.layers import deep_layer, layer_of, map_taps, spread_of_layers
from dltk.models.find import ModelSource

DEFAULT = "creatures"
_PREVIEWED = 48  # layers on a sheet, at most
# For families of networks in the catalog, by looking at results.
_BY_FAMILY = {
    "googlenet": "inception4c",
    "inception_v3": "mixed5",
    "vgg16": "block5_conv1",
    "vgg19": "block5_conv1",
}


@dataclass(frozen=True)
class Preset:
    """Values for options that are not given."""

    model: str
    layer: tuple[str, ...]
    gradient: str
    octaves: int
    octave_scale: float = 1.4
    steps: int = 10
    step_size: float = 1.5
    jitter: int = 32


PRESETS = {
    "creatures": Preset("efficientnet-lite0", ("block6a_expand_relu",), "laplacian", 5),
    "patchwork": Preset("efficientnet-lite0", ("block5a_expand_relu",), "laplacian", 5),
    "engraving": Preset("efficientnet-lite0", ("block4a_expand_relu",), "laplacian", 4),
    "scales": Preset("vgg16-hed", ("block5_conv1",), "laplacian", 5),
    "classic": Preset("googlenet", ("inception4c",), "normalised", 4),
}


def find_preset(name: str) -> Preset:
    """Return the preset called `name`. Raises UsageError; the nearest is suggested."""
    if name not in PRESETS:
        raise UsageError(
            f'--preset "{printable(name)}" is none of {", ".join(PRESETS)}.{nearest(name, PRESETS)}'
        )
    return PRESETS[name]


def default_layer(model: keras.Model, source: ModelSource) -> str:
    """Return the layer to dream of where none is named.

    It is the one chosen for a family by looking at results, else that of `deep_layer`.
    """
    chosen = _BY_FAMILY.get(source.entry.family if source.entry else "")
    return chosen if chosen in {tap.name for tap in map_taps(model)} else deep_layer(model)


def preview_layers(model: keras.Model) -> list[str]:
    """Return the layers worth dreaming of: what activations, sums and concatenations give.

    Others differ from these by a shift and a factor, or lie inside a unit. Of very many, an even
    share.
    """
    names = [tap.name for tap in map_taps(model) if _is_seen(layer_of(model, tap.name))]
    names = names or spread_of_layers(model, _PREVIEWED)
    count = min(len(names), _PREVIEWED)
    return [names[index * (len(names) - 1) // max(1, count - 1)] for index in range(count)]


def _is_seen(layer: keras.layers.Layer) -> bool:
    if isinstance(layer, (keras.layers.ReLU, keras.layers.Add, keras.layers.Concatenate)):
        return True
    activation = getattr(layer, "activation", keras.activations.linear)
    return activation is not keras.activations.linear
