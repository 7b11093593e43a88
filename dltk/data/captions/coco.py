"""Captions in COCO's JSON: pictures, and annotations that say something of one."""

from __future__ import annotations

from pathlib import Path

from dltk.data.captions.captioned import Captioned, GatheredCaptions
from dltk.data.objects.coco_files import annotation_files, holds_captions, load
from dltk.data.objects.coco_pictures import CocoFile
from dltk.data.objects.json_files import is_big
from dltk.errors import printable
from dltk.weights import Report, silent

_WANTED = ("images", "annotations")


def coco_caption_files(
    folder: Path, found: GatheredCaptions | None = None
) -> dict[str | None, Path]:
    """Return the files with COCO's captions in a folder, by split.

    See `dltk.data.objects.coco_files.annotation_files`; they are called captions_…, or hold some.
    """
    return annotation_files(folder, found, kind="captions", holds=holds_captions)


def gather_coco(
    where: Path,
    root: Path,
    found: GatheredCaptions,
    *,
    split: str | None = None,
    report: Report = silent,
) -> None:
    """Add the pictures of a COCO file, or of a folder with one for each split, to what was found.

    For pictures see `dltk.data.objects.coco_files.coco_places`.

    Args:
        split: of all pictures of a file that is named itself.
    Raises:
        UsageError: a file is cut short or of another kind, two files mean one split, an id stands
            for two pictures, or there are no captions.
    """
    files = {split: where} if where.is_file() else coco_caption_files(where, found)
    for its_split, path in files.items():
        if is_big(path):
            report(f"reading {printable(path)}")
        _File(path, its_split, root, found).read()


class _File(CocoFile):
    """A file of captions while it is read."""

    def read(self) -> None:
        """Add what is in the file to what was found."""
        content = load(self._path, wanted=_WANTED)
        self._add_pictures(content)
        seen: set[str] = set()
        entries = list(self._entries(content["annotations"], "annotation"))
        if entries and not any("caption" in entry for _, entry in entries):
            self._found.refuse(
                f"has {len(entries)} annotations without captions, such as those of boxes; "
                "wanted is a file such as captions_train.json"
            )
        for key, entry in entries:
            self._add_caption(key, entry, seen)
        self._hand_over()

    def _new(self, name: str, source: str | None, entry: dict) -> Captioned:
        return Captioned(self._split, name, source, self._name)

    def _add_caption(self, key: str, entry: dict, seen: set[str]) -> None:
        where = f"annotation {key}"
        if key in seen:
            self._repair(where, "an annotation id twice", "both kept")
        seen.add(key)
        if picture := self._picture_of(where, entry):
            picture.told.append((where, entry.get("caption")))
