"""Where YOLO's files are: by a data.yaml, or by how the folders are called."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dltk.data.objects.annotated import number
from dltk.data.objects.files import (
    children,
    files_below,
    is_file,
    is_picture_name,
    named,
    read_text,
    split_in,
)
from dltk.data.rows import SPLIT_NAMES, split_named
from dltk.errors import UsageError, printable

CLASS_FILES = ("classes.txt", "obj.names", "_darknet.labels")
_MOST_BYTES = 64 << 20  # of a list of pictures
_MOST_YAML = 1 << 20
_SAMPLED = 20  # texts that are looked into
_NAMES = re.compile(r"^names\s*:", re.MULTILINE)


@dataclass
class YoloFiles:
    """The files of a data set, before labels are read.

    Attributes:
        root: of the data: names of pictures are relative to it.
        pictures: split, or None, and path of each.
        classes: their names in order; None where they have only numbers.
        by_number: their names by number.
        poses: whether points follow the boxes in label files.
        passed_over: (name, why) of what is listed and not there.
        repairs: (where, what) of names of classes.
    """

    root: Path
    pictures: list[tuple[str | None, Path]] = field(default_factory=list)
    classes: list[str] | None = None
    by_number: dict[int, str] = field(default_factory=dict)
    poses: bool = False
    passed_over: list[tuple[str, str]] = field(default_factory=list)
    repairs: list[tuple[str, str]] = field(default_factory=list)

    def name_classes(self, names: dict[int, str], file: str) -> None:
        """Say how the classes are called, by number, and which file says so."""
        self.by_number, self.classes = names, []
        for index in sorted(names):
            if names[index] not in self.classes:
                self.classes.append(names[index])
            elif names[index]:
                what = f'a name twice: "{names[index]}", taken as one class'
                self.repairs.append((f"{file}, class {index}", what))


def holds_yolo(folder: Path) -> bool:
    """Return whether a folder is in YOLO's layout."""
    if config_files(folder):
        return True
    folders, _ = children(folder)
    if _holds_labels(folder, folders):
        return True
    for place in [folder, *(folder / name for name in folders if split_named(name))]:
        inner, files = children(place)
        stems = {Path(name).stem for name in files if is_picture_name(name)}
        texts = [n for n in files if n.endswith(".txt") and Path(n).stem in stems]
        if texts and _hold_boxes(place / name for name in texts[:_SAMPLED]):
            return True
        if _holds_labels(place, inner):
            return True
    return False


def _hold_boxes(texts: Iterable[Path]) -> bool:
    """Return whether the texts beside pictures are of boxes, and not captions.

    One is where a line has nothing but numbers, or ends in those of a box; or if all are empty.
    """
    silent = True
    for path in texts:
        try:
            lines = read_text(path, _MOST_BYTES).split("\n")
        except UsageError:
            return True
        for words in filter(None, map(str.split, lines)):
            silent = False
            numbers = words[-4:] if len(words) > 4 else words
            if not any(math.isnan(number(word)) for word in numbers):
                return True
    return silent


def _holds_labels(folder: Path, folders: Sequence[str]) -> bool:
    """Return whether two of the folders in a folder are images/ and labels/, and not of masks."""
    names = {name.casefold(): name for name in folders}
    if not {"images", "labels"} <= set(names):
        return False
    labels = folder / names["labels"]
    return any(name.endswith(".txt") for name in files_below(labels)) or not any(
        map(is_picture_name, files_below(labels))
    )


def config_files(folder: Path) -> list[Path]:
    """Return the .yaml files in a folder that name classes; data.yaml alone if it is one."""
    names = filter(_is_yaml, children(folder)[1])
    paths = [folder / name for name in names if _names_classes(folder / name)]
    return [path for path in paths if path.stem == "data"] or paths


def yolo_files(where: Path) -> YoloFiles:
    """Return the files of a data set that a .yaml file describes, or those in a folder.

    A .yaml file has "train", "val" and "test", each a folder of pictures, a .txt file that lists
    them, or several of these, relative to "path" or to the file; and "names" of the classes, as
    a list or by number. The first parts ("../") of a path that leads nowhere are dropped.

    Without one, the split of a picture is named by a folder it is in (images/train/,
    train/images/), if any; and the classes line by line in classes.txt, obj.names or
    _darknet.labels, if there is one, in the folder or beside the labels.

    Raises:
        UsageError: a .yaml file that cannot be read, has no "names" or not as many as "nc" says;
            or several of them.
    """
    if where.is_file():
        return _configured(where)
    configs = config_files(where)
    if len(configs) > 1:
        listed = " and ".join(printable(path.name) for path in configs[:2])
        raise UsageError(f"{printable(where)} has {listed}; name the one that is wanted")
    return _configured(configs[0]) if configs else _unconfigured(where)


