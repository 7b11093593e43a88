"""`dltk generate`."""

from __future__ import annotations

import json
import os

import click

from dltk.cli import options
from dltk.cli.batch import Outputs, run_command
from dltk.cli.progress import Reporter
from dltk.cli.results import Table
from dltk.cli.sections import SectionCommand, option, section
from dltk.errors import UsageError, printable

_COLUMNS = ("path", "status", "error", "seed", "class")
_GRID = "grid.png"
_MODES = ("interpolate", "arithmetic")
_ABOUT = {
    "n": None, "seeds": None, "grid": None,
    "frames": "interpolate", "video": "interpolate", "groups": "arithmetic",
}  # fmt: skip
_SHOWN = {"n": "-n", "groups": "--group"}


@click.command(
    cls=SectionCommand,
    short_help="Make pictures with a generator.",
    epilog="\b\nExamples:\n"
    "  dltk generate best.keras -n 64 --grid\n"
    "  dltk generate best.keras --seeds 3,17,20-29 --truncation 0.7 -o calm\n"
    "  dltk generate digits.keras -n 30 --classes 3,7 --grid\n"
    "  dltk generate best.keras --interpolate 3,17,22 --frames 60\n"
    "  dltk generate faces.keras --arithmetic 'smiling - plain + man' \\\n"
    "      --group smiling=3,17,22 --group plain=1,5,9 --group man=2,8,30",
)
@click.argument("model", metavar="MODEL", type=click.Path())
@section(
    "Pictures",
    option("-n", "n", type=click.IntRange(1, 100_000), metavar="N",
           help="Make those of the seeds 0 to N - 1.  [default: 16]"),
    option("--seeds", metavar="LIST", help="Make those of these seeds, such as 0,4-9."),
    option("--classes", multiple=True, metavar="A,B,…",
           help="Let seeds take turns with these, of a generator that knows classes.  "
           "[default: all]"),
    option("--truncation", type=options.Share(0, 1, min_open=True), default=1.0, metavar="T",
           help="Take noise from -T to T: nearer to the middle, and less varied."),
    option("--grid", is_flag=True, help="Draw a sheet of all of them too, grid.png."),
)  # fmt: skip
@section(
    "Film",
    option("--interpolate", metavar="LIST",
           help="Make a film in place of pictures: through these seeds, and back to the first."),
    option("--frames", type=click.IntRange(1), default=30, metavar="N",
           help="From one seed to the next, 20 a second."),
    option("--video", type=click.Choice(["gif", "mp4"]), default="gif", help="mp4 needs PyAV."),
)  # fmt: skip
@section(
    "Arithmetic",
    option("--group", "groups", multiple=True, metavar="NAME=LIST",
           help="Seeds whose pictures have something in common; again for more groups."),
    option("--arithmetic", metavar="SUM",
           help='Draw what becomes of the groups\' mean noise, such as "smiling - plain + man", in '
           "place of pictures."),
)  # fmt: skip
@section(
    "Results",
    option("-o", "--output", type=options.Folder(), default="generated", metavar="DIR",
           help="Where they go; what is there already is not made again."),
    option("--overwrite", is_flag=True,
           help="Make again what is there already; what is not asked for again goes."),
    option("--json", "as_json", is_flag=True, help="Print the record as JSON lines."),
)  # fmt: skip
@options.keras_hardware
@options.common
@click.pass_context
def generate(ctx, model, output, overwrite, as_json, verbose, quiet, **choices):
    """Make pictures with MODEL, a .keras file of a generator.

    Each picture goes to the output folder as seed0000.png and so on. The noise that it is made of
    depends on its seed alone. A folder holds the pictures of one model; a film or a figure takes
    the place of the one before.
    """
    from dltk.batch import Inputs, check_unowned, has_record
    from recipes._generate_model import cycle_of, find_generator
    from recipes._generate_sheets import check_grid

    _check_given(ctx, choices)
    outputs = Outputs(
        output, "jsonl" if as_json else "auto", overwrite, "skip", None, verbose, quiet
    )
    reporter = Reporter(verbose=verbose, quiet=quiet, bar=True)
    source = find_generator(model)
    items, make = _order(model, choices, output, reporter.say)
    if choices["grid"]:
        check_grid(len(items), max(source.geometry.height, source.geometry.width))

    def describe() -> dict:
        named = [source.labels[k].name for k in cycle_of(source, choices["classes"])]
        classes = {"classes": named if choices["classes"] else []}
        kept = {name: choices[name] for name in ("truncation", "precision")}
        return {"model": [source.describe(reporter.say)], "options": classes | kept}

    def check(inputs) -> None:
        if not overwrite and not has_record(output):
            check_unowned(output, ["*"])

    earlier = _earlier(output) if overwrite else set()

    def finish(inputs, record) -> None:
        for name in earlier - {name for row in record.rows() for name in _files(row)}:
            (record.folder / name).unlink(missing_ok=True)  # of what is not made again
        if choices["grid"]:
            _write_grid({item.name for item in inputs}, record)

    ctx.exit(
        run_command(
            lambda items, record: make(items),
            Inputs(items, os.path.abspath(output)),
            outputs,
            name="generate",
            describe=describe,
            table=Table(_COLUMNS, dict, _cells),
            folder=output,
            check=check,
            finish=finish,
            reporter=reporter,
        )
    )


