"""Read labelled texts from wherever they are: folders, tables, JSON, TensorFlow Datasets."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

from dltk.data.datasets import SPLITS, TextData
from dltk.data.objects.files import children, files_below
from dltk.data.readers import TFDS, nothing_at
from dltk.data.texts.columns import Asked, NoColumnError
from dltk.data.texts.files import first_line, split_called, tell_big
from dltk.data.texts.folders import LAYOUT, gather_folder, is_text_name
from dltk.data.texts.gathered import GatheredTexts
from dltk.data.texts.listed import (
    LINES,
    OBJECTS,
    gather_labelled_lines,
    gather_objects,
    holds_labelled_lines,
    holds_text_objects,
)
from dltk.data.texts.table import TABLES, gather_table, heads_texts
from dltk.data.texts.tfds import gather_tfds, tfds_holds_texts
from dltk.data.tfds import is_prepared
from dltk.errors import UsageError, printable
from dltk.weights import Report, silent

_MOST_LOOKED_AT = 100  # files of a folder that are opened to see what they are

Gather = Callable[..., None]


def read_texts(
    where: str | os.PathLike,
    *,
    text_column: str | int | None = None,
    label_column: str | int | None = None,
    report: Report = silent,
) -> TextData:
    """Return the labelled texts at `where`, in whichever of these layouts it is.

    - a folder with a folder of text files for each class (.txt, .text, .md, or without an
      extension, as newsgroups have it), or that below train/, val/ and test/;
    - a table: .csv or .tsv, with a column for the text and one for the class, and maybe "split";
    - JSON: .jsonl or .ndjson, an object a line, or .json, a list of them, with such keys;
    - fastText's lines: "__label__sports a text";
    - a folder with such files, called train.csv, val.csv and test.csv, or with one of them;
    - "tfds:NAME", or the folder of a data set that TFDS has prepared, with a text and a class.

    Columns, keys and features may be called by other usual names, such as sentence, review and
    message, or class, category and sentiment. Files are UTF-8, of any size, and are streamed: the
    texts, in Unicode's composed form (NFC), are kept in a temporary file. Names are the file and
    the line that a text begins in: "reviews.csv:17".

    Empty texts, and texts without a class, are left out, and told in `repairs`. Rows that are not
    UTF-8 or have other cells than the table has columns, and files that are no texts, are in
    `passed_over` and `damaged`.

    Args:
        text_column, label_column: what the columns are called; or their numbers, from 1, in a file
            without a header.
        report: called with a line when something takes long.
    Raises:
        UsageError: no such path, in none of these layouts, a column that is not there, a file that
            is no text, or of one class only.
        WeightsError: a data set that must be downloaded and cannot.
        DltkError: the disk is full.
    """
    asked = Asked(*(None if each is None else str(each) for each in (text_column, label_column)))
    text = os.fspath(where)
    path = Path(text)
    found = GatheredTexts(text, wanted=LAYOUT)
    if text.startswith(TFDS) or (text and is_prepared(path)):
        name = text.removeprefix(TFDS)
        found.where = f"{TFDS}{name}"
        gather_tfds(name, found, asked, report=report)
    elif text and path.is_dir():
        files = _data_files(path)
        if not files:
            _check_no_columns(asked, "class folders have no columns")
            gather_folder(path, found)
        _gather_files(files, found, asked, report)
    elif text and path.is_file():
        gather = _reader_of(path, asked)
        if gather is None:
            raise UsageError(f"{printable(text)} is no data set of texts; {LAYOUT}")
        tell_big(path, report)
        gather(path, path.name, found)
    else:
        raise nothing_at(text, LAYOUT)
    return found.assemble()


def holds_texts(where: str | os.PathLike, *, report: Report = silent) -> bool:
    """Return whether `where` is read by `read_texts` rather than by `dltk.data.read_data`.

    Little is read, but a data set of TFDS may have to be downloaded to tell.
    """
    text = os.fspath(where)
    path = Path(text)
    if text.startswith(TFDS) or (text and is_prepared(path)):
        return tfds_holds_texts(text.removeprefix(TFDS), report=report)
    if text and path.is_dir():
        if any(_holds_texts(path / name) for name in children(path)[1][:_MOST_LOOKED_AT]):
            return True
        deep = [name for name in islice(files_below(path), _MOST_LOOKED_AT) if "/" in name]
        return 2 * sum(map(is_text_name, deep)) > len(deep)
    return bool(text) and path.is_file() and _holds_texts(path)


def _holds_texts(path: Path) -> bool:
    if path.suffix.lower() in OBJECTS:
        return holds_text_objects(path)
    return heads_texts(path) or holds_labelled_lines(path)


def _reader_of(path: Path, asked: Asked) -> Gather | None:
    """Return what reads a file, by its extension or how it begins; None if nothing does.

    Raises:
        UsageError: columns are named, and it has none.
    """
    suffix = path.suffix.lower()
    if suffix in TABLES:
        return partial(gather_table, asked=asked)
    if suffix in OBJECTS:
        return partial(gather_objects, asked=asked)
    if holds_labelled_lines(path):
        _check_no_columns(asked, "lines with __label__ have no columns")
        return gather_labelled_lines
    return partial(gather_table, asked=asked) if "\t" in first_line(path) else None


def _check_no_columns(asked: Asked, why: str) -> None:
    for field, value in asked._asdict().items():
        if value is not None:
            raise UsageError(f"--{field}-column has no meaning here: {why}")


def _data_files(folder: Path) -> list[Path]:
    """Return the files in a folder that are data sets: those of splits, or the only one.

    Raises:
        UsageError: there are several that are not called after splits, and no class folders.
    """
    folders, names = children(folder)
    paths = [folder / name for name in names]
    unsure = [path for path in paths if not _is_called_data(path)][:_MOST_LOOKED_AT]
    others = {path for path in unsure if _holds_texts(path)}
    known = [path for path in paths if _is_called_data(path) or path in others]
    divided = [path for path in known if split_called(path.name)]
    if any(split_called(path.name) == "train" for path in divided):
        return divided
    if folders or not known:
        return []
    if len(known) > 1 and len(divided) < len(known):
        listed = ", ".join(printable(path.name) for path in known[:5])
        raise UsageError(f"{printable(folder)} has {listed}; name the one that is wanted")
    return known


def _is_called_data(path: Path) -> bool:
    suffix = path.suffix.lower()
    if suffix == ".json":  # which other things are kept in, too
        return bool(split_called(path.name))
    return suffix in (*TABLES, *LINES)


def _gather_files(
    files: Sequence[Path], found: GatheredTexts, asked: Asked, report: Report
) -> None:
    """Add the texts of files that are called after splits; or of one that need not be."""
    splits = {split: [p for p in files if split_called(p.name) == split] for split in SPLITS}
    for split, paths in splits.items():
        endings = {path.suffix.lower() for path in paths}
        if len(endings) > 1 and any(ending in (*TABLES, *OBJECTS) for ending in endings):
            both = " and ".join(printable(path.name) for path in paths[:2])
            raise UsageError(f"{printable(found.where)} has {both}, both {split}; keep one of them")
    for path in files:
        split = split_called(path.name) if len(files) > 1 else None  # one alone needs none
        tell_big(path, report)
        try:
            _reader_of(path, asked)(path, path.name, found, split=split)
        except NoColumnError as error:
            if split in (None, "train"):
                raise
            why = str(error).removeprefix(f"{printable(path)} ")
            found.pass_over(path.name, why)  # as tests of GLUE have no classes
