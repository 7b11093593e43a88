"""`dltk train`: what is trained beside classifiers, a command each."""

from __future__ import annotations

import click

from dltk.cli.train_detector import detector
from dltk.cli.train_masker import masker
from dltk.cli.train_segmenter import segmenter


@click.group(
    short_help="Train a detector, a segmenter or a masker of your own.",
    epilog="\b\nExamples:\n"
    "  dltk train detector annotations.json\n"
    "  dltk train segmenter pictures-and-masks/\n"
    "  dltk train masker scenes/\n"
    "  dltk train detector --resume runs/train-detector/001-annotations-faster-rcnn",
)
def train():
    """Train networks that do more than label pictures."""


train.add_command(detector)
train.add_command(segmenter)
train.add_command(masker)
