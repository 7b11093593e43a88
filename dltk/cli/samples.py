"""`dltk samples`."""

from __future__ import annotations

import click

from dltk.cli import options


@click.command(
    short_help="Write out the sample photographs.",
    epilog="\b\nExamples:\n  dltk samples\n  dltk samples pictures/",
)
@click.argument("directory", default="samples", metavar="[DIR]", type=click.Path(file_okay=False))
@options.quiet
@options.debug
def samples(directory, quiet):
    """Write the sample photographs and their attribution to DIR (default: samples).

    Files that are there already are left as they are.
    """
    import shutil
    from pathlib import Path

    from dltk.files import whole
    from dltk.samples import sample_files

    for source in sample_files():
        target = Path(directory) / source.name
        if not target.exists():
            with whole(target) as part:
                shutil.copyfile(source, part)
        if not quiet:
            click.echo(target)
