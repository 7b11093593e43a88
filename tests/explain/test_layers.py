"""Which layers, channels and maps are looked at."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from dltk.errors import UsageError
from dltk.explain.layers import (
    choose_channels,
    deep_layer,
    layer_of,
    map_layer,
    map_taps,
    spread_of_layers,
)
from dltk.explain.maps import map_tile, strongest_channels


def network(blocks=5, size=64) -> keras.Model:
    inputs = keras.Input((size, size, 3))
    x = layers.Rescaling(1 / 255, name="normalise")(inputs)
    for block in range(blocks):
        x = layers.Conv2D(4, 3, padding="same", name=f"conv{block}")(x)
        x = layers.BatchNormalization(name=f"norm{block}")(x)
        x = layers.ReLU(name=f"relu{block}")(x)
        x = layers.MaxPooling2D(2, name=f"pool{block}")(x)
    x = layers.GlobalAveragePooling2D(keepdims=True, name="mean")(x)
    return keras.Model(inputs, layers.Dense(2, name="head")(layers.Flatten()(x)), name="net")


def test_a_layer_needs_a_map_of_places():
    model = network()
    assert "mean" not in [tap.name for tap in map_taps(model)]
    assert map_layer(model, "relu3") == "relu3" and map_layer(model, "1") == "conv0"
    with pytest.raises(UsageError, match=r"mean gives \(1, 1, 4\), .* such as pool4"):
        map_layer(model, "mean")
    with pytest.raises(UsageError, match=r"head gives \(2,\), which has no places"):
        map_layer(model, "head")
    with pytest.raises(UsageError, match=r'no layer "relu33".*Did you mean "relu3"'):
        map_layer(model, "relu33")


def test_a_network_without_maps_is_told():
    model = keras.Sequential([keras.Input((8, 8, 3)), layers.Flatten(), layers.Dense(2)], name="f")
    with pytest.raises(UsageError, match="no other layer does"):
        map_layer(model, "0")
    with pytest.raises(UsageError, match="f has no layer with a feature map"):
        spread_of_layers(model, 3)


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (1, ["relu2"]),
        (2, ["relu1", "relu4"]),
        (3, ["relu0", "relu2", "relu4"]),
        (99, ["relu0", "relu1", "relu2", "relu3", "relu4", "pool4"]),
    ],
)
def test_layers_are_spread_over_the_depth_and_the_last_of_a_shape_stands_for_it(count, expected):
    assert spread_of_layers(network(), count) == expected


def test_the_deep_layer_is_the_last_at_a_sixteenth_of_the_side():
    assert deep_layer(network()) == "relu4"
    assert deep_layer(network(2)) == "pool1"  # there is none: the last map


def test_the_deep_layer_is_no_padding():
    inner = keras.Input((64, 64, 3))
    x = layers.Conv2D(4, 3, 16, padding="same", name="conv")(inner)
    x = layers.ZeroPadding2D(((0, 1), (0, 1)), name="pad")(x)
    model = keras.Model(inner, layers.Conv2D(4, 3, 2, name="after")(x))
    assert deep_layer(model) == "conv"


def test_a_layer_inside_nested_models_is_found():
    model = keras.Sequential([keras.Input((64, 64, 3)), network()])
    assert layer_of(model, "net/conv2") is model.get_layer("net").get_layer("conv2")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3", [3]),
        ("2-4,0", [2, 3, 4, 0]),
        ("1, 1-2", [1, 2]),
        ("6-99", [6, 7]),
        ("7", [7]),
    ],
)
def test_channels_are_taken_in_order_and_once(text, expected):
    assert choose_channels(text, 8, layer="conv") == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("8", "channel 8: layer conv has channels 0 to 7"),
        ("4-2", "channel 4-2: layer conv"),
        ("8-9", "channel 8-9"),
        ("", "are not like 3 or 0-15,40"),
        ("a", 'channels "a" are not like'),
        ("-1", "are not like"),
        ("1,,2", "are not like"),
        ("²", "are not like"),
        ("1" * 30, "are not like"),
    ],
)
def test_channels_that_are_none_are_told(text, message):
    with pytest.raises(UsageError, match=message):
        choose_channels(text, 8, layer="conv")


def test_the_strongest_channels_come_first_and_equals_in_order():
    maps = np.zeros((2, 2, 4), np.float32)
    maps[0, 1, 2], maps[1, 1, 1], maps[1, 0, 3] = 5, 2, 2
    assert strongest_channels(maps, 3) == [2, 1, 3]
    assert strongest_channels(maps - 9, 9) == [2, 1, 3, 0]


def test_a_map_has_its_own_scale():
    tile = np.asarray(map_tile(np.array([[3.0, 5.0, 4.0]])), int).sum(axis=-1)[0]
    assert tile[0] < tile[2] < tile[1]
    np.testing.assert_array_equal(map_tile(np.array([[1.0, 3.0]])), map_tile(np.array([[3.0, 7]])))
    assert len(np.unique(np.asarray(map_tile(np.full((2, 2), 7.0))).reshape(-1, 3), axis=0)) == 1
