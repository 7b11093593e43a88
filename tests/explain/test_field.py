"""Receptive fields: as worked by hand, wherever the place lies and whatever the branches."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from dltk.explain.field import Fields


def stack(*blocks, size=(32, 40, 3)) -> keras.Model:
    keras.utils.set_random_seed(0)
    inputs = keras.Input(size)
    x = layers.Rescaling(1 / 127.5, -1.0)(inputs)
    for block in blocks[:-1]:
        x = block(x)
    return keras.Model(inputs, layers.Activation("linear", name="last")(blocks[-1](x)))


def fields(model: keras.Model, layer="last") -> Fields:
    return Fields(model, layer, model.input_shape[1:3])


def conv(*args, **kwargs):
    return layers.Conv2D(2, *args, **{"padding": "same"} | kwargs)


def test_one_convolution_sees_its_window_clipped_at_the_edges():
    field = fields(stack(conv(3)))
    assert field(5, 7) == (6, 4, 9, 7)
    assert field(0, 0) == (0, 0, 2, 2)
    assert field(31, 39) == (38, 30, 40, 32)


# (blocks, place, (left, top, right, bottom)); where a window begins is worked out from the last
# block back: pixels 2p - 1 to 2p + 2 for place p of a 3 × 3 convolution pooled by 2, and so on
CASES = {
    "two convolutions": ([conv(3), conv(3)], (9, 9), (7, 7, 12, 12)),
    "valid": ([conv(3, padding="valid"), conv(5, padding="valid")], (4, 9), (9, 4, 16, 11)),
    "oblong": ([conv((1, 5))], (9, 9), (7, 9, 12, 10)),
    "dilated": ([conv(3, dilation_rate=3)], (9, 9), (6, 6, 13, 13)),
    "pooled": ([conv(3), layers.MaxPooling2D(2), conv(3)], (5, 6), (9, 7, 17, 15)),
    "strided": ([conv(3, strides=2, padding="valid"), conv(3)], (5, 6), (10, 8, 17, 15)),
    "overlapping": ([layers.MaxPooling2D(3, 2), conv(1)], (5, 6), (12, 10, 15, 13)),
    "enlarged": ([layers.AveragePooling2D(4), layers.UpSampling2D(2)], (5, 6), (12, 8, 16, 12)),
    "padded": (
        [layers.ZeroPadding2D(1), conv(3, strides=2, padding="valid")], (5, 6), (11, 9, 14, 12),
    ),
    "depthwise": ([layers.DepthwiseConv2D(3, padding="same"), conv(3)], (9, 9), (7, 7, 12, 12)),
    "separable": ([layers.SeparableConv2D(4, 5, padding="same")], (9, 9), (7, 7, 12, 12)),
    "in groups": ([conv(1), layers.Conv2D(4, 3, groups=2)], (9, 9), (9, 9, 12, 12)),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_fields_are_those_worked_by_hand(name):
    blocks, place, expected = CASES[name]
    assert fields(stack(*blocks))(*place) == expected


NOTHING_MORE = {
    "ReLU": lambda: layers.ReLU(),
    "ReLU6": lambda: layers.Activation("relu6"),
    "PReLU": lambda: layers.PReLU(),
    "swish": lambda: layers.Activation("swish"),
    "an operation": lambda: keras.ops.relu,
    "batch normalisation": lambda: layers.BatchNormalization(),
    "layer normalisation": lambda: layers.LayerNormalization(),
    "dropout": lambda: layers.Dropout(0.9),
}


@pytest.mark.parametrize("kind", NOTHING_MORE)
def test_what_changes_values_in_their_place_does_not_widen_the_field(kind):
    dead = conv(3, bias_initializer=keras.initializers.Constant(-1e4), activation="relu")
    field = fields(stack(dead, NOTHING_MORE[kind](), conv(3)))
    assert field(9, 9) == (7, 7, 12, 12)


def test_the_widest_branch_counts():
    def branches(x):
        narrow, wide = layers.Conv2D(2, 1)(x), conv(7)(x)
        return layers.Concatenate()([layers.Add()([narrow, wide]), narrow])

    assert fields(stack(branches))(9, 9) == (6, 6, 13, 13)


def test_branches_that_cancel_each_other_are_seen():
    def nothing(x):
        one = conv(3)
        return layers.Subtract()([one(x), conv(1)(one(x))])

    assert fields(stack(nothing))(9, 9) == (8, 8, 11, 11)


def excited(x):
    """Squeeze and excitation (Hu et al. 2018): every channel weighed by the whole map."""
    weight = layers.GlobalAveragePooling2D(keepdims=True)(x)
    weight = layers.Conv2D(x.shape[-1], 1, activation="sigmoid")(weight)
    return layers.Multiply()([x, weight])


@pytest.mark.parametrize("times", [1, 12])
def test_what_weighs_channels_by_the_whole_map_sees_the_whole_picture(times):
    blocks = [conv(3), *[excited, conv(3)] * times]
    assert fields(stack(*blocks))(9, 9) == (0, 0, 40, 32)


def test_nested_models_are_seen_through():
    inner = keras.Sequential([keras.Input((16, 20, 2)), conv(3, name="deep")], name="inner")
    model = stack(conv(3), layers.MaxPooling2D(2), inner)
    assert fields(model, "inner/deep")(5, 6) == (9, 7, 17, 15)


def test_one_pixel_outside_changes_nothing_and_one_on_each_edge_does():
    blocks = [conv(3), layers.MaxPooling2D(2), conv(3, strides=2), layers.AveragePooling2D(2)]
    model = stack(*blocks, size=(48, 48, 1))
    weights = model.get_weights()
    model.set_weights([np.abs(each) for each in weights])
    network = keras.Model(model.input, model.get_layer("last").output)
    pixels = np.random.default_rng(0).uniform(130, 200, (1, 48, 48, 1)).astype(np.float32)
    before = np.asarray(network(pixels))[0, 3, 2]
    left, top, right, bottom = fields(keras.models.clone_model(model))(3, 2)
    assert left > 0 and right < 48 and top > 0 and bottom < 48

    def changes(rows, columns) -> bool:
        other = pixels.copy()
        other[0, rows, columns] += 50
        return not np.array_equal(np.asarray(network(other))[0, 3, 2], before)

    whole, within = slice(None), slice(left, right)
    assert not any(changes(row, whole) for row in (top - 1, bottom))
    assert not any(changes(whole, column) for column in (left - 1, right))
    assert all(changes(row, within) for row in (top, bottom - 1))
    assert all(changes(slice(top, bottom), column) for column in (left, right - 1))


def test_a_place_that_sees_nothing_has_the_whole_picture():
    field = fields(stack(layers.ZeroPadding2D(2)))
    assert field(0, 7) == (0, 0, 40, 32) and field(2, 7) == (5, 0, 6, 1)


def test_an_open_input_has_fields_at_a_size():
    model = stack(conv(3), layers.MaxPooling2D(2), conv(3), size=(None, None, 3))
    field = Fields(model, "last", (20, 24))
    assert field(5, 6) == (9, 7, 17, 15) and field(9, 11) == (19, 15, 24, 20)
