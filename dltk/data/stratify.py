"""Deal pictures with several classes in each out to splits, so that every split has its share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from dltk.data.examples import Pictures
from dltk.data.split import copies

NOTHING = -1  # what pictures without any class have, as others have a label


def dealt_by(kinds_of: Callable[[Pictures, int], set[int]]) -> Callable[..., dict[str, Pictures]]:
    """Return a function that deals out examples by the kinds in each, for `divide`.

    Every kind is divided alike as far as that can be (iterative stratification: Sechidis et al.
    2011, Sec. 3): the rarest is dealt out first, a picture at a time, to the split that lacks it
    most. Every kind but NOTHING is trained on, whatever the shares. Copies of a picture go to the
    same split. It depends on names and seed, not on the order of the examples; within a split the
    order stays.

    Args:
        kinds_of: from examples and an index to labels, or {NOTHING}.
    """

    def deal(examples: Pictures, shares: dict[str, float], seed: int) -> dict[str, Pictures]:
        groups = copies(examples, range(len(examples)))
        groups = [groups[at] for at in np.random.default_rng(seed).permutation(len(groups))]
        kinds = [_together(kinds_of(examples, index) for index in members) for members in groups]
        split_of = _stratified([len(members) for members in groups], kinds, shares)
        _fill(split_of, [len(members) for members in groups], shares)
        _train_on_all(split_of, kinds)
        chosen = defaultdict(list)
        for members, split in zip(groups, split_of, strict=True):
            chosen[split] += members
        return {split: examples.take(sorted(members)) for split, members in chosen.items()}

    return deal


def _together(kinds: Iterable[set[int]]) -> set[int]:
    """Return the kinds in a group of pictures: NOTHING only if there is no other."""
    every = set().union(*kinds)
    return every - {NOTHING} or every


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


def _fill(split_of: list[str], sizes: Sequence[int], shares: dict[str, float]) -> None:
    """Give each split that has nothing the smallest group that training can spare.

    Copies make groups of several pictures, larger than what a small split lacks.
    """
    wanted = [split for split, share in shares.items() if share > 0]
    for split in wanted if len(split_of) > len(wanted) else ():
        spare = [group for group, its in enumerate(split_of) if its == "train"]
        if split not in split_of and len(spare) > 1:
            split_of[min(spare, key=sizes.__getitem__)] = split


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
        if not of_group <= trained | {NOTHING}:
            split_of[group] = "train"
            trained |= of_group
