"""What goes on, on standard error: a bar on a terminal, elsewhere now and then a line."""

from __future__ import annotations

import re
import sys
import time

import click

_PLAIN_EVERY_SECS = 10.0
_DETAIL = re.compile(r" on (LiteRT|Keras), ")  # what runs where, see `Network.running`


class Reporter:
    """Says on standard error what goes on: a bar on a terminal, now and then a line elsewhere."""

    def __init__(self, *, verbose: bool, quiet: bool, bar: bool):
        self._verbose, self._quiet = verbose, quiet
        self._bar = None
        self._wants_bar = bar and sys.stderr.isatty() and not quiet
        self._started = None  # when the first result came: what went before is no rate
        self._told = time.monotonic()

    def say(self, message: str) -> None:
        """Report a message of a recipe; what runs where only to those who want to know."""
        if not self._quiet and (self._verbose or not _DETAIL.search(message)):
            self.echo(message)

    def echo(self, message: str) -> None:
        """Print a message now, above the bar if there is one."""
        if self._bar is not None:
            self._bar.console.print(message, markup=False, highlight=False)
        else:
            click.echo(message, err=True)

    def progress(self, tally) -> None:
        """Show how far a batch is. What an earlier run has done does not count for the pace."""
        new = tally.done + tally.failed
        if not new:
            return
        if self._started is None:
            self._started = self._told = time.monotonic()
        reached = new + tally.kept
        if self._wants_bar:
            self._draw(tally, reached, new - 1)
        elif not self._quiet and time.monotonic() - self._told > _PLAIN_EVERY_SECS:
            self._told = time.monotonic()
            done, seconds = new - 1, self._told - self._started
            told, left = f"{reached} so far", ""
            if tally.total is not None:
                told = f"{reached} of {tally.total}"
                left = f", {duration((tally.total - reached) * seconds / done if done else 0)} left"
            click.echo(f"{told}, {tally.failed} failed, {pace(done, seconds)}{left}", err=True)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _draw(self, tally, reached: int, done: int) -> None:
        if self._bar is None:
            from rich.console import Console
            from rich.progress import (
                BarColumn,
                MofNCompleteColumn,
                Progress,
                TextColumn,
                TimeRemainingColumn,
            )

            self._bar = Progress(
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[rate]}"),
                TimeRemainingColumn(),
                TextColumn("{task.fields[failed]}"),
                console=Console(file=sys.stderr),
                transient=True,
            )
            begun = {"total": tally.total, "completed": reached}
            self._task = self._bar.add_task("", **begun, rate="", failed="")
            self._bar.start()
        elapsed = time.monotonic() - self._started
        self._bar.update(
            self._task,
            completed=reached,
            rate=pace(done, elapsed) if elapsed else "",
            failed=f"{tally.failed} failed" if tally.failed else "",
        )


def pace(count: int, seconds: float) -> str:
    """Return how fast it goes: "12.3 a second", or "50 s each" where they take longer."""
    if 0 < count < seconds:
        return f"{duration(seconds / count)} each"
    return f"{count / seconds if seconds else 0:.1f} a second"


def duration(seconds: float) -> str:
    """Return a time in the two units that matter: "0.4 s", "12 s", "3 min 5 s", "2 h 10 min"."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
