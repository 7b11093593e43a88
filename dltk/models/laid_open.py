"""A network laid open: pictures of any size in, the outputs of some of its layers out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras
from keras import layers

from dltk.errors import UsageError
from dltk.modelfile import load_model
from dltk.models.build import build_network, last_operation
from dltk.models.find import PIXEL_RANGES, ModelSource, refuse_annotator
from dltk.models.taps import tap_name

SCORES = "/scores"  # a classifier's output before softmax; no layer can have this name
NO_GRADIENT = "the scores have no gradient with respect to pixels, as with votes of neighbours"
_NORMALISING = layers.InputLayer, layers.Rescaling, layers.Normalization
_POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}

Swap = Callable[[layers.Layer], Callable | None]


def load_whole(source: ModelSource) -> keras.Model:
    """Return the network of `source` with its weights, classifier included, on raw pixels.

    Raises:
        UsageError: it is a detector.
        WeightsError: weights that are missing or damaged.
        DltkError: a model file that cannot be loaded.
    """
    refuse_annotator(source)
    if source.entry is not None:
        return build_network(source.entry, weights=source.weights())
    model = load_model(source.path)
    scale, offset = PIXEL_RANGES[source.pixel_range]
    if (scale, offset) != (1.0, 0.0):
        inputs = keras.Input(model.inputs[0].shape[1:], name="raw_pixels")
        x = layers.Rescaling(scale, offset, name="normalise")(inputs)
        model = keras.Model(inputs, model(x), name=model.name)
    return model


def see_layers(
    model: keras.Model,
    names: Sequence[str],
    *,
    any_size: bool = True,
    swap: Swap | None = None,
    precision: str = "float32",
) -> keras.Model:
    """Return a model from raw pixels to the outputs of the layers called `names`.

    Nested models are laid open: a layer inside one is on the way from the pixels to the scores
    like any other. The layers are those of `model` itself, which is of no use afterwards.

    Args:
        names: as `dltk.models.taps.list_taps` gives them, or their indices; SCORES for a
            classifier's scores before softmax (or sigmoid), (B, K).
        any_size: take pictures of any size; else of that of the network's input.
        swap: given a layer, returns what to put in its place, or None to keep it.
        precision: "float32", "bfloat16" or "float16" to compute in; weights, normalisation and
            scores stay float32.
    Returns:
        A model from float32 (B, H, W, C), 0-255, to {name: the layer's output}.
    Raises:
        UsageError: no such layer, or one that exists only at the network's own size.
    """
    places = {name: name if name == SCORES else tap_name(model, name) for name in names}
    shape = model.inputs[0].shape[1:]
    pixels = keras.Input((None, None, shape[-1]) if any_size else shape, name="any_pixels")
    seen: dict[str, object] = {}
    try:
        swapped = _Swapped(_without_softmax(model, swap))
        seen[SCORES] = _lay_open(model, pixels, "", seen, swapped)
    except (ValueError, TypeError) as error:
        missing = [name for name, place in places.items() if place not in seen]
        if missing and any_size:
            raise UsageError(
                f"{model.name} gives {missing[0]} only for pictures of {shape[1]} × {shape[0]}, "
                "its own size"
            ) from error
        if missing:
            raise
    network = keras.Model(pixels, {name: seen[place] for name, place in places.items()})
    _compute_in(network, precision)
    return network


def reach(network: keras.Model) -> int:
    """Return how many pixels from its middle a place of the deepest layer still sees.

    For chains of convolutions and poolings, such as VGG: half of the receptive field.
    """
    field = jump = 1
    for layer in network.layers:
        window = getattr(layer, "kernel_size", getattr(layer, "pool_size", None))
        if window:
            field += (window[0] - 1) * jump
            jump *= layer.strides[0]
    return -(-field // 2)


def average_pooling(layer: layers.Layer) -> layers.Layer | None:
    """Swap for `see_layers`: average instead of maximum pooling (Gatys et al. 2016, Sec. 2)."""
    if isinstance(layer, layers.MaxPooling2D):
        return layers.AveragePooling2D(
            layer.pool_size, layer.strides, layer.padding, name=layer.name
        )
    return None


class _Swapped:
    """What stands in the place of each operation: swapped once, however often it is called."""

    def __init__(self, swap: Swap):
        self._swap, self._known = swap, {}

    def __call__(self, operation, prefix: str):
        """Return the name of `operation` below `prefix`, and what to call."""
        if id(operation) not in self._known:
            name, call = operation.name, self._swap(operation) or operation
            if prefix and isinstance(call, keras.Operation):
                # Models inside one model may have layers of the same name; laid open, each
                # needs a name of its own.
                call.name = (prefix + name).replace("/", ".")
            self._known[id(operation)] = operation, name, call
        _, name, call = self._known[id(operation)]
        return prefix + name, call


def _lay_open(model: keras.Model, inputs, prefix: str, seen: dict, swapped: _Swapped):
    """Run the graph of `model` on symbolic `inputs`, noting every output; return its own."""

    def entered(operation):
        def call(*args, **kwargs):
            if isinstance(operation, keras.Model) and _graph_of(operation) is not None:
                name = prefix + operation.name
                seen[name] = _lay_open(operation, args[0], name + "/", seen, swapped)
                return seen[name]
            name, own = swapped(operation, prefix)
            # Keras lets a kernel meet a number of values not known yet, and fails later.
            count = getattr(args[0], "shape", (1,))[-1:]
            if getattr(operation, "weights", ()) and count == (None,):
                raise ValueError(f"{name} counts on a certain number of places")
            seen[name] = own(*args, **kwargs)
            return seen[name]

        return call

    return _graph_of(model)._run_through_graph(inputs, operation_fn=entered)


def _graph_of(model: keras.Model):
    """Return the functional graph of a model, or None if it is Python code."""
    graph = model._functional if isinstance(model, keras.Sequential) else model
    return graph if isinstance(graph, keras.Function) else None


def _without_softmax(model: keras.Model, swap: Swap | None) -> Swap:
    """Return `swap`, which also takes the softmax or sigmoid away that ends a classifier."""
    last, _ = last_operation(model.outputs[0])
    activation = getattr(last, "activation", None)
    if activation in (keras.activations.softmax, keras.activations.sigmoid):
        last.activation = keras.activations.linear
        last = last if isinstance(last, layers.Activation) else None
    elif type(last).__name__ not in ("Softmax", "Sigmoid"):
        last = None

    def swapped(operation):
        if operation is last:
            return _as_it_is
        return swap(operation) if swap is not None else None

    return swapped


def _as_it_is(x, **_):
    return x


def _compute_in(network: keras.Model, precision: str) -> None:
    """Let the layers compute in `precision`, but not normalisation, whose pixels need more digits,
    and not what gives the scores."""
    exact = []
    if SCORES in network.output:
        scores = network.output[SCORES]  # which a layer without weights may hand on, Reshape say
        exact = [scores._keras_history.operation, last_operation(scores)[0]]
    for layer in network.layers:
        if layer not in exact and not isinstance(layer, _NORMALISING):
            layer.dtype_policy = _POLICIES[precision]
