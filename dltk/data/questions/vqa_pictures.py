"""Which picture VQA means by an id: its files name none."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path, PurePath

from dltk.data.objects.coco_files import coco_places, load, split_of
from dltk.data.objects.coco_pictures import key_of
from dltk.data.objects.files import children, is_picture_name
from dltk.data.objects.json_files import is_big
from dltk.data.objects.places import Places
from dltk.data.questions.questioned import GatheredQuestions
from dltk.errors import UsageError, printable
from dltk.weights import Report, silent

_LISTED = ("instances", "captions", "image_info")  # files of COCO's that name pictures, by id
_FOLDERS = ("Images", "Images/mscoco", "Images/abstract_v002")  # as VQA's own tools have them
_NUMBER = re.compile(r"(?:.*\D)?0*(\d+)")


def vqa_places(path: Path, subtype: str, split: str | None) -> Places:
    """Return the folders in which the pictures of a file of questions are looked for.

    They are those of `coco_places`, called like `subtype`, and Images/mscoco/ beside the file or
    its folder.

    Args:
        path: the file.
        subtype: what it says of its pictures, such as "train2014".
        split: of all of them; None to go by the file's name.
    """
    usual = coco_places(path.with_name(f"_{subtype}"), split or split_of(path))
    bases = path.parent, path.parent.parent
    return Places([*usual, *(base / f / subtype for base in bases for f in _FOLDERS)])


def images_of(
    ids: Iterable[object],
    path: Path,
    subtype: str,
    places: Places,
    found: GatheredQuestions,
    *,
    split: str | None = None,
    report: Report = silent,
) -> list[dict]:
    """Return entries {"id", "file_name"} as COCO has them for the pictures of these ids.

    A picture is that of COCO's name, COCO_train2014_000000000042.jpg, if there are such; or that
    which one of COCO's own files beside the questions, of the same split, names; or else any whose
    name ends in the number, whatever its width, or is the id. A picture that is not there has the
    name that it should have.

    Args:
        ids: as the file has them; what is no id is left out.
        path, subtype, split: see `vqa_places`, which gives `places`.
        found: is told of files of COCO's that are damaged.
    """
    keys = list(dict.fromkeys(filter(None, map(key_of, ids))))
    names = {key: _usual_name(key, subtype) for key in keys}
    coco = [key for key in keys if names[key].startswith("COCO_")]
    if not places.rank([names[key] for key in coco]):
        for file in _coco_files(path, split or split_of(path)):
            if is_big(file):
                report(f"reading {printable(file)}")
            try:
                images = load(file, wanted=("images",))["images"]
            except UsageError as error:
                found.pass_over(file.name, str(error))
                continue
            have = {key_of(entry.get("id")) for entry in images if isinstance(entry, dict)}
            if have.intersection(keys):
                return images
        coco = []
    names |= _by_number(names.keys() - coco, places)
    return [{"id": key, "file_name": name} for key, name in names.items()]


def _usual_name(key: str, subtype: str) -> str:
    if is_picture_name(key):
        return key
    if key.isdecimal() and subtype:
        return f"COCO_{subtype}_{int(key):012d}.jpg"
    return f"{key}.jpg"


def _coco_files(path: Path, split: str | None) -> Iterator[Path]:
    """Yield COCO's own files of a split beside a file, or in annotations/ there."""
    above = path.parent.parent
    for place in (path.parent, path.parent / "annotations", above / "annotations"):
        for name in children(place)[1]:
            file = place / name
            if (
                name.startswith(_LISTED)
                and name.endswith(".json")
                and split_of(file) in (None, split)
            ):
                yield file


def _by_number(keys: Collection[str], places: Places) -> dict[str, str]:
    """Return names of pictures in some folders by id, those of the folder with the most first."""
    if not keys:
        return {}
    found = []
    for folder in places:
        named: dict[str, str] = {}
        for name in filter(is_picture_name, children(folder)[1]):
            stem = PurePath(name).stem
            number = _NUMBER.fullmatch(stem)
            for key in (name, stem, *(number.groups() if number else ())):
                named.setdefault(key, name)
        found.append({key: named[key] for key in keys if key in named})
    best: dict[str, str] = {}
    for each in sorted(found, key=len):
        best |= each
    return best
