"""Let a generator make pictures, under a tf.distribute strategy."""

from __future__ import annotations

import keras
import numpy as np

from dltk import strategy as placing
from dltk.engine.keras import Replicated
from dltk.engine.made import made_levels
from dltk.errors import DltkError, printable
from dltk.modelfile import load_model
from dltk.models.find import ModelSource
from dltk.models.gan.dcgan import exact
from dltk.opponents import CLASSES, NOISE


class Generator:
    """A generator, ready to make pictures.

    Args:
        model: from {NOISE: float32 (B, Z)}, and {CLASSES: int32 (B,)} if it knows classes, to
            pixels 0-255, float32 (B, H, W, C); built under `strategy`.
        batch_size: pictures in a step, over all replicas.
        name: of the model, for errors.
        running: see below.

    Attributes:
        noise: Z, how many numbers a picture is made from.
        batch_size: how many pictures to ask for at a time.
        running: what it runs on, in a few words for the user.
    """

    def __init__(
        self, model: keras.Model, strategy, *, batch_size: int, name: str, running: str = ""
    ):
        self._name, self.batch_size, self.running = name, batch_size, running
        self.noise = model.input[NOISE].shape[1]
        self._network = Replicated(model, strategy, batch_size)

    def __call__(self, noise: np.ndarray, classes: np.ndarray | None = None) -> np.ndarray:
        """Return the pictures of B rows of noise, uint8 (B, H, W, C).

        Args:
            noise: float32 (B, Z).
            classes: int32 (B,), of a generator that knows classes.
        Raises:
            DltkError: pixels that are no numbers.
        """
        inputs = {NOISE: noise} if classes is None else {NOISE: noise, CLASSES: classes}
        return made_levels(self._network(inputs), self._name)


def load_generator(
    source: ModelSource, *, batch_size: int, devices: str, strategy: str, precision: str
) -> Generator:
    """Load the generator in a model file.

    Args:
        source: of a model file to "generate".
        batch_size: pictures in a step, over all replicas.
        devices, strategy: see `dltk.strategy.place`.
        precision: "float32", "bfloat16" or "float16"; "auto" is float32.
    Raises:
        DltkError: a file that cannot be loaded, or does not hold what it says.
    """
    placement = placing.place(devices, strategy)
    chosen = placing.choose_precision(precision)
    with placement.strategy.scope():
        model = load_model(source.path)
        _check(model, source)
        placing.apply_precision(model, chosen, exact=exact(model))
    running = f"Keras, {placement.reason}, {chosen}"
    return Generator(
        model, placement.strategy, batch_size=batch_size, name=source.name, running=running
    )


def _check(model: keras.Model, source: ModelSource) -> None:
    """Raise DltkError unless a model takes and gives what its card says."""
    about = source.geometry
    given = model.input if isinstance(model.input, dict) else {}
    wanted = {NOISE, CLASSES} if source.labels else {NOISE}
    shape = (None, about.height, about.width, about.channels)
    if set(given) != wanted or len(given[NOISE].shape) != 2 or model.output_shape != shape:
        raise DltkError(
            f"{printable(source.name)} is damaged: it says that it generates pictures, and its "
            "network takes or gives something else"
        )
