"""`dltk segment --instances`: each object for itself."""

from __future__ import annotations

import os
from collections.abc import Sequence

from click.core import ParameterSource

from dltk.cli.batch import Outputs, relative_to, run_command
from dltk.cli.progress import Reporter
from dltk.cli.results import Table
from dltk.errors import UsageError, printable
from dltk.wording import amount

_COLUMNS = (
    "path", "status", "error", "width", "height",
    "label", "id", "score", "objectness", "left", "top", "right", "bottom", "pixels",
)  # fmt: skip
_COPIES = ("masks", "overlay")
_OTHERS = (
    "scales", "flip", "tile", "overlap", "min_area", "outlines", "binary", "cutouts", "heat",
)  # fmt: skip
_WHAT = ("score", "most", "alpha", "precision")


def run_instances(ctx, images: Sequence[str], choices: dict) -> int:
    """Run `recipes.segment_instances` over the images of a command; return the exit code.

    Args:
        choices: all options of `dltk segment`.
    Raises:
        UsageError: options that mean nothing to single objects.
    """
    from recipes._detect_files import check_exports, claim
    from recipes._detectors import chosen_classes
    from recipes._segment_copies import Copies
    from recipes._segment_files import write_coco
    from recipes.segment_instances import find_sources, segment_instances

    for name in _OTHERS:
        if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise UsageError(f"--{name.replace('_', '-')} has no meaning with --instances")
        choices.pop(name)
    alpha = ctx.get_parameter_source("alpha") is ParameterSource.COMMANDLINE
    if alpha and choices["overlay"] is None:
        raise UsageError("--alpha is about --overlay, which is not given")
    choices["masker"] = choices.pop("instances")
    choices["classes"] = list(choices["classes"])
    outputs = Outputs.take(choices)
    reporter = Reporter(
        verbose=outputs.verbose, quiet=outputs.quiet, bar=outputs.output is not None
    )
    exports = {"coco": choices.pop("coco")}
    if outputs.output is not None and choices["masks"] is None:
        choices["masks"] = os.path.join(outputs.output, "masks")
    places = [choices[name] for name in _COPIES] + list(exports.values())
    folder = outputs.output or next((place for place in places if place is not None), None)
    about = {name: choices[name] for name in ("masker", "model", "labels", "pixel_range")}
    masker, classifier = find_sources(**about)
    wanted = chosen_classes(choices["classes"], classifier, "--classes")
    copies = Copies(**{name: choices[name] for name in (*_COPIES, "alpha")})

    def check(inputs):
        from dltk.batch import check_unowned, has_record

        copies.check(inputs.items)
        if not outputs.overwrite and not has_record(folder):
            for name in _COPIES:
                check_unowned(choices[name], ["*"])
        check_exports(inputs.items, exports, folder, overwrite=outputs.overwrite)

    def describe() -> dict:
        return {
            "model": [each.describe(reporter.say) for each in (masker, classifier)],
            "options": {name: choices[name] for name in _WHAT}
            | {"classes": [classifier.labels[number].name for number in wanted]}
            | {name: relative_to(choices[name], folder) for name in _COPIES},
        }

    def finish(inputs, record):
        if exports["coco"] is not None:
            rows = (fields | {"areas": fields.get("instances", [])} for fields in record.rows())
            write_coco(rows, classifier.labels, exports["coco"])

    return run_command(
        lambda items, record: segment_instances(items, **choices, report=reporter.say),
        images,
        outputs,
        name="segment-instances",
        describe=describe,
        reporter=reporter,
        table=Table(_COLUMNS, _rows, _cells),
        folder=folder,
        products=places,
        check=check,
        prepare=lambda record: claim(exports.values()),
        finish=finish,
    )


def _rows(fields: dict) -> list[dict]:
    """Return a row for each object; one with empty cells for a picture without any."""
    about = {name: fields.get(name, "") for name in _COLUMNS[:5]}
    sides = ("left", "top", "right", "bottom")
    return [
        about | found | dict(zip(sides, found["box"], strict=True))
        for found in fields.get("instances", ())
    ] or [about]


def _cells(fields: dict) -> tuple[str, str]:
    found = fields["instances"]
    if not found:
        return "nothing found", ""
    named = [f"{printable(each['label'])} {each['score']:.0%}" for each in found]
    return amount(len(found), "object"), ", ".join(named)
