"""Pictures with objects: readers of what people have, division, checks, and augmentation."""

from dltk.data.objects.check import ObjectFindings, check_objects
from dltk.data.objects.readers import holds_objects, read_objects
from dltk.data.objects.split import split_objects

__all__ = [
    "ObjectFindings",
    "check_objects",
    "holds_objects",
    "read_objects",
    "split_objects",
]
