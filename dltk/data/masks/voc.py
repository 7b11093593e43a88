"""Label maps as Pascal VOC has them: JPEGImages/, SegmentationClass/, and lists of splits."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from dltk.data.datasets import MaskData
from dltk.data.gathered import by_folder
from dltk.data.masks.assemble import assemble
from dltk.data.masks.pairs import gather_pairs, pairs_in
from dltk.data.objects.files import children
from dltk.data.objects.voc import listed_splits
from dltk.voc import CLASSES
from dltk.weights import Report, silent

_FOLDER = "SegmentationClass"
_SETS = "ImageSets/Segmentation"


def holds_voc_masks(folder: Path) -> bool:
    """Return whether a folder is in VOC's layout, with masks."""
    return _FOLDER in children(folder)[0]


def read_voc_masks(folder: Path, *, report: Report = silent) -> MaskData:
    """Return the pictures and masks of a folder in VOC's layout.

    Splits are those of ImageSets/Segmentation ("trainval" is "train" where that is not divided);
    masks that no list names are left out where there are any. Classes are VOC's own, unless
    a file of names says otherwise, or there are more.

    Raises:
        UsageError: as `dltk.data.masks.names.class_names` and `assemble` do.
    """
    found = gather_pairs(folder, pairs_in(folder))
    found.usual = CLASSES
    stems = {PurePosixPath(picture.name).stem for picture in found.pictures}
    if splits := listed_splits(folder, _SETS, stems, found):
        for picture in found.pictures:
            picture.split = splits.get(PurePosixPath(picture.name).stem)
        unlisted = [picture.name for picture in found.pictures if picture.split is None]
        for name, why in by_folder(unlisted, "pictures", f"in no list of {_SETS}"):
            found.pass_over(name, why)
        found.pictures = [picture for picture in found.pictures if picture.split]
    return assemble(found, report=report)
