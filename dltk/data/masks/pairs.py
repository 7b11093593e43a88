"""Pictures and their masks as files of the same names, in folders of their own or side by side."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from dltk.data.datasets import MaskData
from dltk.data.gathered import by_folder
from dltk.data.masks.assemble import assemble
from dltk.data.masks.files import MaskFile
from dltk.data.masks.masked import GatheredMasks, Masked
from dltk.data.masks.names import class_names
from dltk.data.objects.files import files_below, is_picture_name
from dltk.data.rows import SPLIT_NAMES
from dltk.weights import Report, silent

_SPLITS = SPLIT_NAMES | {"training": "train", "testing": "test"}
_PICTURES = "images?|imgs?|jpegimages|pngimages|leftimg8bit|pictures?|photos?"
_MASKS = (
    "masks?|labels?|annot|annotations?|segmentationclass|segmentations?|seg|gts?|gtfine|"
    "ground[ _-]?truths?|trimaps?|label[ _-]?maps?|stuffthingmaps"
)
_SPLIT = rf"(?P<{{}}>{'|'.join(_SPLITS)})(20\d\d)?"
_FOLDER = re.compile(
    rf"({_SPLIT.format('before')})?[ _-]?((?P<masks>{_MASKS})|(?P<pictures>{_PICTURES}))?"
    rf"[ _-]?({_SPLIT.format('behind')})?"
)
_LEFT_ALONE = re.compile("segmentationobject|instances?([ _-]?masks?)?")  # masks of another kind
_OTHER = re.compile(r".*[_-](color|instanceids|instancetrainids)", re.IGNORECASE)
_OF_MASKS = re.compile(
    r"[ _.-](masks?|gts?|gtfine|ground_?truth|labels?|labelids|labeltrainids|seg|segmentation)$",
    re.IGNORECASE,
)
_IN_FOLDERS = re.compile(r"_[lp]$", re.IGNORECASE)  # CamVid's; not telling where there are others
_OF_PICTURES = re.compile(r"[ _.-](images?|img|leftimg8bit|sat|rgb|color)$", re.IGNORECASE)


@dataclass
class Pairs:
    """Pictures and masks of a folder, by their names.

    Attributes:
        found: split, picture and mask of each pair, in order of the pictures.
        pictures, masks: those without the other.
        spare: masks of pictures that have a better one.
        by_folders: whether a folder's name says that there are masks in it, and not just endings.
    """

    found: list[tuple[str | None, str, str]] = field(default_factory=list)
    pictures: list[str] = field(default_factory=list)
    masks: list[str] = field(default_factory=list)
    spare: list[str] = field(default_factory=list)
    by_folders: bool = False


def holds_pairs(folder: Path) -> bool:
    """Return whether a folder has pictures and masks, by their names.

    Where only endings of names tell masks from pictures, half of the pictures must have one.
    """
    pairs = pairs_in(folder)
    return len(pairs.found) > (0 if pairs.by_folders else len(pairs.pictures))


def read_pairs(folder: Path, *, report: Report = silent) -> MaskData:
    """Return the pictures and masks of a folder, see `pairs_in`.

    For names of classes see `class_names`; the file lies in the folder or beside the masks.

    Raises:
        UsageError: as `class_names` and `assemble` do.
    """
    found = gather_pairs(folder, pairs_in(folder))
    return assemble(found, report=report)


def pairs_in(folder: Path) -> Pairs:
    """Return which files below a folder are a picture and its mask.

    Pictures are in a folder called images (or imgs, JPEGImages, leftImg8bit, …), masks in one
    called masks (or labels, annotations, SegmentationClass, gts, trimaps, …), at any depth; such
    a name may have that of a split with it (train_masks), and folders of splits may be above or
    below. What is in no such folder is a mask by the ending of its name, or else a picture. The
    two have the same path less those folders and the file's extension; the name of a mask may end
    in _mask, _gt, _labelIds and the like, that of a picture in _image, _leftImg8bit or _sat.
    """
    pictures, masks = _Pictures(), []
    for name in filter(is_picture_name, files_below(folder)):
        place = _place(name)
        if place and place.masks:
            masks.append((name, place))
        elif place:
            pictures.add(name, place)
    pairs = Pairs(pictures=pictures.twice)
    masks_of = defaultdict(list)
    for name, place in masks:
        shortened, picture = pictures.of(place)
        if picture is None:
            pairs.masks.append(name)
        else:
            masks_of[picture].append((shortened, "trainids" not in name.casefold(), name))
            pairs.by_folders |= place.told
    for picture, split in pictures.splits.items():
        if picture in masks_of:
            best, *others = (name for *_, name in sorted(masks_of[picture]))
            pairs.found.append((split, picture, best))
            pairs.spare += others
        else:
            pairs.pictures.append(picture)
    return pairs


class _Pictures:
    """The pictures of a folder, found by what they have in common with their masks.

    Attributes:
        splits: of each.
        twice: those whose name is that of another but for the extension.
    """

    def __init__(self):
        self.splits: dict[str, str | None] = {}
        self.twice: list[str] = []
        self._whole: dict[tuple, str] = {}
        self._shortened: dict[tuple, str] = {}

    def add(self, name: str, place: _Place) -> None:
        whole, *shorter = place.keys()
        if whole in self._whole:
            self.twice.append(name)
            return
        self.splits[name] = place.folder.split
        self._whole[whole] = name
        for key in shorter:
            self._shortened.setdefault(key, name)

    def of(self, mask: _Place) -> tuple[int, str | None]:
        """Return the picture of a mask, or None, and how often the mask's name was shortened."""
        for shortened, key in enumerate(mask.keys()):
            if picture := self._whole.get(key) or self._shortened.get(key):
                return shortened, picture
        return 0, None


