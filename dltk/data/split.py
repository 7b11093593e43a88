"""Divide examples into training, validation and test data: by class, by seed, without leaks."""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

import numpy as np

from dltk.data.datasets import (
    SPLITS,
    CaptionData,
    LabelledData,
    MaskData,
    ObjectData,
    PictureData,
    QuestionData,
    TextData,
)
from dltk.data.examples import Examples, Pictures
from dltk.errors import UsageError, printable

_Data = TypeVar(
    "_Data", LabelledData, TextData, ObjectData, MaskData, CaptionData, QuestionData, PictureData
)


def split_data(
    data: LabelledData, *, val_share: float = 0.15, test_share: float = 0.15, seed: int = 0
) -> LabelledData:
    """Return `data` in the splits "train", "val" and "test"; one that would be empty is left out.

    Every class is divided alike (stratified). Each keeps one picture for training at least, and
    as far as it has enough, gives one to every other split. Copies of a picture go to the same
    split; a picture that is in two classes, which `check_data` calls an error, is trained on only.
    But for those, which pictures a split gets depends on their names and the seed, not on the
    order of the examples nor on the other classes; within a split the order is that of `data`.

    Data that is divided already stays so; if it has no "val", that is taken out of "train", but
    no "test" is.

    Args:
        val_share, test_share: of all examples, each in [0, 1), less than 1 together.
        seed: 0 or more.
    Raises:
        UsageError: impossible shares or seed, or divided data without "train".
    """
    deal = partial(_divided, data.classes)
    return divide(data, deal, val_share=val_share, test_share=test_share, seed=seed)


def divide(data: _Data, deal: Callable, *, val_share: float, test_share: float, seed: int) -> _Data:
    """Return `data` in splits, as `split_data` does, dealt out by `deal`.

    Args:
        deal: from examples, the wanted share of each split but "train", and the seed, to the
            examples of each split that is not empty.
    Raises:
        UsageError: see `split_data`.
    """
    shares = {"test": test_share, "val": val_share}
    for name, share in shares.items():
        if not 0 <= share < 1:
            raise UsageError(f"--{name}-share {share}: a share is at least 0 and less than 1")
    if val_share + test_share >= 1:
        raise UsageError(
            f"--val-share {val_share} and --test-share {test_share} leave nothing to train on"
        )
    if seed < 0:
        raise UsageError(f"--seed {seed}: a seed is 0 or more")
    if data.divided and "train" not in data.splits:
        have = ", ".join(data.splits)
        raise UsageError(f"{printable(data.where)} has nothing to train on: only {have}")
    if not data.divided:
        splits = deal(data.splits["all"], shares, seed)
    elif "val" in data.splits:
        return data
    else:
        taken = deal(data.splits["train"], {"val": val_share}, seed)
        splits = data.splits | taken
    return replace(data, splits={name: splits[name] for name in SPLITS if name in splits})


def _divided(
    classes: Sequence[str], examples: Examples, shares: dict[str, float], seed: int
) -> dict[str, Examples]:
    chosen = defaultdict(list)
    contested = _contested(examples)
    chosen["train"] += np.flatnonzero(contested).tolist()
    for label, name in enumerate(classes):
        random = np.random.default_rng([seed, zlib.crc32(name.encode())])
        groups = copies(examples, np.flatnonzero((examples.labels == label) & ~contested))
        groups = [groups[at] for at in random.permutation(len(groups))]
        for split, members in _dealt(groups, shares).items():
            chosen[split] += members
    return {split: examples.take(sorted(members)) for split, members in chosen.items() if members}


def _contested(examples: Examples) -> np.ndarray:
    """Return bool (N,): which examples have a copy of another class."""
    labels = defaultdict(set)
    for digest, label in zip(examples.digests, examples.labels.tolist(), strict=True):
        labels[digest].add(label)
    return np.array([bool(d) and len(labels[d]) > 1 for d in examples.digests], bool)


def copies(examples: Pictures, indices: Sequence[int]) -> list[list[int]]:
    """Return the indices in groups of equal content, in the order of the names."""
    groups = defaultdict(list)
    for index in sorted(indices, key=lambda index: examples.names[index]):
        groups[examples.digests[index] or index].append(int(index))
    return list(groups.values())


def _dealt(groups: list[list[int]], shares: dict[str, float]) -> dict[str, list[int]]:
    """Deal one class's groups to the splits of `shares`, in whole groups; "train" gets the rest."""
    count = sum(map(len, groups))
    wanted = [split for split, share in shares.items() if share > 0]
    enough = len(groups) > len(wanted)  # for one in every split, and one to train on
    dealt = {}
    for later, split in zip(range(len(wanted), 0, -1), wanted, strict=True):
        want = round(count * shares[split])
        reserve = later if enough else 1  # groups that must be left: one for each split to come
        taken, rest = [], []
        for at, group in enumerate(groups):
            left = len(rest) + len(groups) - at - 1
            fits = len(taken) + len(group) <= want and left >= reserve
            (taken.extend if fits else rest.append)(group)
        if enough and not taken:
            smallest = min(rest, key=len)
            rest.remove(smallest)
            taken = smallest
        dealt[split], groups = taken, rest
    return dealt | {"train": [index for group in groups for index in group]}
