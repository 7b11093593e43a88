"""`dltk evaluate`."""

from __future__ import annotations

import os

import click

from dltk.cli import options
from dltk.cli.progress import Reporter
from dltk.cli.tables import MOST_PAIRS, class_table, pair_table, text_console, text_of
from dltk.errors import UsageError, printable
from dltk.wording import amount

_MOST_FAILURES = 10
_MEASURES = {"precision": "precision", "recall": "recall", "F1": "f1"}


@click.command(
    short_help="Measure a classifier, a detector, a segmenter, a captioner, a generator …",
    epilog="\b\nExamples:\n"
    "  dltk evaluate efficientnet-lite0 photos/ -o out\n"
    "  dltk evaluate mine.keras pictures.csv --split test --json\n"
    "  dltk evaluate runs/text-train/001-reviews-textcnn/best.keras reviews.csv -o out\n"
    "  dltk evaluate runs/train-detector/001-boxes-faster-rcnn/best.keras boxes/ -o out\n"
    "  dltk evaluate runs/train-captioner/001-scenes-show-attend-tell/best.keras captions.json\n"
    "  dltk evaluate runs/train-gan/001-faces-dcgan/best.keras faces/ --samples 5000 -o out",
)
@click.argument("model", shell_complete=options.complete_model)
@click.argument("data", type=click.Path())
@click.option(
    "--split",
    type=click.Choice(["auto", "train", "val", "test", "all"]),
    default="auto",
    show_default=True,
    help="Which pictures: auto is test if the data has such, else all.",
)
@options.labels
@options.pixel_range
@click.option(
    "--regions",
    type=click.Path(),
    metavar="FILE",
    help="Take the regions that a detector looks at from this file of JSON lines: path and boxes.",
)
@click.option(
    "--features",
    type=click.Choice(["lite0", "inception", "inception-keras"]),
    default="lite0",
    show_default=True,
    help="Of which network a generator is measured by; inception, which is downloaded, is that of "
    "published FID and KID.",
)
@click.option(
    "--samples",
    type=click.IntRange(1),
    metavar="N",
    help="Measure a generator by N of its pictures, and N real ones at most.  [default: as many as "
    "are real, up to 2000]",
)
@click.option(
    "--text-column",
    metavar="NAME",
    help="Of a table of texts: the column with the texts.  [default: text or another usual name]",
)
@click.option(
    "--label-column",
    metavar="NAME",
    help="The one with their classes.  [default: label or another usual name]",
)
@click.option(
    "-o",
    "--output",
    type=options.Folder(),
    metavar="DIR",
    help="Write the measures, diagrams, worst mistakes and answers to this folder.",
)
@click.option("--overwrite", is_flag=True, help="Write to a folder that holds other files.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@options.hardware
@options.common
@click.pass_context
def evaluate(ctx, model, data, output, overwrite, as_json, verbose, quiet, **choices):
    """Measure MODEL, a classifier, a detector, a segmenter, a captioner, an answerer or a
    generator, on DATA.

    For a classifier, DATA is a folder with a folder for each class, maybe below train/, val/ and
    test/; a .csv file with the columns path, label and maybe split; or tfds:NAME. For a detector,
    it is pictures with boxes: a COCO .json file or a folder in COCO's, Pascal VOC's or YOLO's
    layout; a .csv file with the columns path, label, left, top, right, bottom and maybe split; or
    tfds:NAME. For a segmenter, it is pictures with label maps: pictures and masks in two folders;
    a folder in Pascal VOC's or COCO's layout; a .csv file with the columns path, mask and maybe
    split; or tfds:NAME. Its classes are named as those of MODEL, or by their ids (n02123045). For a
    captioner, it is pictures with captions: Karpathy's or COCO's .json file, Flickr8k's
    NAME.token.txt, a .csv file with the columns path, caption and maybe split, a folder with a
    .txt file beside each picture; or tfds:NAME. For an answerer, it is pictures with questions and
    answers: VQA's two .json files or a folder with them, or a .csv file with the columns path,
    question, answer and maybe split. For a generator, it is a folder of pictures, a .csv file with
    the column path and maybe split, or tfds:NAME: FID, KID, precision and recall tell how like them
    its own are. For a classifier of texts, DATA is a folder with a folder of .txt files for each
    class; a .csv, .tsv or .jsonl file with text, label and maybe split; fastText's lines; or
    tfds:NAME. For a generator of texts it is a file or a folder of running text, and bits per
    character or word tell how well it is foretold.

    With --output, DIR gets evaluation.json, pictures of the worst mistakes, and: confusion.png,
    calibration.png and predictions.csv; precision_recall.png and detections.csv; iou.png,
    confusion.png and pictures.csv; the captions in captions.csv, best.png and worst.png; the
    answers in answers.csv; or samples.png and nearest.png, made pictures beside the real ones that
    are most like them. Mistakes of a classifier of texts are in mistakes.html.
    """
    from dltk.batch import to_line
    from dltk.cli.evaluate_answers import answer_tables
    from dltk.cli.evaluate_captions import caption_tables
    from dltk.cli.evaluate_detection import detection_tables
    from dltk.cli.evaluate_generation import generation_tables
    from dltk.cli.evaluate_segmentation import segmentation_tables
    from dltk.cli.evaluate_text_generation import text_generation_tables
    from dltk.models.find import find_model
    from recipes._evaluation import check_contents, check_place
    from recipes.evaluate import evaluate as recipe

    if overwrite and not output:
        raise UsageError("--overwrite is about a folder of results; name it with --output")
    task = find_model(model, labels=choices["labels"], pixel_range=choices["pixel_range"]).task
    if output:
        check_place(output, data)
        if not overwrite:
            check_contents(output, task)
    reporter = Reporter(verbose=verbose, quiet=quiet, bar=False)
    result = recipe(model, data, **choices, report=reporter.say)
    if output:
        result.save(output, overwrite=overwrite)
    if as_json:
        click.echo(to_line(result.to_dict()), nl=False)
    else:
        others = {
            "detect": detection_tables,
            "segment": segmentation_tables,
            "caption": caption_tables,
            "answer": answer_tables,
            "generate": generation_tables,
            "generate texts": text_generation_tables,
        }
        click.echo(others.get(task, tables)(result))
    _tell(result, output, quiet)
    ctx.exit(3 if result.failed else 0)


def _tell(result, output: str | None, quiet: bool) -> None:
    """Say on standard error what is to be known beside the measures."""
    for name, why in result.failed[:_MOST_FAILURES]:
        click.echo(f"failed: {printable(name)}: {why}", err=True)
    if len(result.failed) > _MOST_FAILURES:
        click.echo(f"failed: {len(result.failed) - _MOST_FAILURES} more", err=True)
    if result.seen_in_training:
        click.echo(
            f"{result.seen_in_training:,} of these {len(result.names):,} {noun_of(result)}s were "
            "trained on: the model is worse than this on others",
            err=True,
        )
    if output and not quiet:
        click.echo(f"results in {printable(os.path.abspath(output))}", err=True)


def tables(result) -> str:
    """Return the measures as text: in colours and as wide as the window on a terminal."""
    console = text_console()
    report = result.report
    split, noun = "" if result.split == "all" else f", {result.split}", noun_of(result)
    console.print(
        f"{printable(result.model)} on {printable(result.data)}{split}: "
        f"{amount(report.examples, noun)} of {len(report.per_class())} classes",
        soft_wrap=True,
    )
    console.print(_measures(report, noun), style="bold", soft_wrap=True)
    console.print()
    columns = {f"{noun}s": "support", **_MEASURES}
    console.print(class_table(report.per_class(), columns, by="f1"))
    pairs = report.most_confused(MOST_PAIRS)
    if pairs:
        console.print()
        console.print(pair_table(pairs, f"{noun}s"))
    return text_of(console)


def _measures(report, noun: str) -> str:
    """Return the measures over all classes on a line; of texts those that are usual there."""
    if noun == "text":  # precision, recall and F1 over all texts are the accuracy
        told = [
            f"accuracy {report.top1:.1%}",
            f"micro F1 {report.top1:.3f}",
            f"macro precision {report.macro_precision:.3f}",
            f"recall {report.macro_recall:.3f}",
            f"F1 {report.macro_f1:.3f}",
        ]
    else:
        told = [f"top-1 {report.top1:.1%}", f"macro F1 {report.macro_f1:.3f}"]
        told[1:1] = [f"top-5 {report.top5:.1%}"] if report.outputs > 5 else []
    return "  ".join([*told, f"ECE {report.ece:.3f}", f"loss {report.loss:.3f}"])


def noun_of(result) -> str:
    """Return what was measured on."""
    return getattr(result, "NOUN", "picture")
