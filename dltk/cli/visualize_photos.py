"""The commands of `dltk visualize` that take photos."""

from __future__ import annotations

from collections.abc import Callable

import click

from dltk.cli import options
from dltk.cli.batch import Outputs, check_folder, run_command
from dltk.cli.progress import Reporter
from dltk.cli.results import Table
from dltk.cli.sections import SectionCommand, option, section
from dltk.errors import printable

_COUNT = click.IntRange(1)

MODEL = (
    option("-m", "--model", default="efficientnet-lite0", metavar="NAME|FILE",
           shell_complete=options.complete_model,
           help='A name from "dltk models list", or a .keras file.'),
    option("--pixel-range", type=click.Choice(["0..255", "0..1", "-1..1"]), default="0..255",
           help="Pixels that a file saved by plain Keras expects."),
)  # fmt: skip
_CLASS = (
    *MODEL,
    option("--labels", type=click.Path(), metavar="FILE", help="Class names of a .keras file."),
    option("--label", metavar="NAME",
           help="The class to look for, by name, id or number.  [default: the most probable]"),
)  # fmt: skip
_RAW = option("--raw", is_flag=True, help="Write the numbers as .npy too.")
_EVIDENCE = ("path", "status", "error", "width", "height", "label", "probability", "highest")


@click.command(
    "activations",
    cls=SectionCommand,
    short_help="Draw the feature maps of photos.",
    epilog="\b\nExamples:\n"
    "  dltk visualize activations cat.jpg\n"
    "  dltk visualize activations holiday/ -m vgg16-hed --layer block2_conv2 --count 12",
)
@options.inputs
@section(
    "Network",
    *MODEL,
    option("--layer", multiple=True, metavar="NAME|N",
           help="With a feature map; again for more.  [default: six, over the depth]"),
    option("--count", type=_COUNT, default=8, metavar="N",
           help="Channels of each layer, the strongest ones."),
)  # fmt: skip
@section("Maps", option("--raw", is_flag=True, help="Write the maps as .npz too."))
@options.outputs_to("visualized/activations")
@options.measurers
@options.common
@click.pass_context
def activations(ctx, images, **choices):
    """Draw the feature maps of photos, layer by layer: the strongest channels of each.

    The first cell is the photo as the network sees it; each map is scaled by itself.
    """
    from recipes.visualize import activations as recipe

    choices["layer"] = list(choices["layer"])
    columns = ("path", "status", "error", "width", "height", "files")
    table = Table(columns, dict, lambda fields: (f"{len(fields['layers'])} layers", ""))
    ctx.exit(_run("activations", recipe, images, choices, table))


@click.command(
    "occlusion",
    cls=SectionCommand,
    short_help="Hide parts of photos and see where a label is lost.",
    epilog="\b\nExamples:\n"
    "  dltk visualize occlusion cat.jpg\n"
    "  dltk visualize occlusion holiday/ --label beach --patch 32 --stride 8",
)
@options.inputs
@section("Network", *_CLASS)
@section(
    "Square",
    option("--patch", type=_COUNT, metavar="PIXELS",
           help="Of a side, as the network sees it.  [default: a fifth of the picture's]"),
    option("--stride", type=_COUNT, metavar="PIXELS",
           help="From one place to the next.  [default: a third of the square's side]"),
    _RAW,
)  # fmt: skip
@options.outputs_to("visualized/occlusion")
@options.measurers
@options.common
@click.pass_context
def occlusion(ctx, images, **choices):
    """Slide a grey square over photos and draw how far the probability of a label falls.

    Zeiler & Fergus 2013, Sec. 4.2. Writes a heat map, and the photo under it.
    """
    from recipes.evidence import occlusion as recipe

    ctx.exit(_run("occlusion", recipe, images, choices, _evidence_table()))


@click.command(
    "saliency",
    cls=SectionCommand,
    short_help="Draw which pixels of photos count most for a label.",
    epilog="\b\nExamples:\n"
    "  dltk visualize saliency cat.jpg\n"
    "  dltk visualize saliency cat.jpg --method integrated --samples 64 --raw",
)
@options.inputs
@section("Network", *_CLASS)
@section(
    "Method",
    option("--method", type=click.Choice(["gradient", "smoothgrad", "integrated", "guided"]),
           default="gradient",
           help="Simonyan et al. 2013, Smilkov et al. 2017, Sundararajan et al. 2017, Springenberg "
           "et al. 2014."),
    option("--samples", type=_COUNT, metavar="N",
           help="Noisy copies of smoothgrad, steps of integrated.  [default: 32]"),
    option("--seed", type=click.IntRange(0), metavar="N",
           help="Of the noise of smoothgrad.  [default: 0]"),
    _RAW,
)  # fmt: skip
@options.outputs_to("visualized/saliency")
@options.measurers
@options.common
@click.pass_context
def saliency(ctx, images, **choices):
    """Draw how much each pixel of photos changes the score of a label, before softmax.

    Writes a heat map, and the photo under it; the highest hundredth is shown alike.
    """
    from recipes.evidence import saliency as recipe

    ctx.exit(_run("saliency", recipe, images, choices, _evidence_table()))


