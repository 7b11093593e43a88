"""Let a translator turn pictures into those of a domain, under a tf.distribute strategy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

import keras
import numpy as np
import tensorflow as tf

from dltk import strategy as placing
from dltk.batch import batched
from dltk.engine.keras import Replicated
from dltk.engine.made import made_levels
from dltk.errors import DltkError, InputError, printable
from dltk.modelfile import load_model
from dltk.models.find import ModelSource
from dltk.models.gan.cyclegan import EXACT, MULTIPLE
from dltk.objects import PIXELS

_AT_ONCE = 1 << 20  # pixels in one step of a replica: its maps are of 64 channels at full size


class Translator:
    """A translator in a model file, ready to make pictures of one of its domains.

    Of its two generators only that one is run.

    Args:
        source: of a model file to "translate".
        domain: of which pictures are wanted.
        batch_size: pictures in a step, over all replicas; fewer of large ones.
        devices, strategy: see `dltk.strategy.place`.
        precision: "float32", "bfloat16" or "float16"; "auto" is float32.

    Attributes:
        batch_size: how many pictures to ask for at a time.
        running: what it runs on, in a few words for the user.

    Raises:
        DltkError: a file that cannot be loaded, or does not hold what it says.
    """

    def __init__(
        self,
        source: ModelSource,
        domain: str,
        *,
        batch_size: int,
        devices: str,
        strategy: str,
        precision: str,
    ):
        placement = placing.place(devices, strategy)
        chosen = placing.choose_precision(precision)
        with placement.strategy.scope():
            whole = load_model(source.path)
            _check(whole, source)
            model = keras.Model(whole.input, whole.output[domain])
            placing.apply_precision(model, chosen, exact=EXACT)
        self._name, self.batch_size = source.name, batch_size
        self._network = Replicated(model, placement.strategy, batch_size)
        self._replicas = placement.replicas
        self.running = f"Keras, {placement.reason}, {chosen}"

    def __call__(self, pictures: Sequence[np.ndarray]) -> Iterator[np.ndarray | InputError]:
        """Yield what becomes of each picture, uint8 (H, W, 3) as it is.

        Pictures of one size are to come one after the other; they share steps. Instance
        normalisation looks at the whole of a picture, so that it cannot be cut into tiles: for one
        that needs more memory than there is, the error that says so comes in its place.

        Args:
            pictures: uint8 (H, W, 3), of any sides.
        Raises:
            DltkError: pixels that are no numbers.
        """
        for (high, wide, _), alike in groupby(pictures, key=np.shape):
            most = max(1, _AT_ONCE // (high * wide)) * self._replicas
            for batch in batched(alike, min(self.batch_size, most)):
                yield from self._translated(batch)

    def _translated(self, batch: Sequence[np.ndarray]) -> list[np.ndarray | InputError]:
        high, wide, _ = batch[0].shape
        inputs = {PIXELS: np.stack([_filled(each) for each in batch])}
        try:
            pixels = self._network(inputs, len(batch))
        except tf.errors.ResourceExhaustedError:
            if len(batch) > 1:
                return [made for each in batch for made in self._translated([each])]
            size = f"{wide} × {high} pixels"
            return [InputError(f"not enough memory for {size}; ask for a smaller --size")]
        return list(made_levels(pixels[:, :high, :wide], self._name))


def _filled(picture: np.ndarray) -> np.ndarray:
    """Return a picture, float32, with sides that the network takes: its border is mirrored."""
    missing = [(0, -side % MULTIPLE) for side in picture.shape[:2]]
    return np.pad(picture, [*missing, (0, 0)], mode="reflect").astype(np.float32)


def _check(model: keras.Model, source: ModelSource) -> None:
    """Raise DltkError unless a model takes and gives what its card says."""
    given, made = model.input, model.output
    known = isinstance(given, dict) and isinstance(made, dict)
    names = {label.name for label in source.labels}
    if not known or set(given) != {PIXELS} or set(made) != names or len(names) != 2:
        raise DltkError(
            f"{printable(source.name)} is damaged: it says that it translates between two kinds of "
            "pictures, and its network takes or gives something else"
        )
