"""`dltk detect`."""

from __future__ import annotations

import click

from dltk.cli import options
from dltk.cli.batch import Outputs, relative_to, run_command, told
from dltk.cli.progress import Reporter
from dltk.cli.results import Table
from dltk.cli.sections import SectionCommand, option, section
from dltk.errors import UsageError, printable
from dltk.wording import amount

_COLUMNS = (
    "path", "status", "error", "width", "height",
    "label", "id", "score", "left", "top", "right", "bottom",
)  # fmt: skip
_COPIES = ("annotate", "crops", "blurred")
_WHAT = ("score", "nms", "soft", "most", "tile", "overlap", "pad", "precision")
_ABOUT_COPIES = (*_COPIES, "pad", "blur", "classes")
_EXPORTS = ("coco", "yolo", "voc")


@click.command(
    cls=SectionCommand,
    short_help="Find objects in pictures.",
    epilog="\b\nExamples:\n"
    "  dltk detect holiday/ --annotate boxes\n"
    "  dltk detect street/ -m faster-rcnn-resnet50-fpn --blur person,car --blurred public\n"
    "  dltk detect street/ -m mine.keras -o out --yolo out/labels --crops out/crops\n"
    "  dltk detect aerial.tif -m mine.keras --tile 800 --score 0.3",
)
@options.inputs
@section(
    "Model",
    option("-m", "--model", default="efficientnet-lite0", metavar="NAME|FILE",
           shell_complete=options.complete_model,
           help='A name from "dltk models list" or a .keras file: of a detector, or of a '
           "classifier, which then labels regions."),
    option("--labels", type=click.Path(), metavar="FILE", help="Class names of a .keras file."),
    option("--pixel-range", type=click.Choice(["0..255", "0..1", "-1..1"]), default="0..255",
           help="Pixels that a file saved by plain Keras expects."),
)  # fmt: skip
@section(
    "Objects",
    option("--classes", multiple=True, metavar="A,B,…",
           help="Look for these only, by name, id or number."),
    option("--score", type=options.Share(0, 1), metavar="P",
           help="Leave out what is less sure.  [default: the model's]"),
    option("--nms", type=options.Share(0, 1), metavar="IOU",
           help="Of two boxes that overlap more, the surer one stays.  [default: the model's]"),
    option("--soft", is_flag=True,
           help="Let boxes that overlap surer ones count less instead (soft-NMS)."),
    option("--max", "most", type=click.IntRange(1), default=100, metavar="N",
           help="Objects in one picture, at most."),
    option("--tile", type=click.IntRange(64), metavar="PIXELS",
           help="Look at larger pictures in tiles too, for small objects."),
    option("--overlap", type=options.Share(0, 0.9), default=0.2, metavar="SHARE",
           help="Of a tile with its neighbour, at least."),
    option("--regions", type=click.Path(), metavar="FILE",
           help="Regions to look at, JSON lines of path and boxes; not for detectors that find "
           "their own.  [default: they are searched for]"),
)  # fmt: skip
@section(
    "Pictures",
    option("--annotate", type=options.Folder(), metavar="DIR",
           help="Write copies with the boxes drawn on them; small ones enlarged."),
    option("--crops", type=options.Folder(), metavar="DIR",
           help="Write what is in the boxes, in one folder for each class."),
    option("--pad", type=options.Share(0), default=0.0, metavar="SHARE",
           help="Of a box's sides, by which a crop is larger on each side."),
    option("--blur", multiple=True, metavar="A,B,…",
           help="Blur objects of these classes beyond recognition."),
    option("--blurred", type=options.Folder(), metavar="DIR",
           help="Where the blurred copies go; they have no metadata."),
)  # fmt: skip
@section(
    "Files for other tools",
    option("--coco", type=options.Folder(), metavar="DIR",
           help="Write coco_results.json, and coco_images.json that it refers to."),
    option("--yolo", type=options.Folder(), metavar="DIR",
           help="Write a text file for each picture, and classes.txt."),
    option("--voc", type=options.Folder(), metavar="DIR",
           help="Write an XML file for each picture, as Pascal VOC's."),
)  # fmt: skip
@options.outputs
@options.hardware
@options.common
@click.pass_context
def detect(ctx, images, **choices):
    """Find objects in pictures: files, folders, 'patterns', @list.txt, or - for standard input.

    Without a trained detector, a classifier labels regions that look like objects: the default
    model knows the 1000 classes of ImageNet and comes with dltk. Boxes are left, top, right and
    bottom, in pixels of the upright picture.
    """
    from recipes._detect_files import FORMATS, check_exports, claim
    from recipes._detectors import chosen_classes, find_detector
    from recipes.detect import copies_of
    from recipes.detect import detect as recipe

    outputs = Outputs.take(choices)
    reporter = Reporter(
        verbose=outputs.verbose, quiet=outputs.quiet, bar=outputs.output is not None
    )
    _check_given(ctx, choices)
    exports = {name: choices.pop(name) for name in _EXPORTS}
    choices |= {name: list(choices[name]) for name in ("classes", "blur")}
    places = [choices[name] for name in _COPIES] + list(exports.values())
    folder = outputs.output or next((place for place in places if place is not None), None)
    source = find_detector(**{name: choices[name] for name in ("model", "labels", "pixel_range")})

    def check(inputs):
        from dltk.batch import check_unowned, has_record

        copies_of(source, **{name: choices[name] for name in _ABOUT_COPIES}).check(inputs.items)
        if not outputs.overwrite and not has_record(folder):
            for name in _COPIES:
                check_unowned(choices[name], ["*"])
        check_exports(inputs.items, exports, folder, overwrite=outputs.overwrite)

    def named(option: str) -> list[str]:
        numbers = chosen_classes(choices[option], source, f"--{option}")
        return sorted(source.labels[number].name for number in numbers)

    def describe() -> dict:
        return {
            "model": [source.describe(reporter.say)],
            "options": {name: choices[name] for name in _WHAT}
            | {name: named(name) for name in ("classes", "blur")}
            | {"regions": told(choices["regions"]) if choices["regions"] is not None else None}
            | {name: relative_to(choices[name], folder) for name in _COPIES},
        }

    def finish(inputs, record):
        for name, place in exports.items():
            if place is not None:
                FORMATS[name](record.rows(), source.labels, place)

    ctx.exit(
        run_command(
            lambda items, record: recipe(items, **choices, report=reporter.say),
            images,
            outputs,
            name="detect",
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
    for name, other in {"overlap": "tile", "pad": "crops"}.items():
        given = ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
        if given and choices[other] is None:
            raise UsageError(f"--{name} is about --{other}, which is not given")


def _rows(fields: dict) -> list[dict]:
    """Return a row for each object; one with empty cells for a picture without any."""
    about = {name: fields.get(name, "") for name in _COLUMNS[:5]}
    sides = ("left", "top", "right", "bottom")
    rows = [
        about | found | dict(zip(sides, found["box"], strict=True))
        for found in fields.get("objects", ())
    ]
    return rows or [about]


def _cells(fields: dict) -> tuple[str, str]:
    objects = fields["objects"]
    if not objects:
        return "nothing found", ""
    found = [f"{printable(each['label'])} {each['score']:.1%}" for each in objects]
    return amount(len(objects), "object"), ", ".join(found)
