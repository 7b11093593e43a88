"""`dltk dream`."""

from __future__ import annotations

import click

from dltk.cli import options
from dltk.cli.batch import Outputs, check_folder, run_command, told
from dltk.cli.progress import Reporter
from dltk.cli.results import Table
from dltk.cli.sections import NumberOr, SectionCommand, option, section

_POSITIVE = NumberOr(float, open_end=True)
_COUNT = click.IntRange(1)


@click.command(
    cls=SectionCommand,
    short_help="Dream over photos: DeepDream.",
    epilog="\b\nExamples:\n"
    "  dltk dream cat.jpg\n"
    "  dltk dream holiday/ --preset patchwork --preserve-color -o dreamt\n"
    "  dltk dream cat.jpg --class tabby --class 'Egyptian cat'\n"
    "  dltk dream cat.jpg --preview                    # a sheet of all layers\n"
    "  dltk dream cat.jpg --frames 30 --zoom 1.04 --rotate 1 --octaves 3",
)
@options.inputs
@section(
    "Dream",
    option("--preset", default="creatures", metavar="NAME",
           help="creatures, patchwork or engraving (of efficientnet-lite0), scales (of vgg16-hed), "
           "or classic (GoogLeNet, as the first dreams; a download). Gives the model, the layer "
           "and how to step, unless that is given below."),
    option("-m", "--model", metavar="NAME|FILE", shell_complete=options.complete_model,
           help='A name from "dltk models list", or a .keras file.  [default: the preset\'s]'),
    option("--layer", multiple=True, metavar="NAME[:W]",
           help="Make more of what this layer sees; again for more layers, with weights.  "
           "[default: the preset's, or one that suits the model]"),
    option("--channels", metavar="LIST", help="Only these channels of the layer, such as 3,17-20."),
    option("--class", "classes", multiple=True, metavar="LABEL",
           help="Make more of a class of the model, by its name, id or number."),
    option("--guide", metavar="PICTURE", help="Make more of what is like this picture."),
    option("--preview", is_flag=True,
           help="Draw a sheet of small dreams, one of each layer, in place of a dream."),
)  # fmt: skip
@section(
    "Picture",
    option("--size", type=NumberOr(int, "keep"), metavar="PIXELS|keep",
           help="Of the longer side, at most; keep the photo's own, up to 4096.  [default: 1024; "
           "224 of each in a preview]"),
    option("--strength", type=options.Share(0, 1), default=1.0, metavar="P",
           help="Share of the dream in the result; the rest is the photo."),
    option("--preserve-color", is_flag=True, help="Keep the photo's colours."),
    option("--mask", metavar="FILE|DIR",
           help="White where to dream. A folder: a mask for each photo, of its name."),
)  # fmt: skip
@section(
    "Steps",
    option("--octaves", type=_COUNT, metavar="N",
           help="Dream at so many sizes, small ones first.  [default: 5; engraving, classic 4]"),
    option("--octave-scale", type=_POSITIVE, metavar="X",
           help="From one size to the next.  [default: 1.4]"),
    option("--steps", type=_COUNT, metavar="N", help="At each size.  [default: 10]"),
    option("--step-size", type=_POSITIVE, metavar="LEVELS",
           help="Of 255 that pixels move in a step, on average.  [default: 1.5]"),
    option("--gradient", type=click.Choice(["normalised", "laplacian"]),
           help="laplacian lets large forms grow as fast as fine grain.  "
           "[default: laplacian; classic normalised]"),
    option("--jitter", type=click.IntRange(0), metavar="PIXELS",
           help="Shift the picture so far at random for each step.  [default: 32]"),
    option("--seed", type=click.IntRange(0), default=0, metavar="N", help="Of the jitter."),
    option("--tile", type=click.IntRange(64), default=1024, metavar="PIXELS",
           help="Look at larger pictures in overlapping tiles of this size."),
)  # fmt: skip
@section(
    "Film",
    option("--frames", type=click.IntRange(0), default=0, metavar="N",
           help="Make a film of N dreams, each over the last one drawn nearer."),
    option("--zoom", type=options.Share(0.5, 2), metavar="X",
           help="How much nearer each time.  [default: 1.05]"),
    option("--rotate", type=options.Share(-360, 360), metavar="DEGREES",
           help="Turn it each time, counter-clockwise.  [default: 0]"),
    option("--video", type=click.Choice(["gif", "mp4", "frames"]),
           help="mp4 needs PyAV; frames is a folder of PNG files.  [default: gif]"),
)  # fmt: skip
@options.labels
@options.pixel_range
@options.outputs_to("dreams")
@options.painters
@options.common
@click.pass_context
def dream(ctx, images, **choices):
    """Dream over photos: files, folders, 'patterns', @list.txt, or - for standard input.

    The photo is changed step by step so that what a network sees in it grows, whatever that is.
    Every dream goes to the output folder under the photo's name, with a trace beside it. Ctrl-C
    writes a dream as it is.
    """
    from dltk.models.find import find_model
    from recipes._dream_presets import find_preset
    from recipes.dream import dream as recipe
    from recipes.dream import products_of

    outputs = Outputs.take(choices)
    reporter = Reporter(verbose=outputs.verbose, quiet=outputs.quiet, bar=True)

    def describe() -> dict:
        name = choices["model"] or find_preset(choices["preset"]).model
        how = {key: choices[key] for key in ("labels", "pixel_range")}
        return {
            "model": [find_model(name, **how).describe(reporter.say)],
            "options": {key: choices[key] for key in choices if key not in options.PLACING}
            | {key: choices[key] and told(choices[key]) for key in ("guide", "mask")},
        }

    def check(inputs) -> None:
        products_of(
            outputs.output, choices["frames"] and (choices["video"] or "gif"), choices["preview"]
        ).check(inputs.items)
        check_folder(outputs, inputs)

    ctx.exit(
        run_command(
            lambda items, record: recipe(
                items, **choices, output=outputs.output, report=reporter.say
            ),
            images,
            outputs,
            name="dream",
            describe=describe,
            reporter=reporter,
            table=Table(("path", "status", "error", "width", "height", "steps"), dict, _cells),
            folder=outputs.output,
            check=check,
        )
    )


def _cells(fields: dict) -> tuple[str, str]:
    return f"{fields['width']} × {fields['height']}, {fields['steps']} steps", ""
