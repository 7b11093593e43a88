"""`dltk data`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from dltk.cli import options
from dltk.cli.progress import Reporter
from dltk.cli.results import styled
from dltk.errors import UsageError, printable

SHEET = "examples of dltk data show"  # stands in the file, by which an earlier sheet is known
_SHOWN = 20  # findings printed
_SOME_FAILED = 3

_where = click.argument("where", metavar="DATA")


def _seed(command):
    return click.option(
        "--seed", type=click.IntRange(0), default=0, show_default=True, metavar="N",
        help="Of all that is random.",
    )(command)  # fmt: skip


def _shares(command):
    for split in ("test", "val"):
        command = click.option(
            f"--{split}-share", type=options.Share(0, 1), default=0.15, show_default=True,
            metavar="SHARE", help=f"Of the pictures for {split}, where they are not divided yet.",
        )(command)  # fmt: skip
    return command


@click.group(
    short_help="Check and show training data.",
    epilog="\b\nExamples:\n  dltk data check flowers/\n"
    "  dltk data show flowers.csv --augment strong -o sheet.png\n"
    "  dltk data check annotations/instances_val2017.json",
)
def data():
    """Labelled pictures to train on.

    \b
    DATA with a class for each picture is one of
      a folder with a folder of pictures for each class: cats/, dogs/
      a folder with such folders in train/, val/ and test/, or in some of them
      a .csv file with the columns path, label and, if you like, split
      tfds:NAME, from TensorFlow Datasets; or tfds:FOLDER, prepared by it

    \b
    DATA with objects in each picture is one of
      a COCO .json file, its pictures beside it or in images/; or a folder with
        annotations/instances_train.json, instances_val.json, or with such files in train/, valid/
      a folder with Annotations/*.xml and JPEGImages/, as Pascal VOC has it
      a data.yaml, or a folder with images/ and labels/, as YOLO has it
      a .csv file with the columns path, label, left, top, right, bottom
      tfds:NAME or tfds:FOLDER, with objects
    """


@data.command("check", short_help="Look data over before training on it.")
@_where
@click.option("--fast", is_flag=True, help="Compare files, but do not decode the pictures.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@_shares
@_seed
@options.offline
@options.quiet
@options.debug
def check(where, fast, as_json, val_share, test_share, seed, quiet):
    """Count the pictures or objects of DATA by class and split, and say what is wrong with them.

    Damaged and missing pictures, pictures of two classes or with other objects than their
    copies, pictures in two splits, and objects of classes that are not trained on are errors: the
    exit code is then 3. Data without splits is divided as in training.
    """
    from dltk.data import check_data, read_data, split_data
    from dltk.data.objects import check_objects, holds_objects, read_objects, split_objects
    from dltk.strategy import cores

    say = _reporter(quiet).say
    of_objects = holds_objects(where, report=say)
    found = (read_objects if of_objects else read_data)(where, report=say)
    if not found.divided or "train" in found.splits:
        divide = split_objects if of_objects else split_data
        found = divide(found, val_share=val_share, test_share=test_share, seed=seed)
    look = check_objects if of_objects else check_data
    findings = look(found, decode=not fast, threads=cores())
    if as_json:
        click.echo(json.dumps(findings.to_dict(), indent=1))
    else:
        _print(findings)
    return _SOME_FAILED if findings.errors else 0


@data.command("show", short_help="Draw examples as training sees them.")
@_where
@click.option("-o", "--output", type=click.Path(dir_okay=False), default="data-show.png",
              show_default=True, metavar="FILE", help="The picture to write.")  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Write over a file that is no such sheet.")
@click.option("-m", "--model", default="efficientnet-lite0", show_default=True,
              metavar="NAME|FILE", shell_complete=options.complete_model,
              help="The network whose input is shown; not for pictures with objects.")  # fmt: skip
@click.option("--augment", "augmentation", type=click.Choice(["none", "light", "strong"]),
              default="light", show_default=True, help="How pictures are varied.")  # fmt: skip
@click.option("--flip/--no-flip", default=True, show_default=True,
              help="Whether left and right may be exchanged.")  # fmt: skip
@click.option("--count", type=click.IntRange(1, 500), default=24, show_default=True, metavar="N",
              help="Pictures to show.")  # fmt: skip
@click.option("--size", type=click.IntRange(32, 1024), metavar="PIXELS",
              help="Of a tile's side.  [default: 160; 320 for pictures with objects]")  # fmt: skip
@_seed
@options.offline
@options.quiet
@options.debug
def show(where, output, overwrite, model, size, quiet, **choices):
    """Draw a sheet of pictures from DATA, and augmented views beside them.

    Each is drawn with its class, or with the boxes of its objects.
    """
    from dltk.data.objects import holds_objects
    from dltk.images import encode

    _check_output(Path(output), where, overwrite)
    reporter = _reporter(quiet)
    of_objects = holds_objects(where, report=reporter.say)
    choices |= {"size": size or (320 if of_objects else 160)}
    sheet = _object_sheet if of_objects else _example_sheet
    encode(sheet(where, model, reporter.say, choices), output, software=SHEET)
    reporter.say(f"examples of {printable(where)} in {printable(output)}")


def _example_sheet(where: str, model: str, say, choices: dict):
    from dltk.data import read_data
    from dltk.data.show import example_sheet
    from dltk.models.find import find_model

    geometry = find_model(model).geometry
    return example_sheet(read_data(where, report=say), geometry, **choices)


def _object_sheet(where: str, model: str, say, choices: dict):
    from dltk.data.objects import read_objects
    from dltk.data.objects.show import object_sheet

    source = click.get_current_context().get_parameter_source("model")
    if source is click.core.ParameterSource.COMMANDLINE:
        raise UsageError(
            f"--model {printable(model)}: pictures with objects are shown on a square canvas, "
            "whatever the network; leave it out"
        )
    return object_sheet(read_objects(where, report=say), **choices)


def _reporter(quiet: bool) -> Reporter:
    return Reporter(verbose=True, quiet=quiet, bar=False)


def _check_output(path: Path, where: str, overwrite: bool) -> None:
    """Raise UsageError if a sheet cannot be written to `path`, or would replace something."""
    from dltk.images import encodable
    from dltk.metadata import software_of

    name = f"--output {printable(path)}"
    if encodable(path.name) != path.name:
        raise UsageError(f"{name}: name a picture file, such as sheet.png")
    if where and Path(where).is_dir() and path.resolve().is_relative_to(Path(where).resolve()):
        raise UsageError(f"{name} lies in the data; write it somewhere else")
    if path.exists() and software_of(path) != SHEET and not overwrite:
        raise UsageError(
            f"{name} is there already and no such sheet; name another file, or add --overwrite"
        )


def _print(findings) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    splits = list(next(iter(findings.counts.values())))
    table = Table(box=None, pad_edge=False, show_footer=True)
    table.add_column("class", footer="in all")
    columns = [[counts[split] for counts in findings.counts.values()] for split in splits]
    for title, column in [
        *zip(splits, columns, strict=True),
        ("in all", list(findings.totals.values())),
    ]:
        table.add_column(title, footer=str(sum(column)), justify="right")
    for name, counts in findings.counts.items():
        cells = [*counts.values(), findings.totals[name]]
        table.add_row(Text(printable(name)), *map(str, cells))
    wide = None if sys.stdout.isatty() else 10_000  # a file has no edge to break lines at
    Console(file=sys.stdout, width=wide).print(table)
    for line in _sums(findings):
        click.echo(line)
    _print_lines("error", "red", findings.errors)
    _print_lines("warning", "yellow", findings.warnings)
    if not findings.errors and not findings.warnings:
        click.echo("\nnothing amiss")


def _sums(findings) -> Iterator[str]:
    """Yield what there is in all, the first line with an empty one above."""
    lines = []
    if hasattr(findings, "areas"):
        counts = {
            "pictures": findings.pictures,
            "without objects": findings.negatives,
            "objects ignored": findings.ignored,
        }
        for title, of_split in counts.items():
            each = ", ".join(f"{split} {count}" for split, count in of_split.items())
            lines.append(f"{title}: {each}")
        lines.append("objects: " + ", ".join(f"{c} {size}" for size, c in findings.areas.items()))
        lines[-1] += f"; {findings.most} at most in a picture"
    if findings.sizes:
        shown = (f"{name} {w} × {h}" for name, (w, h) in findings.sizes.items())
        lines.append(f"sizes: {', '.join(shown)}")
    yield from ["", *lines] if lines else []


def _print_lines(kind: str, colour: str, lines: list[str]) -> None:
    if lines:
        click.echo()
    for line in lines[:_SHOWN]:
        click.echo(f"{styled(kind, fg=colour)}: {line}")
    if lines[_SHOWN:]:
        click.echo(f"… and {len(lines) - _SHOWN} more; --json lists them all")
