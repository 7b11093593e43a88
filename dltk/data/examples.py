"""Pictures and texts of which something is known: trained on, measured on, checked, shown."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
from PIL import Image

from dltk.errors import InputError, reason
from dltk.images import decode
from dltk.objects import Objects


@dataclass(frozen=True)
class _Ordered:
    """Examples in a fixed order; subclasses say of what kind, and what is known of each.

    Attributes:
        names: of each: its path relative to the data's root, with "/" between the parts.
        sources: of each: what it is made from. May read from disk when indexed.
    """

    names: Sequence[str]
    sources: Sequence[object]

    def __len__(self) -> int:
        return len(self.names)

    def take(self, indices: Iterable[int]) -> Self:
        """Return the examples at `indices`, in that order."""
        indices = [int(index) for index in indices]
        taken = replace(
            self,
            names=_some(self.names, indices),
            sources=_Chosen(self.sources, indices),
            **self._known_of(indices),
        )
        if "digests" in self.__dict__:
            taken.__dict__["digests"] = tuple(self.digests[index] for index in indices)
        return taken

    def _known_of(self, indices: list[int]) -> dict:
        """Return the fields of a subclass for the examples at `indices`."""
        return {}


@dataclass(frozen=True)
class Pictures(_Ordered):
    """Pictures in a fixed order; subclasses say what is known of each.

    Attributes:
        names: see above.
        sources: of each: what `dltk.images.decode` takes.
    """

    def decode(self, index: int, *, at_least: int | None = None) -> Image.Image:
        """Return one picture, upright RGB. Raises InputError with the reason."""
        return decode(self.sources[index], at_least=at_least)

    @cached_property
    def digests(self) -> tuple[str, ...]:
        """The first 32 hexadecimal digits of the SHA-256 of each picture's content.

        A file that cannot be read has "".
        """
        with ThreadPoolExecutor(4) as pool:
            return tuple(pool.map(lambda i: _digest(self.sources[i]), range(len(self))))


@dataclass(frozen=True)
class Texts(_Ordered):
    """Texts of known class.

    Attributes:
        names: of each: its file, or the file and the line: "reviews.csv:17".
        sources: of each, in UTF-8.
        labels: int64 (N,), indices into the classes.
    """

    sources: Sequence[bytes]
    labels: np.ndarray

    def text(self, index: int) -> str:
        """Return one text."""
        return self.sources[index].decode()

    def _known_of(self, indices: list[int]) -> dict:
        return {"labels": self.labels[np.asarray(indices, np.int64)]}

    @cached_property
    def digests(self) -> tuple[str, ...]:
        """The first 32 hexadecimal digits of the SHA-256 of each text."""
        return tuple(map(_digest, self.sources))


@dataclass(frozen=True)
class Examples(Pictures):
    """Pictures of known class.

    Attributes:
        labels: int64 (N,), indices into the classes.
    """

    labels: np.ndarray

    def _known_of(self, indices: list[int]) -> dict:
        return {"labels": self.labels[np.asarray(indices, np.int64)]}


@dataclass(frozen=True)
class AnnotatedExamples(Pictures):
    """Pictures of known objects.

    Attributes:
        objects: of each, in pixels of the upright original.
    """

    objects: Sequence[Objects]

    def _known_of(self, indices: list[int]) -> dict:
        return {"objects": tuple(self.objects[index] for index in indices)}


@dataclass(frozen=True)
class MaskedExamples(Pictures):
    """Pictures of which every pixel's class is known.

    Attributes:
        masks: of each, a function that returns its label map (see `dltk.masks`), uint8 (H, W) of
            the upright original, and raises InputError where it cannot.
        counts: int64 (N, K), pixels of each class in each picture.
    """

    masks: Sequence[Callable[[], np.ndarray]]
    counts: np.ndarray

    def _known_of(self, indices: list[int]) -> dict:
        rows = np.asarray(indices, np.int64)
        return {"masks": tuple(self.masks[i] for i in indices), "counts": self.counts[rows]}


@dataclass(frozen=True)
class CaptionedExamples(Pictures):
    """Pictures of which people, or a grammar, say something.

    Attributes:
        captions: of each, one or more. May be made when indexed.
    """

    captions: Sequence[tuple[str, ...]]

    def _known_of(self, indices: list[int]) -> dict:
        return {"captions": tuple(self.captions[index] for index in indices)}


class Question(NamedTuple):
    """What is asked about a picture.

    Attributes:
        text: the question.
        answers: of one person or more, the same perhaps of several.
        kind: what it asks for, such as "count"; "" where that is not known.
    """

    text: str
    answers: tuple[str, ...]
    kind: str = ""


@dataclass(frozen=True)
class QuestionedExamples(Pictures):
    """Pictures about which something is asked, with answers.

    Attributes:
        questions: about each, one or more. May be made when indexed.
    """

    questions: Sequence[tuple[Question, ...]]

    def _known_of(self, indices: list[int]) -> dict:
        return {"questions": tuple(self.questions[index] for index in indices)}


def _some(names: Sequence[str], indices: list[int]) -> Sequence[str]:
    """Return the names at `indices`; those that are made when indexed stay so."""
    if isinstance(names, tuple):
        return tuple(names[index] for index in indices)
    return _Chosen(names, indices)


class _Chosen(Sequence):
    """Some elements of another sequence, read when indexed."""

    def __init__(self, sequence: Sequence, indices: list[int]):
        if isinstance(sequence, _Chosen):  # no towers of them
            indices = [sequence._indices[index] for index in indices]
            sequence = sequence._sequence
        self._sequence, self._indices = sequence, indices

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, index: int):
        return self._sequence[self._indices[index]]


def _digest(source) -> str:
    if isinstance(source, (str, os.PathLike)):
        try:
            with open(source, "rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()[:32]
        except OSError:
            return ""
    if isinstance(source, bytes):
        return hashlib.sha256(source).hexdigest()[:32]
    if isinstance(source, Image.Image):  # upright, and colours for what stands for them
        try:
            source = decode(source)
        except InputError:
            return ""
    pixels = np.ascontiguousarray(source)
    digest = hashlib.sha256(f"{pixels.shape} {pixels.dtype}".encode())
    digest.update(pixels.tobytes())
    return digest.hexdigest()[:32]


def unreadable(examples: Examples, *, threads: int) -> dict[int, str]:
    """Decode every picture; return index and reason of each that cannot be."""

    def why(index: int) -> str | None:
        try:
            examples.decode(index, at_least=1)
        except InputError as error:
            return str(error)
        except OSError as error:
            return reason(error)
        return None

    with ThreadPoolExecutor(threads) as pool:
        reasons = pool.map(why, range(len(examples)))
        return {index: text for index, text in enumerate(reasons) if text}


def relative_name(path: Path, root: Path) -> str:
    """Return `path` relative to `root`, with "/" between its parts."""
    return path.relative_to(root).as_posix()
