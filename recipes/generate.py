"""Make pictures with a generator: of seeds, of the way between them, of sums of their noise.

from recipes.generate import generate, interpolate

for result in generate("best.keras", n=16):
    result.save(f"generated/{result.name}")
interpolate("best.keras", "3,17,22").save("walk.gif")
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
from PIL import Image

from dltk.batch import batched
from dltk.errors import UsageError
from dltk.ops.interpolation import slerp
from dltk.weights import Report, silent
from recipes._checks import check_whole
from recipes._generate_model import Maker, open_maker
from recipes._generate_results import Arithmetic, Generated, Interpolation
from recipes._generate_seeds import MOST, parse_groups, parse_seeds, parse_sum
from recipes._generate_sheets import shown

_COUNT = 16
_MOST_FRAMES = 5000  # of a film: a GIF is put together in memory
_NEAR = 0.25  # of the noise around a result, to each side


def generate(
    model: str | os.PathLike,
    *,
    n: int | None = None,
    seeds: str | Iterable[int] | None = None,
    classes: str | Sequence[str] = (),
    truncation: float = 1.0,
    batch_size: int = 16,
    devices: str = "auto",
    strategy: str = "auto",
    precision: str = "auto",
    report: Report = silent,
) -> Iterator[Generated]:
    """Make the pictures of seeds.

    The noise of a seed depends on it alone: its picture is the same whatever else is made.

    Args:
        model: a `.keras` file of a generator.
        n: make the pictures of the seeds 0 to n - 1; 16 if no seeds are named.
        seeds: such as "0,4-9", or numbers, from 0 to 4294967295; each is taken once.
        classes: of a generator that knows classes, those that seeds take turns with, by name or
            number: the class of seed s is the (s mod K)th of K. All of them by default.
        truncation: noise is even over minus this to this, in (0, 1]. Less than 1 keeps to the
            middle of what the generator was trained on: less varied, and less often odd.
        batch_size: pictures in one step, over all devices.
        devices, strategy: see `dltk.strategy.place`.
        precision: "float32", "bfloat16" or "float16"; "auto" is float32.
        report: called with a line when something takes long.
    Yields:
        The picture of each seed, in order, as they are made.
    Raises:
        UsageError: options that cannot work, an unknown class, a model that is no generator.
        DltkError: a model that cannot be loaded, or whose pixels are no numbers.
    """
    wanted = wanted_seeds(n, seeds)
    hardware = {"batch_size": batch_size, "devices": devices, "strategy": strategy}
    maker = open_maker(
        model,
        classes=classes,
        truncation=truncation,
        **hardware,
        precision=precision,
        report=report,
    )
    for some in batched(wanted, batch_size):
        numbers = maker.classes(some)
        labels = [None] * len(some) if numbers is None else [maker.labels[k] for k in numbers]
        pictures = maker.pictures(maker.noise(some), numbers)
        for seed, picture, label in zip(some, pictures, labels, strict=True):
            yield Generated(seed, picture, label)


def wanted_seeds(n: int | None, seeds: str | Iterable[int] | None) -> list[int]:
    """Return the seeds that `generate` is asked for, each once. Raises UsageError."""
    if n is not None and seeds is not None:
        raise UsageError("-n is for the first seeds, and --seeds names them: give one of the two")
    if seeds is not None:
        return list(dict.fromkeys(parse_seeds(seeds)))
    count = _COUNT if n is None else n
    check_whole("n", count, 1, MOST)
    return list(range(count))


def interpolate(
    model: str | os.PathLike,
    seeds: str | Iterable[int],
    *,
    frames: int = 30,
    classes: str | Sequence[str] = (),
    truncation: float = 1.0,
    batch_size: int = 16,
    devices: str = "auto",
    strategy: str = "auto",
    precision: str = "auto",
    report: Report = silent,
) -> Interpolation:
    """Go through the noise of seeds, in order, and from the last one back to the first.

    From one to the next the noise's direction turns, and its length changes evenly, see
    `dltk.ops.interpolation.slerp`. Between seeds of two classes a picture is of the nearer one's.

    Args:
        seeds: two or more, as in `generate`; the way may come to one again.
        frames: pictures from one seed to the next.
        model, classes, truncation, batch_size, devices, strategy, precision, report: see
            `generate`.
    Returns:
        The way, which makes its pictures as they are taken or saved.
    Raises:
        UsageError, DltkError: see `generate`.
    """
    path = check_path(seeds, frames)
    hardware = {"batch_size": batch_size, "devices": devices, "strategy": strategy}
    maker = open_maker(
        model,
        classes=classes,
        truncation=truncation,
        **hardware,
        precision=precision,
        report=report,
    )
    return Interpolation(path, frames, lambda: _pictures_between(maker, path, frames))


def check_path(seeds: str | Iterable[int], frames: int) -> list[int]:
    """Return the seeds that `interpolate` goes through. Raises UsageError."""
    path = parse_seeds(seeds, "--interpolate")
    check_whole("frames", frames, 1)
    if len(set(path)) < 2:
        raise UsageError("--interpolate goes through two seeds or more, such as 3,17,22")
    if len(path) * frames > _MOST_FRAMES:
        raise UsageError(
            f"--interpolate: {len(path):,} seeds of {frames} --frames are more than {_MOST_FRAMES}"
        )
    return path


def _pictures_between(maker: Maker, path: Sequence[int], frames: int) -> Iterator[Image.Image]:
    shares = np.arange(frames) / frames

    def steps() -> Iterator[tuple[np.ndarray, int]]:
        """Yield the noise of each picture, and the seed that it is nearer to."""
        for first, second in zip(path, [*path[1:], path[0]], strict=True):
            for row, share in zip(
                slerp(*maker.noise([first, second]), shares), shares, strict=True
            ):
                yield row, first if share < 0.5 else second

    for some in batched(steps(), maker.network.batch_size):
        rows, nearer = zip(*some, strict=True)
        yield from maker.pictures(np.stack(rows), maker.classes(nearer))


def arithmetic(
    model: str | os.PathLike,
    expression: str,
    *,
    groups: Mapping[str, str | Iterable[int]] | Iterable[str],
    classes: str | Sequence[str] = (),
    truncation: float = 1.0,
    batch_size: int = 16,
    devices: str = "auto",
    strategy: str = "auto",
    precision: str = "auto",
    report: Report = silent,
) -> Arithmetic:
    """Add and subtract the mean noise of groups of seeds: Radford et al. 2015, Sec. 6.3.2.

    The mean of several pictures' noise stands for what they have in common. As in Fig. 7 of the
    paper, the result is made together with eight pictures whose noise differs from it by up to
    0.25, evenly, drawn by seed 0. Noise beyond -1 to 1 is not cut off, there as here.

    Args:
        expression: such as "smiling - plain + man" or "man + 0.5 * smiling - 0.5 * plain".
        groups: seeds by name, or texts such as "smiling=3,17,22"; each seed counts once.
        classes: the one class of all pictures, of a generator that knows classes.
        model, truncation, batch_size, devices, strategy, precision, report: see `generate`.
    Raises:
        UsageError: an expression that is none, unknown groups, no class where one is needed; and
            see `generate`.
        DltkError: see `generate`.
    """
    named = parse_groups(groups)
    terms = parse_sum(expression, named)
    hardware = {"batch_size": batch_size, "devices": devices, "strategy": strategy}
    maker = open_maker(
        model,
        classes=classes,
        truncation=truncation,
        **hardware,
        precision=precision,
        report=report,
    )
    if len(maker.cycle) > 1:
        raise UsageError("--arithmetic is about noise: name one class for it with --classes")
    mean = {name: maker.noise(seeds).mean(axis=0) for name, seeds in named.items()}
    result = sum(term.factor * mean[term.group] for term in terms)
    near = np.random.default_rng(0).uniform(-_NEAR, _NEAR, (9, len(result)))
    near[4] = 0  # the middle one is the result itself
    rows = [maker.noise(shown(seeds)) for seeds in named.values()]
    rows += [np.stack(list(mean.values())), (result + near).astype(np.float32)]
    noise = np.concatenate(rows)
    pictures = maker.pictures(noise, maker.classes([0] * len(noise)))
    taken = [[next(pictures) for _ in row] for row in rows]
    return Arithmetic(
        expression,
        named,
        dict(zip(named, taken, strict=False)),
        dict(zip(named, taken[-2], strict=True)),
        taken[-1],
    )
