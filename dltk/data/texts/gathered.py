"""Labelled texts as readers gather them: written to disk one by one, named by file and line."""

from __future__ import annotations

import unicodedata
from array import array
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from dltk.data.datasets import SPLITS, TextData
from dltk.data.examples import Texts
from dltk.data.gathered import Notes, checked_names
from dltk.data.rows import natural
from dltk.errors import InputError, UsageError, printable
from dltk.text.lines import not_utf8
from dltk.text.spool import Spool
from dltk.wording import amount

_MOST_NAMED = 1000  # rows with the same fault that are named one by one
_MANY = 50  # classes, of which it can be seen that no two texts are of the same


class Names(Sequence[str]):
    """Names of texts, made when indexed: a file, and the line in it that the text begins in.

    Args:
        files: that they are in.
        file: the place in `files` of each.
        line: of each, from 1; 0 where the file has the one text.
    """

    def __init__(self, files: Sequence[str], file: Sequence[int], line: Sequence[int]):
        self._files, self._file, self._line = files, file, line

    def __len__(self) -> int:
        return len(self._file)

    def __getitem__(self, index: int) -> str:
        name, line = self._files[self._file[index]], self._line[index]
        return f"{name}:{line}" if line else name


class _Part:
    """The texts of one split, in their final order."""

    def __init__(self):
        self.texts = Spool()
        self.labels, self.files, self.lines = array("i"), array("i"), array("q")


@dataclass
class GatheredTexts(Notes):
    """All that a reader found; texts are on disk, and in memory some bytes for each.

    Attributes:
        wanted: what a data set looks like, to say where this is none.
        classes: their names in the order of the labels; where they are not known beforehand, they
            are those of the texts, sorted naturally.
    """

    wanted: str = field(default="", kw_only=True)
    classes: tuple[str, ...] = field(default=(), kw_only=True)
    _parts: dict[str | None, _Part] = field(default_factory=lambda: defaultdict(_Part), init=False)
    _numbers: dict[str, int] = field(default_factory=dict, init=False)
    _files: list[str] = field(default_factory=list, init=False)
    _faults: Counter[str] = field(default_factory=Counter, init=False)

    def open_file(self, name: str) -> None:
        """Say which file the texts to come are in."""
        self._files.append(name)

    def add(self, split: str | None, line: int, text: str, label: str) -> None:
        """Add a text of the file that was opened last, if it is one, and is of a class.

        Args:
            line: that it begins in, 0 where the file has no other text.
        """
        for told, what in ((text, "the text"), (label, "its class")):
            if why := not_utf8(told):
                self.damaged_row(line, f"{what} is {why}")
                return
        text, label = (unicodedata.normalize("NFC", each.strip()) for each in (text, label))
        if not text:
            self.leave_out(line, "an empty text")
        elif not label:
            self.leave_out(line, "a text without a class")
        else:
            part = self._parts[split]
            part.texts.append(text.encode())
            part.labels.append(self._numbers.setdefault(label, len(self._numbers)))
            part.files.append(len(self._files) - 1)
            part.lines.append(line)

    def leave_out(self, line: int, kind: str, how: str = "left out") -> None:
        """Note a text that is left out, and why."""
        if self._is_named(kind):
            self.repair(self._at(line), kind, how)

    def damaged_row(self, line: int, why: str) -> None:
        """Note a row, or a whole file, that is no text with its class."""
        if self._is_named("damaged rows"):
            self.pass_damaged(self._at(line), why)

    def stray_row(self, line: int, why: str) -> None:
        """Note a row that is beside the point."""
        if self._is_named(why):
            self.pass_over(self._at(line), why)

    def _is_named(self, kind: str) -> bool:
        """Return whether a fault is to be named, and not only counted."""
        self._faults[kind] += 1
        return self._faults[kind] <= _MOST_NAMED

    def _at(self, line: int) -> str:
        return f"{self._files[-1]}:{line}" if line else self._files[-1]

    def assemble(self) -> TextData:
        """Return the data.

        Texts that are all of "train" are undivided, as a data set that knows no other split is.

        Raises:
            UsageError: no text of known class, or of one class only; a class with an odd name; or
                every text has a class of its own.
            DltkError: the disk is full.
        """
        self._sum_up()
        known = {split: part for split, part in self._parts.items() if split}
        loose = self._parts.get(None)
        if loose and known:
            self.pass_over(self.where, f"{amount(len(loose.texts), 'text')} in no split")
        elif loose:
            known = {"all": loose}
        if set(known) == {"train"}:
            known = {"all": known["train"]}
        classes, places = self._sorted_classes(known)
        splits = {
            split: self._texts(known[split], places) for split in (*SPLITS, "all") if split in known
        }
        rest = map(tuple, (self.passed_over, self.repairs, self.damaged))
        return TextData(self.where, classes, splits, *rest)

    def _sum_up(self) -> None:
        """Say of how many more rows what was said of the first thousand."""
        for kind, count in self._faults.items():
            if count > _MOST_NAMED:
                more = f"and {amount(count - _MOST_NAMED, 'more row')} like those named"
                if any(what.startswith(f"{kind}: ") for _, what in self.repairs):
                    self.repair(self.where, kind, more)
                else:
                    self.pass_over(self.where, f"{kind}: {more}")

    def _sorted_classes(self, parts: dict[str, _Part]) -> tuple[tuple[str, ...], np.ndarray]:
        """Return the names of the classes, and the place of each by the number it has here."""
        texts = sum(len(part.texts) for part in parts.values())
        if not texts:
            self.refuse("has no texts with a class")
        occur = set().union(*(np.unique(part.labels).tolist() for part in parts.values()))
        found = [name for name, number in self._numbers.items() if number in occur]
        if len(found) == 1:
            raise UsageError(
                f'{printable(self.where)} has one class only, "{printable(found[0])}"; '
                f"a classifier needs two: {self.wanted}"
            )
        if len(found) == texts > _MANY:
            raise UsageError(
                f"{printable(self.where)} has {texts:,} texts, and each is of a class of its own, "
                f'such as "{printable(found[0])}"; name the column with classes: --label-column'
            )
        classes = self.classes or tuple(sorted(found, key=natural))
        classes = checked_names(self.where, classes)
        place = {name: at for at, name in enumerate(classes)}
        return classes, np.array([place.get(name, -1) for name in self._numbers], np.int64)

    def _texts(self, part: _Part, places: np.ndarray) -> Texts:
        part.texts.flush()
        names = Names(self._files, part.files, part.lines)
        return Texts(names, part.texts, places[np.asarray(part.labels)])


def value_of(value: object, what: str) -> str:
    """Return a value of JSON as text: numbers that are whole without a point.

    Raises:
        InputError: it is nothing that stands for a text or a class.
    """
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, (bool, int, float)):
        return str(value).lower()
    raise InputError(f"{what} is no text: {printable(repr(value))[:40]}")
