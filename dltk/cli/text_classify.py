"""`dltk text classify`."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable

import click

from dltk.cli import options
from dltk.cli.batch import Outputs
from dltk.cli.progress import Reporter
from dltk.cli.results import Table, styled, table_line
from dltk.cli.stream import run_stream_command
from dltk.errors import UsageError, printable

_OF_RECORD = ("each", "text_column", "top", "min_score", "explain", "precision")
_WIDEST = 40  # letters of a text's place in a table
_EXCERPT = 200  # letters of a text that are shown
_TINTS = {True: ((255, 236, 232), (255, 120, 105)), False: ((226, 236, 255), (105, 160, 255))}
"""Grounds of words that speak for a label, or against it: the faintest and the strongest, RGB."""


@click.command(
    short_help="Label texts: what they are about, how they are meant.",
    epilog="\b\nExamples:\n"
    "  dltk text classify reviews.txt -m runs/text-train/001-reviews-textcnn/best.keras\n"
    "  dltk text classify mails/ -m mine.keras -o out --explain --format csv\n"
    "  tail -f messages.log | dltk text classify - -m mine.keras",
)
@click.argument("texts", nargs=-1, metavar="[TEXTS]...", type=click.Path(allow_dash=True))
@click.option(
    "-m",
    "--model",
    type=click.Path(),
    required=True,
    metavar="FILE",
    help='A model file that "dltk text train" wrote.',
)
@click.option(
    "--each",
    type=click.Choice(["auto", "line", "file"]),
    default="auto",
    show_default=True,
    help="What a text is: a line, or a whole file; auto is a file of those that are found in "
    "folders, a row of tables, and else a line.",
)
@click.option(
    "--text-column",
    metavar="NAME",
    help="Of tables: the column with the texts, by its name, or its number from 1 where there is "
    "no header.  [default: text or another usual name]",
)
@click.option("--limit", type=click.IntRange(1), help="Take only the first N texts.", metavar="N")
@click.option(
    "--top",
    type=click.IntRange(1),
    default=5,
    show_default=True,
    metavar="N",
    help="Labels for each text, at most.",
)
@click.option(
    "--min-score",
    type=options.Share(0, 1),
    default=0.0,
    show_default=True,
    metavar="P",
    help="Leave out labels below this probability.",
)
@click.option(
    "--explain",
    is_flag=True,
    help="Tell what each word is worth to the first label; with --output, write pages with the "
    "words in colour. The network looks at a text once more for every word, at "
    "most 256 times.",
)
@options.outputs
@options.text_hardware
@options.common
@click.pass_context
def classify(ctx, texts, **choices):
    """Label texts: of files, folders, 'patterns', @list.txt, or - for standard input.

    Lines of files and of standard input are a text each, and so are whole files that are found in
    folders, and rows of .csv, .tsv and .jsonl files. There may be any number of texts, and they
    may come at any time: results follow as soon as the input pauses.
    """
    from recipes._text_classifiers import find_text_classifier
    from recipes._text_explanation import PAGES, write_pages
    from recipes._texts import find_texts
    from recipes.classify_text import classify_text as recipe
    from recipes.classify_text import window_of

    outputs = Outputs.take(choices)
    reporter = Reporter(
        verbose=outputs.verbose, quiet=outputs.quiet, bar=outputs.output is not None
    )
    source, explain = find_text_classifier(choices["model"]), choices["explain"]
    how = {name: choices[name] for name in ("each", "text_column")}
    inputs = find_texts(_named(texts), **how, exclude=[outputs.output], limit=outputs.limit)
    columns = _columns(min(choices["top"], len(source.labels)), explain)

    def finish(record):
        if explain:
            write_pages(record.rows(), record.folder, model=source.name)
        else:
            for path in record.folder.glob(PAGES):  # of a run that this one overwrote
                path.unlink(missing_ok=True)

    ctx.exit(
        run_stream_command(
            lambda some: recipe(some, **choices, report=reporter.say),
            inputs,
            outputs,
            name="text.classify",
            described={
                "model": [source.describe(reporter.say)],
                "options": {name: choices[name] for name in _OF_RECORD} | {"limit": outputs.limit},
            },
            window=window_of(choices["batch_size"], explain),
            columns=columns,
            rows=_rows,
            line=_line_of(columns, inputs),
            pages=PAGES,
            finish=finish,
            reporter=reporter,
        )
    )


def _named(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Return what was named; standard input if nothing was, and something comes there."""
    if not texts and sys.stdin.isatty():
        raise UsageError("no texts were named; name files or folders, or - for standard input")
    return texts or ("-",)


def _columns(ranks: int, explain: bool) -> list[str]:
    labels = [f"{what}{rank}" for rank in range(1, ranks + 1) for what in ("label", "score")]
    about = ["path", "line", "status", "error", *labels, "tokens", "unknown", "cut"]
    return about + ["text", "words"] * explain


def _rows(fields: dict) -> list[dict]:
    """Return the record of a text as one flat row."""
    row = {name: value for name, value in fields.items() if name != "labels"}
    for rank, label in enumerate(fields.get("labels", ()), start=1):
        row |= {f"{what}{rank}": label[what] for what in ("label", "score")}
    if "words" in row:
        row["words"] = json.dumps(row["words"], ensure_ascii=False)
    return [row]


def _line_of(columns: list[str], inputs) -> Callable[[dict, object], str]:
    """Return what makes a line of a table, or several, of a record and the result it is of."""
    longest = max(
        (len(printable(f.name)) + 8 * (f.kind != "file") for f in inputs.files), default=0
    )
    width = min(_WIDEST, longest)

    def line(fields: dict, result) -> str:
        from recipes._text_explanation import shown

        is_below = "words" in fields and _may_colour()
        text = "" if result is None or is_below else shown(result.text[:_EXCERPT])

        def cells(fields: dict) -> tuple[str, str]:
            labels = [f"{printable(x['label'])} {x['score']:.1%}" for x in fields["labels"]]
            first = labels[0] if labels else "no label is sure enough"
            return first, "  ".join(filter(None, [", ".join(labels[1:]), text]))

        place = f"{fields['path']}:{fields['line']}" if "line" in fields else fields["path"]
        told = table_line(fields | {"path": place}, Table(columns, _rows, cells), width)
        return f"{told}\n    {_explained(fields)}" if "words" in fields else told

    return line


def _explained(fields: dict) -> str:
    """Return a text with its words in colour, or where there are none the strongest words."""
    from recipes._text_explanation import pieces, shown, strongest

    words = fields["words"]
    if not _may_colour():
        return strongest(words) or "no word is worth anything"
    told = []
    for piece, worth, strength in pieces(fields["text"], words):
        tinted = shown(piece)
        if strength:
            faint, strong = _TINTS[worth > 0]
            mixed = (round(a + (b - a) * strength) for a, b in zip(faint, strong, strict=True))
            tinted = styled(tinted, bg=tuple(mixed), fg="black")
        told.append(tinted)
    return "".join(told)


def _may_colour() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")
