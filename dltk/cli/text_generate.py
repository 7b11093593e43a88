"""`dltk text generate`."""

from __future__ import annotations

import os
import sys

import click

from dltk.cli import options
from dltk.cli.progress import Reporter
from dltk.cli.sections import SectionCommand, option, section
from dltk.errors import UsageError, printable
from dltk.wording import amount


@click.command(
    cls=SectionCommand,
    short_help="Let a generator of texts write.",
    epilog="\b\nExamples:\n"
    "  dltk text generate -m best.keras\n"
    "  dltk text generate -m best.keras --prompt 'In the beginning' --temperature 0.7 -n 3\n"
    "  dltk text generate -m best.keras --prompt-file draft.txt --length 2000 --top-p 0.9\n"
    "  dltk text generate -m names.keras -n 100 --until $'\\n' --json",
)
@section(
    "Text",
    option("-m", "--model", required=True, metavar="FILE", type=click.Path(),
           help="A .keras file of a generator of texts."),
    option("--prompt", default="", metavar="TEXT", help="Go on with this.", show_default=False),
    option("--prompt-file", metavar="FILE", type=click.Path(allow_dash=True),
           help="Go on with what is in this file, or - for standard input, less its last line "
           "break."),
    option("-n", "n", type=click.IntRange(1), default=1, metavar="N", help="Texts to write."),
    option("--length", type=click.IntRange(1), default=500, metavar="N",
           help="Characters or words that are written, at most."),
    option("--until", metavar="TEXT", help="End in front of this, if it comes."),
)  # fmt: skip
@section(
    "Chance",
    option("--temperature", type=options.Share(0), default=1.0, metavar="T",
           help="Less keeps to what is likely, more is bolder; 0 takes the likeliest every time."),
    option("--top-k", type=click.IntRange(0), default=0, metavar="K",
           help="Only so many of the likeliest tokens may come; 0 for all."),
    option("--top-p", type=options.Share(0, 1, min_open=True), default=1.0, metavar="P",
           help="Only the fewest tokens may come whose chances add up to so much."),
    option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, metavar="N",
           help="Another one gives other texts."),
)  # fmt: skip
@section(
    "Results",
    option("-o", "--output", type=options.Folder(), metavar="DIR",
           help="Write each text to a file of its own here, text0000.txt and so on."),
    option("--json", "as_json", is_flag=True, help="Print a line of JSON for each text."),
)  # fmt: skip
@section(
    "Machine",
    option("--batch-size", type=click.IntRange(1), default=16, metavar="N",
           help="Texts that are written at once, over all devices."),
    option("--devices", default="auto", metavar="KIND[:N]", help=options.DEVICES_HELP),
    option("--strategy", type=click.Choice(["auto", "one", "mirrored"]), default="auto",
           help="tf.distribute: auto mirrors over two or more devices."),
)  # fmt: skip
@options.common
def generate(prompt_file, output, as_json, verbose, quiet, **choices):
    """Go on with a prompt, or begin a text, as a generator of texts finds it likely.

    The text goes to standard output, the prompt in front of it; several have an empty line between
    them. A text depends on the model, the prompt, the seed and its number alone. The whole prompt
    is read, however long it is. "dltk text train" trains generators.
    """
    if prompt_file is not None:
        if choices["prompt"]:
            raise UsageError("--prompt and --prompt-file are both given; take one")
        choices["prompt"] = _prompt_in(prompt_file)
    files = _files(output, choices["n"]) if output else []

    from dltk.batch import to_line
    from recipes.generate_text import generate_text as recipe

    reporter = Reporter(verbose=verbose, quiet=quiet, bar=False)
    for text in recipe(**choices, report=reporter.say):
        told = text.to_dict()
        if files:
            text.save(files[text.number])
            told |= {"file": files[text.number]}
        if as_json:
            click.echo(to_line(told), nl=False)
        elif not files:
            click.echo(("\n" if text.number else "") + text.text)
    if files and not quiet:
        where = printable(os.path.abspath(output))
        click.echo(f"{amount(len(files), 'text')} in {where}", err=True)


def _prompt_in(path: str) -> str:
    """Return the text in a file, less its last line break. Raises UsageError."""
    from dltk.errors import InputError
    from dltk.text.lines import read_lines, stream_lines

    name = "standard input" if path == "-" else printable(path)
    parts = []
    try:
        lines = stream_lines(sys.stdin.buffer) if path == "-" else read_lines(path)
        for line in lines:
            if line.problem:
                raise UsageError(f"--prompt-file {name}, line {line.number} is {line.problem}")
            parts.append(line.text)
    except InputError as error:
        raise UsageError(f"--prompt-file {name}: {error}") from error
    return "".join(parts).removesuffix("\n")


def _files(folder: str, count: int) -> list[str]:
    """Return where each text goes. Raises UsageError if something is there already."""
    files = [os.path.join(folder, f"text{number:04d}.txt") for number in range(count)]
    for path in files:
        if os.path.lexists(path):
            raise UsageError(f"{printable(path)} is there already; choose another folder")
    return files
