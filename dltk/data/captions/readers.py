"""Read pictures with captions in whatever layout people have them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from dltk.data.captions.assemble import assemble
from dltk.data.captions.beside import gather_texts, holds_texts
from dltk.data.captions.captioned import GatheredCaptions
from dltk.data.captions.coco import coco_caption_files, gather_coco
from dltk.data.captions.karpathy import gather_karpathy
from dltk.data.captions.kinds import (
    WANTED,
    Gather,
    caption_files,
    reader_of,
    reader_to_blame,
    suspects,
)
from dltk.data.captions.metadata import gather_metadata, metadata_files
from dltk.data.captions.tfds import gather_tfds, tfds_holds_captions
from dltk.data.datasets import CaptionData
from dltk.data.objects.coco_files import holds_captions as holds_coco_captions
from dltk.data.objects.files import children
from dltk.data.readers import nothing_at
from dltk.data.tfds import is_prepared
from dltk.data.told import splits_of_files
from dltk.errors import UsageError, printable
from dltk.weights import Report, silent

TFDS = "tfds:"
_MOST_FOLDERS = 50  # that are looked into for files of captions


def read_captions(where: str | os.PathLike, *, report: Report = silent) -> CaptionData:
    """Return the pictures with captions at `where`, in whichever of these layouts it is.

    - Karpathy's division of COCO or Flickr: a .json file (`dltk.data.captions.karpathy`);
    - COCO: a .json file, or a folder with one for each split (`dltk.data.captions.coco`);
    - Flickr's: lines NAME#NUMBER and caption, and lists of splits (`dltk.data.captions.flickr`);
    - a table with a row for each caption (`dltk.data.captions.table`);
    - metadata.jsonl, or a list in JSON (`dltk.data.captions.metadata`);
    - a folder with a text file beside each picture (`dltk.data.captions.beside`);
    - "tfds:NAME", or the folder of a data set that TFDS has prepared (`dltk.data.captions.tfds`).

    Of several files of captions in a folder, Karpathy's is taken before COCO's, and these before
    others; other ones may be called after splits, as train.csv and val.csv. What could not be used
    as it was is in `passed_over` (pictures) and `repairs` (captions).

    Args:
        report: called with a line when something takes long.
    Raises:
        UsageError: no such path, in none of these layouts, damaged, or without a single caption.
        WeightsError: a data set that must be downloaded and cannot.
    """
    text = os.fspath(where)
    path = Path(text)
    found = GatheredCaptions(text)
    if text.startswith(TFDS) or (text and is_prepared(path)):
        name = text.removeprefix(TFDS)
        found.where = f"{TFDS}{name}"
        gather_tfds(name, found, report=report)
    elif text and path.is_dir():
        _gather_folder(path, found, report)
    elif text and path.is_file():
        gather = reader_of(path) or reader_to_blame(path)
        gather(path, path.parent, found, report=report)
    else:
        raise nothing_at(text, WANTED)
    return assemble(found)


def holds_captions(where: str | os.PathLike, *, report: Report = silent) -> bool:
    """Return whether `where` is read by `read_captions` rather than by `dltk.data.read_data`.

    A folder, or a data set of TFDS, may be read by `dltk.data.objects.read_objects` or
    `dltk.data.masks.read_masks` as well. Nothing is decoded, but a data set of TFDS may have to
    be downloaded to tell.
    """
    text = os.fspath(where)
    path = Path(text)
    if text.startswith(TFDS) or (text and is_prepared(path)):
        return tfds_holds_captions(text.removeprefix(TFDS), report=report)
    if text and path.is_dir():
        return _reader(path) is not None or holds_texts(path)
    return bool(text) and path.is_file() and reader_of(path) is not None


def _gather_folder(folder: Path, found: GatheredCaptions, report: Report) -> None:
    if gather := _reader(folder):
        gather(folder, found, report=report)
    elif not gather_texts(folder, found):
        for path in suspects(folder)[:1]:  # which says best what is amiss
            reader_to_blame(path)(path, folder, found, report=report)
            return
        raise UsageError(f"{printable(folder)} holds no pictures with captions; {WANTED}")


def _reader(folder: Path) -> Callable[..., None] | None:
    """Return what reads the files of captions in a folder, if it has any."""
    inner = (folder / name for name in children(folder)[0][:_MOST_FOLDERS])
    groups = [group for place in (folder, *inner) if (group := caption_files(place))]
    for group in groups:
        if divided := [each for each in group if each[0] is gather_karpathy]:
            return partial(_gather_all, _by_split(divided))
    if any(map(holds_coco_captions, coco_caption_files(folder).values())):
        return partial(gather_coco, folder)
    files = metadata_files(folder)
    if files and all(reader_of(path) for _, path in files):
        whole = partial(gather_metadata, whole=True)
        return partial(_gather_all, [(split, whole, path) for split, path in files])
    return partial(_gather_all, _by_split(groups[0])) if groups else None


def _by_split(files: list[tuple[Gather, Path]]) -> list[tuple[str | None, Gather, Path]]:
    """Return files of captions with the splits that their names mean; see `splits_of_files`."""
    splits = splits_of_files([path for _, path in files])
    return [(split, *each) for split, each in zip(splits, files, strict=True)]


def _gather_all(
    files: Iterable[tuple[str | None, Gather, Path]],
    root: Path,
    found: GatheredCaptions,
    *,
    report: Report,
) -> None:
    for split, gather, path in files:
        more = {} if split is None else {"split": split}
        gather(path, root, found, report=report, **more)
