"""`dltk text`: texts labelled and written, and vectors of words."""

from __future__ import annotations

import click

from dltk.cli.text_analogy import analogy
from dltk.cli.text_classify import classify
from dltk.cli.text_generate import generate
from dltk.cli.text_train import train
from dltk.cli.text_vectors import vectors


@click.group(
    short_help="Label texts, write them, and learn vectors of words.",
    epilog="\b\nExamples:\n"
    "  dltk text train reviews.csv\n"
    "  dltk text classify mails/ -m best.keras --explain -o out\n"
    "  dltk text train --task generate novels/\n"
    "  dltk text generate -m best.keras --prompt 'Once upon a time'\n"
    "  dltk text vectors novels/\n"
    "  dltk text analogy -m vectors.bin king - man + woman",
)
def text():
    """Work on texts of any language, in files of any size."""


for command in (train, classify, generate, vectors, analogy):
    text.add_command(command)
