"""`dltk data`."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path

import click

from dltk.cli import options
from dltk.cli.progress import Reporter
from dltk.errors import UsageError, printable

SHEET = "examples of dltk data show"  # stands in the file, by which an earlier sheet is known
_SOME_FAILED = 3
_PARTS = {  # of dltk that read data for a task, and what these call them
    "classify": ("dltk.data", "data"),
    "detect": ("dltk.data.objects", "objects"),
    "segment": ("dltk.data.masks", "masks"),
    "captions": ("dltk.data.captions", "captions"),
    "questions": ("dltk.data.questions", "questions"),
    "pictures": ("dltk.data.plain", "pictures"),
    "texts": ("dltk.data.texts", "texts"),
}

_where = click.argument("where", metavar="DATA")
_task = click.option(
    "--for", "task", type=click.Choice(list(_PARTS)), help="What DATA is for, where it holds "
    "several kinds of annotation; pictures, where none counts.  [default: detect, if it has boxes; "
    "segment, if it has masks; captions, questions or texts, if it has these; else classify]",
)  # fmt: skip


def _seed(command):
    return click.option(
        "--seed", type=click.IntRange(0), default=0, show_default=True, metavar="N",
        help="Of all that is random.",
    )(command)  # fmt: skip


# For validation and for tests, where not 0.15.
_SHARES = {"captions": 0.1, "questions": 0.1, "texts": 0.1, "pictures": 0.0}


def _shares(command):
    for split in ("test", "val"):
        command = click.option(
            f"--{split}-share", type=options.Share(0, 1), metavar="SHARE",
            help=f"Of the pictures or texts for {split}, where they are not divided yet.  "
            "[default: as in training: 0.15; of captions, questions and texts 0.1; of pictures "
            "alone 0]",
        )(command)  # fmt: skip
    return command


@click.group(
    short_help="Check and show training data.",
    epilog="\b\nExamples:\n  dltk data check flowers/\n"
    "  dltk data show flowers.csv --augment strong -o sheet.png\n"
    "  dltk data check annotations/instances_val2017.json --for segment",
)
def data():
    """Labelled pictures and texts to train on.

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

    \b
    DATA with captions of each picture is one of
      Karpathy's dataset_coco.json or dataset_flickr8k.json, its pictures beside it or in images/
      COCO's captions_train.json; or a folder with such files in annotations/
      Flickr8k.token.txt or results.token, lines NAME.jpg#0 and a caption; beside it, perhaps,
        Flickr_8k.trainImages.txt, Flickr_8k.devImages.txt, Flickr_8k.testImages.txt
      a .csv, .tsv or .txt file with the columns path, caption and, if you like, split
      a folder with a .txt file beside each picture, a caption a line; or with metadata.jsonl,
        lines {"file_name": "1.jpg", "text": "a cat"}; splits as folders above
      tfds:NAME or tfds:FOLDER, with captions

    \b
    DATA with questions about each picture, and answers, is one of
      VQA's v2_OpenEnded_mscoco_val2014_questions.json and v2_mscoco_val2014_annotations.json: the
        folder with both, or one of them; COCO's pictures beside them or in val2014/
      a folder with annotations/questions_train.json and answers_train.json, written alike
      a .csv or .tsv file with the columns path, question, answer and, if you like, split and kind;
        several rows of one question are several people's answers

    \b
    DATA with pictures alone, for generators: say --for pictures. It is one of
      a folder of pictures, searched to the bottom, or with train/ and test/
      a .csv file with the column path and, if you like, split
      tfds:NAME or tfds:FOLDER, with images

    \b
    DATA with a class for each text is one of
      a folder with a folder of text files for each class, maybe in train/, val/ and test/
      a .csv or .tsv file with columns for text and class, such as text and label, and maybe split
      a .jsonl or .json file with such keys; or lines of fastText: __label__sports a text
      a folder with such files called train.csv, val.csv and test.csv
      tfds:NAME or tfds:FOLDER, with texts and classes
    """


@data.command("check", short_help="Look data over before training on it.")
@_where
@_task
@click.option(
    "--fast", is_flag=True, help="Compare files, but do not decode pictures, or count words."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--text-column", metavar="NAME|N", help="Of tables of texts: see dltk text train.")
@click.option("--label-column", metavar="NAME|N", help="The same, of their classes.")
@_shares
@_seed
@options.offline
@options.quiet
@options.debug
def check(where, task, fast, as_json, val_share, test_share, seed, quiet, **columns):
    """Count what is in DATA by class and split, and say what is wrong with it.

    What is counted are pictures, objects, the pictures and pixels that a class is in, captions and
    their words, questions and their answers, or texts. Damaged and missing pictures and masks,
    pictures and texts of two classes or with other objects or masks than their copies, those in two
    splits, and classes that are not trained on are errors: the exit code is then 3. Data without
    splits is divided as in training.
    """
    from dltk.cli.findings import print_findings
    from dltk.strategy import cores

    say = _reporter(quiet).say
    columns = _named_columns(task, columns)
    said, task = task, "texts" if columns else _task_of(where, task, say)
    read, divide, look = _steps(task)
    try:
        found = read(where, **columns, report=say)
    except UsageError as error:
        if said or task != "classify" or not Path(where).is_file():
            raise
        raise UsageError(f"{error}; if it holds other data, say what they are --for") from error
    if not found.divided or "train" in found.splits:
        shares = {"val_share": val_share, "test_share": test_share}
        shares = {name: _SHARES.get(task, 0.15) if v is None else v for name, v in shares.items()}
        found = divide(found, **shares, seed=seed)
    findings = look(found, decode=not fast, threads=cores())
    if as_json:
        click.echo(json.dumps(findings.to_dict(), indent=1))
    else:
        print_findings(findings)
    return _SOME_FAILED if findings.errors else 0


def _named_columns(task: str | None, columns: dict[str, str | None]) -> dict[str, str]:
    """Return the columns that were named, of texts only."""
    named = {name: column for name, column in columns.items() if column is not None}
    if named and task not in (None, "texts"):
        flag = next(iter(named)).replace("_", "-")
        raise UsageError(f"--{flag} is for texts, and not for data --for {task}")
    return named


def _task_of(where: str, task: str | None, say) -> str:
    """Return what data is for: as was said, or by what is there."""
    from dltk.data.captions import holds_captions
    from dltk.data.masks import holds_masks
    from dltk.data.objects import holds_objects
    from dltk.data.questions import holds_questions
    from dltk.data.texts import holds_texts

    if task:
        return task
    kinds = [("detect", holds_objects), ("segment", holds_masks)]
    told = [
        ("captions", holds_captions), ("questions", holds_questions), ("texts", holds_texts),
    ]  # fmt: skip
    if where and Path(where).is_file():  # any .json file may be one of objects, but for its content
        kinds = told + kinds
    else:
        kinds += told
    return next((task for task, holds in kinds if holds(where, report=say)), "classify")


def _steps(task: str) -> list:
    """Return what reads, what divides and what checks data for a task."""
    module, what = _PARTS[task]
    return [getattr(import_module(module), f"{does}_{what}") for does in ("read", "split", "check")]


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
              help="Of a tile's side.  [default: 160; 320 but for classes]")  # fmt: skip
@_seed
@options.offline
@options.quiet
@options.debug
def show(where, task, output, overwrite, model, size, quiet, **choices):
    """Draw a sheet of pictures from DATA, and augmented views beside them.

    Each is drawn with its class, with the boxes of its objects, or under the colours of its mask.
    Those with captions or questions are shown as they are, with these below, and pictures alone
    with their names.
    """
    from dltk.images import encode

    _check_output(Path(output), where, overwrite)
    reporter = _reporter(quiet)
    task = _task_of(where, task, reporter.say)
    if task == "texts":
        raise UsageError(
            f"{printable(where)} holds texts, which are not drawn; see dltk data check"
        )
    choices |= {"size": size or (160 if task == "classify" else 320)}
    sheets = {
        "detect": _object_sheet,
        "segment": _mask_sheet,
        "captions": _caption_sheet,
        "questions": _question_sheet,
        "pictures": _picture_sheet,
    }
    sheet = sheets.get(task, _example_sheet)
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


def _caption_sheet(where: str, model: str, say, choices: dict):
    from dltk.data.captions import read_captions
    from dltk.data.captions.show import caption_sheet

    return caption_sheet(read_captions(where, report=say), **_as_they_are("captions", choices))


def _question_sheet(where: str, model: str, say, choices: dict):
    from dltk.data.questions import read_questions
    from dltk.data.questions.show import question_sheet

    return question_sheet(read_questions(where, report=say), **_as_they_are("questions", choices))


def _picture_sheet(where: str, model: str, say, choices: dict):
    from dltk.data.captions.show import told_sheet
    from dltk.data.plain import read_pictures

    return told_sheet(
        read_pictures(where, report=say),
        lambda examples, index: [examples.names[index]],
        1,
        **_as_they_are("names", choices),
    )


def _as_they_are(what: str, choices: dict) -> dict:
    """Return the choices that there are for pictures which are not varied; refuse the others."""
    flags = {"model": "--model", "augmentation": "--augment", "flip": "--flip and --no-flip"}
    if flag := next((flag for name, flag in flags.items() if _was_given(name)), None):
        raise UsageError(f"{flag}: pictures with {what} are shown as they are; leave it out")
    return {name: value for name, value in choices.items() if name not in flags}


def _was_given(name: str) -> bool:
    source = click.get_current_context().get_parameter_source(name)
    return source is click.core.ParameterSource.COMMANDLINE


def _refuse_model(model: str, what: str) -> None:
    if _was_given("model"):
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
