"""Files that are whole or absent: everything is written beside its place and renamed."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from dltk.errors import DltkError, printable, reason

try:
    import fcntl
except ImportError:  # Windows has no such locks; there, running twice at once is not guarded
    fcntl = None

_MAX_NAME_BYTES = 255  # of every common file system


def beside(path: Path) -> Path:
    """Return the name under which `path` is written until it is whole.

    The name is fixed, so the next run replaces what a killed one left behind. It starts with a
    dot, so no search for inputs takes it for a picture; its ending is that of `path`, by which
    encoders choose their format.
    """
    name = f".part.{path.name}"
    if len(os.fsencode(name)) > _MAX_NAME_BYTES:
        digest = hashlib.sha256(os.fsencode(path.name)).hexdigest()[:32]
        name = f".part.{digest}{path.suffix}"
    return path.with_name(name)


@contextmanager
def whole(path: str | os.PathLike) -> Iterator[Path]:
    """Yield a path to write to; rename it to `path` at the end, remove it on any error.

    Raises:
        DltkError: the folder cannot be made or the file cannot be written (full disk, no
            permission), with the reason.
    """
    path = Path(path)
    part = beside(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        os.replace(part, path)
    except OSError as error:
        _discard(part)
        raise cannot_write(path, error) from error
    except BaseException:
        _discard(part)
        raise


@contextmanager
def locked(path: str | os.PathLike, *, wait: bool = True) -> Iterator[bool]:
    """Hold the lock of an existing file or folder. It ends with the process, however that ends.

    Yields:
        True, or False if `wait` is False and another process holds it.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        if fcntl is not None:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                yield False
                return
        yield True
    finally:
        os.close(descriptor)


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Hold a folder for one run of a command, and make it if it is missing.

    A folder that was made here and has nothing in it at the end is removed.

    Raises:
        DltkError: another run holds it, or it cannot be made.
    """
    with ExitStack() as held:
        try:
            if not folder.exists():
                folder.mkdir(parents=True)
                held.callback(_discard_empty, folder)
            ours = held.enter_context(locked(folder, wait=False))
        except OSError as error:
            raise cannot_write(folder, error) from error
        if not ours:
            raise DltkError(f"another run is writing to {printable(folder)}; wait for it")
        yield


def cannot_write(path: str | os.PathLike, error: OSError) -> DltkError:
    """Return the error that says why `path` could not be written, and what to do."""
    advice = ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        advice = "; free some space and run the same command again, finished work is kept"
    return DltkError(f"cannot write {printable(path)}: {reason(error)}{advice}")


def _discard(path: Path) -> None:
    with suppress(OSError):
        path.unlink()


def _discard_empty(folder: Path) -> None:
    with suppress(OSError):  # there is something in it: it stays
        folder.rmdir()
