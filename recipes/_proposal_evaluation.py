"""How good a masker was: average recall of its proposals, and the folder that it is written to."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePath

import numpy as np
from PIL import Image

from dltk import __version__
from dltk.batch import ordered_map, write_csv
from dltk.data.instances import InstanceExamples
from dltk.drawing import contact_sheet
from dltk.drawing_masks import tinted
from dltk.engine.proposals import ProposalNetwork, Proposals
from dltk.errors import InputError
from dltk.images import decode_sized, encode
from dltk.metrics.proposals import LIMITS, ProposalReport, measure_proposals
from dltk.strategy import cores
from recipes._evaluation import FORMAT, write_record
from recipes._instance_results import MOST, index_map

_TASK = "mask"
_COLUMNS = ("path", "objects", "proposals", "covered")
_SHOWN = 8  # pictures on a sheet
_KEPT = 10  # proposals of each that are shown
_EDGE = 320  # pixels of the longer side of a picture there
_COVERED = 0.5
_AHEAD = 8  # pictures decoded before they are needed


@dataclass(frozen=True, eq=False)
class ProposalEvaluation:
    """How good a masker was on N pictures.

    Attributes:
        model: the path of its file as it was given.
        data, split: where the pictures came from, and which of them.
        report: the measures.
        proposals: the first few of each picture.
        counts: how many proposals there were of each.
        covered: how many of a picture's objects one of the first 100 proposals overlaps by half.
        seen_in_training: how many of the N it was trained on, by their content.
        examples: the pictures.
    """

    model: str
    data: str
    split: str
    report: ProposalReport
    proposals: tuple[Proposals, ...] = field(repr=False)
    counts: tuple[int, ...]
    covered: tuple[int, ...]
    seen_in_training: int
    examples: InstanceExamples = field(repr=False)

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
            **self.report.to_dict(),
        }

    def save(self, folder: str | os.PathLike) -> None:
        """Write evaluation.json, pictures.csv and proposals.png, over those of before.

        Raises:
            DltkError: they cannot be written.
        """
        folder = Path(folder)
        write_record(folder, self.to_dict())
        write_csv(folder / "pictures.csv", _COLUMNS, self._rows())
        if rows := list(self._shown()):
            names, pictures = zip(*rows, strict=True)
            columns = ("", "objects", f"the best {_KEPT} proposals")
            sheet = contact_sheet(pictures, row_names=names, column_names=columns, edge=_EDGE)
            encode(sheet, folder / "proposals.png")

    def _rows(self) -> Iterator[dict]:
        for index, name in enumerate(self.examples.names):
            objects = len(self.examples.truths(index))
            row = name, objects, self.counts[index], self.covered[index]
            yield dict(zip(_COLUMNS, row, strict=True))

    def _shown(self) -> Iterator[tuple[str, list[Image.Image]]]:
        """Yield the name of a picture; and it, its objects and the best proposals."""
        for index in range(min(_SHOWN, len(self.examples))):
            with suppress(InputError):  # gone since it was measured
                picture = self.examples.decode(index)
                objects = self.examples.truths(index)[:MOST]
                shapes = self.proposals[index].shapes[:_KEPT]
                drawn = [under_masks(picture, each) for each in (objects, shapes)]
                yield PurePath(self.examples.names[index]).name, [picture, *drawn]


def compare(
    network: ProposalNetwork, part: InstanceExamples, limits: Sequence[int] = LIMITS
) -> dict:
    """Compare the objects of pictures with what a masker proposes.

    Returns:
        "report", "proposals", "counts" and "covered", see `ProposalEvaluation`.
    """
    from pycocotools.mask import iou

    first, counts, covered = [], [], []

    def load(index: int):
        return decode_sized(part.sources[index], at_least=network.at_least)

    def proposed() -> Iterator[list[dict]]:
        loaded = ordered_map(load, range(len(part)), workers=cores(), ahead=_AHEAD)
        for index, (picture, size) in enumerate(loaded):
            found = network(picture, size, most=max(limits))
            first.append(Proposals(found.shapes[:_KEPT], found.scores[:_KEPT]))
            counts.append(len(found))
            truths, tried = part.truths(index), found.shapes[:100]
            if truths and tried:
                overlap = np.asarray(iou(tried, truths, [0] * len(truths)))
                covered.append(int((overlap.max(axis=0) >= _COVERED).sum()))
            else:
                covered.append(0)
            yield found.shapes

    truths = (part.truths(index) for index in range(len(part)))
    report = measure_proposals(truths, proposed(), limits)
    return {
        "report": report,
        "proposals": tuple(first),
        "counts": tuple(counts),
        "covered": tuple(covered),
    }


def under_masks(picture: Image.Image, shapes: Sequence[dict]) -> Image.Image:
    """Return a picture (RGB) under some masks, each in a colour of its own: MOST at most."""
    return tinted(np.asarray(picture), index_map(shapes, picture.size), clear=[0])
