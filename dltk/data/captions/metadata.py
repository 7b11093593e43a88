"""Captions in lines or lists of JSON: {"file_name": …, "text": …}, as Hugging Face has them."""

from __future__ import annotations

import json
from pathlib import Path

from dltk.data.captions.captioned import GatheredCaptions
from dltk.data.captions.listed import Listed
from dltk.data.captions.table import COLUMNS, gather_table
from dltk.data.objects.files import children, is_file, read_bounded
from dltk.data.objects.json_files import is_big, load_json, shown
from dltk.data.told import split_meant
from dltk.data.utf8 import forgiving, lines_of
from dltk.errors import UsageError, printable
from dltk.weights import Report, silent

_MOST_BYTES = 1 << 30


def metadata_files(folder: Path) -> list[tuple[str | None, Path]]:
    """Return the metadata.jsonl or metadata.csv of a folder, or those of its folders of splits."""
    splits = [
        (split, folder / name) for name in children(folder)[0] if (split := split_meant(name))
    ]
    found = []
    for split, place in ((None, folder), *splits):
        paths = [place / name for name in ("metadata.jsonl", "metadata.csv")]
        found += [(split, path) for path in paths if is_file(path)][:1]
    return found


def gather_metadata(
    path: Path,
    root: Path,
    found: GatheredCaptions,
    *,
    split: str | None = None,
    whole: bool = False,
    report: Report = silent,
) -> None:
    """Add the pictures of lines of JSON, or of a list in JSON, to what was found.

    Each entry has a key for the picture, such as "file_name" or "image", and one for its caption,
    or a list of these, such as "text" or "caption"; maybe "split" too. They are those of
    `dltk.data.captions.table`, which also reads metadata.csv. A line that is no JSON is left out.

    Args:
        split, whole: see `gather_table`.
    Raises:
        UsageError: it cannot be read; or it is a list, and damaged.
    """
    if path.suffix.lower() == ".csv":
        gather_table(path, root, found, split=split, whole=whole, report=report)
        return
    if is_big(path):
        report(f"reading {printable(path)}")
    listed = Listed(path, root, found, split=split)
    if path.suffix.lower() == ".json":
        content = load_json(path)
        if not isinstance(content, list):
            raise UsageError(f"{printable(path)} holds no captions: it is no list of entries")
        for number, entry in enumerate(content, 1):
            _add(listed, f"entry {number}", entry)
    else:
        _add_lines(listed, path)
    listed.hand_over(whole=whole)


def has_captions(entry: object) -> bool:
    """Return whether an entry names a picture and has a caption, and no class nor objects."""
    if not isinstance(entry, dict) or "objects" in entry or "label" in entry:
        return False
    name, caption = _value(entry, "path"), _value(entry, "caption")
    return isinstance(name, str) and isinstance(caption, (str, list))


def _add_lines(listed: Listed, path: Path) -> None:
    text, faults = forgiving(read_bounded(path, _MOST_BYTES), path)
    for number, line in lines_of(text):
        where = f"line {number}"
        if number in faults:
            listed.repair(where, "not UTF-8", f"{faults[number]}, left out")
            continue
        if not line:
            continue
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError) as error:
            at = f", column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
            listed.repair(f"{where}{at}", "no JSON", f"{shown(line)}, left out")
            continue
        _add(listed, where, entry)


def _add(listed: Listed, where: str, entry: object) -> None:
    if not isinstance(entry, dict):
        listed.repair(where, "not an entry", f"{shown(entry)}, left out")
        return
    caption, split = _value(entry, "caption"), _value(entry, "split")
    if caption is None and isinstance(_value(entry, "path"), str):
        listed.repair(where, "no caption", "left out")
    captions = caption if isinstance(caption, list) else [] if caption is None else [caption]
    listed.add(where, _value(entry, "path"), captions, split=None if split is None else str(split))


def _value(entry: dict, field: str) -> object:
    """Return what an entry has for a field, by the first of the field's names that is there."""
    return next((entry[name] for name in COLUMNS[field] if name in entry), None)
