"""`dltk stylize`."""

from __future__ import annotations

import os

import click

from dltk.cli import options
from dltk.cli.batch import Outputs, check_folder, run_command, told
from dltk.cli.progress import Reporter
from dltk.cli.results import Table
from dltk.cli.sections import NumberOr, SectionCommand, option, section

_WEIGHT = NumberOr(float)
_POSITIVE = NumberOr(float, open_end=True)
_STYLE_LAYERS = "block1_conv1", "block2_conv1", "block3_conv1", "block4_conv1", "block5_conv1"


@click.command(
    cls=SectionCommand,
    short_help="Repaint photos in the style of other pictures.",
    epilog="\b\nExamples:\n"
    "  dltk stylize cat.jpg --style brush-strokes\n"
    "  dltk stylize holiday/ --style wave.jpg --style stained-glass --size 1024 -o painted\n"
    "  dltk stylize cat.jpg --style wave.jpg --style stained-glass --blend 2,1\n"
    "  dltk stylize cat.jpg --style wave.jpg --mask cat-mask.png --preserve-color luminance",
)
@options.inputs
@section(
    "Style",
    option("--style", multiple=True, metavar="PICTURE",
           help="What to take the style from: a picture, or brush-strokes or stained-glass, which "
           "ship with dltk. Again for a painting in each style."),
    option("--blend", metavar="W1,W2,…",
           help="All styles in one painting, with these weights."),
    option("--mask", multiple=True, metavar="FILE|DIR",
           help="For each style, white where it goes; all in one painting. A folder: a mask for "
           "each photo, of its name."),
    option("--style-scale", type=_POSITIVE, default=1.0, metavar="X",
           help="Above 1 for larger strokes, below for smaller ones."),
    option("--preserve-color", default="none",
           type=click.Choice(["none", "luminance", "histogram", "linear"]),
           help="Keep the photo's colours: paint in grey, or give the style the photo's colours."),
    option("--strength", type=options.Share(0, 1), default=1.0, metavar="P",
           help="Share of the painting in the result; the rest is the photo."),
)  # fmt: skip
@section(
    "Painting",
    option("--size", type=NumberOr(int, "keep"), default=512, metavar="PIXELS|keep",
           help="Of the longer side, at most; keep the photo's own, up to 4096."),
    option("--steps", type=click.IntRange(1), default=100, metavar="N",
           help="At each size; above 512 pixels fewer, in proportion."),
    option("--min-scale", type=click.IntRange(32), default=128, metavar="PIXELS",
           help="Begin with the photo at this size."),
    option("--scale-factor", type=_POSITIVE, default=1.4142, metavar="X",
           help="From one size to the next."),
    option("--init", default="content", metavar="content|noise|FILE", help="What to begin with."),
    option("--optimizer", type=click.Choice(["adam", "lbfgs"]), default="adam"),
    option("--rate", type=_POSITIVE, metavar="LEVELS",
           help="Of 255 that a pixel moves in Adam's first step.  [default: 10]"),
    option("--seed", type=click.IntRange(0), default=0, metavar="N",
           help="Of the noise to begin with."),
    option("--tile", type=click.IntRange(64), default=1024, metavar="PIXELS",
           help="Look at larger pictures in tiles of this size, with the same result."),
)  # fmt: skip
@section(
    "Network",
    option("--backbone", type=click.Choice(["vgg16-hed", "vgg16", "vgg19"]), default="vgg16-hed",
           help="vgg16-hed comes with dltk, the others are downloaded."),
    option("--content-layers", multiple=True, default=("block4_conv2",), metavar="NAME[:W]",
           help="Layers that the photo's features are kept in, and weights."),
    option("--style-layers", multiple=True, default=_STYLE_LAYERS, metavar="NAME[:W]",
           show_default="block1_conv1 to block5_conv1",
           help="Layers that the style's Grams are matched in, and weights."),
    option("--content-weight", type=_WEIGHT, default=10.0, metavar="W"),
    option("--style-weight", type=_WEIGHT, default=1000.0, metavar="W"),
    option("--tv-weight", type=_WEIGHT, default=0.0, metavar="W",
           help="Of total variation, which makes smooth."),
    option("--pooling", type=click.Choice(["max", "avg"]), default="max",
           help="max as trained, avg as Gatys et al. prefer."),
)  # fmt: skip
@section(
    "On the way",
    option("--save-every", type=click.IntRange(0), default=0, metavar="N",
           help="Write the painting after every N steps."),
    option("--gif", is_flag=True, help="Write an animation of it as it grows."),
)  # fmt: skip
@options.outputs_to("stylized")
@options.painters
@options.common
@click.pass_context
def stylize(ctx, images, **choices):
    """Repaint photos in the style of other pictures: files, folders, 'patterns', @list.txt or -.

    Every painting goes to the output folder as PHOTO__STYLE.jpg, with a trace of the losses beside
    it; several, on a contact sheet too. Ctrl-C writes a painting as it is.
    """
    from dltk.models.find import find_model
    from recipes._styles import look_names
    from recipes.stylize import draw_sheet, products_of
    from recipes.stylize import stylize as recipe

    outputs = Outputs.take(choices)
    reporter = Reporter(verbose=outputs.verbose, quiet=outputs.quiet, bar=True)
    init = choices["init"]

    def describe() -> dict:
        return {
            "model": [find_model(choices["backbone"]).describe(reporter.say)],
            "options": {name: choices[name] for name in choices if name not in options.PLACING}
            | {"style": [_told(style) for style in choices["style"]]}
            | {"mask": [told(mask) for mask in choices["mask"]]}
            | {"init": init if init in ("content", "noise") else told(init)},
        }

    def check(inputs) -> None:
        how = {"blend": choices["blend"], "masked": bool(choices["mask"])}
        products_of(look_names(choices["style"], **how), outputs.output).check(inputs.items)
        check_folder(outputs, inputs)

    ctx.exit(
        run_command(
            lambda items, record: recipe(
                items, **choices, output=outputs.output, report=reporter.say
            ),
            images,
            outputs,
            name="stylize",
            describe=describe,
            reporter=reporter,
            table=Table(("path", "status", "error", "width", "height", "steps"), dict, _cells),
            folder=outputs.output,
            check=check,
            finish=lambda inputs, record: draw_sheet(record.rows(), inputs.root, record.folder),
        )
    )


def _told(style: str) -> dict:
    """Return what the record tells of a style: a picture, or the name of one that is shipped."""
    return told(style) if os.path.exists(style) else {"name": style}


def _cells(fields: dict) -> tuple[str, str]:
    losses = ", ".join(f"{style} {loss:.4g}" for style, loss in fields["losses"].items())
    return f"{fields['width']} × {fields['height']}, {fields['steps']} steps", f"loss {losses}"
