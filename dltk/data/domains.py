"""Pictures of two domains: classified pictures of two classes, from one folder or from two."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dltk.data.datasets import SPLITS, LabelledData, PictureData
from dltk.data.examples import Examples
from dltk.data.plain import read_pictures
from dltk.data.readers import TFDS, read_data
from dltk.data.tfds import is_prepared
from dltk.errors import UsageError, printable
from dltk.weights import Report, silent

_PUBLISHED = ("A", "B")  # what published data sets have behind the names of splits
_WANTED = "name two folders, DATA and OTHER, or one that holds two"


def read_domains(
    where: str | os.PathLike, other: str | os.PathLike | None = None, *, report: Report = silent
) -> LabelledData:
    """Return the pictures of two domains, in the order given; in one folder, that of their names.

    Args:
        where: pictures of the first domain, see `dltk.data.plain.read_pictures`. Without `other`,
            of both: a folder with trainA/ and trainB/, and maybe testA/ and testB/, as published
            data sets have, or what `dltk.data.readers.read_data` takes, of two classes.
        other: those of the second domain.
        report: called with a line when something takes long, such as a download.
    Raises:
        UsageError: nothing there, more or less than two domains, or the same folder twice.
        WeightsError: a data set that must be downloaded and cannot.
    """
    if other is not None:
        _check_apart(where, other)
        parts = [read_pictures(each, report=report) for each in (where, other)]
        return _of_two(os.fspath(where), domain_names(where, other), parts)
    folders = _published(Path(where))
    if folders:
        return _of_two(os.fspath(where), _PUBLISHED, [_gathered(each) for each in folders])
    data = _read_one(where, report)
    if len(data.classes) != 2:
        names = ", ".join(map(printable, data.classes[:8])) + ", …" * (len(data.classes) > 8)
        raise UsageError(
            f"{printable(where)} holds {len(data.classes)} kinds of pictures ({names}), and a "
            f"translator knows two; {_WANTED}"
        )
    return data


def domain_names(first: str | os.PathLike, second: str | os.PathLike) -> tuple[str, str]:
    """Return what to call two sources of pictures: by the last parts of their paths that differ."""
    paths = [_parts(source) for source in (first, second)]
    for pair in zip(*(reversed(parts) for parts in paths), strict=False):
        if pair[0] != pair[1]:
            return pair
    return _PUBLISHED


def _parts(source: str | os.PathLike) -> Sequence[str]:
    text = os.fspath(source)
    if text.startswith(TFDS):
        return text.removeprefix(TFDS).split("/")
    path = Path(os.path.abspath(text))
    return path.with_suffix("").parts if path.is_file() else path.parts


def _check_apart(where: str | os.PathLike, other: str | os.PathLike) -> None:
    """Raise UsageError if two sources are the same, or one lies in the other."""
    one, two = (Path(os.path.realpath(each)) for each in (where, other))
    if one == two:
        raise UsageError(f"{printable(where)} and {printable(other)} are the same; {_WANTED}")
    for inner, outer, names in ((one, two, (where, other)), (two, one, (other, where))):
        if outer.is_dir() and inner.is_relative_to(outer):
            raise UsageError(
                f"{printable(names[0])} lies in {printable(names[1])}, so that its pictures would "
                f"be of both domains; {_WANTED}"
            )


def _published(root: Path) -> list[dict[str, Path]] | None:
    """Return the folders of splits for each domain, or None where there are no such folders.

    Raises:
        UsageError: a domain has nothing to train on.
    """
    found = [
        {split: path for split in SPLITS if (path := root / f"{split}{domain}").is_dir()}
        for domain in _PUBLISHED
    ]
    if not any(found):
        return None
    for domain, folders in zip(_PUBLISHED, found, strict=True):
        if "train" not in folders:
            raise UsageError(f"{printable(root)} has no folder train{domain}; {_WANTED}")
    return found


def _gathered(folders: dict[str, Path]) -> PictureData:
    """Return the pictures of one domain in the folders of its splits."""
    splits, passed_over = {}, []
    for split, folder in folders.items():
        data = read_pictures(folder)
        if data.divided:
            raise UsageError(f"{printable(folder)} is a split already, and holds others")
        splits[split] = data.splits["all"]
        passed_over += data.passed_over
    if set(splits) == {"train"}:
        splits = {"all": splits["train"]}
    return PictureData(str(folders["train"]), splits, tuple(passed_over))


def _read_one(where: str | os.PathLike, report: Report) -> LabelledData:
    """Return the pictures of a data set of classes."""
    root = Path(where)
    plain = root.is_dir() and not any(path.is_dir() for path in root.glob("[!.]*"))
    if plain and not is_prepared(root):
        raise UsageError(f"{printable(where)} holds no folders of pictures; {_WANTED}")
    try:
        return read_data(where, report=report)
    except UsageError as error:
        if root.is_dir():
            raise UsageError(
                f"{printable(where)} holds no two kinds of pictures; {_WANTED}"
            ) from error
        raise


def _of_two(where: str, names: tuple[str, str], parts: Sequence[PictureData]) -> LabelledData:
    """Return the pictures of two domains as one data set; names begin with their domain's."""
    divided = any(part.divided for part in parts)
    splits = {}
    for split in SPLITS if divided else ("all",):
        members = [
            part.splits.get(split, part.splits.get("all", ()) if split == "train" else ())
            for part in parts
        ]
        if any(map(len, members)):
            splits[split] = _joined(names, members)
    passed_over = [
        (f"{name}/{path}", why)
        for name, part in zip(names, parts, strict=True)
        for path, why in part.passed_over
    ]
    return LabelledData(where, names, splits, tuple(passed_over))


def _joined(domains: tuple[str, str], members: Sequence) -> Examples:
    pairs = [(domain, part) for domain, part in zip(domains, members, strict=True) if len(part)]
    return Examples(
        tuple(f"{domain}/{name}" for domain, part in pairs for name in part.names),
        _OneBehindTheOther([part.sources for _, part in pairs]),
        np.repeat(np.arange(2), [len(part) for part in members]),
    )


class _OneBehindTheOther(Sequence):
    """Several sequences as one, read when indexed."""

    def __init__(self, sequences: Sequence[Sequence]):
        self._places = [(each, at) for each in sequences for at in range(len(each))]

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int):
        sequence, at = self._places[index]
        return sequence[at]
