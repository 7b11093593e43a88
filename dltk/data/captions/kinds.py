"""Which file is one of captions, and what reads it, by how it begins."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import islice
from pathlib import Path

from dltk.data.captions.captioned import GatheredCaptions
from dltk.data.captions.coco import gather_coco
from dltk.data.captions.flickr import gather_tokens, is_token_line
from dltk.data.captions.karpathy import gather_karpathy
from dltk.data.captions.metadata import gather_metadata, has_captions
from dltk.data.captions.table import gather_table, heads_captions
from dltk.data.objects.coco_files import holds_boxes, holds_captions, holds_sentences
from dltk.data.objects.files import children, is_picture_name
from dltk.data.objects.json_files import load_json
from dltk.data.utf8 import lines_of
from dltk.errors import UsageError, printable
from dltk.weights import Report

WANTED = (
    "wanted is a .json file of Karpathy's or COCO's, or a folder with one "
    "(annotations/captions_train.json), NAME.token.txt as Flickr8k has it, a .csv or .tsv file "
    "with the columns path and caption, metadata.jsonl with file_name and text, a folder with a "
    ".txt file beside each picture, or tfds:NAME"
)
_TEXTS = (".txt", ".token", ".csv", ".tsv")
_CALLED = re.compile(
    r"(metadata|captions|dataset_).*\.(jsonl?|csv|tsv|txt)|.*\.token(\.txt)?", re.IGNORECASE
)
_START = 64 << 10  # bytes that are looked at,
_LINES = 20  # and lines of these: one must be a caption's
_MOST_FILES = 50  # of a folder, that are looked into

Gather = Callable[..., None]


def reader_of(path: Path) -> Gather | None:
    """Return what reads a file of captions, by how it begins; None if it is something else."""
    suffix = path.suffix.lower()
    if suffix == ".json":
        return _json_reader(path)
    if suffix not in (".jsonl", *_TEXTS):
        return None
    lines = [line for _, line in lines_of(_start(path)) if line][:_LINES]
    if suffix == ".jsonl":
        return gather_metadata if any(has_captions(_first_entry(line)) for line in lines) else None
    if any(map(is_token_line, lines)):
        return gather_tokens
    return gather_table if lines and heads_captions(lines[0]) else None


def reader_to_blame(path: Path) -> Gather:
    """Return what says why a file holds no captions; or finds them where there is more in it."""
    suffix = path.suffix.lower()
    tables = dict.fromkeys((".csv", ".tsv"), gather_table)
    return (tables | {".jsonl": gather_metadata, ".json": _gather_json}).get(suffix, _refuse)


def suspects(folder: Path) -> list[Path]:
    """Return the files in a folder, or in annotations/ there, that are called as if of captions."""
    places = [folder, folder / "annotations"]
    paths = (place / name for place in places for name in children(place)[1])
    return [path for path in paths if _CALLED.fullmatch(path.name)]


def caption_files(folder: Path) -> list[tuple[Gather, Path]]:
    """Return the files of captions in a folder, and what reads each.

    A text beside a picture of its name is none, nor is one of Flickr's with words cut to their
    stems where there is another one.
    """
    names = children(folder)[1]
    pictures = {Path(name).stem for name in filter(is_picture_name, names)}
    others = (folder / name for name in names if not is_picture_name(name))
    others = (path for path in others if path.stem not in pictures)
    readers = [(reader_of(path), path) for path in islice(others, _MOST_FILES)]
    found = [(gather, path) for gather, path in readers if gather]
    return [(gather, path) for gather, path in found if "lemma" not in path.name] or found


def _json_reader(path: Path) -> Gather | None:
    start = _start(path).lstrip()
    if start.startswith("["):
        return gather_metadata if has_captions(_first_entry(start[1:])) else None
    if holds_sentences(path):
        return gather_karpathy
    return gather_coco if holds_captions(path) and not holds_boxes(path) else None


def _gather_json(path: Path, root: Path, found: GatheredCaptions, *, report: Report) -> None:
    """Read a file in which captions are among other things, or refuse it."""
    content = load_json(path)
    have = content if isinstance(content, dict) else {}
    if isinstance(content, list):
        gather_metadata(path, root, found, report=report)
    elif isinstance(have.get("images"), list) and isinstance(have.get("annotations"), list):
        gather_coco(path, root, found, report=report)
    else:
        _refuse(path, root, found, report=report)


def _refuse(path: Path, root: Path, found: GatheredCaptions, *, report: Report) -> None:
    raise UsageError(f"{printable(path)} is no data set of captions; {WANTED}")


def _first_entry(text: str) -> object:
    """Return the first value of JSON in a text, None if there is none."""
    try:
        return json.JSONDecoder().raw_decode(text.lstrip())[0]
    except (ValueError, RecursionError):
        return None


def _start(path: Path) -> str:
    """Return how a file begins; bytes that are not UTF-8 become U+FFFD."""
    try:
        with open(path, "rb") as file:
            return file.read(_START).decode("utf-8-sig", errors="replace")
    except OSError:
        return ""
