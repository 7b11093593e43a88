"""The run folder: what a training was asked, what it did, and all it takes to go on."""

from __future__ import annotations

import csv
import json
import os
import re
import shlex
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from dltk import __version__
from dltk.errors import DltkError, InterruptedRunError, UsageError, printable, reason
from dltk.files import locked, whole
from dltk.training.checkpoint import Stop, load_state, save_state, stoppable

MODEL_FILE = "best.keras"
IN_MEMORY = "arrays"  # in place of where the data are
_CONFIG = "config.json"
_KEPT = "epochs"
_FUNCTIONS = {  # that are not called as their commands
    "text train": "train_text_classifier",
    "text train --task generate": "train_text_generator",
    "text vectors": "train_vectors",
}
_FORMAT = "dltk run"
_ANY_NAME = {"encoding": "utf-8", "errors": "surrogateescape"}  # of a file, UTF-8 or not


class RunFolder:
    """A folder that a training writes to, `runs/<command>/<NNN>-<slug>/` if not named.

    Of several workers only the chief writes; for the others every write does nothing.

    Attributes:
        path: of the folder.
        command: the subcommand, such as "finetune" or "train detector", with its options if they
            are part of what it is called.
        options: all options of the training, resolved; plain JSON.
        rows: the history, one list of rows for each stage by name.
        stop: whether Ctrl-C has been pressed.
    """

    def __init__(
        self, path: Path, command: str, options: dict, *, chief: bool = True, readable: bool = True
    ):
        self.path, self.command, self.options, self.chief = path, command, options, chief
        self._readable = readable  # not so for a worker whose chief has only now made it
        self.rows: dict[str, list[dict]] = {}
        self.stop = Stop()

    @classmethod
    def create(
        cls, command: str, slug: str, options: dict, *, path: str | None = None, chief: bool = True
    ) -> RunFolder:
        """Make a new run folder.

        Args:
            slug: a few words for its name.
            path: exactly where, instead of the next number under `runs/`.
        Raises:
            UsageError: `path` holds a run, or other files, already.
        """
        if not chief:
            return cls(Path(path or "RUN"), command, options, chief=False, readable=False)
        runs = Path("runs") / command.partition(" --")[0].replace(" ", "-")
        folder = _exactly(Path(path)) if path else _next_number(runs, slug)
        run = cls(folder, command, options)
        config = {"format": _FORMAT, "command": command, "dltk": __version__, "options": options}
        run.write_text(_CONFIG, json.dumps(config, indent=2) + "\n")
        return run

    @classmethod
    def open(cls, path: str | os.PathLike, command: str, *, chief: bool = True) -> RunFolder:
        """Return the run in a folder, to go on with it.

        Raises:
            UsageError: the folder holds no run of `command`.
        """
        try:
            config = json.loads((Path(path) / _CONFIG).read_text())
            if config["format"] != _FORMAT or config["command"] != command:
                raise ValueError(f"it is not one of dltk {command}")
            return cls(Path(path), command, config["options"], chief=chief)
        except FileNotFoundError as error:
            raise UsageError(f"no run in {printable(path)}: it has no {_CONFIG}") from error
        except OSError as error:
            raise UsageError(f"cannot read the run {printable(path)}: {reason(error)}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise UsageError(f"no run in {printable(path)}: {reason(error)}") from error

    @classmethod
    def begin(
        cls, command: str, slug: str, options: dict, *, path, resume, free, chief: bool
    ) -> RunFolder:
        """Make a new run folder, or open the one to go on with if its options are the same.

        Args:
            path, slug: see `create`.
            resume: the folder to go on with, or None.
            free: options that may be others when a run is gone on with.
        """
        if resume is None:
            return cls.create(command, slug, options, path=path, chief=chief)
        run = cls.open(resume, command, chief=chief)
        bound = {name: value for name, value in options.items() if name not in free}
        if differ := differences(run.options, bound):
            raise UsageError(
                f"the run {printable(run.path)} began with other options: {'; '.join(differ)}"
            )
        return run

    @property
    def resume_command(self) -> str:
        """The command line that goes on with this run; in Python, where data are in memory."""
        if self.options.get("data") == IN_MEMORY:
            name = _FUNCTIONS.get(self.command) or re.sub("[ -]", "_", self.command)
            return f"resume_{name}({str(self.path)!r}, data=...)"
        return f"dltk {self.command} --resume {shlex.quote(str(self.path))}"

    @contextmanager
    def going(self) -> Iterator[None]:
        """Hold the folder for this process; note how the block ends in the log.

        Raises:
            DltkError: another process is at work in it.
            InterruptedRunError: after Ctrl-C, with the command that goes on.
        """
        if not self.chief:
            with stoppable(self.stop, patient=False):
                yield
            return
        with stoppable(self.stop, patient=False), locked(self.path, wait=False) as ours:
            if not ours:
                raise DltkError(f"another process is at work in {printable(self.path)}")
            try:
                yield
            except KeyboardInterrupt as error:
                self.log("interrupted")
                raise InterruptedRunError(
                    f"interrupted, all finished work is kept; go on with: {self.resume_command}"
                ) from error
            except DltkError as error:
                self.log(f"stopped: {error}")
                raise

    def log(self, line: str) -> None:
        """Append a line with the time to log.txt."""
        if not self.chief:
            return
        try:
            with (self.path / "log.txt").open("a", **_ANY_NAME) as file:
                file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {line}\n")
        except OSError:  # a full disk is reported by what matters more: the checkpoint
            return

    def write_text(self, name: str, text: str) -> None:
        """Write a text file into the folder, whole or not at all."""
        if self.chief:
            with whole(self.path / name) as part:
                part.write_text(text, **_ANY_NAME)

    def once(self, name: str, make: Callable[[], object]):
        """Return what `make` gave (plain JSON), from the folder if it was asked for before."""
        file = Path("checkpoint") / f"{name}.json"
        if self._readable and (self.path / file).is_file():
            with suppress(ValueError):  # damaged: it is made again
                return json.loads((self.path / file).read_text())
        made = make()
        self.write_text(str(file), json.dumps(made))
        return made

    def load(self, stage: str) -> tuple[dict[str, list[np.ndarray]], dict] | None:
        """Return the state of a stage, see `save_state`, or None if it has not begun."""
        return load_state(self._state_file(stage)) if self._readable else None

    def save(self, stage: str, arrays: dict[str, list[np.ndarray]], facts: dict) -> None:
        """Keep the state of a stage in place of its last one."""
        if self.chief:
            save_state(self._state_file(stage), arrays, facts)

    def keep_weights(self, stage: str, epoch: int, weights: list[np.ndarray]) -> None:
        """Keep the weights as they are after an epoch of a stage, 0 being before the first."""
        if self.chief:
            save_state(kept_file(self.path, stage, epoch), {"weights": weights}, {})

    def kept_weights(self) -> dict[str, list[int]]:
        """Return the epochs whose weights are kept, in order, for each stage by name."""
        kept: dict[str, list[int]] = {}
        for path in sorted((self.path / _KEPT).glob("*.npz")):
            stage, _, epoch = path.stem.rpartition("-")
            if stage and epoch.isdecimal():
                kept.setdefault(stage, []).append(int(epoch))
        return {stage: sorted(epochs) for stage, epochs in kept.items()}

    def load_weights(self, stage: str, epoch: int) -> list[np.ndarray]:
        """Return what `keep_weights` kept. Raises DltkError if there is nothing."""
        path = kept_file(self.path, stage, epoch)
        state = load_state(path)
        if state is None:
            raise DltkError(f"no weights in {printable(path)}")
        return state[0].get("weights", [])

    def _state_file(self, stage: str) -> Path:
        return self.path / "checkpoint" / f"{stage}.npz"

    def keep_data(self, rows: list[dict[str, str]]) -> None:
        """Write split.csv: what is trained and measured on; or check that it is as it was.

        Args:
            rows: the columns path, label, split and digest of each example.
        Raises:
            UsageError: the data differ from those that the run began with.
        """
        file = self.path / "split.csv"
        if self._readable and file.is_file():
            with file.open(newline="", **_ANY_NAME) as text:
                before = list(csv.DictReader(text))
            if before != rows:
                raise UsageError(f"the data changed since this run began: {_changes(before, rows)}")
        elif self.chief:
            with whole(file) as part, part.open("w", newline="", **_ANY_NAME) as text:
                writer = csv.DictWriter(text, ("path", "label", "split", "digest"))
                writer.writeheader()
                writer.writerows(rows)

    def write_history(self) -> None:
        """Write history.csv: a row for every epoch of every stage."""
        if not self.chief:
            return
        rows = [{"stage": stage} | row for stage, rows in self.rows.items() for row in rows]
        columns = list(dict.fromkeys(name for row in rows for name in row))
        with whole(self.path / "history.csv") as part, part.open("w", newline="") as file:
            writer = csv.DictWriter(file, columns, restval="")
            writer.writeheader()
            writer.writerows(rows)


def command_of(path: str | os.PathLike) -> str:
    """Return the command of the run in a folder; "" if there is none that can be read."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        return str(json.loads((Path(path) / _CONFIG).read_text())["command"])
    return ""


def kept_file(run: Path, stage: str, epoch: int) -> Path:
    """Return where the weights after an epoch are kept in a run folder."""
    return run / _KEPT / f"{stage}-{epoch:04d}.npz"


def _changes(before: list[dict], now: list[dict]) -> str:
    """Return what differs between two lists of examples, by path, in a few words."""
    old, new = ({row.get("path", ""): row for row in rows} for rows in (before, now))
    kinds = {
        "gone": [path for path in old if path not in new],
        "new": [path for path in new if path not in old],
        "changed in content, label or split": [
            path for path in new if path in old and new[path] != old[path]
        ],
    }
    told = [f"{len(p)} {kind} ({printable(p[0])} …)" for kind, p in kinds.items() if p]
    return ", ".join(told) or "they come in another order"


def differences(before: dict, now: dict) -> list[str]:
    """Return the options that differ, each as "--lr 0.001 then, 0.01 now"."""
    return [
        f"--{name.replace('_', '-')} {_said(before.get(name))} then, {_said(value)} now"
        for name, value in now.items()
        if before.get(name) != value
    ]


def _said(value) -> str:
    return "none" if value is None else printable(value)


def _exactly(path: Path) -> Path:
    if (path / _CONFIG).exists():
        raise UsageError(
            f"--run-dir {printable(path)} holds a run already; go on with it with --resume, "
            "or name another folder"
        )
    try:
        path.mkdir(parents=True, exist_ok=True)
        if any(path.iterdir()):
            raise UsageError(f"--run-dir {printable(path)} is not empty; name a new folder")
    except OSError as error:
        raise DltkError(f"cannot make the folder {printable(path)}: {reason(error)}") from error
    return path


def _next_number(parent: Path, slug: str) -> Path:
    slug = re.sub(r"[^A-Za-z0-9]+", "-", slug).strip("-").lower()[:40]
    try:
        parent.mkdir(parents=True, exist_ok=True)
        while True:
            taken = [re.match(r"\d+", child.name) for child in parent.iterdir()]
            number = max((int(match[0]) for match in taken if match), default=0) + 1
            path = parent / f"{number:03d}-{slug}".rstrip("-")
            try:
                path.mkdir()
            except FileExistsError:  # by a run that began at the same moment
                continue
            return path
    except OSError as error:
        raise DltkError(f"cannot make a folder in {printable(parent)}: {reason(error)}") from error
