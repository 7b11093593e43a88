"""How good a segmenter was: what there is to know, and the folder that it is written to."""

from __future__ import annotations

import heapq
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import tee
from pathlib import Path, PurePath

import numpy as np

from dltk import __version__
from dltk.batch import write_csv
from dltk.data.examples import MaskedExamples
from dltk.errors import InputError
from dltk.masks import IGNORE
from dltk.metrics import SegmentationReport, measure_masks
from dltk.plots_segmentation import plot_class_iou, plot_mask_sheet, plot_pixel_confusion
from recipes._evaluation import FORMAT, check_contents, check_place, write_record

_TASK = "segment"
_COLUMNS = ("path", "pixels", "accuracy")
_SHOWN = 12  # pictures on a sheet
_CONFUSED = 20  # pairs of classes in the record


@dataclass(frozen=True, eq=False)
class SegmentationEvaluation:
    """How good a segmenter was on N pictures.

    Attributes:
        model: its name in the catalog, or the path of its file as it was given.
        data, split: where the pictures came from, and which of them: "train", "val", "test", "all".
        report: the measures.
        classes: of the model, in the order of its outputs.
        names: of the pictures that were measured.
        pixels: int64 (N,), how many count in each.
        accuracies: float64 (N,), the share of those that is right; NaN where none count.
        worst: index and found label map of the pictures with the most wrong pixels, as a share.
        failed: (name, why) of pictures that could not be read and do not count.
        seen_in_training: how many of the N the model was trained on, by their content; None where
            no `split.csv` beside the model tells.
        examples: the data and the place in it of each picture.
    """

    model: str
    data: str
    split: str
    report: SegmentationReport
    classes: tuple[str, ...]
    names: tuple[str, ...]
    pixels: np.ndarray
    accuracies: np.ndarray
    worst: tuple[tuple[int, np.ndarray], ...] = field(repr=False)
    failed: tuple[tuple[str, str], ...]
    seen_in_training: int | None
    examples: Sequence[tuple[MaskedExamples, int]] = field(repr=False)

    def to_dict(self) -> dict:
        """Return the measures, ready for JSON."""
        pairs = self.report.most_confused(_CONFUSED)
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
            "most_confused": [{"true": t, "predicted": p, "count": n} for t, p, n in pairs],
            "failed": [{"path": name, "error": why} for name, why in self.failed],
        }

    def save(self, folder: str | os.PathLike, *, overwrite: bool = False) -> None:
        """Write the measures, diagrams, the worst pictures and a table of all to `folder`.

        The files are evaluation.json, iou.png, confusion.png (unless no pixel counts), mistakes.png
        (unless there are none) and pictures.csv. Those of an earlier evaluation are replaced.

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
        write_csv(folder / "pictures.csv", _COLUMNS, self._rows())
        plot_class_iou(self.report, folder / "iou.png")
        if self.pixels.any():
            plot_pixel_confusion(self.report, folder / "confusion.png")
        else:
            (folder / "confusion.png").unlink(missing_ok=True)  # of an earlier evaluation
        self._save_mistakes(folder / "mistakes.png")

    def _rows(self) -> Iterator[dict]:
        for name, pixels, share in zip(self.names, self.pixels, self.accuracies, strict=True):
            told = "" if np.isnan(share) else f"{share:.6f}"
            yield dict(zip(_COLUMNS, (name, int(pixels), told), strict=True))

    def _save_mistakes(self, path: Path) -> None:
        pictures, truths, founds, names = [], [], [], []
        for index, found in self.worst:
            examples, place = self.examples[index]
            with suppress(InputError):  # gone since it was measured
                picture, truth = examples.decode(place), examples.masks[place]()
                pictures.append(picture)
                truths.append(truth)
                founds.append(found)
                names.append(f"{self.accuracies[index]:.1%} {PurePath(self.names[index]).name}")
        if pictures:
            plot_mask_sheet(pictures, truths, founds, self.classes, path, names=names)
        else:
            path.unlink(missing_ok=True)  # of an earlier evaluation


@dataclass(frozen=True, eq=False)
class Measured:
    """The fields of a `SegmentationEvaluation` that come of comparing label maps."""

    report: SegmentationReport
    pixels: np.ndarray
    accuracies: np.ndarray
    worst: tuple[tuple[int, np.ndarray], ...]


def compare(
    pairs: Iterable[tuple[np.ndarray, np.ndarray]],
    classes: Sequence[str],
    *,
    boundaries: bool = True,
) -> Measured:
    """Compare true label maps with those that were found, a picture at a time.

    Args:
        pairs: of each picture, what is true and what was found.
        boundaries: whether to measure them, which takes as long as many a network.
    """
    pixels, accuracies = [], []
    worst: list[tuple[float, int, np.ndarray]] = []

    def noted():
        for index, (truth, found) in enumerate(pairs):
            counts = truth != IGNORE
            right = np.count_nonzero((truth == found) & counts)
            pixels.append(np.count_nonzero(counts))
            accuracies.append(right / pixels[-1] if pixels[-1] else np.nan)
            if right < pixels[-1]:
                entry = 1 - accuracies[-1], -index, found
                (heapq.heappushpop if len(worst) == _SHOWN else heapq.heappush)(worst, entry)
            yield truth, found

    truths, founds = tee(noted())
    report = measure_masks(
        (truth for truth, _ in truths),
        (found for _, found in founds),
        classes,
        boundaries=boundaries,
    )
    kept = tuple((-index, found) for _, index, found in sorted(worst, key=lambda e: (-e[0], -e[1])))
    return Measured(report, np.array(pixels, np.int64), np.array(accuracies), kept)
