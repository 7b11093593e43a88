"""Run a network over batches: LiteRT on a CPU, Keras under tf.distribute on accelerators.

`load_engine` picks one and returns a Network; neither caller nor result depends on which. The
LiteRT engine compiles a network once, in a process of its own, and from then on predicts without
TensorFlow, whose import alone takes longer than labelling a photograph.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from dltk import strategy as placing
from dltk.errors import UsageError
from dltk.models.find import PIXEL_RANGES, ModelSource, refuse_annotator
from dltk.weights import Report, silent

POOLS = ("avg", "max", "none")
ENGINES = ("auto", "litert", "keras")


class Network(Protocol):
    """A network ready to run.

    Attributes:
        output_shape: of one picture's output, without the batch.
        workers: how many threads may call it at once.
        batch_size: how many pictures to give it at a time.
        running: what it runs on, in a few words for the user.
    """

    output_shape: tuple[int, ...]
    workers: int
    batch_size: int
    running: str

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        """Return float32 (B, ...) for float32 pixels (B, H, W, C), 0-255."""


def load_engine(
    source: ModelSource,
    *,
    output: str = "probabilities",
    layer: str | None = None,
    pool: str = "avg",
    engine: str = "auto",
    devices: str = "auto",
    strategy: str = "auto",
    precision: str = "auto",
    batch_size: int = 16,
    pictures: int | None = None,
    report: Report = silent,
) -> Network:
    """Make a network ready to run.

    Args:
        source: from `dltk.models.find.find_model`.
        output, layer, pool: what is wanted of it, see `dltk.models.build.NetworkSpec`. The
            network that gives "evidence" takes pictures of any size, those of one call alike,
            if its `output_shape` has three dimensions; two of them are unknown, None.
        engine: "litert", "keras", or "auto": LiteRT unless there is an accelerator, or one of
            the next three asks for what only Keras does.
        devices, strategy: for the Keras engine, see `dltk.strategy.place`.
        precision: "float32", "bfloat16" or "float16"; "auto" is float32. LiteRT has float32 only.
        batch_size: pictures in one step of the Keras engine, over all replicas.
        pictures: how many there will be, if known; a few are run one at a time on all cores,
            many are shared out among the cores.
        report: called with a line when something takes long.
    Raises:
        UsageError: an engine that cannot do what was asked, an unknown layer, a detector.
        DltkError, WeightsError: see `dltk.models.build.build_output`.
    """
    if engine not in ENGINES or pool not in POOLS:
        raise UsageError(f"engine is one of {ENGINES} and pool one of {POOLS}")
    refuse_annotator(source)
    placing.check_devices(devices)
    keras_only = [
        f"--{name} {value}"
        for name, value, plain in (
            ("devices", devices, ("auto", "cpu")),
            ("strategy", strategy, ("auto", "one")),
            ("precision", precision, ("auto", "float32")),
        )
        if value not in plain
    ]
    if engine == "litert" and keras_only:
        raise UsageError(f"the litert engine has no {keras_only[0]}; use --engine keras")
    accelerated = devices == "auto" and placing.accelerator_files()
    spec = _spec(source, output, layer, pool)
    if engine == "keras" or (engine == "auto" and (keras_only or accelerated)):
        from dltk.engine.keras import AnySizeKerasNetwork, KerasNetwork

        source.weights(report)
        placement = placing.place(devices, strategy)
        network = AnySizeKerasNetwork if output == "evidence" else KerasNetwork
        return network(spec, placement, placing.choose_precision(precision), batch_size)
    from dltk.engine.litert import AnySizeLiteRTNetwork, LiteRTNetwork, compiled

    network = AnySizeLiteRTNetwork if output == "evidence" else LiteRTNetwork
    return network(compiled(spec, source, report), pictures=pictures)


def _spec(source: ModelSource, output: str, layer: str | None, pool: str) -> dict:
    scale, offset = PIXEL_RANGES[source.pixel_range]
    geometry = source.geometry
    return {
        "size": [geometry.height, geometry.width, geometry.channels],
        "model": source.entry.name if source.entry else str(source.path.absolute()),
        "output": output,
        "layer": layer if output == "features" else None,
        "pool": pool,
        "scale": scale,
        "offset": offset,
    }
