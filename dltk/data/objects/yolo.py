"""Objects in YOLO's text files: a line for each, in shares of the picture's width and height."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dltk.data.datasets import ObjectData
from dltk.data.objects.annotated import Annotated, Annotation, Gathered, number
from dltk.data.objects.assemble import assemble
from dltk.data.objects.files import children, is_file, is_picture_name, named, read_text
from dltk.data.objects.yolo_files import CLASS_FILES, YoloFiles, yolo_files
from dltk.errors import UsageError, printable
from dltk.weights import Report, silent

_MOST_BYTES = 16 << 20
_MOST_CLASSES = 10**5
_MOST_SHARE = 2.0  # of a coordinate: what is larger is in pixels
_LETTERS = 40  # of a wrong line, in a message


def read_yolo(where: Path, *, report: Report = silent) -> ObjectData:
    """Return the pictures and objects of a data.yaml, or of a folder in YOLO's layout.

    For splits, pictures and names of classes see `yolo_files`. The label file of
    images/train/1.jpg is labels/train/1.txt, or 1.txt beside it; a picture without one has no
    objects, and is named in `repairs`. The lines are "class centre-x centre-y width height",
    maybe with a score, which is not looked at, or "class x y x y x y …": of such a polygon the
    box is taken. Files of poses, by "kpt_shape" in data.yaml, have points after the box.

    Raises:
        UsageError: data.yaml cannot be read, no picture has a label file, or as `assemble` does.
    """
    files = yolo_files(where)
    found = Gathered(str(where), shares=True, passed_over=files.passed_over, repairs=files.repairs)
    labels = _Labels(files, found)
    for split, path in files.pictures:
        labels.add(split, path)
    if files.pictures and not labels.files:
        raise UsageError(
            f"{printable(where)} has no labels: not one of its {len(files.pictures)} pictures has "
            "a .txt file, in labels/ (where the picture is in images/) or beside it"
        )
    labels.name_strays()
    labels.name_bare()
    found.classes = files.classes or [str(number) for number in range(labels.largest + 1)]
    return assemble(found, report=report)


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of a label file."""

    number: int
    words: Sequence[str]

    def __str__(self) -> str:
        text = " ".join(self.words)
        return text if len(text) <= _LETTERS else text[: _LETTERS - 1] + "…"


class _Labels:
    """Reads the label files of pictures.

    Attributes:
        files: those that were there.
        largest: number of the last class.
    """

    def __init__(self, files: YoloFiles, found: Gathered):
        self._layout, self._found = files, found
        self._names: dict[str, str | None] = {}  # split of each picture, by its name
        self._folders = defaultdict(set)  # of pictures, by the folder of their labels
        self.files: set[Path] = set()
        self.largest = -1

    def add(self, split: str | None, path: Path) -> None:
        """Add a picture and its objects to what was found."""
        name = named(path, self._layout.root)
        if name in self._names:
            both = f"{self._names[name]} and {split}"
            where = "twice" if self._names[name] == split else f"in {both}"
            self._found.pass_over(name, f"listed {where}")
            return
        self._names[name] = split
        file = next(filter(is_file, label_places(path)), None)
        picture = Annotated(split, name, str(path), named(file, self._layout.root) if file else "")
        if file:
            self.files.add(file)
            self._folders[file.parent].add(path.parent)
            try:
                picture.objects += self._objects(file, picture)
            except UsageError as error:
                self._found.pass_damaged(name, str(error))
                return
        self._found.pictures.append(picture)

    def name_strays(self) -> None:
        """Pass over label files of which there is no picture."""
        for folder in sorted(self._folders):
            stems = {Path(n).stem for of in self._folders[folder] for n in _pictures_in(of)}
            for name in children(folder)[1]:
                stray = name.endswith(".txt") and Path(name).stem not in stems
                if stray and name not in CLASS_FILES:
                    name = named(folder / name, self._layout.root)
                    self._found.pass_over(name, "there is no picture of its name")

    def name_bare(self) -> None:
        """Say of which pictures there is no label file: they may not have been looked at yet."""
        for picture in self._found.pictures:
            if not picture.file:
                how = "taken as a picture without objects"
                self._found.repair(picture.name, "no label file", how)

    def _objects(self, file: Path, picture: Annotated) -> Iterator[Annotation]:
        lines = read_text(file, _MOST_BYTES).splitlines()
        for line in (_Line(at, text.split()) for at, text in enumerate(lines, 1) if text.strip()):
            where = f"line {line.number}"
            label = self._label(line.words[0])
            box = self._box([number(word) for word in line.words[1:]])
            if label is None:
                self._found.lose(picture, where, "unknown class", line.words[0])
            elif box is None:
                self._found.lose(picture, where, "neither a box nor a polygon", str(line))
            elif max(map(abs, box)) > _MOST_SHARE:
                self._found.lose(picture, where, "not in shares of the picture", str(line))
            else:
                yield Annotation(where, label, box)

    def _label(self, word: str) -> str | None:
        index = number(word)
        if not (0 <= index < _MOST_CLASSES and index.is_integer()):
            return None
        if self._layout.classes is not None:
            return self._layout.by_number.get(int(index))
        self.largest = max(self.largest, int(index))
        return str(int(index))

    def _box(self, values: Sequence[float]) -> tuple[float, ...] | None:
        """Return corners of a box (x, y, w, h, maybe a score) or a polygon (x, y, …)."""
        points = len(values) // 2
        if any(map(math.isnan, values)):
            return None
        if len(values) in (4, 5) or (self._layout.poses and len(values) > 5):
            x, y, width, height = values[:4]
            return x - width / 2, y - height / 2, x + width / 2, y + height / 2
        if points < 3:
            return None
        across, along = values[: 2 * points : 2], values[1 : 2 * points : 2]
        return min(across), min(along), max(across), max(along)


def label_places(picture: Path) -> Iterator[Path]:
    """Yield where the label file of a picture may be, the usual place first."""
    beside = picture.with_suffix(".txt")
    parts = list(beside.parts)
    for at in range(len(parts) - 2, -1, -1):
        if parts[at].casefold() == "images":
            yield Path(*parts[:at], "labels", *parts[at + 1 :])
            break
    yield beside


def _pictures_in(folder: Path) -> Iterator[str]:
    return filter(is_picture_name, children(folder)[1])
