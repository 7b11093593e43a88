"""Objects as Pascal VOC has them: an XML file for each picture."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from dltk.data.datasets import SPLITS, ObjectData
from dltk.data.gathered import Notes
from dltk.data.objects.annotated import (
    Annotated,
    Annotation,
    Gathered,
    no_numbers,
    number,
    stated_size,
)
from dltk.data.objects.assemble import assemble
from dltk.data.objects.files import (
    PictureNames,
    children,
    files_below,
    read_bounded,
    read_text,
)
from dltk.data.objects.mend import in_words
from dltk.data.objects.safe_xml import Element, XmlBombError, parse_xml
from dltk.data.rows import split_named
from dltk.errors import InputError, UsageError, printable
from dltk.weights import Report, silent

_MOST_BYTES = 16 << 20
_START = 4096  # bytes, in which the first element must begin
_SAMPLED = 20  # files that are looked into to know the layout
_SETS = "ImageSets/Main"
_CORNERS = ("xmin", "ymin", "xmax", "ymax")
_TRUE = ("1", "true", "yes")


def annotation_folder(folder: Path) -> Path | None:
    """Return the folder with VOC's .xml files: Annotations/, or this one, in which they lie beside
    the pictures, perhaps in folders of splits; None if there are no such files."""
    folders, files = children(folder)
    for name in folders:
        if name.casefold() == "annotations" and any(_xml_files(folder / name)):
            return folder / name
    inner = [name for name in folders if split_named(name) or name.casefold() == "images"]
    paths = [folder / name for name in files]
    paths += [folder / place / name for place in inner for name in children(folder / place)[1]]
    some = [path for path in paths if _is_xml(path.name)][:_SAMPLED]
    return folder if any(map(_annotates, some)) else None


def read_voc(folder: Path, *, report: Report = silent) -> ObjectData:
    """Return the pictures and objects of a folder in VOC's layout.

    A picture is found by the name of its .xml file, or else by the name in that. Splits are those
    of ImageSets/Main ("trainval" is "train" where that is not divided), or else folders named
    after them. Corners, which count pixels from 1 and include the last, become half-open; what is
    "difficult" becomes an ignored object. Parts of objects are not looked at.

    Raises:
        UsageError: an XML file declares a document type, or as `assemble` does.
    """
    found = Gathered(str(folder))
    annotations = annotation_folder(folder)
    names = list(_xml_files(annotations))
    splits = listed_splits(folder, _SETS, {PurePosixPath(name).stem for name in names}, found)
    pictures = _Pictures(folder)
    for name in names:
        path = annotations / name
        file = path.relative_to(folder).as_posix()
        try:
            root = _root(path)
            picture = pictures.of(file, root)
        except InputError as error:
            found.pass_damaged(file, str(error))
            continue
        split = splits.get(PurePosixPath(file).stem) if splits else split_named(name.split("/")[0])
        row = Annotated(split, picture, str(folder / picture), file, stated=_size(root))
        row.objects += _objects(root, row, found)
        found.pictures.append(row)
    for name in pictures.unused():
        found.pass_over(name, "without annotation")
    return assemble(found, report=report)


def _xml_files(folder: Path) -> Iterator[str]:
    return filter(_is_xml, files_below(folder))


def _is_xml(name: str) -> bool:
    return name.lower().endswith(".xml")


def _annotates(path: Path) -> bool:
    """Return whether a file begins like an annotation."""
    try:
        with open(path, "rb") as file:
            return b"<annotation" in file.read(_START)
    except OSError:
        return False


def listed_splits(folder: Path, sets: str, annotated: set[str], found: Notes) -> dict[str, str]:
    """Return the split of each picture, by its name without extension, that ImageSets lists.

    Args:
        sets: folder of the lists, in `folder`.
        annotated: names of pictures; the others that are listed are counted in a note.
    """
    files = {split: folder / sets / f"{split}.txt" for split in SPLITS}
    if not files["train"].is_file() and not files["val"].is_file():
        files["train"] = folder / sets / "trainval.txt"
    splits: dict[str, str] = {}
    for split, path in files.items():
        if not path.is_file():
            continue
        lines = (line.split() for line in read_text(path, _MOST_BYTES).splitlines())
        names = [PurePosixPath(words[0]).name for words in lines if words]
        if without := [name for name in names if name not in annotated]:
            why = f"{len(without)} of its pictures are not annotated, such as {without[0]}"
            found.pass_over(f"{sets}/{path.name}", why)
        for name in names:
            if splits.setdefault(name, split) != split:
                how = f"{name}, taken as {splits[name]}"
                found.repair(f"{sets}/{path.name}", "in two splits", how)
    return splits


class _Pictures:
    """The pictures of a folder, and which of them are annotated."""

    def __init__(self, folder: Path):
        self._names = PictureNames(files_below(folder))
        self._used: set[str] = set()

    def of(self, file: str, root: Element) -> str:
        """Return the name of the picture that an XML file annotates. Raises InputError."""
        called = root.text_of("filename").replace("\\", "/")
        name = self._names.nearest(file, called) or self._names.nearest(
            (PurePosixPath(file).parent / PurePosixPath(called).name).as_posix(), called
        )
        if name is None:
            raise InputError(f'there is no picture of its name, nor "{called}"')
        if name in self._used:
            raise InputError(f"{name} is annotated by another file already")
        self._used.add(name)
        return name

    def unused(self) -> list[str]:
        """Return the pictures without annotation in folders in which others have one."""
        folders = {PurePosixPath(name).parent for name in self._used}
        return [
            name
            for name in self._names.all
            if name not in self._used and PurePosixPath(name).parent in folders
        ]


def _root(path: Path) -> Element:
    """Return what is in an annotation. Raises InputError; UsageError where it is an attack."""
    try:
        root = parse_xml(read_bounded(path, _MOST_BYTES))
    except XmlBombError as error:
        raise UsageError(f"{printable(path)} is refused: {error}") from error
    except UsageError as error:
        raise InputError(str(error)) from error
    if root.tag != "annotation":
        raise InputError(f"not an annotation of a picture, but <{root.tag}>")
    return root


def _objects(root: Element, picture: Annotated, found: Gathered) -> Iterator[Annotation]:
    for at, element in enumerate(root.all("object"), 1):
        where, label, box = f"object {at}", element.text_of("name"), element.first("bndbox")
        if not label:
            found.lose(picture, where, "no class")
        elif box is None:
            found.lose(picture, where, "no box")
        elif any(map(math.isnan, corners := [number(box.text_of(name)) for name in _CORNERS])):
            found.lose(picture, where, *no_numbers(map(box.text_of, _CORNERS)))
        else:
            left, top, right, bottom = corners
            if left > right or top > bottom:  # before 1 is taken from what is smaller
                left, right, top, bottom = *sorted((left, right)), *sorted((top, bottom))
                how = f"{in_words(corners)}, put right"
                found.repair(f"{picture.file}, {where}", "corners exchanged", how)
            ignored = element.text_of("difficult").casefold() in _TRUE
            yield Annotation(where, label, (left - 1, top - 1, right, bottom), ignored)


def _size(root: Element) -> tuple[int, int] | None:
    size = root.first("size") or Element("size")
    return stated_size(number(size.text_of("width")), number(size.text_of("height")))
