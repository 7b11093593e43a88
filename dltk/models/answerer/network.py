"""An answerer put together from its parts, and taken apart again."""

from __future__ import annotations

from dataclasses import dataclass

import keras

from dltk.layers import Answering, Coordinates, Places, QuestionReader
from dltk.models.captioner.load import load_captioner
from dltk.models.captioner.network import Parts as CaptionerParts
from dltk.models.find import ModelSource
from dltk.models.sight import STRIDES, Sight, new_backbone
from dltk.objects import PIXELS

WORDS = "words"


@dataclass(frozen=True)
class Parts(Sight):
    """What an answerer is made of; the layers of one, or those to make one of.

    Attributes:
        backbone, places: see `dltk.models.sight.Sight`.
        where: the first map to the coordinates of its places (B, L, 2).
        reader: words of questions to queries.
        answering: queries and places to scores of answers.
    """

    where: Coordinates
    reader: QuestionReader
    answering: Answering

    def answer(self, inputs: dict, training: bool | None = None):
        """Return the scores (B, Q, V) of answers, and the weights and gates (B, Q, L) of places.

        Args:
            inputs: WORDS, and what `Sight.maps` takes.
        """
        maps = self.maps(inputs)
        queries = self.reader(inputs[WORDS])
        return self.answering(queries, self.places(maps), self.where(maps[0]), training=training)


def new_answerer(
    source: ModelSource,
    vocabulary: int,
    answers: int,
    *,
    channels: int = 256,
    embedding: int = 128,
    units: int = 256,
    **answering,
) -> keras.Model:
    """Return an answerer on a pretrained network; build it under a strategy's scope.

    Args:
        source: the network to build on, see `dltk.models.find.find_model`; of a captioner, what it
            looks with, places included.
        vocabulary: how many numbers of words of questions there are.
        answers: how many there are to choose from.
        channels: of a place; a captioner's are as many as they are.
        embedding, units: see `dltk.layers.question_reader.QuestionReader`.
        answering: see `dltk.layers.answering.Answering`.
    Raises:
        UsageError: the network has not the maps needed.
        DltkError: a captioner's file that cannot be loaded.
    """
    if source.task == "caption":
        sight = CaptionerParts.of(load_captioner(source))
    else:
        sight = Sight(new_backbone(source), Places(channels, len(STRIDES), name="places"))
    return build_answerer(
        Parts(
            backbone=sight.backbone,
            places=sight.places,
            where=Coordinates(name="where"),
            reader=QuestionReader(vocabulary, embedding=embedding, units=units, name="reader"),
            answering=Answering(answers, units=units, name="answering", **answering),
        )
    )


def build_answerer(parts: Parts) -> keras.Model:
    """Return an answerer: pixels, and words of questions about each picture, to scores of answers.

    Args:
        parts: each named as the field of `Parts` that it is.
    Returns:
        A model that takes {PIXELS: (B, H, W, 3), 0-255, WORDS: int32 (B, Q, T)} and gives scores
        float32 (B, Q, V) before the sigmoid, and the weights and gates of places, float32
        (B, Q, L).
    """
    pixels = keras.Input((None, None, 3), name=PIXELS)
    words = keras.Input((None, None), dtype="int32", name=WORDS)
    inputs = {PIXELS: pixels, WORDS: words}
    return keras.Model(inputs, parts.answer(inputs), name="answerer")