def _configured(path: Path) -> YoloFiles:
    content = _loaded(path)
    base = path.parent
    files = YoloFiles(base, poses="kpt_shape" in content)
    files.name_classes(_class_names(content, path), path.name)
    stated = content.get("path")
    roots = [base / stated] if isinstance(stated, str) and stated else []
    roots = [root for root in (*roots, base) if root.is_dir()]
    for key, split in SPLIT_NAMES.items():
        values = content.get(key) or []
        for value in [values] if isinstance(values, str) else values:
            place = _place(value, roots) if isinstance(value, str) else None
            if place is None:
                files.passed_over.append((f"{path.name}, {key}", f"no such place: {value}"))
                continue
            for picture in _listed(place, roots):
                if is_file(picture):
                    files.pictures.append((split, picture))
                else:
                    name = named(picture, base)
                    files.passed_over.append((name, f"no such file, listed in {place.name}"))
    return files


def _unconfigured(folder: Path) -> YoloFiles:
    files = YoloFiles(folder)
    for name in filter(_is_yaml, children(folder)[1]):
        files.passed_over.append((name, 'it has no "names" of classes'))
    for name in files_below(folder):
        if is_picture_name(name):
            splits = filter(None, map(split_in, name.split("/")[:-1]))
            files.pictures.append((next(splits, None), folder / name))
    splits = [name for name in SPLIT_NAMES if (folder / name).is_dir()]
    parts = ["", "labels", *splits, *(f"{split}/labels" for split in splits)]
    parts += [f"labels/{split}" for split in SPLIT_NAMES]
    names = (folder / part / name for part in parts for name in CLASS_FILES)
    if listed := next(filter(is_file, names), None):
        lines = read_text(listed, _MOST_BYTES).rstrip().splitlines()
        files.name_classes({number: line.strip() for number, line in enumerate(lines)}, listed.name)
    return files


def _is_yaml(name: str) -> bool:
    return name.lower().endswith((".yaml", ".yml"))


def _names_classes(path: Path) -> bool:
    try:
        return bool(_NAMES.search(read_text(path, _MOST_YAML)))
    except UsageError:
        return False


def _loaded(path: Path) -> dict:
    """Return what is in a .yaml file, all of it text: a class called "no" is not False."""
    import yaml

    try:
        content = yaml.load(read_text(path, _MOST_YAML), yaml.BaseLoader)  # makes no objects
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}" if mark else ""
        why = getattr(error, "problem", None) or type(error).__name__
        raise UsageError(f"cannot read {printable(path)}{place}: {printable(why)}") from error
    if not isinstance(content, dict) or not isinstance(content.get("names"), (list, dict)):
        raise UsageError(
            f'{printable(path)} does not name classes; wanted are "train", "val" and "names", as '
            "YOLO's data.yaml has them"
        )
    return content


def _class_names(content: dict, path: Path) -> dict[int, str]:
    names, stated = content["names"], content.get("nc")
    entries = names if isinstance(names, dict) else dict(enumerate(names))
    try:
        by_number = {int(key): name.strip() for key, name in entries.items()}
    except (ValueError, AttributeError) as error:
        raise UsageError(f"{printable(path)}: its names are not numbers and words") from error
    if isinstance(stated, str) and stated and stated != str(len(by_number)):
        raise UsageError(
            f'{printable(path)} has "nc: {printable(stated)}", and {len(by_number)} names; '
            "mend what is wrong"
        )
    return by_number


def _place(value: str, roots: Sequence[Path]) -> Path | None:
    value = value.replace("\\", "/")
    bare = re.sub(r"^(\.\./)+", "", value)
    places = (root / name for name in (value, bare) for root in roots)
    return next((place for place in places if place.exists()), None)


def _listed(place: Path, roots: Sequence[Path]) -> Iterator[Path]:
    """Yield the pictures in a folder, or those that a .txt file lists."""
    if place.is_dir():
        yield from (place / name for name in files_below(place) if is_picture_name(name))
        return
    for line in read_text(place, _MOST_BYTES).splitlines():
        if name := line.strip():
            found = (root / name for root in (place.parent, *roots))
            yield next(filter(is_file, found), place.parent / name)
