"""Pictures of which nothing need be known: what generators and auto-encoders learn from."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from dltk.data.datasets import SPLITS, PictureData
from dltk.data.examples import Pictures
from dltk.data.folders import read_loose
from dltk.data.look import Place, equal, extremes, looked_over, needless, same, some
from dltk.data.readers import TFDS, nothing_at
from dltk.data.rows import Row
from dltk.data.split import divide
from dltk.data.stratify import NOTHING, dealt_by
from dltk.data.table import rows_of
from dltk.data.tfds import is_prepared, read_tfds_pictures
from dltk.errors import UsageError, printable
from dltk.weights import Report, silent
from dltk.wording import amount

FEW = 100  # pictures, of which little can be learnt
_WANTED = f"name a folder of pictures, a .csv file with the column path, or {TFDS}NAME"


def read_pictures(where: str | os.PathLike, *, report: Report = silent) -> PictureData:
    """Return the pictures at `where`, whatever classes they may have.

    Args:
        where: a folder, searched to the bottom, or one with folders train/, val/ and test/; a
            `.csv` file with the column path and maybe split; "tfds:NAME" or a folder that TFDS has
            prepared, of any data set with the feature "image".
        report: called with a line when something takes long, such as a download.
    Raises:
        UsageError: no name, no such path or data set, or no pictures.
        WeightsError: a data set that must be downloaded and cannot.
    """
    text = os.fspath(where)
    if text.startswith(TFDS):
        return read_tfds_pictures(text.removeprefix(TFDS), report=report)
    path = Path(text)
    if text and path.is_dir():
        if is_prepared(path):
            return read_tfds_pictures(text, report=report)
        return _assembled(text, *read_loose(path))
    if not text or not path.is_file():
        raise nothing_at(text, _WANTED)
    if path.suffix.lower() == ".csv":
        return _assembled(text, rows_of(path, ("path",)), ())
    raise UsageError(f"{printable(text)} is no data set: {_WANTED}")


def pictures_in_memory(images: Sequence) -> PictureData:
    """Return data made of what `dltk.images.decode` takes, such as arrays or Pillow images."""
    names = tuple(f"{index:05d}" for index in range(len(images)))
    return PictureData("arrays", {"all": Pictures(names, images)})


def split_pictures(
    data: PictureData, *, val_share: float = 0.0, test_share: float = 0.0, seed: int = 0
) -> PictureData:
    """Return `data` in splits; one that would be empty is left out.

    Copies of a picture go to the same split. Data that is divided already stays so. See
    `dltk.data.split.divide` for what is raised.
    """
    deal = dealt_by(lambda pictures, index: {NOTHING})
    return divide(data, deal, val_share=val_share, test_share=test_share, seed=seed)


@dataclass(frozen=True)
class PictureFindings:
    """What was found in pictures of which nothing is known.

    Attributes:
        where: the data, as the user named it.
        counts: number of pictures by split, of "pictures".
        unreadable, duplicates, leaks, passed_over, sizes: see `dltk.data.check.Findings`.
    """

    where: str
    counts: dict[str, dict[str, int]]
    unreadable: tuple[tuple[str, str], ...] = ()
    duplicates: tuple[tuple[Place, ...], ...] = ()
    leaks: tuple[tuple[Place, ...], ...] = ()
    passed_over: tuple[tuple[str, str], ...] = ()
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def totals(self) -> dict[str, int]:
        """Number of pictures over all splits."""
        return {name: sum(splits.values()) for name, splits in self.counts.items()}

    @property
    def errors(self) -> list[str]:
        """What must be mended, a line for each kind of finding."""
        lines = []
        if self.unreadable:
            listed = [f"{name} ({why})" for name, why in self.unreadable]
            lines.append(f"cannot be read: {some(listed)}")
        if self.leaks:
            lines.append(f"in several splits: {some([same(group) for group in self.leaks])}")
        return lines

    @property
    def warnings(self) -> list[str]:
        """What is worth knowing, a line for each kind of finding."""
        lines = []
        count = sum(self.totals.values())
        if count < FEW:
            lines.append(f"{amount(count, 'picture')}: too few to learn more than these")
        if self.duplicates:
            lines.append(needless(self.duplicates))
        if self.passed_over:
            listed = [f"{name} ({why})" for name, why in self.passed_over]
            lines.append(f"passed over: {some(listed)}")
        return lines

    def to_dict(self) -> dict:
        """Return all findings, ready for JSON."""
        return asdict(self) | {"errors": self.errors, "warnings": self.warnings}


def check_pictures(data: PictureData, *, decode: bool, threads: int) -> PictureFindings:
    """Return what is found in `data`, divided or not.

    Args:
        decode, threads: see `dltk.data.check.check_data`.
    """
    unreadable, sizes = looked_over(data, decode=decode, threads=threads)
    alike = equal(data, lambda pictures, index: None)  # of which nothing is known to contradict
    return PictureFindings(
        data.where,
        {"pictures": {split: len(part) for split, part in data.splits.items()}},
        unreadable=unreadable,
        duplicates=alike["duplicates"],
        leaks=alike["leaks"],
        passed_over=data.passed_over,
        sizes=extremes(sizes),
    )


def _assembled(where: str, rows: Sequence[Row], passed_over: Sequence) -> PictureData:
    """Return the pictures of some rows, which are in their final order."""
    known = {row.split for row in rows}
    names = [None] if known <= {None, "train"} else SPLITS
    splits = {}
    for split in names:
        members = [row for row in rows if split in (None, row.split)]
        if members:
            sources = tuple(row.source for row in members)
            splits[split or "all"] = Pictures(tuple(row.name for row in members), sources)
    return PictureData(where, splits, tuple(passed_over))
