"""Convolutions of a network whose kernels stay as they are, the faster for it."""

from __future__ import annotations

from collections.abc import Callable

import keras
import tensorflow as tf
from keras import layers

from dltk.ops.convolution import FixedConvolution


def fix_kernels(network: keras.Model) -> None:
    """Let the convolutions of `network` that can be `FixedConvolution`s compute as these.

    They are those in float32; for bfloat16, oneDNN has something faster still. Weights assigned
    afterwards may go unseen. Not for who counts on zeros that are exact: what lies outside of
    a receptive field comes out of Winograd's filtering at up to 1e-5 of what lies inside.
    """
    for layer in network.layers:
        if (
            type(layer) is layers.Conv2D
            and layer.compute_dtype == "float32"
            and layer.padding == "same"
            and layer.data_format == "channels_last"
            and layer.strides == layer.dilation_rate == (1, 1)
            and layer.groups == 1
            and all(side % 2 and side > 1 for side in layer.kernel_size)
        ):
            layer.convolution_op = _fixed()


def _fixed() -> Callable:
    """Return a layer's `convolution_op`, which takes a kernel once: when it is first used."""
    made = []

    def convolve(inputs, kernel):
        if not made:
            with tf.init_scope():  # once and for all, not in each graph that is traced
                made.append(FixedConvolution(tf.convert_to_tensor(kernel)))
        return made[0](inputs)

    return convolve
