"""`dltk data`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from dltk.cli import options
from dltk.cli.progress import Reporter
from dltk.errors import UsageError, printable

SHEET = "examples of dltk data show"  # stands in the file, by which an earlier sheet is known
_SOME_FAILED = 3
_TASKS = ("classify", "detect", "segment")

_where = click.argument("where", metavar="DATA")
_task = click.option(
    "--for", "task", type=click.Choice(_TASKS), help="What DATA is for, where it holds several "
    "kinds of annotation.  [default: detect, if it has boxes; segment, if it has masks; else "
    "classify]",
)  # fmt: skip


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
    "  dltk data check annotations/instances_val2017.json --for segment",
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

    \b
    DATA with masks, the class of each pixel, is one of
      a folder with images/ and masks/, their files named alike; splits above or below; perhaps
        classes.txt, a name a line, or colours in labelmap.txt, as CVAT has it, or class_dict.csv
      a folder with JPEGImages/ and SegmentationClass/, as Pascal VOC has it
      COCO's files, whose objects have outlines or run lengths: say --for segment
      a .csv file with the columns path, mask and, if you like, split
      tfds:NAME or tfds:FOLDER, with segmentation_mask
    """


@data.command("check", short_help="Look data over before training on it.")
@_where
@_task
@click.option("--fast", is_flag=True, help="Compare files, but do not decode the pictures.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@_shares
@_seed
@options.offline
@options.quiet
@options.debug
def check(where, task, fast, as_json, val_share, test_share, seed, quiet):
    """Count what is in DATA by class and split, and say what is wrong with it.

    What is counted are pictures, objects, or the pictures and pixels that a class is in. Damaged
    and missing pictures and masks, pictures of two classes or with other objects or masks than
    their copies, pictures in two splits, and classes that are not trained on are errors: the exit
    code is then 3. Data without splits is divided as in training.
    """
    from dltk.cli.findings import print_findings
    from dltk.strategy import cores

    say = _reporter(quiet).say
    read, divide, look = _steps(_task_of(where, task, say))
    found = read(where, report=say)
    if not found.divided or "train" in found.splits:
        found = divide(found, val_share=val_share, test_share=test_share, seed=seed)
    findings = look(found, decode=not fast, threads=cores())
    if as_json:
        click.echo(json.dumps(findings.to_dict(), indent=1))
    else:
        print_findings(findings)
    return _SOME_FAILED if findings.errors else 0


def _task_of(where: str, task: str | None, say) -> str:
    """Return what data is for: as was said, or by what is there."""
    from dltk.data.masks import holds_masks
    from dltk.data.objects import holds_objects

    if task:
        return task
    if holds_objects(where, report=say):
        return "detect"
    return "segment" if holds_masks(where, report=say) else "classify"


def _steps(task: str) -> tuple:
    """Return what reads, what divides and what checks data for a task."""
    if task == "detect":
        from dltk.data.objects import check_objects, read_objects, split_objects

        return read_objects, split_objects, check_objects
    if task == "segment":
        from dltk.data.masks import check_masks, read_masks, split_masks

        return read_masks, split_masks, check_masks
    from dltk.data import check_data, read_data, split_data

    return read_data, split_data, check_data


@data.command("show", short_help="Draw examples as training sees them.")
@_where
@_task
@click.option("-o", "--output", type=click.Path(dir_okay=False), default="data-show.png",
              show_default=True, metavar="FILE", help="The picture to write.")  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Write over a file that is no such sheet.")
@click.option("-m", "--model", default="efficientnet-lite0", show_default=True,
              metavar="NAME|FILE", shell_complete=options.complete_model,
              help="The network whose input is shown; for pictures of one class only.")  # fmt: skip
@click.option("--augment", "augmentation", type=click.Choice(["none", "light", "strong"]),
              default="light", show_default=True, help="How pictures are varied.")  # fmt: skip
@click.option("--flip/--no-flip", default=True, show_default=True,
              help="Whether left and right may be exchanged.")  # fmt: skip
@click.option("--count", type=click.IntRange(1, 500), default=24, show_default=True, metavar="N",
              help="Pictures to show.")  # fmt: skip
@click.option("--size", type=click.IntRange(32, 1024), metavar="PIXELS",
              help="Of a tile's side.  [default: 160; 320 for objects and masks]")  # fmt: skip
@_seed
@options.offline
@options.quiet
@options.debug
def show(where, task, output, overwrite, model, size, quiet, **choices):
    """Draw a sheet of pictures from DATA, and augmented views beside them.

    Each is drawn with its class, with the boxes of its objects, or under the colours of its mask.
    """
    from dltk.images import encode

    _check_output(Path(output), where, overwrite)
    reporter = _reporter(quiet)
    task = _task_of(where, task, reporter.say)
    choices |= {"size": size or (160 if task == "classify" else 320)}
    sheet = {"detect": _object_sheet, "segment": _mask_sheet}.get(task, _example_sheet)
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

    _refuse_model(model, "objects")
    return object_sheet(read_objects(where, report=say), **choices)


def _mask_sheet(where: str, model: str, say, choices: dict):
    from dltk.data.masks import read_masks
    from dltk.data.masks.show import mask_sheet

    _refuse_model(model, "masks")
    return mask_sheet(read_masks(where, report=say), **choices)


def _refuse_model(model: str, what: str) -> None:
    source = click.get_current_context().get_parameter_source("model")
    if source is click.core.ParameterSource.COMMANDLINE:
        raise UsageError(
            f"--model {printable(model)}: pictures with {what} are shown on a square canvas, "
            "whatever the network; leave it out"
        )


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
