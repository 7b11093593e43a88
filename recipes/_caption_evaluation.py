"""How good a captioner was: what there is to know, and the folder that it is written to."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from dltk import __version__
from dltk.batch import write_csv
from dltk.data.examples import CaptionedExamples
from dltk.drawing_captions import in_columns, with_texts
from dltk.errors import InputError
from dltk.images import encode
from dltk.metrics.captions import CaptionReport
from recipes._evaluation import FORMAT, check_contents, check_place, write_record

_TASK = "caption"
_COLUMNS = ("path", "cider_d", "rouge_l", "caption", "references")
_SHOWN, _ACROSS = 12, 4  # pictures on a sheet
_EDGE = 320  # pixels of each


@dataclass(frozen=True, eq=False)
class CaptionEvaluation:
    """How good a captioner was on N pictures.

    Attributes:
        model: the path of its file as it was given.
        data, split: where the pictures came from, and which of them: "train", "val", "test", "all".
        report: the measures.
        names: of the pictures that were measured.
        captions: what the captioner wrote of each.
        failed: (name, why) of pictures that could not be read and do not count.
        seen_in_training: how many of the N the model was trained on, by their content; None where
            no `split.csv` beside the model tells.
        examples: the data and the place in it of each picture.
    """

    model: str
    data: str
    split: str
    report: CaptionReport
    names: tuple[str, ...]
    captions: tuple[str, ...]
    failed: tuple[tuple[str, str], ...]
    seen_in_training: int | None
    examples: Sequence[tuple[CaptionedExamples, int]] = field(repr=False)

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
            "failed": [{"path": name, "error": why} for name, why in self.failed],
        }

    def save(self, folder: str | os.PathLike, *, overwrite: bool = False) -> None:
        """Write the measures, a table of all captions, and sheets of some to `folder`.

        The files are evaluation.json, captions.csv, best.png and worst.png, by CIDEr-D. Those of
        an earlier evaluation are replaced.

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
        write_csv(folder / "captions.csv", _COLUMNS, self._rows())
        order = np.argsort(-self.report.cider_d_each, kind="stable")
        self._save_sheet(folder / "best.png", order[:_SHOWN])
        self._save_sheet(folder / "worst.png", order[::-1][:_SHOWN])

    def _rows(self) -> Iterator[dict]:
        columns = self.names, self.report.cider_d_each, self.report.rouge_l_each, self.captions
        for at, (name, cider, rouge, caption) in enumerate(zip(*columns, strict=True)):
            part, place = self.examples[at]
            said = " | ".join(part.captions[place])
            values = name, f"{cider:.6f}", f"{rouge:.6f}", caption, said
            yield dict(zip(_COLUMNS, values, strict=True))

    def _save_sheet(self, path: Path, order: Iterable[int]) -> None:
        tiles = []
        for at in order:
            part, place = self.examples[at]
            with suppress(InputError):  # gone since it was measured
                said = [f"({caption})" for caption in part.captions[place]]
                texts = [self.captions[at], *said]
                tiles.append(with_texts(part.decode(place), texts, width=_EDGE))
        if tiles:
            encode(in_columns(tiles, _ACROSS), path)
        else:
            path.unlink(missing_ok=True)  # of an earlier evaluation
