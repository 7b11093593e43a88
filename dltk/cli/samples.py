"""`dltk samples`."""

from __future__ import annotations

import click

from dltk.cli import options
from dltk.errors import UsageError


@click.command(
    short_help="Write out sample pictures and texts.",
    epilog="\b\nExamples:\n  dltk samples photos\n  dltk samples styles --styles\n"
    "  dltk samples shapes --shapes 600\n  dltk samples scenes --scenes 600\n"
    "  dltk samples digits --digits\n  dltk samples landscapes --landscapes 2000\n"
    "  dltk samples texts --texts",
)
@click.argument("directory", default="samples", metavar="[DIR]", type=click.Path(file_okay=False))
@click.option(
    "--shapes",
    type=click.IntRange(1),
    metavar="N",
    help="Instead of photographs, N made pictures of six kinds of shapes, a folder for each.",
)
@click.option(
    "--scenes",
    type=click.IntRange(1),
    metavar="N",
    help="Instead, N made scenes of several shapes, with boxes, masks and captions as COCO has "
    "them, and questions as VQA has; every sixth is for validation.",
)
@click.option(
    "--landscapes",
    type=click.IntRange(1),
    metavar="N",
    help="Instead, N small made landscapes, a folder for each time of day.",
)
@click.option(
    "--digits",
    is_flag=True,
    help="Instead, the 1,797 handwritten digits of scikit-learn, a folder for each.",
)
@click.option(
    "--texts",
    is_flag=True,
    help="Instead, two tables of made texts, of who does what to whom, where only the order of "
    "words tells, and of opinions; and a text with analogies, and questions about them.",
)
@click.option("--styles", is_flag=True, help="Instead, pictures to take a style from.")
@options.quiet
@options.debug
def samples(directory, shapes, scenes, landscapes, digits, texts, styles, quiet):
    """Write the sample photographs and their attribution to DIR (default: samples).

    With --styles, pictures to try "dltk stylize" with; with --shapes, labelled pictures to try
    "dltk finetune" on; with --scenes, pictures of several objects to learn to find; with
    --landscapes or --digits (handwriting, CC BY 4.0, see its folder), pictures that "dltk train
    gan" learns to make without a GPU; with --texts, texts to try "dltk text train" and "dltk text
    vectors" on. Files that are there already are left as they are.
    """
    from functools import partial
    from pathlib import Path

    flags = {
        "shapes": shapes, "scenes": scenes, "landscapes": landscapes, "digits": digits,
        "texts": texts, "styles": styles,
    }  # fmt: skip
    chosen = [f"--{flag}" for flag, value in flags.items() if value]
    if len(chosen) > 1:
        raise UsageError(f"{' and '.join(chosen)} write different things: choose one")
    write = partial(_copies, styles=styles)
    if shapes:
        from dltk.data.shapes import write_shapes

        write = partial(write_shapes, count=shapes)
    if scenes:
        from dltk.data.scene_files import write_scenes

        write = partial(write_scenes, count=scenes - scenes // 6, val=scenes // 6)
    if landscapes:
        from dltk.data.landscapes import write_landscapes

        write = partial(write_landscapes, count=landscapes)
    if digits:
        from dltk.data.digits import write_digits as write
    if texts:
        write = _texts
    for path in write(Path(directory)):
        if not quiet:
            click.echo(path)


def _texts(folder):
    """Yield made texts, written to `folder`."""
    from dltk.text.grammar import write_texts
    from dltk.text.grammar_analogies import write_analogies

    yield from write_texts(folder)
    yield from write_analogies(folder)


def _copies(folder, *, styles: bool):
    """Yield the sample photographs or the styles, written to `folder`."""
    import shutil

    from dltk.files import whole
    from dltk.samples import sample_files, style_files

    for source in style_files() if styles else sample_files():
        target = folder / source.name
        if not target.exists():
            with whole(target) as part:
                shutil.copyfile(source, part)
        yield target
