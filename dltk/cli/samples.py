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
    from functools import partial
    from pathlib import Path

    write = _photographs
    if shapes:
        from dltk.data.shapes import write_shapes

        write = partial(write_shapes, count=shapes)
    for path in write(Path(directory)):
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
