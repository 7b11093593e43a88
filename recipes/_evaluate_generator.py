"""Measure a generator: its pictures against real ones, and what they may be copies of."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image

from dltk.data.datasets import PictureData
from dltk.data.examples import Pictures
from dltk.data.plain import read_pictures
from dltk.errors import InputError, UsageError, printable
from dltk.geometry import Geometry
from dltk.images import image_of
from dltk.metrics.generation import LEAST, Copying, Reference, copying
from dltk.models.find import ModelSource
from dltk.weights import Report
from dltk.wording import amount
from recipes._checks import check_whole
from recipes._feature_networks import DEFAULT, FeatureNetwork, check_features, load_features
from recipes._generate_model import Maker, open_maker
from recipes._generate_seeds import MOST
from recipes._generation_baselines import gaussian_pictures, most_fitted
from recipes._generation_evaluation import GenerationEvaluation, Nearest, Sample
from recipes._generation_measuring import single
from recipes._measuring import (
    choose_split,
    examples_of,
    found_in,
    none_measured,
    progressing,
    tell_left_out,
)

_MOST = 2000  # pictures to measure by, unless told otherwise
_MOST_KNOWN = 10_000  # pictures among which copied ones are looked for
_SHOWN, _COMPARED = 64, 12  # made pictures on a sheet, and beside the real ones most like them
_NEAREST = 3

_Example = tuple[Pictures, int]


def evaluate_generator(
    source: ModelSource,
    data,
    *,
    name: str,
    split: str,
    features: str,
    samples: int | None,
    batch_size: int,
    engine: str,
    devices: str,
    strategy: str,
    precision: str,
    report: Report,
) -> GenerationEvaluation:
    """Measure a generator on pictures; what `evaluate` does for one.

    Real pictures get the generator's size and channels, as they do to be trained on. Of more than
    are asked for, some are drawn. Where the data has pictures to train on beside those measured on,
    copies are looked for among the former; else among the latter.

    Args:
        source: of the generator.
        name: what the model is called in the result.
        data: whatever holds pictures; what else is known of them does not count.
        Others: see `recipes.evaluate.evaluate`, which tells the errors too.
    """
    if engine == "litert":
        raise UsageError("generators run on the keras engine; leave --engine out")
    check_features(features)
    if samples is not None:
        check_whole("samples", samples, LEAST, MOST)
    data = pictures_of(data, report)
    hardware = {"batch_size": batch_size, "devices": devices, "strategy": strategy}
    maker = open_maker(
        source.path, classes=(), truncation=1.0, **hardware, precision=precision, report=report
    )
    about = {"name": name, "split": split, "features": features, "samples": samples}
    return measure_maker(
        maker, source.geometry, data, **about, **hardware, engine=engine, report=report
    )


def measure_maker(
    maker: Maker,
    geometry: Geometry,
    data: PictureData,
    *,
    name: str,
    split: str = "auto",
    features: str = DEFAULT,
    samples: int | None = None,
    report: Report,
    **hardware,
) -> GenerationEvaluation:
    """Measure a generator at work.

    Args:
        geometry: how a real picture becomes one that it is to make the like of.
        hardware: see `dltk.engine.load_engine`, of the network whose features are taken.
        Others: see `evaluate_generator`.
    """
    split, parts = choose_split(data, split)
    examples = examples_of(parts)
    if len(examples) < LEAST:
        raise UsageError(
            f"{printable(data.where)} has {amount(len(examples), 'picture')} to measure on; "
            f"{LEAST} or more are needed"
        )
    samples = samples or min(len(examples), _MOST)
    network = load_features(features, **hardware, pictures=samples + len(examples), report=report)
    report(f"features of {features} on {network.network.running}")
    real = _Real(_some(examples, samples), geometry, network, report, keep=True)
    if len(real.examples) < LEAST:
        raise none_measured(data, real.names, dict(enumerate(why for _, why in real.failed)))
    reference = Reference(real.vectors)
    report(f"measuring {samples:,} made pictures against {len(real.vectors):,} real ones")
    pictures = progressing(_made(maker, range(samples)), samples, "made", report)
    made = network.vectors(pictures)
    known, known_split, copied = real, split, None
    if split in ("val", "test") and "train" in data.splits:
        trained = _some(examples_of([data.splits["train"]]), _MOST_KNOWN)
        known, known_split = _Real(trained, geometry, network, report), "train"
        copied = real.vectors
    near = copying(made, known.vectors, copied, count=_NEAREST)
    report("measuring draws from a Gaussian of pixels, for comparison")
    count = len(real.vectors)
    draws = progressing(single(gaussian_pictures(real.pixels, count)), count, "drew", report)
    return GenerationEvaluation(
        model=name,
        data=data.where,
        split=split,
        features=features,
        dimensions=made.shape[1],
        likeness=reference.likeness(made),
        halves=reference.halves(),
        gaussian=reference.likeness(network.vectors(draws)),
        copying=near,
        known=known_split,
        samples=_samples(maker, range(min(_SHOWN, samples))),
        nearest=_nearest(maker, near, known),
        failed=tuple(real.failed + (known.failed if known is not real else [])),
        examples=real.examples,
    )


def pictures_of(data, report: Report) -> PictureData:
    """Return the pictures that `data` names or holds, whatever else is known of them."""
    if isinstance(data, (str, os.PathLike)):
        data = read_pictures(data, report=report)
    tell_left_out(data, report)
    if isinstance(data, PictureData):
        return data
    splits = {split: Pictures(part.names, part.sources) for split, part in data.splits.items()}
    return PictureData(data.where, splits)


def _some(examples: Sequence[_Example], count: int) -> list[_Example]:
    """Return `count` examples drawn from all, in their order; all if there are no more."""
    if len(examples) <= count:
        return list(examples)
    drawn = np.random.default_rng(0).choice(len(examples), count, replace=False)
    return [examples[index] for index in sorted(drawn)]


class _Real:
    """Real pictures as a generator is to make them.

    Attributes:
        examples: of those that could be read.
        vectors: float32 (N, D), their features.
        pixels: uint8 (M, H, W, C), the first of them or all if they are to be kept; else M is 0.
        names: of all, and `failed`: (name, why) of those that could not be read.
    """

    def __init__(
        self,
        examples: Sequence[_Example],
        geometry: Geometry,
        network: FeatureNetwork,
        report: Report,
        *,
        keep: bool = False,
    ):
        self._geometry = geometry
        self.names = [part.names[index] for part, index in examples]
        self.examples, self.failed = [], []
        size = geometry.height, geometry.width, geometry.channels
        most = most_fitted(int(np.prod(size))) if keep else 0
        pixels, vectors = [], []

        def load(example: _Example):
            shown = self._pixels(example)
            return shown, network.prepare(shown)

        def run(loaded: list):
            shown, prepared = zip(*loaded, strict=True)
            return zip(shown, network.run(list(prepared)), strict=True)

        for index, output, error in found_in(examples, load, run, network.network, report):
            if error is not None:
                self.failed.append((self.names[index], error))
                continue
            self.examples.append(examples[index])
            vectors.append(output[1])
            pixels += [output[0]] if len(pixels) < most else []
        self.vectors = np.stack(vectors) if vectors else np.zeros((0, 1), np.float32)
        self.pixels = np.stack(pixels) if pixels else np.zeros((0, *size), np.uint8)

    def picture(self, place: int) -> Image.Image | None:
        """Return one as it was measured; None if it can no longer be read."""
        try:
            return image_of(self._pixels(self.examples[place]))
        except InputError:
            return None

    def name(self, place: int) -> str:
        """Return the name of one that was measured."""
        part, index = self.examples[place]
        return part.names[index]

    def _pixels(self, example: _Example) -> np.ndarray:
        part, index = example
        picture = part.decode(index, at_least=self._geometry.at_least)
        return self._geometry.apply(picture).astype(np.uint8)  # Pillow's are whole numbers


def _made(maker: Maker, seeds: Sequence[int]) -> Iterator[np.ndarray]:
    """Yield the picture of each seed, uint8 (H, W, C)."""
    step = maker.network.batch_size
    for at in range(0, len(seeds), step):
        some = seeds[at : at + step]
        yield from maker.network(maker.noise(some), maker.classes(some))


def _samples(maker: Maker, seeds: Sequence[int]) -> tuple[Sample, ...]:
    """Return the pictures of some seeds, which are made once more: a seed's stays the same."""
    numbers = maker.classes(seeds)
    labels = [None] * len(seeds) if numbers is None else [maker.labels[k] for k in numbers]
    pictures = map(image_of, _made(maker, seeds))
    return tuple(map(Sample, seeds, labels, pictures))


def _nearest(maker: Maker, near: Copying, known: _Real) -> tuple[Nearest, ...]:
    """Return made pictures beside known ones, from the nearest of all to the furthest."""
    order = np.argsort(near.distances[:, 0], kind="stable")
    places = np.linspace(0, len(order) - 1, min(_COMPARED, len(order))).round().astype(int)
    seeds = order[places].tolist()
    return tuple(
        Nearest(
            sample,
            tuple(known.picture(row) for row in near.rows[sample.seed]),
            tuple(known.name(row) for row in near.rows[sample.seed]),
            tuple(near.distances[sample.seed].tolist()),
        )
        for sample in _samples(maker, seeds)
    )
