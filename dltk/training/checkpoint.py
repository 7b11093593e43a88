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
    """Whether the user, or the machine, has asked a run to end.

    Attributes:
        asked: True after the first Ctrl-C or SIGTERM (a scheduler's warning).
        patient: whether that one is only noted; the second Ctrl-C ends at once anyway.
    """

    def __init__(self):
        self.asked = self.patient = False

    def __call__(self, signum, frame):
        again, self.asked = self.asked, True
        if again or not self.patient:
            raise KeyboardInterrupt

    def obey(self) -> None:
        """Raise KeyboardInterrupt if it was asked for, once."""
        if self.asked:
            self.asked = False
            raise KeyboardInterrupt


@contextmanager
def stoppable(stop: Stop, *, patient: bool) -> Iterator[None]:
    """Let Ctrl-C and SIGTERM set `stop` while the block runs; raise at once unless `patient`.

    An exception raised inside a callback of TensorFlow's may be swallowed; what is noted stays.
    """
    before, stop.patient = stop.patient, patient
    handlers = {}
    if threading.current_thread() is threading.main_thread():  # only it may set handlers
        handlers = {each: signal.signal(each, stop) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        stop.patient = before
        for each, handler in handlers.items():
            signal.signal(each, handler)
