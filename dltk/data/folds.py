"""Folds for cross-validation: by class, by seed, without leaks."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from dltk.data.examples import Examples, Texts


def fold_numbers(examples: Examples | Texts, folds: int, *, seed: int = 0) -> np.ndarray:
    """Return the fold of each example, int64 (N,), from 0 to `folds` - 1.

    Every class is dealt out evenly (stratified), and copies of an example are in the same fold, or
    a network would be measured on what it was trained on. Folds differ in size by no more than
    copies and small classes make them.

    Args:
        folds: no more than there are different examples, or some folds stay empty.
        seed: of the order in which they are dealt.
    """
    groups = defaultdict(list)
    for index, digest in enumerate(examples.digests):
        groups[digest or index].append(index)
    by_class = defaultdict(list)
    for members in groups.values():
        by_class[int(examples.labels[members[0]])].append(members)
    numbers, sizes = np.zeros(len(examples), np.int64), [0] * folds
    for label in sorted(by_class):
        random = np.random.default_rng([seed, label])
        of_class, own = by_class[label], [0] * folds
        for at in random.permutation(len(of_class)):
            fold = min(range(folds), key=lambda fold: (own[fold], sizes[fold]))
            numbers[of_class[at]] = fold
            own[fold] += len(of_class[at])
            sizes[fold] += len(of_class[at])
    return numbers
