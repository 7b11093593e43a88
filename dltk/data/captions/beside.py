"""Captions in text files beside their pictures: a.txt says what is in a.jpg, a line for each."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from dltk.data.captions.captioned import Captioned, GatheredCaptions
from dltk.data.gathered import by_folder
from dltk.data.objects.files import files_below, is_picture_name, read_bounded
from dltk.data.rows import split_named
from dltk.data.utf8 import forgiving, lines_of
from dltk.errors import UsageError

_MOST_BYTES = 16 << 20
_TEXTS = (".txt", ".caption")
_FOLDERS = re.compile(r"(images?|imgs?|pictures?|photos?|captions?|texts?)", re.IGNORECASE)
_SAMPLED = 20  # files that are looked into to tell
_NOTES = re.compile(
    r"read.?me.*|licen[cs]e.*|copying|attribution.*|notes?|requirements|classes|labels|names",
    re.IGNORECASE,
)


def holds_texts(folder: Path) -> bool:
    """Return whether a folder has captions beside its pictures, and can have nothing else.

    Half of the pictures must have a text of words (YOLO's have numbers), and they must not be in
    folders of classes.
    """
    pictures, texts = _files(folder)
    told = [texts[key] for key in pictures if key in texts]
    places = {key[:-1] for key in pictures}
    classes = {tuple(part for part in place if not split_named(part)) for place in places}
    if 2 * len(told) < len(pictures) or len(classes) > 1:
        return False
    return any(_has_words(folder / name) for name in told[:_SAMPLED])


def gather_texts(folder: Path, found: GatheredCaptions) -> bool:
    """Add the pictures below a folder and what the text files of their names say, line by line.

    Those are .txt or .caption files in the same folder, or in captions/ where pictures are in
    images/. Folders of splits may be above or below.

    Returns:
        whether there are any.
    """
    pictures, texts = _files(folder)
    spoken = {key: names for key, names in pictures.items() if key in texts}
    if not any(_has_words(folder / texts[key]) for key in spoken):
        return False
    for key, names in spoken.items():
        split = next(filter(None, map(split_named, key[:-1])), None)
        for name in names:
            picture = Captioned(split, name, str(folder / name), texts[key])
            _add_lines(picture, folder, found)
    silent = [name for key, names in pictures.items() if key not in texts for name in names]
    for name, why in by_folder(silent, "pictures", "without a caption"):
        found.pass_over(name, why)
    for key, name in texts.items():
        if key not in pictures:
            noted = _NOTES.fullmatch(PurePosixPath(name).stem)
            (found.pass_over if noted else found.pass_damaged)(name, "no picture of its name")
    return True


def _add_lines(picture: Captioned, folder: Path, found: GatheredCaptions) -> None:
    """Add a picture with the lines of its text file to what was found."""
    try:
        text, faults = forgiving(read_bounded(folder / picture.file, _MOST_BYTES), picture.file)
    except UsageError as error:
        found.pass_damaged(picture.name, str(error))
        return
    for number, line in lines_of(text):
        where = f"line {number}"
        if number in faults:
            how = f"{faults[number]}, left out"
            found.repair(f"{picture.file}, {where}", "not UTF-8", how)
        elif line:
            picture.told.append((where, line))
    found.pictures.append(picture)


def _files(folder: Path) -> tuple[dict[tuple, list[str]], dict[tuple, str]]:
    """Return the pictures and the texts below a folder, by what a picture and its text share."""
    pictures: dict[tuple, list[str]] = {}
    texts: dict[tuple, str] = {}
    for name in files_below(folder):
        if is_picture_name(name):
            pictures.setdefault(_key(name), []).append(name)
        elif name.lower().endswith(_TEXTS):
            texts.setdefault(_key(name), name)
    return pictures, texts


def _key(name: str) -> tuple[str, ...]:
    """Return the folders of a file that say nothing of its kind, and its name less extension."""
    path = PurePosixPath(name)
    folders = (part for part in path.parent.parts if not _FOLDERS.fullmatch(part))
    return (*folders, path.stem)


def _has_words(path: Path) -> bool:
    try:
        text, _ = forgiving(read_bounded(path, _MOST_BYTES), path)
    except UsageError:
        return False
    return any(letter.isalpha() for letter in text)
