"""What `caption` writes of a picture: where was looked for each word, and texts beside pictures."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from errno import EACCES, EPERM, EROFS
from pathlib import Path
from threading import Lock
from weakref import ref

from dltk.batch import Item, Record
from dltk.errors import DltkError, InputError, UsageError, printable, reason
from dltk.files import whole
from recipes._caption_results import Sentence, animate_attention, draw_attention
from recipes._copies import CopyFolders, png_name


class Texts:
    """Texts beside pictures, of which no two are one file."""

    def __init__(self):
        self._owners: dict[str, tuple[ref[Item], str]] = {}
        self._lock = Lock()

    def of(self, item: Item) -> Path:
        """Return where the text of an item goes.

        Raises:
            UsageError: it has no file to be beside, or another picture has its text there.
        """
        if item.path is None:
            raise UsageError(
                f"--sidecar: {printable(item.name)} is a picture in memory, beside which no text "
                "can lie; leave --sidecar out"
            )
        path = item.path.with_suffix(".txt")
        key = os.path.join(os.path.realpath(path.parent), path.name)
        with self._lock:
            owner, called = self._owners.setdefault(key, (ref(item), item.name))
        if owner() is not item:
            raise UsageError(
                f"--sidecar: {printable(called)} and {printable(item.name)} would both have their "
                f"text in {printable(path)}; rename one of them"
            )
        return path

    def write(self, item: Item, sentences: Sequence[Sentence]) -> Path:
        """Write the captions of a picture; return where.

        Raises:
            InputError: there is another text already, or nobody may write there.
            DltkError: it cannot be written, as on a full disk.
        """
        path, text = self.of(item), sidecar_text(sentence.text for sentence in sentences)
        there = written(path)
        if there is None:
            _put(path, text)
        elif there != text:
            raise InputError(f"{printable(path.name)} is beside it already; move that away")
        return path


def _put(path: Path, text: bytes) -> None:
    try:
        with whole(path) as part:
            part.write_bytes(text)
    except DltkError as error:
        # One folder among many may be for reading only; a full disk is the same for all.
        if getattr(error.__cause__, "errno", None) in (EACCES, EPERM, EROFS):
            raise InputError(str(error)) from error
        raise


@dataclass(frozen=True)
class Copies(CopyFolders):
    """Which files are wanted of each picture, and where.

    Attributes:
        attention: folder for sheets of where the network looked for each word of the best caption.
        animation: folder for the same as animated GIFs.
        sidecar: whether the captions go to a .txt file beside each picture, one a line.
    """

    attention: str | os.PathLike | None = None
    animation: str | os.PathLike | None = None
    sidecar: bool = False
    _texts: Texts = field(default_factory=Texts, init=False, repr=False, compare=False)

    def _folders(self):
        return {
            "--attention": (self.attention, png_name),
            "--animation": (self.animation, lambda name: os.path.splitext(name)[0] + ".gif"),
        }

    @property
    def wanted(self) -> bool:
        return self.sidecar or super().wanted

    def check(self, items: Iterable[Item]) -> None:
        items = list(items)
        super().check(items)
        for item in items if self.sidecar else ():
            self._texts.of(item)

    def write(self, item: Item, sentences: Sequence[Sentence]) -> dict[str, Path]:
        """Write the files of one picture; return their paths by kind.

        Args:
            sentences: the best first.
        Raises:
            InputError: the picture can no longer be read, or another text is beside it; nothing is
                written then.
            UsageError: a file of another picture has the place of one of these.
            DltkError: a file cannot be written.
        """
        self.check([item])
        drawn = {name: path for name, path in self._places(item).items() if path is not None}
        picture = item.decode() if drawn else None
        files = {"text": self._texts.write(item, sentences)} if self.sidecar else {}
        draw = {"attention": draw_attention, "animation": animate_attention}
        for kind, path in drawn.items():
            draw[kind](picture, sentences[0], path)
        return files | drawn

    def _places(self, item: Item) -> dict[str, Path | None]:
        """Return where the pictures of an item go, by kind; None for those that are not wanted."""
        kinds = ((option.removeprefix("--"), *each) for option, each in self._folders().items())
        return {
            kind: None if folder is None else Path(folder) / name(item.name)
            for kind, folder, name in kinds
        }


def sidecar_text(captions: Iterable[str]) -> bytes:
    """Return what a file beside a picture holds: captions in UTF-8, one a line."""
    return "".join(f"{caption}\n" for caption in captions).encode()


def written(path: Path) -> bytes | None:
    """Return what a file holds; None if there is none. Raises InputError where it is unreadable."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None if not path.is_symlink() else b""  # a link to nothing is somebody's, too
    except OSError as error:
        raise InputError(f"{printable(path.name)} beside it: {reason(error)}") from error


def discard_texts(items: Iterable[Item], record: Record) -> None:
    """Delete the texts that an earlier run wrote beside pictures that are captioned anew.

    Only what that run recorded goes: a text that somebody changed since stays.
    """
    for item in items:
        fields = record.replaced(item)
        if fields is None or "text" not in fields.get("files", {}):
            continue
        path = record.folder / fields["files"]["text"]
        said = [fields, *fields.get("others", ())]
        with suppress(InputError):
            if written(path) == sidecar_text(each["caption"] for each in said):
                path.unlink()
