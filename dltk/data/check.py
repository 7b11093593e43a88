"""Look a data set over before training on it: what is damaged, leaks, or is too little."""

from __future__ import annotations

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field

from dltk.data.examples import Examples, LabelledData
from dltk.errors import InputError, printable, reason
from dltk.images import decode_sized

_FEW = 10  # pictures of a class, of which little can be learnt
_SHOWN = 5  # names in one line
_LOPSIDED = 10  # times as many pictures in the largest class as in the smallest

Place = tuple[str, str]  # split and name of an example


@dataclass(frozen=True)
class Findings:
    """What was found in a data set.

    Attributes:
        where: the data, as the user named it.
        counts: number of examples by class and split.
        unreadable: (name, why) of each that is damaged, or of which the file is gone.
        duplicates: groups of equal pictures of one class in one split.
        leaks: groups of equal pictures of one class in several splits.
        contradictions: groups of equal pictures of different classes.
        passed_over: (name, why) of files and rows that are no examples.
        sizes: smallest, median and largest (width, height), by area; empty if nothing was decoded.
    """

    where: str
    counts: dict[str, dict[str, int]]
    unreadable: tuple[tuple[str, str], ...] = ()
    duplicates: tuple[tuple[Place, ...], ...] = ()
    leaks: tuple[tuple[Place, ...], ...] = ()
    contradictions: tuple[tuple[Place, ...], ...] = ()
    passed_over: tuple[tuple[str, str], ...] = ()
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def totals(self) -> dict[str, int]:
        """Number of examples by class, over all splits."""
        return {name: sum(splits.values()) for name, splits in self.counts.items()}

    @property
    def imbalance(self) -> float:
        """How many times as large the largest class is as the smallest that is not empty."""
        totals = [total for total in self.totals.values() if total]
        return max(totals) / min(totals) if totals else 1.0

    @property
    def errors(self) -> list[str]:
        """What makes training or its measurement wrong, a line for each finding."""
        lines = [f"unreadable: {printable(name)}: {why}" for name, why in self.unreadable]
        lines += [f"in several splits: {_listed(group)}" for group in self.leaks]
        lines += [f"equal, but of different classes: {_listed(g)}" for g in self.contradictions]
        lines += [
            f"nothing to train on: {printable(name)} has pictures, but none in train"
            for name, splits in self.counts.items()
            if splits.get("train") == 0 and sum(splits.values())
        ]
        return lines

    @property
    def warnings(self) -> list[str]:
        """What is worth knowing, a line for each kind of finding."""
        lines = []
        totals = self.totals
        if empty := [name for name, total in totals.items() if total == 0]:
            lines.append(f"classes without pictures: {_some(empty)}")
        single = [name for name, total in totals.items() if total == 1 and self._trained_on(name)]
        if single:
            lines.append(f"classes of one picture, used for training only: {_some(single)}")
        if few := [n for n, total in totals.items() if 0 < total < _FEW and n not in single]:
            lines.append(f"classes of less than {_FEW} pictures: {_some(few)}")
        if self.imbalance >= _LOPSIDED:
            lines.append(
                f"the largest class has {self.imbalance:.0f} times the pictures of the smallest"
            )
        if self.duplicates:
            spare = sum(len(group) - 1 for group in self.duplicates)
            lines.append(f"{spare} needless copies, such as {_listed(self.duplicates[0])}")
        if self.passed_over:
            listed = [f"{name} ({why})" for name, why in self.passed_over]
            lines.append(f"passed over: {_some(listed)}")
        return lines

    def _trained_on(self, name: str) -> bool:
        """Whether a class has pictures for training, or in data that is not divided yet."""
        splits = self.counts[name]
        return splits.get("train", splits.get("all", 0)) > 0

    def to_dict(self) -> dict:
        """Return all findings, ready for JSON."""
        fields = asdict(self)
        fields |= {"imbalance": round(self.imbalance, 3)}
        return fields | {"errors": self.errors, "warnings": self.warnings}


def check_data(data: LabelledData, *, decode: bool, threads: int) -> Findings:
    """Return what is found in `data`, divided or not.

    Args:
        decode: decode every picture; otherwise only their bytes are compared.
        threads: that decode at the same time.
    """
    unreadable, sizes = _decoded(data, threads) if decode else (_unopened(data), [])
    sizes.sort(key=lambda size: (size[0] * size[1], size))
    median = (len(sizes) - 1) // 2
    return Findings(
        data.where,
        _counts(data),
        unreadable=tuple(unreadable),
        passed_over=data.passed_over,
        sizes={"smallest": sizes[0], "median": sizes[median], "largest": sizes[-1]}
        if sizes
        else {},
        **_equal(data),
    )


def _counts(data: LabelledData) -> dict[str, dict[str, int]]:
    return {
        name: {split: int((ex.labels == label).sum()) for split, ex in data.splits.items()}
        for label, name in enumerate(data.classes)
    }


def _equal(data: LabelledData) -> dict[str, tuple]:
    """Return groups of equal pictures, by what they are: duplicates, leaks, contradictions."""
    groups = defaultdict(list)
    for split, examples in data.splits.items():
        for name, digest, label in zip(
            examples.names, examples.digests, examples.labels.tolist(), strict=True
        ):
            if digest:
                groups[digest].append((split, name, label))
    found = {"duplicates": [], "leaks": [], "contradictions": []}
    for group in groups.values():
        if len(group) == 1:
            continue
        splits, _, labels = map(set, zip(*group, strict=True))
        kind = "leaks" if len(splits) > 1 else "duplicates"
        kind = "contradictions" if len(labels) > 1 else kind
        found[kind].append(tuple((split, name) for split, name, _ in group))
    return {kind: tuple(members) for kind, members in found.items()}


def _unopened(data: LabelledData) -> list[tuple[str, str]]:
    """Return the examples whose files could not be read for their digest."""
    return [
        (name, "it cannot be opened")
        for examples in data.splits.values()
        for name, digest in zip(examples.names, examples.digests, strict=True)
        if not digest
    ]


def _decoded(data: LabelledData, threads: int) -> tuple[list, list]:
    """Decode everything; return name and reason of what cannot be, and the sizes of the rest."""
    unreadable, sizes = [], []
    with ThreadPoolExecutor(threads) as pool:
        for examples in data.splits.values():
            looked = pool.map(lambda index, of=examples: _look(of, index), range(len(examples)))
            for name, found in zip(examples.names, looked, strict=True):
                if isinstance(found, str):
                    unreadable.append((name, found))
                else:
                    sizes.append(found)
    return unreadable, sizes


def _look(examples: Examples, index: int) -> tuple[int, int] | str:
    """Return the size of a picture, or why it cannot be decoded."""
    try:
        return decode_sized(examples.sources[index], at_least=1)[1]
    except (InputError, OSError) as error:
        return reason(error)


def _listed(group: tuple[Place, ...]) -> str:
    return " = ".join(f"{printable(name)} ({split})" for split, name in group)


def _some(names: list[str]) -> str:
    """Return the first few of `names`, and how many there are."""
    first = ", ".join(map(printable, names[:_SHOWN]))
    return f"{first}, … ({len(names)} in all)" if names[_SHOWN:] else first
