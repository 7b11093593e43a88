"""What every reader of annotated pictures does with what it gathers, whatever the annotation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import NoReturn

from dltk.data.datasets import SPLITS
from dltk.errors import InputError, UsageError, printable, reason
from dltk.headers import Header, read_header

READING_THREADS = 8
_FEW = 5  # files of a folder that are named one by one


@dataclass
class Notes:
    """What a reader had to say of some data.

    Attributes:
        where: the data, as the user named it.
        passed_over, damaged, repairs: see `dltk.data.datasets.ObjectData`.
    """

    where: str
    passed_over: list[tuple[str, str]] = field(default_factory=list, kw_only=True)
    damaged: list[tuple[str, str]] = field(default_factory=list, kw_only=True)
    repairs: list[tuple[str, str]] = field(default_factory=list, kw_only=True)

    def pass_over(self, name: str, why: str) -> None:
        """Note a file that is no example."""
        self.passed_over.append((name, why))

    def pass_damaged(self, name: str, why: str) -> None:
        """Note a picture, or what annotates it, that is missing or cannot be read."""
        self.pass_over(name, why)
        self.damaged.append(self.passed_over[-1])

    def repair(self, where: str, kind: str, how: str) -> None:
        """Note what was changed or left out. Lines of one kind are counted together."""
        self.repairs.append((where, f"{kind}: {how}"))

    def refuse(self, why: str) -> NoReturn:
        """Raise UsageError, with the first thing that was amiss."""
        amiss = [*self.repairs, *self.passed_over]
        first = next((f"; {printable(name)}: {printable(what)}" for name, what in amiss), "")
        more = f" ({len(amiss)} such findings)" if len(amiss) > 1 else ""
        raise UsageError(f"{printable(self.where)} {why}{first}{more}")


class Sources(tuple):
    """Sources of pictures; those that are functions are called when indexed."""

    def __getitem__(self, index):
        return called(super().__getitem__(index))


def called(source):
    """Return what `dltk.images.decode` takes: `source`, or what it returns if it is a function."""
    return source() if callable(source) else source


def header_or_why(source) -> Header | str:
    """Return the header of a picture, or why it cannot be read."""
    try:
        return read_header(called(source))
    except InputError as error:
        return str(error)
    except OSError as error:
        return reason(error)


def checked_names(where: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return the names of classes, each once. Raises UsageError: one is empty or not UTF-8."""
    names = tuple(dict.fromkeys(names))
    for name in names:
        if not name.strip():
            raise UsageError(f"{printable(where)} has a class with an empty name; name it")
        try:
            name.encode()
        except UnicodeEncodeError as error:
            raise UsageError(f"the class name {printable(name)} is not UTF-8; rename it") from error
    return names


def members_of(splits: Sequence[str | None]) -> dict[str, list[int]]:
    """Return which pictures are in each split; "all", where no other than "train" is known.

    Args:
        splits: of each picture, or None.
    """
    names = set(splits)
    if names <= {None, "train"}:
        return {"all": list(range(len(splits)))}
    return {
        split: [at for at, its_split in enumerate(splits) if its_split == split]
        for split in SPLITS
        if split in names
    }


def by_folder(names: Iterable[str], kind: str, why: str) -> Iterator[tuple[str, str]]:
    """Yield names and why they are no examples; of many in one folder, the folder and a count."""
    groups = defaultdict(list)
    for name in names:
        groups[PurePosixPath(name).parent].append(name)
    for folder, group in groups.items():
        if len(group) <= _FEW:
            yield from ((name, why) for name in group)
        else:
            first = PurePosixPath(group[0]).name
            yield f"{folder.as_posix()}/", f"{len(group)} {kind}, such as {first}: {why}"
