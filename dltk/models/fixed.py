"""Networks that will not be trained any more, made faster: what never changes is done once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from dltk.ops.convolution import FixedConvolution

# Of the kernel of a dense layer. From so many rows on, Eigen takes twice as long for all columns at
# once as for some of them at a time.
_ROWS, _COLUMNS = 4096, 256


def fixed(network: keras.Model) -> keras.Model:
    """Return a network that predicts as `network` does, in fewer steps; it cannot be trained.

    Batch normalisation with known statistics multiplies each channel and adds to it. Right behind
    a convolution that nothing else looks at, it becomes part of the kernel and the bias. Large
    dense layers are computed some columns at a time. All other layers are those of `network`.

    Args:
        network: functional. Models inside it are treated likewise, and keep their names.
    """
    swapped: dict[int, Callable] = {}
    for graph in _graphs(network):
        for convolution, normalisation in _folds(graph):
            swapped[id(convolution.operation)] = _normalising(convolution, normalisation.operation)
            swapped[id(normalisation.operation)] = _as_it_is
        for layer in graph.layers:
            if type(layer) is layers.Dense and _is_large(layer):
                swapped[id(layer)] = _InColumns(layer)

    def call(layer, *args, **kwargs):
        return swapped.get(id(layer), layer)(*args, **kwargs)

    return keras.models.clone_model(
        network, clone_function=_as_it_is, call_function=call, recursive=True
    )


def fix_kernels(network: keras.Model) -> None:
    """Let the convolutions of `network` that can be `FixedConvolution`s compute as these.

    They are those in float32; for bfloat16, oneDNN has something faster still. Weights assigned
    afterwards may go unseen. Not for who counts on zeros that are exact: what lies outside of
    a receptive field comes out of Winograd's filtering at up to 1e-5 of what lies inside.
    """
    for layer in network._flatten_layers(include_self=False):
        if (
            type(layer) is layers.Conv2D
            and layer.compute_dtype == "float32"
            and layer.padding == "same"
            and layer.data_format == "channels_last"
            and layer.strides == (1, 1)
            and len(set(layer.dilation_rate)) == 1
            and layer.groups == 1
            and all(side % 2 and side > 1 for side in layer.kernel_size)
        ):
            layer.convolution_op = _fixed(layer.dilation_rate[0])


def _as_it_is(x, **_):
    return x


def _graphs(network: keras.Model) -> Iterator[keras.Model]:
    """Yield a functional model and those inside it."""
    if isinstance(network, keras.Function):
        yield network
        for layer in network.layers:
            yield from _graphs(layer)


def _folds(network: keras.Model) -> Iterator[tuple]:
    """Yield the nodes of each convolution all of whose output is normalised, and of what does it.

    Layers may have been called elsewhere too: only the graph's own nodes count.
    """
    nodes = [node for level in network._nodes_by_depth.values() for node in level]
    calls = Counter(id(node.operation) for node in nodes)
    looks = Counter(id(tensor) for node in nodes for tensor in node.input_tensors)
    looks.update(map(id, network.outputs))
    maker = {id(tensor): node for node in nodes for tensor in node.output_tensors}
    for node in nodes:
        if type(node.operation) is not layers.BatchNormalization:
            continue
        source = node.input_tensors[0]
        before = maker[id(source)]
        once = calls[id(node.operation)] == calls[id(before.operation)] == looks[id(source)] == 1
        if once and _is_linear_convolution(before.operation) and node.operation.axis in (-1, 3):
            yield before, node


def _is_linear_convolution(layer) -> bool:
    return (
        type(layer) in (layers.Conv2D, layers.DepthwiseConv2D)
        and layer.activation is keras.activations.linear
        and layer.data_format == "channels_last"
    )


def _normalising(node, normalisation: layers.BatchNormalization) -> layers.Layer:
    """Return a convolution that gives what `normalisation` makes of what that of `node` gives."""
    plain = node.operation
    known = plain.get_config()
    zeros = {name: "zeros" for name in known if name.endswith("_initializer")}
    layer = type(plain).from_config(known | zeros | {"use_bias": True})
    layer.build(node.input_tensors[0].shape)
    kernel, *bias = (weight.astype(np.float64) for weight in plain.get_weights())
    factor, summand = _affine(normalisation)
    # A depthwise kernel's filters are told apart by two axes: channel, and which of its filters.
    filters = kernel.shape[2:] if isinstance(plain, layers.DepthwiseConv2D) else -1
    layer.set_weights([kernel * factor.reshape(filters), sum(bias) * factor + summand])
    return layer


def _affine(normalisation: layers.BatchNormalization) -> tuple[np.ndarray, np.ndarray]:
    """Return what a normalisation multiplies channels by, and what it adds to them, float64."""
    *learnt, mean, variance = (w.astype(np.float64) for w in normalisation.get_weights())
    factor = 1 / np.sqrt(variance + normalisation.epsilon)
    if normalisation.scale:
        factor *= learnt.pop(0)
    return factor, (learnt[0] if normalisation.center else 0.0) - mean * factor


def _is_large(layer: layers.Dense) -> bool:
    rows, columns = layer.kernel.shape
    return rows >= _ROWS and columns > _COLUMNS


class _InColumns(layers.Layer):
    """A dense layer, computed some columns at a time."""

    def __init__(self, dense: layers.Dense):
        super().__init__(name=dense.name, dtype=dense.dtype_policy)
        self._dense = dense

    def call(self, inputs):
        dense = self._dense
        kernel = tf.convert_to_tensor(dense.kernel)
        parts = [kernel[:, at : at + _COLUMNS] for at in range(0, dense.units, _COLUMNS)]
        x = tf.concat([tf.matmul(inputs, part) for part in parts], axis=1)
        x = tf.nn.bias_add(x, dense.bias) if dense.use_bias else x
        return x if dense.activation is None else dense.activation(x)

    def compute_output_shape(self, input_shape):
        return self._dense.compute_output_shape(input_shape)


def _fixed(dilation: int) -> Callable:
    """Return a layer's `convolution_op`, which takes a kernel once: when it is first used."""
    made = []

    def convolve(inputs, kernel):
        if not made:
            with tf.init_scope():  # once and for all, not in each graph that is traced
                made.append(FixedConvolution(tf.convert_to_tensor(kernel), dilation))
        return made[0](inputs)

    return convolve
