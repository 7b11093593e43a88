"""Write a network as a SavedModel, a LiteRT file or an ONNX file, with what its user must know.

In all three the input is `pixels`, float32 (B, H, W, C), raw 0-255; the output is
`probabilities`, float32 (B, K); B is open. `dltk.json` (labels, geometry) travels inside: as a
member of the zip archive behind a LiteRT file, where TensorFlow Lite keeps associated files; in an
ONNX file's metadata; in `assets.extra` of a SavedModel, which TensorFlow leaves to its users.
"""

from __future__ import annotations

import logging
import os
import shutil
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import keras
from keras import layers

from dltk.errors import DltkError, UsageError, printable, reason
from dltk.files import beside, cannot_write, whole
from dltk.modelfile import load_model
from dltk.models.build import NetworkSpec, build_output
from dltk.models.find import PIXEL_RANGES, ModelSource

DESCRIPTION = "dltk.json"
SAVEDMODEL_DESCRIPTION = Path("assets.extra") / DESCRIPTION
INPUT, OUTPUT = "pixels", "probabilities"
_HALF = ("float16", "bfloat16")


def build_exportable(source: ModelSource) -> keras.Model:
    """Build a classifier as it is exported: {OUTPUT: (B, K)} for INPUT (B, H, W, C), in float32.

    Raises:
        UsageError: it is not a classifier of one picture at a time.
        DltkError, WeightsError: see `dltk.models.build.build_output`.
    """
    scale, offset = PIXEL_RANGES[source.pixel_range]
    geometry = source.geometry
    size = (geometry.height, geometry.width, geometry.channels)
    name = source.entry.name if source.entry else str(source.path.absolute())
    network = build_output(NetworkSpec(name, scale=scale, offset=offset, size=list(size)))
    shapes = [tuple(tensor.shape[1:]) for tensor in network.inputs]
    if shapes != [size]:
        raise UsageError(f"{printable(source.name)} takes {shapes}, not one picture of {size}")
    _to_float32(network)
    pixels = keras.Input(size, name=INPUT, dtype="float32")
    x = network(pixels, training=False)  # fixed here: not every exporter asks for it
    x = layers.Identity(name=OUTPUT, dtype="float32")(x)
    return keras.Model(pixels, {OUTPUT: x}, name="exported")


def load_original(source: ModelSource) -> keras.Model:
    """Return the network in a model file as Keras loads it, nothing around it, in float32.

    Raises:
        DltkError: see `dltk.modelfile.load_model`.
    """
    network = load_model(source.path)
    _to_float32(network)
    return network


def _to_float32(network: keras.Model) -> None:
    """Undo the mixed precision of training: half differs by runtime."""
    for layer in network._flatten_layers(include_self=False):
        if layer.compute_dtype in _HALF:
            layer.dtype_policy = "float32"


def write_savedmodel(network: keras.Model, folder: Path, description: str) -> None:
    """Write what `build_exportable` gave to a folder. Raises DltkError."""
    with _in_one_line():
        _save(network, folder)
    extra = folder / SAVEDMODEL_DESCRIPTION
    extra.parent.mkdir()
    extra.write_text(description, "utf-8")


def write_litert(network: keras.Model, path: Path, description: str) -> None:
    """Write what `build_exportable` gave to a `.tflite` file. Raises DltkError."""
    _export(network, path, "litert")
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(DESCRIPTION, description)


def write_onnx(network: keras.Model, path: Path, description: str) -> None:
    """Write what `build_exportable` gave to an `.onnx` file. Raises DltkError."""
    import onnx

    logging.getLogger("tf2onnx").setLevel(logging.CRITICAL)  # unknown operations: see below
    _export(network, path, "onnx")
    model = onnx.load(path)
    nodes = model.graph.node
    unknown = {node.op_type for node in nodes if not onnx.defs.has(node.op_type, node.domain)}
    if unknown:  # left as TensorFlow's own
        raise DltkError(
            f"ONNX has no {', '.join(sorted(unknown))}, which the network uses; "
            "export it to another format"
        )
    onnx.helper.set_model_props(model, {DESCRIPTION: description})
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"  # tf2onnx: unk__611
    onnx.save(model, path)


def _save(network: keras.Model, folder: Path) -> None:
    """Write a SavedModel. `keras.Model.export` does it too, with every weight stored twice."""
    import tensorflow as tf

    module = tf.Module()
    module.weights = [variable.value for variable in network.variables]
    module.serve = tf.function(
        lambda pixels: network(pixels, training=False),
        input_signature=[tf.TensorSpec(network.inputs[0].shape, tf.float32, INPUT)],
    )
    try:
        tf.saved_model.save(module, folder, {"serving_default": module.serve})
    except tf.errors.OpError as error:  # "{{node}} path; why [Op:SaveV2]"
        raise OSError(error.message.rpartition("; ")[2].partition(" [Op:")[0]) from error


def _export(network: keras.Model, path: Path, form: str) -> None:
    with _in_one_line():
        network.export(path, format=form, verbose=False)


@contextmanager
def _in_one_line() -> Iterator[None]:
    """Turn what a converter raises into a DltkError of one line, and leave out its warnings."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Keras and tf2onnx about NumPy
            yield
    except OSError:
        raise
    except Exception as error:  # converters raise anything, over many lines
        raise DltkError(
            f"the network cannot be written in this format: {first_line(error)}"
        ) from error


def first_line(error: Exception) -> str:
    """Return the start of an error's message, of which converters and runtimes write pages."""
    lines = reason(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__


@contextmanager
def whole_output(path: Path, *, folder: bool) -> Iterator[Path]:
    """Yield a path to write a file or a folder to; as `dltk.files.whole`, for folders too.

    Raises:
        DltkError: it cannot be written. What was there before is there again then.
    """
    if not folder:
        with whole(path) as part:
            yield part
        return
    path = path.resolve()
    part = beside(path)
    old = beside(part)
    try:
        _tidy(path, part, old)
        part.mkdir(parents=True)
        yield part
        if path.exists():  # a folder with files in it cannot be renamed over
            os.replace(path, old)
        os.replace(part, path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        _tidy(path, part, old)


def _tidy(path: Path, part: Path, old: Path) -> None:
    """Remove what is written and what was replaced; put that back if nothing took its place."""
    shutil.rmtree(part, ignore_errors=True)
    if path.exists():
        shutil.rmtree(old, ignore_errors=True)
    elif old.exists():
        with suppress(OSError):  # then it stays where it is
            os.replace(old, path)
