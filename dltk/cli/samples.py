"""`dltk samples`."""

from __future__ import annotations

import click

from dltk.cli import options


@click.command(
    short_help="Write out sample pictures.",
    epilog="\b\nExamples:\n  dltk samples photos\n  dltk samples shapes --shapes 600",
)
@click.argument("directory", default="samples", metavar="[DIR]", type=click.Path(file_okay=False))
@click.option(
    "--shapes",
    type=click.IntRange(1),
    metavar="N",
    help="Instead of photographs, N made pictures of six kinds of shapes, a folder for each.",
)
@options.quiet
@options.debug
def samples(directory, shapes, quiet):
    """Write the sample photographs and their attribution to DIR (default: samples).

    With --shapes, labelled pictures to try "dltk finetune" on. Files that are there already are
    left as they are.
    """
    from pathlib import Path

    for path in _shapes(Path(directory), shapes) if shapes else _photographs(Path(directory)):
        if not quiet:
            click.echo(path)


def _photographs(folder):
    """Yield the sample photographs, written to `folder`."""
    import shutil

    from dltk.files import whole
    from dltk.samples import sample_files

    for source in sample_files():
        target = folder / source.name
        if not target.exists():
            with whole(target) as part:
                shutil.copyfile(source, part)
        yield target


def _shapes(folder, count: int):
    """Yield the folders of made pictures, written to `folder`."""
    from PIL import Image

    from dltk.data.shapes import shape_pictures
    from dltk.images import encode

    images, labels, classes = shape_pictures(count)
    for number, (pixels, label) in enumerate(zip(images, labels, strict=True)):
        target = folder / classes[label] / f"{number:05d}.jpg"
        if not target.exists():
            encode(Image.fromarray(pixels), target)
    for name in classes[: len(set(labels))]:
        yield folder / name
