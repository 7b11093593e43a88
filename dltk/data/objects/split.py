"""Divide pictures with objects: by all the classes in each at once, by seed, without leaks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from dltk.data.examples import AnnotatedExamples, ObjectData
from dltk.data.split import copies, divide
from dltk.errors import UsageError, printable

_NOTHING = -1  # what pictures without objects have, as others have a label


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
    divided = divide(data, _dealt, val_share=val_share, test_share=test_share, seed=seed)
    train = divided.splits["train"]
    if not any((~objects.ignored).any() for objects in train.objects):
        raise UsageError(
            f"{printable(data.where)} has nothing to train on: "
            f"there are no objects in its {len(train)} training pictures"
        )
    return divided


def _dealt(
    examples: AnnotatedExamples, classes: Sequence[str], shares: dict[str, float], seed: int
) -> dict[str, AnnotatedExamples]:
    groups = copies(examples, range(len(examples)))
    groups = [groups[at] for at in np.random.default_rng(seed).permutation(len(groups))]
    kinds = [_kinds(examples, members) for members in groups]
    split_of = _stratified([len(members) for members in groups], kinds, shares)
    _train_on_all(split_of, kinds)
    chosen = defaultdict(list)
    for members, split in zip(groups, split_of, strict=True):
        chosen[split] += members
    return {split: examples.take(sorted(members)) for split, members in chosen.items()}


def _kinds(examples: AnnotatedExamples, members: Sequence[int]) -> set[int]:
    """Return the labels that are in a group of pictures."""
    labels = {label for index in members for label in examples.objects[index].labels.tolist()}
    return labels or {_NOTHING}


def _stratified(
    sizes: Sequence[int], kinds: Sequence[set[int]], shares: dict[str, float]
) -> list[str]:
    """Return the split of each group of pictures, of so many pictures and of these kinds."""
    members = defaultdict(list)
    for group, of_group in enumerate(kinds):
        for kind in of_group:
            members[kind].append(group)
    lacks = {kind: _wanted([sizes[g] for g in groups], shares) for kind, groups in members.items()}
    lacks_in_all = _wanted(sizes, shares)
    split_of: list[str | None] = [None] * len(sizes)
    while members:
        kind = min(members, key=lambda kind: (len(members[kind]), kind))
        for group in members[kind]:
            split = max(lacks[kind], key=lambda split: (lacks[kind][split], lacks_in_all[split]))
            split_of[group] = split
            lacks_in_all[split] -= sizes[group]
            for other in kinds[group]:
                lacks[other][split] -= sizes[group]
        members = {
            kind: left
            for kind, groups in members.items()
            if (left := [group for group in groups if split_of[group] is None])
        }
    return split_of


def _wanted(sizes: Sequence[int], shares: dict[str, float]) -> dict[str, float]:
    """Return how many pictures of a kind each split should get, "train" first.

    Where there are enough groups, that is one at least.
    """
    wanted = {split: share * sum(sizes) for split, share in shares.items() if share > 0}
    if len(sizes) > len(wanted):
        wanted = {split: max(1.0, want) for split, want in wanted.items()}
    return {"train": sum(sizes) - sum(wanted.values())} | wanted


def _train_on_all(split_of: list[str], kinds: Sequence[set[int]]) -> None:
    """Move groups to "train" until it has every kind, in place."""
    trained = {
        kind for split, of in zip(split_of, kinds, strict=True) for kind in of if split == "train"
    }
    for group, of_group in enumerate(kinds):
        if not of_group <= trained | {_NOTHING}:
            split_of[group] = "train"
            trained |= of_group
