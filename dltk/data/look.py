"""What every check looks at: which pictures are damaged, which are equal, how large they are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

from dltk.data.datasets import (
    CaptionData,
    LabelledData,
    MaskData,
    ObjectData,
    PictureData,
    QuestionData,
    TextData,
)
from dltk.data.examples import Pictures
from dltk.errors import InputError, printable, reason
from dltk.images import decode_sized
from dltk.wording import amount

_SHOWN = 5  # names in one line

Place = tuple[str, str]  # split and name of an example
Size = tuple[int, int]  # width and height
Data = LabelledData | ObjectData | MaskData | CaptionData | QuestionData | PictureData


def looked_over(
    data: Data, *, decode: bool, threads: int
) -> tuple[tuple[tuple[str, str], ...], list[Size]]:
    """Return (name, why) of each picture that is damaged, and the sizes of the others.

    Args:
        decode: decode every picture; otherwise only those are found that cannot be opened, and
            no sizes.
        threads: that decode at the same time.
    """
    unreadable, sizes = [], []
    if not decode:
        for examples in data.splits.values():
            for name, digest in zip(examples.names, examples.digests, strict=True):
                if not digest:
                    unreadable.append((name, "it cannot be opened"))
        return tuple(unreadable), sizes
    with ThreadPoolExecutor(threads) as pool:
        for examples in data.splits.values():
            looked = pool.map(lambda index, of=examples: _look(of, index), range(len(examples)))
            for name, found in zip(examples.names, looked, strict=True):
                if isinstance(found, str):
                    unreadable.append((name, found))
                else:
                    sizes.append(found)
    return tuple(unreadable), sizes


def extremes(sizes: Sequence[Size]) -> dict[str, Size]:
    """Return the smallest, median and largest size, by area; nothing of none."""
    if not sizes:
        return {}
    ranked = sorted(sizes, key=lambda size: (size[0] * size[1], size))
    return {"smallest": ranked[0], "median": ranked[(len(ranked) - 1) // 2], "largest": ranked[-1]}


def equal(
    data: Data | TextData, known: Callable[[Pictures, int], Hashable]
) -> dict[str, tuple[tuple[Place, ...], ...]]:
    """Return groups of equal examples, by what they are: duplicates, leaks, contradictions.

    Args:
        known: what is known of one of some examples; equal ones contradict each other where it
            differs. It is asked of examples that have an equal one only.
    """
    groups = defaultdict(list)
    for split, examples in data.splits.items():
        for index, digest in enumerate(examples.digests):
            if digest:
                groups[digest].append((split, index))
    found = {"duplicates": [], "leaks": [], "contradictions": []}
    for group in groups.values():
        if len(group) == 1:
            continue
        splits = {split for split, _ in group}
        whats = {known(data.splits[split], index) for split, index in group}
        kind = "leaks" if len(splits) > 1 else "duplicates"
        kind = "contradictions" if len(whats) > 1 else kind
        found[kind].append(tuple((split, data.splits[split].names[at]) for split, at in group))
    return {kind: tuple(members) for kind, members in found.items()}


def same(group: Sequence[Place]) -> str:
    """Return "a.jpg (train) = b.jpg (val)"."""
    return " = ".join(f"{printable(name)} ({split})" for split, name in group)


def some(names: Sequence[str]) -> str:
    """Return the first few of `names`, and how many there are."""
    first = ", ".join(map(printable, names[:_SHOWN]))
    return f"{first}, … ({len(names)} in all)" if names[_SHOWN:] else first


def alike(names: Iterable[str]) -> list[list[str]]:
    """Return groups of names that differ in capitals only."""
    groups = defaultdict(list)
    for name in names:
        groups[name.casefold()].append(name)
    return [group for group in groups.values() if len(group) > 1]


def needless(duplicates: Sequence[Sequence[Place]]) -> str:
    """Return a line on groups of equal examples, of which one of each would do."""
    spare = sum(len(group) - 1 for group in duplicates)
    copies = amount(spare, "needless copy", "needless copies")
    return f"{copies}, such as {same(duplicates[0])}"


def by_kind(repairs: Sequence[tuple[str, str]]) -> list[str]:
    """Return a line for each kind of repairs, with the first of them and how many there are."""
    groups = defaultdict(list)
    for where, what in repairs:
        kind, _, how = what.partition(": ")
        groups[kind].append(f"{printable(where)}: {printable(how)}")
    return [f"repaired: {kind}: {len(group)}, such as {group[0]}" for kind, group in groups.items()]


def _look(examples: Pictures, index: int) -> Size | str:
    """Return the size of a picture, or why it cannot be decoded."""
    try:
        return decode_sized(examples.sources[index], at_least=1)[1]
    except (InputError, OSError) as error:
        return reason(error)