@click.command(
    "gradcam",
    cls=SectionCommand,
    short_help="Draw where in photos the evidence for a label is.",
    epilog="\b\nExamples:\n"
    "  dltk visualize gradcam holiday/\n"
    "  dltk visualize gradcam cat.jpg --label tabby --layer block6d_add",
)
@options.inputs
@section(
    "Network",
    *_CLASS,
    option("--layer", metavar="NAME|N",
           help='With a feature map, from "dltk models layers".  [default: the last]'),
)  # fmt: skip
@section("Maps", _RAW)
@options.outputs_to("visualized/gradcam")
@options.measurers
@options.common
@click.pass_context
def gradcam(ctx, images, **choices):
    """Draw which places of a feature map speak for a label.

    Selvaraju et al. 2017; with a network that ends in global average pooling, the class
    activation map of Zhou et al. 2016. Writes a heat map, and the photo under it.
    """
    from recipes.evidence import gradcam as recipe

    ctx.exit(_run("gradcam", recipe, images, choices, _evidence_table()))


@click.command(
    "top9",
    cls=SectionCommand,
    short_help="Find the pictures that excite channels most.",
    epilog="\b\nExamples:\n"
    "  dltk visualize top9 holiday/ --layer block4c_add --channel 0-15\n"
    "  dltk visualize top9 holiday/ -m vgg16-hed --layer block3_conv3 --channel 7,40",
)
@options.inputs
@section(
    "Network",
    *MODEL,
    option("--layer", metavar="NAME|N", help="With a feature map.  [default: one halfway]"),
    option("--channel", default="0-15", metavar="LIST", help="Which, such as 0-15,40."),
)  # fmt: skip
@options.outputs_to("visualized/top9")
@options.hardware
@options.common
@click.pass_context
def top9(ctx, images, **choices):
    """Find the nine pictures that excite each channel most, and the patch of each that does.

    Zeiler & Fergus 2013, Fig. 2. Writes a sheet of the pictures, one of the patches (as much as
    the place of the map sees), and index.csv with places in pixels. A run that was stopped goes
    on; new pictures compete with those seen before.
    """
    from dltk.batch import Item
    from dltk.explain.strongest import Peak
    from recipes._top9 import Seeker, write_top9

    outputs = Outputs.take(choices)
    reporter = Reporter(verbose=outputs.verbose, quiet=outputs.quiet, bar=True)
    seeker = Seeker(**choices, report=reporter.say)

    def finish(inputs, record):
        by_name = {item.name: item for item in inputs}

        def rows():
            for fields in record.rows():
                if fields["status"] == "ok":
                    name = fields["path"]
                    item = by_name.get(name) or Item(name, inputs.root / name)
                    peaks = [peak and Peak(*peak) for peak in fields["peaks"]]
                    yield item, (fields["width"], fields["height"]), peaks

        if patches := list(seeker.patches(rows())):
            write_top9(patches, record.folder, seeker.layer, outputs.overwrite)

    def describe() -> dict:
        what = {"layer": seeker.layer, "channel": seeker.channels}
        return {
            "model": [seeker.source.describe(reporter.say)],
            "options": what | {"precision": choices["precision"]},
        }

    columns = ("path", "status", "error", "width", "height", "peaks")
    ctx.exit(
        run_command(
            lambda items, record: seeker.excite(items),
            images,
            outputs,
            name="visualize.top9",
            describe=describe,
            reporter=reporter,
            table=Table(columns, dict, _excited),
            folder=outputs.output,
            check=lambda inputs: check_folder(outputs, inputs),
            finish=finish,
        )
    )


PHOTO_COMMANDS = (activations, top9, occlusion, saliency, gradcam)


def _run(name: str, recipe: Callable, images, choices: dict, table: Table) -> int:
    """Run a recipe over photos with a record in the output folder; return the exit code."""
    outputs = Outputs.take(choices)
    reporter = Reporter(verbose=outputs.verbose, quiet=outputs.quiet, bar=True)

    def describe() -> dict:
        from dltk.models.find import find_model

        how = {each: choices[each] for each in ("labels", "pixel_range") if each in choices}
        what = {
            each: choices[each] for each in choices if each not in (*options.PLACING, *how, "model")
        }
        return {
            "model": [find_model(choices["model"], **how).describe(reporter.say)],
            "options": what,
        }

    return run_command(
        lambda items, record: recipe(items, **choices, output=outputs.output, report=reporter.say),
        images,
        outputs,
        name=f"visualize.{name}",
        describe=describe,
        reporter=reporter,
        table=table,
        folder=outputs.output,
        check=lambda inputs: check_folder(outputs, inputs),
    )


def _excited(fields: dict) -> tuple[str, str]:
    return f"{sum(peak is not None for peak in fields['peaks'])} channels", ""


def _evidence_table() -> Table:
    def cells(fields: dict) -> tuple[str, str]:
        return f"{printable(fields['label'])} {fields['probability']:.1%}", ""

    return Table(_EVIDENCE, dict, cells)