def gather_pairs(folder: Path, pairs: Pairs) -> GatheredMasks:
    """Return what was found of pairs of files in a folder."""
    places = dict.fromkeys(above for *_, mask in pairs.found for above in _folders(folder, mask))
    names = class_names([folder, *places])
    found = GatheredMasks(str(folder), classes=names.classes, numbers=names.colours is None)
    for split, picture, mask in pairs.found:
        file = MaskFile(file=mask, source=str(folder / mask), colours=names.colours)
        found.pictures.append(Masked(split, picture, str(folder / picture), file))
    for name, why in by_folder(pairs.pictures, "pictures", "without mask"):
        found.pass_over(name, why)
    for name, why in by_folder(pairs.spare, "masks", "another mask of a picture"):
        found.pass_over(name, why)
    for name, why in by_folder(pairs.masks, "masks", "there is no picture of its name"):
        found.pass_damaged(name, why)
    return found


class _Folder(NamedTuple):
    """What the path of a folder says.

    Attributes:
        split: "train", "val", "test", or None.
        masks: whether masks are in it; None if it says neither that nor that pictures are.
        others: the folders of the path that say nothing.
    """

    split: str | None
    masks: bool | None
    others: tuple[str, ...]


class _Place(NamedTuple):
    """What the path of a picture or mask says.

    Attributes:
        folder: what that of its folder says.
        masks: whether it is a mask.
        stem: its name without extension.
    """

    folder: _Folder
    masks: bool
    stem: str

    @property
    def told(self) -> bool:
        """Whether a folder says what it is, and not just the ending of its name."""
        return self.folder.masks is not None

    def keys(self) -> list[tuple]:
        """Return what a picture and its mask have in common, with the longest name first."""
        endings = [_OF_MASKS, _IN_FOLDERS] if self.masks else [_OF_PICTURES]
        stems = [self.stem]
        while len(stems) < 3:
            shorter = next((s for e in endings if (s := e.sub("", stems[-1])) != stems[-1]), "")
            if not shorter:
                break
            stems.append(shorter)
        return [(self.folder.split, self.folder.others, stem) for stem in stems]


def _place(name: str) -> _Place | None:
    """Return what the path of a file says; None if it is no picture nor a mask of classes."""
    parent, _, file = name.rpartition("/")
    folder, stem = _folder(parent), PurePosixPath(file).stem
    if folder is None or (folder.masks and _OTHER.fullmatch(stem)):
        return None
    ending = _OF_MASKS.search(stem) is not None
    return _Place(folder, ending if folder.masks is None else folder.masks, stem)


@lru_cache
def _folder(path: str) -> _Folder | None:
    """Return what the path of a folder says; None if masks of another kind are in it."""
    split = masks = None
    others = []
    for part in PurePosixPath(path).parts:
        if _LEFT_ALONE.fullmatch(part.casefold()):
            return None
        match = _FOLDER.fullmatch(part.casefold())
        if not match or not any(match.groupdict().values()):
            others.append(part)
            continue
        split = _SPLITS.get(match["before"] or match["behind"], split)
        if match["masks"] or match["pictures"]:
            masks = bool(match["masks"])
    return _Folder(split, masks, tuple(others))


def _folders(root: Path, name: str) -> Iterator[Path]:
    """Yield the folders that a file is in, from below the root to the last one."""
    for above in reversed(PurePosixPath(name).parents[:-1]):
        yield root / above
