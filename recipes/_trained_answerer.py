"""An answerer that `dltk train answerer` wrote, ready to answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from dltk import strategy as placing
from dltk.data.questions.batches import padded, question_words
from dltk.engine.answers import COUNTED, LOOKED, SCORES, AnswerNetwork
from dltk.errors import DltkError
from dltk.models.answerer.load import load_answerer
from dltk.models.answerer.network import WORDS, Parts
from dltk.models.find import ModelSource
from dltk.objects import PIXELS
from recipes._answer_results import Answer
from recipes._answerers import longest_of, words_of

_ROUND = 4  # questions and words are made up to multiples of this, for few graphs to compile


class Found(NamedTuple):
    """What was found for a question: answers, the best first, and the places (h, w) for them."""

    answers: list[Answer]
    looked: np.ndarray
    counted: np.ndarray


class NetworkAnswerer:
    """An answerer, as `recipes.caption` and `recipes.evaluate` run it.

    Attributes:
        running: what it runs on, in a few words for the user.
        batch_size: how many pictures to give it at a time.
        workers: how many threads may call it at once.
        at_least: see `dltk.images.decode`.
    """

    workers = 1

    def __init__(
        self,
        source: ModelSource,
        *,
        best: int,
        question: str | None,
        batch_size: int,
        devices: str,
        strategy: str,
        precision: str,
        pictures: int | None,
    ):
        self._vocabulary = words_of(source)
        self._longest = longest_of(source)
        self._answers = [label.name for label in source.labels]
        placement = placing.place(devices, strategy)
        with placement.strategy.scope():
            answerer = load_answerer(source)
            chosen = placing.choose_precision(precision)
            placing.apply_precision(Parts.of(answerer).backbone, chosen)  # the rest is small
        self._geometry, self._best = source.geometry, best
        self._questions = () if question is None else (question,)
        self._grid = Parts.of(answerer).grid(source.geometry)
        self.batch_size = min(batch_size, pictures) if pictures else batch_size
        self._network = AnswerNetwork(answerer, placement.strategy, self.batch_size)
        self.at_least = source.geometry.at_least
        self.running = f"Keras, {placement.reason}, {chosen}"

    def load(self, picture: Image.Image, questions: Sequence[str] = ()) -> dict:
        """Return what the network needs of one picture, upright RGB; called on any thread.

        Args:
            questions: about it; without any, the one about all pictures.
        """
        asked = questions or self._questions
        words = [question_words(each, self._vocabulary, self._longest) for each in asked]
        return {PIXELS: self._geometry.apply(picture), WORDS: words}

    def __call__(self, loaded: list[dict]) -> list[list[Found]]:
        """Return what is found for each question about each of the pictures."""
        if not loaded:
            return []
        asked = [each[WORDS] for each in loaded]
        shape = max(map(len, asked)), max(len(words) for rows in asked for words in rows)
        # Few shapes, and so few graphs.
        shape = tuple(size if size == 1 else -(-size // _ROUND) * _ROUND for size in shape)
        pixels = np.stack([each[PIXELS] for each in loaded])
        found = self._network({PIXELS: pixels, WORDS: padded(asked, shape)})
        return [
            [self._found(found, at, row) for row in range(len(asked[at]))]
            for at in range(len(loaded))
        ]

    def _found(self, found: dict[str, np.ndarray], at: int, row: int) -> Found:
        scores = found[SCORES][at, row]
        if not np.isfinite(scores).all():
            raise DltkError("the answerer gives no numbers; try --precision float32")
        order = np.argsort(-scores, kind="stable")[: self._best]
        answers = [Answer(self._answers[each], float(scores[each])) for each in order]
        looks = (found[name][at, row].reshape(self._grid) for name in (LOOKED, COUNTED))
        return Found(answers, *looks)
