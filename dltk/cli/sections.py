"""A command whose many options are listed in sections."""

from __future__ import annotations

import click


class SectionOption(click.Option):
    """An option that belongs to a section of its command's help."""

    def __init__(self, *args, section: str, **kwargs):
        super().__init__(*args, **kwargs)
        self.section = section


class SectionCommand(click.Command):
    """A command whose help lists options by section; those without one come last."""

    def format_options(self, ctx, formatter):
        rows: dict[str, list] = {}
        options = [p for p in self.get_params(ctx) if isinstance(p, click.Option)]
        for parameter in sorted(options, key=lambda p: not isinstance(p, SectionOption)):
            record = parameter.get_help_record(ctx)
            if record is not None:
                rows.setdefault(getattr(parameter, "section", "General"), []).append(record)
        for title, records in rows.items():
            with formatter.section(title):
                formatter.write_dl(records)


def section(title: str, *options):
    """Return a decorator that adds options, each (names, attributes), under `title`."""

    def decorate(command):
        for names, attributes in reversed(options):
            attributes = {"show_default": "default" in attributes} | attributes
            command = click.option(*names, cls=SectionOption, section=title, **attributes)(command)
        return command

    return decorate


def option(*names: str, **attributes):
    """Describe an option for `section`."""
    return names, attributes


class NumberOr(click.ParamType):
    """A number, or one of some words.

    Args:
        kind: int or float.
        words: such as "auto".
        least: the smallest number; with `open_end`, numbers must be larger.
    """

    name = "number"

    def __init__(self, kind: type, *words: str, least: float = 0, open_end: bool = False):
        self._kind, self._words, self._least, self._open = kind, words, least, open_end

    def convert(self, value, param, ctx):
        if value in self._words:
            return value
        try:
            number = self._kind(value)
        except (TypeError, ValueError):
            number = float("nan")
        enough = number > self._least if self._open else number >= self._least
        if not enough or number == float("inf"):
            kind = "a whole number" if self._kind is int else "a number"
            bound = "above" if self._open else "of at least"
            words = "".join(f" or {word}" for word in self._words)
            self.fail(f"{value!r} is not {kind} {bound} {self._least}{words}.", param, ctx)
        return number


class Numbers(click.ParamType):
    """Numbers above 0 with commas between, as a tuple."""

    name = "numbers"

    def convert(self, value, param, ctx):
        if isinstance(value, tuple):
            return value
        try:
            numbers = tuple(float(part) for part in value.split(","))
        except ValueError:
            numbers = ()
        if not numbers or not all(0 < number < float("inf") for number in numbers):
            self.fail(f"{value!r} is not numbers above 0 with commas between.", param, ctx)
        return numbers
