"""How good a generator was: what there is to know, and the folder that it is written to."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from dltk import __version__
from dltk.data.examples import Pictures
from dltk.drawing import contact_sheet
from dltk.images import encode
from dltk.metrics.generation import Copying, Likeness
from recipes._evaluation import FORMAT, check_contents, check_place, write_record
from recipes._feature_networks import comparable, suffix_of
from recipes._generate_sheets import draw_grid, enlarged

_TASK = "generate"
_EDGE = 128  # pixels of a picture that is shown beside its nearest


@dataclass(frozen=True, eq=False)
class Sample:
    """A made picture.

    Attributes:
        seed: that it was made from.
        label: name of its class, or None.
        picture: grey or RGB.
    """

    seed: int
    label: str | None
    picture: Image.Image


@dataclass(frozen=True, eq=False)
class Nearest:
    """A made picture, and the known ones that are most like it.

    Attributes:
        sample: the made one.
        pictures, names, distances: of the known ones, the nearest first; None for a picture that
            can no longer be read.
    """

    sample: Sample
    pictures: tuple[Image.Image | None, ...]
    names: tuple[str, ...]
    distances: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class GenerationEvaluation:
    """How good a generator was, by as many of its pictures as are told, of the seeds from 0 on.

    Attributes:
        model: the path of its file as it was given.
        data, split: where the real pictures came from, and which of them: "train", "val", "test",
            "all".
        features: whose they were, see `recipes._feature_networks`.
        dimensions: how many features a picture has.
        likeness: of its pictures.
        halves: of one half of the real pictures to the other.
        gaussian: of as many draws from the Gaussian of the real pictures' pixels.
        copying: how near its pictures are to `known` ones.
        known: split of the pictures that it may have copied.
        samples: some of its pictures.
        nearest: some of its pictures beside the known ones most like them.
        failed: (name, why) of real pictures that could not be read and do not count.
        seen_in_training: None: to be like what it was trained on is what a generator is for.
        examples: the data and the place in it of each real picture.
    """

    model: str
    data: str
    split: str
    features: str
    dimensions: int
    likeness: Likeness
    halves: Likeness
    gaussian: Likeness
    copying: Copying
    known: str
    samples: tuple[Sample, ...]
    nearest: tuple[Nearest, ...]
    failed: tuple[tuple[str, str], ...]
    seen_in_training: None = field(default=None, init=False)
    examples: Sequence[tuple[Pictures, int]] = field(default=(), repr=False)

    @property
    def suffix(self) -> str:
        """What "FID" and "KID" are followed by: nothing where they are the published ones."""
        return suffix_of(self.features)

    @property
    def measures(self) -> dict:
        """Of its pictures, ready for JSON, by names that say which measures they are."""
        return self.likeness.to_dict(self.suffix)

    @property
    def notes(self) -> list[str]:
        """What is to be known beside the numbers, in sentences."""
        fid, likeness = f"FID{self.suffix}", self.likeness
        few = min(likeness.count, likeness.real)
        notes = [comparable(self.features)]
        bias = f"{fid} comes out too high where pictures are few"
        if few <= self.dimensions:
            bias += f", and {few:,} are fewer than its {self.dimensions:,} features"
        notes.append(
            f"{bias}: compare it only where {likeness.count:,} are made and {likeness.real:,} real."
        )
        if self.copying.copies:
            notes.append(
                f"Made pictures look copied: {self.copying.closer:.0%} of the time they are nearer "
                f"to a real one than {self.of_held} are; nearest.png shows some."
            )
        return notes

    @property
    def of_held(self) -> str:
        """Whose distances those of made pictures are compared with, in words."""
        return "each of these" if self.known == self.split else f"those of {self.split}"

    def to_dict(self) -> dict:
        """Return the measures, ready for JSON."""
        return {
            "format": FORMAT,
            "version": 1,
            "task": _TASK,
            "dltk": __version__,
            "model": self.model,
            "data": self.data,
            "split": self.split,
            "seen_in_training": self.seen_in_training,
            "features": self.features,
            "dimensions": self.dimensions,
            "measures": self.measures,
            "real_halves": self.halves.to_dict(self.suffix),
            "gaussian_of_pixels": self.gaussian.to_dict(self.suffix),
            "copying": {"split": self.known, **self.copying.to_dict()},
            "notes": self.notes,
            "failed": [{"path": name, "error": why} for name, why in self.failed],
        }

    def save(self, folder: str | os.PathLike, *, overwrite: bool = False) -> None:
        """Write the measures and sheets of pictures to `folder`.

        The files are evaluation.json; samples.png; and nearest.png: made pictures, from the one
        that is nearest to a known one to the one that is furthest, each above the known ones that
        are most like it. Those of an earlier evaluation are replaced.

        Raises:
            UsageError: the folder is none for it, see `check_place`, or holds other things; not
                with `overwrite`.
            DltkError: they cannot be written.
        """
        if not overwrite:
            check_place(folder, self.data)
            check_contents(folder, _TASK)
        folder = Path(folder)
        write_record(folder, self.to_dict())
        shown = [(each.picture, each.seed, each.label) for each in self.samples]
        encode(draw_grid(*zip(*shown, strict=True)), folder / "samples.png")
        encode(_nearest_sheet(self.nearest), folder / "nearest.png")


def _nearest_sheet(nearest: Sequence[Nearest]) -> Image.Image:
    """Return a table: a made picture in each column, above the known ones by their distances."""
    columns, captions = [], []
    for each in nearest:
        cells = [each.sample.picture, *each.pictures]
        columns.append([cell and enlarged(cell, _EDGE) for cell in cells])
        label = "" if each.sample.label is None else f" {each.sample.label}"
        told = [f"at {distance:.2f}" for distance in each.distances]
        captions.append([f"#{each.sample.seed}{label}", *told])
    rows = list(zip(*columns, strict=True))
    return contact_sheet(
        rows,
        row_names=["made", "nearest", *["next"] * (len(rows) - 2)],
        column_names=[""] * len(columns),
        edge=max(max(cell.size) for row in rows for cell in row if cell),
        captions=list(zip(*captions, strict=True)),
    )
