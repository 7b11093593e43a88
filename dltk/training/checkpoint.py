"""The state of an unfinished training on disk, whole or absent, and Ctrl-C that waits for it."""

from __future__ import annotations

import json
import signal
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from dltk.errors import DltkError, printable, reason
from dltk.files import whole

_FACTS = "facts"


def save_state(path: Path, arrays: dict[str, list[np.ndarray]], facts: dict) -> None:
    """Write lists of arrays and some facts (plain JSON) to `path`, whole or not at all.

    A full disk leaves the state that was there before. Raises DltkError.
    """
    named = {
        f"{name}/{i}": array for name, list_ in arrays.items() for i, array in enumerate(list_)
    }
    text = np.frombuffer(json.dumps(facts).encode(), np.uint8)
    with whole(path) as part, part.open("wb") as file:
        np.savez(file, **named, **{_FACTS: text})


def load_state(path: Path) -> tuple[dict[str, list[np.ndarray]], dict] | None:
    """Return what `save_state` wrote, or None if there is nothing. Raises DltkError."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            facts = json.loads(archive[_FACTS].tobytes())
            arrays: dict[str, dict[int, np.ndarray]] = {}
            for key in archive.files:
                name, _, index = key.rpartition("/")
                if name:
                    arrays.setdefault(name, {})[int(index)] = archive[key]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise DltkError(
            f"cannot read the checkpoint {printable(path)}: {reason(error)}; "
            "delete it to begin this stage again"
        ) from error
    return {name: [of[i] for i in sorted(of)] for name, of in arrays.items()}, facts


class Stop:
    """Whether the user, or the machine, has asked the training to end.

    Attributes:
        asked: True after the first Ctrl-C or SIGTERM; the second Ctrl-C ends at once.
    """

    def __init__(self):
        self.asked = False

    def __call__(self, signum, frame):
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True


@contextmanager
def stoppable() -> Iterator[Stop]:
    """Let Ctrl-C and SIGTERM (a scheduler's warning) only be noted while the block runs."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop  # signals go to the main thread, and only it may set handlers
        return
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