def _order(model: str, choices: dict, folder: str, report):
    """Return what is wanted, as items of a batch, and what makes them."""
    from dltk.animation import check_mp4
    from recipes import generate as recipe
    from recipes._generate_results import FIGURE, FILM, Wanted, name_of
    from recipes._generate_seeds import parse_groups, parse_sum

    common = ("classes", "truncation", "batch_size", "devices", "strategy", "precision")
    how = {name: choices[name] for name in common} | {"report": report}

    def make_pictures(items):
        seeds = [item.source["seed"] for item in items]
        for result in recipe.generate(model, seeds=seeds, **how):
            result.save(os.path.join(folder, result.name))
            yield result

    def make_film(items):
        seeds, frames = (items[0].source[name] for name in ("seeds", "frames"))
        film = recipe.interpolate(model, seeds, frames=frames, **how)
        report(f"a film of {len(film)} pictures")
        film.save(os.path.join(folder, items[0].name))
        yield film

    def make_figure(items):
        expression, groups = (items[0].source[name] for name in ("arithmetic", "groups"))
        result = recipe.arithmetic(model, expression, groups=groups, **how)
        result.save(folder)
        yield result

    if choices["interpolate"] is not None:
        if choices["video"] == "mp4":
            check_mp4()
        path = recipe.check_path(choices["interpolate"], choices["frames"])
        source = {"seeds": path, "frames": choices["frames"]}
        return [Wanted(f"{FILM}.{choices['video']}", source)], make_film
    if choices["arithmetic"] is not None:
        groups = parse_groups(choices["groups"])
        parse_sum(choices["arithmetic"], groups)
        return [
            Wanted(FIGURE, {"arithmetic": choices["arithmetic"], "groups": groups})
        ], make_figure
    seeds = recipe.wanted_seeds(choices["n"], choices["seeds"])
    return [Wanted(name_of(seed), {"seed": seed}) for seed in seeds], make_pictures


def _earlier(output: str) -> set[str]:
    """Return the names of the files that an earlier run in a folder tells of."""
    try:
        with open(os.path.join(output, "results.jsonl"), encoding="utf-8") as lines:
            rows = map(json.loads, list(lines)[1:])
            return {_GRID}.union(*map(_files, rows))
    except (OSError, ValueError):  # there was none, or it is damaged
        return set()


def _files(row: dict) -> set[str]:
    """Return the names of a result's files: here they are all in the folder itself."""
    return {name for name in row.get("files", {}).values() if os.path.basename(name) == name}


def _write_grid(names: set[str], record) -> None:
    """Draw the pictures of those names, which are in the record's folder."""
    from dltk.images import decode, encode
    from recipes._generate_sheets import draw_grid

    rows = [fields for fields in record.rows() if fields["path"] in names]
    pictures = [decode(record.folder / fields["files"]["picture"]) for fields in rows]
    seeds, labels = [fields["seed"] for fields in rows], [fields.get("class") for fields in rows]
    encode(draw_grid(pictures, seeds, labels), record.folder / _GRID)


def _check_given(ctx, choices: dict) -> None:
    """Raise UsageError for options that say nothing about what is asked for."""
    modes = [name for name in _MODES if choices[name] is not None]
    if len(modes) > 1:
        raise UsageError("--interpolate and --arithmetic are two things: ask for one at a time")
    mode = modes[0] if modes else None
    for name, about in _ABOUT.items():
        given = ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
        if given and about != mode:
            shown = _SHOWN.get(name, f"--{name}")
            why = (
                f"is about --{about}, which is not given" if about else f"does not go with --{mode}"
            )
            raise UsageError(f"{shown} {why}")


def _cells(fields: dict) -> tuple[str, str]:
    if "seed" in fields:
        return f"seed {fields['seed']}", printable(fields.get("class", ""))
    if "seeds" in fields:
        return f"{fields['pictures']} pictures", f"seeds {', '.join(map(str, fields['seeds']))}"
    return fields["arithmetic"], ""
