"""Pictures with label maps: readers of what people have, division, checks, and augmentation."""

from dltk.data.masks.check import MaskFindings, check_masks
from dltk.data.masks.readers import holds_masks, read_masks
from dltk.data.masks.split import split_masks

__all__ = [
    "MaskFindings",
    "check_masks",
    "holds_masks",
    "read_masks",
    "split_masks",
]
