"""`dltk text`: texts labelled, and written."""

from __future__ import annotations

import click

from dltk.cli.text_classify import classify
from dltk.cli.text_generate import generate
from dltk.cli.text_train import train


@click.group(
    short_help="Label texts, and write them.",
    epilog="\b\nExamples:\n"
    "  dltk text train reviews.csv\n"
    "  dltk text classify mails/ -m best.keras --explain -o out\n"
    "  dltk text train --task generate novels/\n"
    "  dltk text generate -m best.keras --prompt 'Once upon a time'",
)
def text():
    """Work on texts of any language, in files of any size."""


for command in (train, classify, generate):
    text.add_command(command)
