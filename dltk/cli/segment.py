"""`dltk segment`."""

from __future__ import annotations

import os

import click

from dltk.cli import options
from dltk.cli.batch import Outputs, relative_to, run_command
from dltk.cli.progress import Reporter
from dltk.cli.results import Table
from dltk.cli.sections import Numbers, SectionCommand, option, section
from dltk.errors import UsageError, printable

_COLUMNS = (
    "path", "status", "error", "width", "height",
    "label", "id", "value", "pixels", "share", "score",
)  # fmt: skip
_COPIES = ("masks", "overlay", "binary", "cutouts", "heat")
_WHAT = ("score", "scales", "flip", "tile", "overlap", "min_area", "outlines", "alpha", "precision")


@click.command(
    cls=SectionCommand,
    short_help="Tell the class of every pixel.",
    epilog="\b\nExamples:\n"
    "  dltk segment cat.jpg --classes tabby --overlay seen\n"
    "  dltk segment street/ -m fcn-resnet50 -o out --cutouts out/people --classes person\n"
    "  dltk segment leaves/ -m mine.keras -o out --format csv --min-area 200\n"
    "  dltk segment aerial.tif -m mine.keras --tile 512 -o out\n"
    "  dltk segment street/ --instances masker.keras --overlay seen",
)
@options.inputs
@section(
    "Model",
    option("-m", "--model", default="efficientnet-lite0", metavar="NAME|FILE",
           shell_complete=options.complete_model,
           help='A name from "dltk models list" or a .keras file: of a segmenter, or of a '
           "classifier, of which the evidence is shown."),
    option("--instances", type=click.Path(), metavar="FILE",
           help='Tell single objects apart, with a masker that "dltk train masker" wrote; -m then '
           "names the classifier that labels them."),
    option("--labels", type=click.Path(), metavar="FILE", help="Class names of a .keras file."),
    option("--pixel-range", type=click.Choice(["0..255", "0..1", "-1..1"]), default="0..255",
           help="Pixels that a file saved by plain Keras expects."),
)  # fmt: skip
@section(
    "Classes",
    option("--classes", multiple=True, metavar="A,B,…",
           help="Look for these only, by name, id or number."),
    option("--score", type=options.Share(0, 1), metavar="P",
           help="Leave out what is less sure.  [default: the model's; 0.2 with --instances]"),
    option("--max", "most", type=click.IntRange(1, 254), default=20, metavar="N",
           help="Objects in one picture, with --instances."),
    option("--scales", type=Numbers(), default="1", metavar="A,B,…",
           help="Look at each picture in these sizes, as parts of the model's own, and average; "
           "such as 0.75,1,1.25."),
    option("--flip", is_flag=True, help="Look at the mirror image too, and average."),
    option("--tile", type=click.IntRange(64), metavar="PIXELS",
           help="Look at larger pictures in tiles, for small things."),
    option("--overlap", type=options.Share(0, 0.9), default=0.2, metavar="SHARE",
           help="Of a tile with its neighbour, at least."),
    option("--min-area", type=click.IntRange(0), default=0, metavar="PIXELS",
           help="Smaller parts take the class around them."),
    option("--outlines", type=click.Choice(["none", "rle", "polygons"]), default="none",
           help="Tell in the record where each class is, as COCO does."),
)  # fmt: skip
@section(
    "Pictures",
    option("--masks", type=options.Folder(), metavar="DIR",
           help="Write label maps: PNG files of indices.  [default: masks in --output]"),
    option("--overlay", type=options.Folder(), metavar="DIR",
           help="Write copies under the colours of their classes."),
    option("--alpha", type=options.Share(0, 1), default=0.5, metavar="SHARE",
           help="Of the colours in these."),
    option("--binary", type=options.Folder(), metavar="DIR",
           help="Write a black and white mask of each class, in one folder for each."),
    option("--cutouts", type=options.Folder(), metavar="DIR",
           help="Write what is of each class, the rest transparent, likewise."),
    option("--heat", type=options.Folder(), metavar="DIR",
           help="Write how sure the model is of each class, in colours, likewise."),
)  # fmt: skip
@section(
    "Files for other tools",
    option("--coco", type=options.Folder(), metavar="DIR",
           help="Write coco_results.json, and coco_images.json that it refers to."),
)  # fmt: skip
@options.outputs
@options.hardware
@options.common
@click.pass_context
def segment(ctx, images, **choices):
    """Tell what is where in pictures: files, folders, 'patterns', @list.txt, or - for standard
    input.

    Without a trained segmenter, the classifier that comes with dltk is made convolutional, and the
    evidence for its labels is followed along the edges of the picture: a coarse mask, and no more.
    """
    if choices["instances"] is not None:
        from dltk.cli.segment_instances import run_instances

        ctx.exit(run_instances(ctx, images, choices))
    from recipes._detect_files import check_exports, claim
    from recipes._detectors import chosen_classes
    from recipes._segment_files import write_coco
    from recipes._segmenters import find_segmenter
    from recipes.segment import copies_of
    from recipes.segment import segment as recipe

    _check_given(ctx, choices)
    del choices["instances"], choices["most"]
    outputs = Outputs.take(choices)
    reporter = Reporter(
        verbose=outputs.verbose, quiet=outputs.quiet, bar=outputs.output is not None
    )
    exports = {"coco": choices.pop("coco")}
    choices["classes"] = list(choices["classes"])
    if exports["coco"] is not None:
        if choices["outlines"] == "polygons":
            raise UsageError("COCO's results have run lengths: --coco goes with --outlines rle")
        choices["outlines"] = "rle"
    if outputs.output is not None and choices["masks"] is None:
        choices["masks"] = os.path.join(outputs.output, "masks")
    places = [choices[name] for name in _COPIES] + list(exports.values())
    folder = outputs.output or next((place for place in places if place is not None), None)
    source = find_segmenter(**{name: choices[name] for name in ("model", "labels", "pixel_range")})
    copies = copies_of(source, **{name: choices[name] for name in (*_COPIES, "alpha", "classes")})

    def check(inputs):
        from dltk.batch import check_unowned, has_record

        copies.check(inputs.items)
        if not outputs.overwrite and not has_record(folder):
            for name in _COPIES:
                check_unowned(choices[name], ["*"])
        check_exports(inputs.items, exports, folder, overwrite=outputs.overwrite)

    def describe() -> dict:
        numbers = chosen_classes(choices["classes"], source, "--classes")
        return {
            "model": [source.describe(reporter.say)],
            "options": {name: choices[name] for name in _WHAT}
            | {"classes": [source.labels[number].name for number in numbers]}
            | {name: relative_to(choices[name], folder) for name in _COPIES},
        }

    def finish(inputs, record):
        if exports["coco"] is not None:
            skipped = frozenset(source.labels[number].name for number in copies.skipped)
            write_coco(record.rows(), source.labels, exports["coco"], skipped=skipped)

    ctx.exit(
        run_command(
            lambda items, record: recipe(items, **choices, report=reporter.say),
            images,
            outputs,
            name="segment",
            describe=describe,
            reporter=reporter,
            table=Table(_COLUMNS, _rows, _cells),
            folder=folder,
            products=places,
            check=check,
            prepare=lambda record: claim(exports.values()),
            finish=finish,
        )
    )


def _check_given(ctx, choices) -> None:
    """Raise UsageError for an option about another one that is not given."""
    for name, other in {"overlap": "tile", "alpha": "overlay", "most": "instances"}.items():
        given = ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
        if given and choices[other] is None:
            shown = {"most": "max"}.get(name, name)
            raise UsageError(f"--{shown} is about --{other}, which is not given")


def _rows(fields: dict) -> list[dict]:
    """Return a row for each class; one with empty cells for a picture without any."""
    about = {name: fields.get(name, "") for name in _COLUMNS[:5]}
    return [about | area for area in fields.get("areas", ())] or [about]


def _cells(fields: dict) -> tuple[str, str]:
    areas = fields["areas"]
    if not areas:
        return "nothing found", ""
    shares = [f"{printable(area['label'])} {area['share']:.1%}" for area in areas]
    return f"{len(areas)} class{'es' * (len(areas) > 1)}", ", ".join(shares)
