"""`dltk doctor`."""

from __future__ import annotations

import json
import platform
from importlib import metadata
from pathlib import Path

import click

from dltk.cli import options

_PACKAGES = ("tensorflow", "keras", "ai-edge-litert", "numpy", "pillow", "scikit-learn", "click")


@click.command(
    short_help="Show versions, devices, caches and weights.",
    epilog="\b\nExamples:\n  dltk doctor\n  dltk doctor --json > doctor.json",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@options.debug
def doctor(as_json):
    """Show what dltk finds here: versions, devices, what `auto` would choose, caches, weights.

    The output is made to be pasted into a report of a problem.
    """
    from dltk import __version__, strategy
    from dltk.models.catalog import matching
    from dltk.weights import cache_folder, keras_folder, offline

    placement, problem = None, None
    try:
        placement = strategy.place()
    except Exception as error:  # a broken TensorFlow is what a doctor is for
        problem = f"{type(error).__name__}: {error}"
    accelerated = strategy.accelerator_files()
    facts = {
        "dltk": __version__,
        "python": f"{platform.python_version()} on {platform.platform()}",
        "packages": {name: _version(name) for name in _PACKAGES},
        "cpu": f"{strategy.cores()} cores" + ", bfloat16 in hardware" * strategy.has_amx_bf16(),
        "strategy": placement.reason if placement else f"TensorFlow does not work: {problem}",
        "precision": strategy.choose_precision(),
        "engine": "keras" if accelerated else "litert",
        "network": "switched off" if offline() else "allowed",
        "compiled networks": _folder(cache_folder() / "litert"),
        "downloaded weights": _folder(keras_folder()),
        "torchvision weights": _folder(cache_folder() / "torchvision"),
        "networks ready": ", ".join(e.name for e in matching(lambda e: bool(e.weights.present()))),
    }
    if as_json:
        click.echo(json.dumps(facts, indent=1))
        return
    for name, value in facts.items():
        text = ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else value
        click.echo(f"{name:20}{text}")


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "missing"


def _folder(path: Path) -> str:
    files = [file for file in path.rglob("*") if file.is_file()] if path.exists() else []
    megabytes = sum(file.stat().st_size for file in files) / 1e6
    return f"{len(files)} files, {megabytes:.0f} MB in {path}"
