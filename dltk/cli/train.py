"""`dltk train`: what is trained beside classifiers, a command each."""

from __future__ import annotations

import click

from dltk.cli.train_answerer import answerer
from dltk.cli.train_autoencoder import autoencoder
from dltk.cli.train_captioner import captioner
from dltk.cli.train_detector import detector
from dltk.cli.train_gan import gan
from dltk.cli.train_masker import masker
from dltk.cli.train_segmenter import segmenter
from dltk.cli.train_translator import translator


@click.group(
    short_help="Train a detector, segmenter, captioner, generator … of your own.",
    epilog="\b\nExamples:\n"
    "  dltk train detector annotations.json\n"
    "  dltk train segmenter pictures-and-masks/\n"
    "  dltk train masker scenes/\n"
    "  dltk train captioner flickr8k/\n"
    "  dltk train answerer vqa/\n"
    "  dltk train gan faces/\n"
    "  dltk train translator horses/ zebras/\n"
    "  dltk train autoencoder digits/\n"
    "  dltk train detector --resume runs/train-detector/001-annotations-faster-rcnn",
)
def train():
    """Train networks that do more than label pictures."""


for command in (
    detector, segmenter, masker, captioner, answerer, gan, translator, autoencoder,
):  # fmt: skip
    train.add_command(command)
