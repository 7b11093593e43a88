"""Which generator makes the pictures: found and asked what it knows, then loaded."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from dltk.errors import UsageError, printable
from dltk.images import image_of
from dltk.modelfile import read_card
from dltk.models.find import ModelSource, find_model, is_file
from dltk.models.labels import distinct_names
from dltk.weights import Report, silent
from recipes._checks import check_number, check_whole
from recipes._detectors import chosen_classes
from recipes._generate_seeds import noise_of

_TASK = "generate"
_TRAIN = 'train one with "dltk train gan"'
_COMMANDS = {
    "answer": "caption --question",
    "mask": "segment --instances",
}  # of tasks whose command is called otherwise
_KNOWN = ("classify", "features", "detect", "segment", "caption", "translate")


def find_generator(model: str | os.PathLike) -> ModelSource:
    """Find the generator called for, without loading it.

    Raises:
        UsageError: no such model, or one that makes no pictures of noise.
        DltkError: not a model file.
    """
    if is_file(model) and os.fspath(model).endswith(".keras") and read_card(model) is None:
        raise UsageError(
            f"{printable(model)} was saved by plain Keras, and does not say what it takes; {_TRAIN}"
        )
    source = find_model(model)
    if source.task != _TASK:
        command = _COMMANDS.get(source.task, source.task if source.task in _KNOWN else None)
        use = f'it is for "dltk {command}"' if command else _TRAIN
        raise UsageError(
            f"{printable(source.name)} is a model to {source.task}, not to generate pictures; {use}"
        )
    return source


def cycle_of(source: ModelSource, classes: str | Sequence[str]) -> list[int]:
    """Return the numbers of the classes that seeds take turns with: those named, or all there are.

    Raises:
        UsageError: an unknown class, or any of a generator that knows none.
    """
    if not classes or source.labels:
        return chosen_classes(classes, source, "--classes") or list(range(len(source.labels)))
    raise UsageError(f"--classes: {printable(source.name)} was trained without classes")


@dataclass(frozen=True, eq=False)
class Maker:
    """A generator at work.

    Attributes:
        network: see `dltk.engine.generator.Generator`.
        labels: the names of its classes, if it knows any.
        cycle: numbers of the classes that seeds take turns with.
        truncation: noise is even over minus this to this.
    """

    network: object
    labels: tuple[str, ...]
    cycle: list[int]
    truncation: float

    def noise(self, seeds: Sequence[int]) -> np.ndarray:
        """Return the noise of each seed, float32 (N, Z)."""
        return noise_of(seeds, self.network.noise, self.truncation)

    def classes(self, seeds: Sequence[int]) -> np.ndarray | None:
        """Return the class of each seed, int32 (N,); None if there are none."""
        if not self.cycle:
            return None
        return np.array([self.cycle[seed % len(self.cycle)] for seed in seeds], np.int32)

    def pictures(self, noise: np.ndarray, classes: np.ndarray | None) -> Iterator[Image.Image]:
        """Yield the picture of each row of noise, grey or RGB."""
        step = self.network.batch_size
        for at in range(0, len(noise), step):
            some = slice(at, at + step)
            for pixels in self.network(noise[some], None if classes is None else classes[some]):
                yield image_of(pixels)


def open_maker(
    model: str | os.PathLike,
    *,
    classes: str | Sequence[str],
    truncation: float,
    batch_size: int,
    devices: str,
    strategy: str,
    precision: str,
    report: Report = silent,
) -> Maker:
    """Load a generator; see `recipes.generate.generate`."""
    check_number("truncation", truncation, 0, 1, above=True)
    check_whole("batch_size", batch_size, 1)
    source = find_generator(model)
    cycle = cycle_of(source, classes)

    from dltk.engine.generator import load_generator

    hardware = {"devices": devices, "strategy": strategy, "precision": precision}
    network = load_generator(source, batch_size=batch_size, **hardware)
    report(f"{printable(source.name)} on {network.running}")
    return Maker(network, distinct_names(source.labels), cycle, float(truncation))
