"""`dltk classify`."""

from __future__ import annotations

import click

from dltk.cli import options
from dltk.cli.batch import Outputs, relative_to, run_command
from dltk.cli.progress import Reporter
from dltk.cli.results import Table
from dltk.errors import printable


@click.command(
    short_help="Label pictures.",
    epilog="\b\nExamples:\n"
    "  dltk classify holiday/ --top 3\n"
    "  dltk classify '*.jpg' -o out --sort-into out/sorted --format csv",
)
@options.inputs
@options.model
@click.option("--labels", type=click.Path(), metavar="FILE", help="Class names of a .keras file.")
@click.option(
    "--top",
    type=click.IntRange(1),
    default=5,
    show_default=True,
    metavar="N",
    help="Labels for each picture, at most.",
)
@click.option(
    "--min-score",
    type=options.Share(0, 1),
    default=0.0,
    show_default=True,
    metavar="P",
    help="Leave out labels below this probability.",
)
@click.option("--tta", is_flag=True, help="Average over ten crops: slower, a little better.")
@click.option("--ensemble", is_flag=True, help="Average several models: name more than one -m.")
@click.option(
    "--annotate",
    type=options.Folder(),
    metavar="DIR",
    help="Write copies with the labels drawn on them.",
)
@click.option(
    "--sort-into",
    type=options.Folder(),
    metavar="DIR",
    help="Copy the pictures into one folder for each best label.",
)
@options.outputs
@options.hardware
@options.common
@click.pass_context
def classify(ctx, images, **choices):
    """Label pictures: files, folders, 'patterns', @list.txt, or - for standard input.

    The default model knows the 1000 classes of ImageNet and comes with dltk. A .keras file that
    dltk trained brings its own classes; one that plain Keras saved needs --labels.
    """
    from recipes.classify import check_products, csv_columns, csv_row, find_models
    from recipes.classify import classify as recipe

    outputs = Outputs.take(choices)
    reporter = Reporter(
        verbose=outputs.verbose, quiet=outputs.quiet, bar=outputs.output is not None
    )
    annotate, sort_into = choices["annotate"], choices["sort_into"]
    top, folder = choices["top"], outputs.output or sort_into or annotate

    def check(inputs):
        from dltk.batch import check_unowned, has_record

        check_products(inputs.items, annotate, sort_into)
        if not outputs.overwrite and not has_record(folder):
            check_unowned(annotate, ["*"])
            check_unowned(sort_into, ["*"])

    def describe() -> dict:
        how = {name: choices[name] for name in ("ensemble", "labels", "pixel_range")}
        what = ("top", "min_score", "tta", "precision")
        where = ("annotate", "sort_into")
        sources = find_models(choices["model"], **how)
        return {
            "model": [source.describe(reporter.say) for source in sources],
            "options": {name: choices[name] for name in what}
            | {name: relative_to(choices[name], folder) for name in where},
        }

    ctx.exit(
        run_command(
            lambda items, record: recipe(items, **choices, report=reporter.say),
            images,
            outputs,
            name="classify",
            describe=describe,
            reporter=reporter,
            table=Table(csv_columns(top), csv_row, _cells),
            folder=folder,
            products=[annotate, sort_into],
            check=check,
        )
    )


def _cells(fields: dict) -> tuple[str, str]:
    labels = [f"{printable(x['label'])} {x['score']:.1%}" for x in fields["labels"]]
    return (labels[0], ", ".join(labels[1:])) if labels else ("no label is sure enough", "")
