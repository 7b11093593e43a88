"""`dltk translate`."""

from __future__ import annotations

import click

from dltk.cli import options
from dltk.cli.batch import Outputs, check_folder, run_command
from dltk.cli.progress import Reporter
from dltk.cli.results import Table
from dltk.cli.sections import NumberOr, SectionCommand, option, section

_COLUMNS = ("path", "status", "error", "width", "height")
_WHAT = ("size", "precision")


@click.command(
    cls=SectionCommand,
    short_help="Turn photos into pictures of another kind, with a translator.",
    epilog="\b\nExamples:\n"
    "  dltk translate horses/ -m best.keras\n"
    "  dltk translate zebra.jpg -m best.keras --to horses --size 512 -o tamed",
)
@options.inputs
@section(
    "Translation",
    option("-m", "--model", required=True, metavar="FILE", type=click.Path(),
           help='A .keras file that "dltk train translator" wrote.'),
    option("--to", metavar="NAME",
           help="Which of its two kinds of pictures to make.  [default: the second]"),
    option("--size", type=NumberOr(int, "keep"), default="keep", metavar="PIXELS|keep",
           help="Of the longer side, at most; keep the photo's own, up to 2048. Things are known "
           "best at the size they had in training."),
)  # fmt: skip
@options.outputs_to("translated")
@options.keras_hardware
@options.common
@click.pass_context
def translate(ctx, images, **choices):
    """Turn photos into pictures of another kind: files, folders, 'patterns', @list.txt or -.

    What is made of each photo goes to the output folder under the photo's name. A translator knows
    two kinds, and the way between them in both directions.
    """
    from recipes.translate import domain_of, find_translator, products_of
    from recipes.translate import translate as recipe

    outputs = Outputs.take(choices)
    reporter = Reporter(verbose=outputs.verbose, quiet=outputs.quiet, bar=True)
    source = find_translator(choices["model"])
    domain = domain_of(source, choices["to"])

    def describe() -> dict:
        told = {name: choices[name] for name in _WHAT}
        return {"model": [source.describe(reporter.say)], "options": {"to": domain} | told}

    def check(inputs) -> None:
        products_of(outputs.output).check(inputs.items)
        check_folder(outputs, inputs)

    ctx.exit(
        run_command(
            lambda items, record: recipe(
                items, **choices, output=outputs.output, report=reporter.say
            ),
            images,
            outputs,
            name="translate",
            describe=describe,
            reporter=reporter,
            table=Table(_COLUMNS, dict, _cells),
            folder=outputs.output,
            check=check,
        )
    )


def _cells(fields: dict) -> tuple[str, str]:
    return f"{fields['width']} × {fields['height']}", fields["files"]["picture"]
