"""Captions as Flickr8k and Flickr30k have them: a line for each, behind its picture's name."""

from __future__ import annotations

import re
from pathlib import Path

from dltk.data.captions.captioned import GatheredCaptions
from dltk.data.captions.listed import Listed
from dltk.data.datasets import SPLITS
from dltk.data.objects.files import children, is_picture_name, read_bounded
from dltk.data.objects.json_files import shown
from dltk.data.told import split_meant
from dltk.data.utf8 import forgiving, lines_of
from dltk.weights import Report, silent

_MOST_BYTES = 1 << 30
_LINE = re.compile(r"(?P<name>[^\t]*?\S)#\d+(\s+(?P<caption>.*))?")
_LIST = re.compile(r"(?:.*[._-])?(train|dev|val|valid|validation|test)(images?)?", re.IGNORECASE)


def is_token_line(line: str) -> bool:
    """Return whether a line is NAME.jpg#NUMBER and, behind a tab, a caption."""
    match = _LINE.fullmatch(line.strip())
    return bool(match) and is_picture_name(match["name"])


def gather_tokens(
    path: Path,
    root: Path,
    found: GatheredCaptions,
    *,
    split: str | None = None,
    report: Report = silent,
) -> None:
    """Add the pictures of a file such as Flickr8k.token.txt or results_20130124.token.

    For pictures see `Listed.hand_over`. Files of names beside it, such as
    Flickr_8k.trainImages.txt, …devImages.txt and …testImages.txt, or train.txt, divide them;
    what is in none of these is left out then.

    Args:
        split: of all pictures, where there are no such files.
    Raises:
        UsageError: it cannot be read.
    """
    text, faults = forgiving(read_bounded(path, _MOST_BYTES), path)
    listed = Listed(path, root, found, split=split)
    for number, line in lines_of(text):
        where = f"line {number}"
        match = _LINE.fullmatch(line)
        if number in faults:
            listed.repair(where, "not UTF-8", f"{faults[number]}, left out")
        elif match:
            listed.add(where, match["name"], [match["caption"] or ""])
        elif line:
            listed.repair(where, "no NAME#NUMBER and caption", f"{shown(line)}, left out")
    if split_of := _split_lists(path, found):
        for name in listed.divide(split_of):
            listed.repair(
                f"the list for {split_of[name]}", "a picture without captions", f"{name}, left out"
            )
    listed.hand_over(whole=True)


def _split_lists(path: Path, found: GatheredCaptions) -> dict[str, str]:
    """Return the split of each picture that a list beside the file names."""
    lists = {}
    for name in children(path.parent)[1]:
        match = _LIST.fullmatch(name.removesuffix(".txt"))
        if match and name.endswith(".txt") and name != path.name:
            lists.setdefault(split_meant(match[1]), path.parent / name)
    split_of: dict[str, str] = {}
    for split in SPLITS:
        if split not in lists:
            continue
        listed = lists[split]
        text, _ = forgiving(read_bounded(listed, _MOST_BYTES), listed)
        for number, name in lines_of(text):
            if name and split_of.setdefault(name, split) != split:
                how = f"{name}, taken for {split_of[name]}"
                found.repair(f"{listed.name}, line {number}", "a picture in two splits", how)
    return split_of
