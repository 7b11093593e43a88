"""Divide pictures with objects: by all the classes in each at once, by seed, without leaks."""

from __future__ import annotations

from dltk.data.datasets import ObjectData
from dltk.data.examples import AnnotatedExamples
from dltk.data.split import divide
from dltk.data.stratify import NOTHING, dealt_by
from dltk.errors import UsageError, printable


def split_objects(
    data: ObjectData, *, val_share: float = 0.15, test_share: float = 0.15, seed: int = 0
) -> ObjectData:
    """Return `data` in the splits "train", "val" and "test"; one that would be empty is left out.

    Every class is divided alike as far as that can be (iterative stratification: Sechidis et al.
    2011, Sec. 3): the rarest is dealt out first, a picture at a time, to the split that lacks it
    most. Pictures without objects are dealt out as a class of their own. Every class is trained
    on, whatever the shares. Copies of a picture go to the same split. It depends on names and
    seed, not on the order of the examples; within a split the order is that of `data`.

    Data that is divided already stays so; if it has no "val", that is taken out of "train", but
    no "test" is.

    Args:
        val_share, test_share: of all pictures, each in [0, 1), less than 1 together.
        seed: 0 or more.
    Raises:
        UsageError: impossible shares or seed, divided data without "train", or not one object in
            the training pictures that is not ignored.
    """
    divided = divide(data, dealt_by(_kinds), val_share=val_share, test_share=test_share, seed=seed)
    train = divided.splits["train"]
    if not any((~objects.ignored).any() for objects in train.objects):
        raise UsageError(
            f"{printable(data.where)} has nothing to train on: "
            f"there are no objects in its {len(train)} training pictures"
        )
    return divided


def _kinds(examples: AnnotatedExamples, index: int) -> set[int]:
    """Return the labels that are in a picture."""
    return set(examples.objects[index].labels.tolist()) or {NOTHING}
