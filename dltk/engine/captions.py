"""Let a captioner write, under a tf.distribute strategy: the whole decode is one compiled graph."""

from __future__ import annotations

import os

import keras
import numpy as np
import tensorflow as tf

from dltk.captions import Caption, Writing
from dltk.engine.keras import Replicated
from dltk.models.captioner.network import Parts
from dltk.ops.decoding import NEVER, Rules, Texts, beam_search, sample
from dltk.text.vocabulary import END, PADDING, START, UNKNOWN, Vocabulary

CHANCES = "chances"
_WRITTEN = "words", "scores", "ended"


class CaptionNetwork:
    """A captioner that takes pictures, or the maps of its backbone, and gives captions.

    Args:
        captioner: built under `strategy`'s scope.
        vocabulary: its words.
        batch_size: pictures in a step, over all replicas.
        writing: how captions are looked for.
        told: whether captions come with the chances of their words, and with attention.
    """

    def __init__(
        self,
        captioner: keras.Model,
        vocabulary: Vocabulary,
        strategy,
        batch_size: int,
        writing: Writing,
        *,
        told: bool = False,
    ):
        self._vocabulary, self._writing = vocabulary, writing
        self.batch_size = batch_size
        graph = _Graph(captioner, vocabulary, writing, told=told)
        self._network = Replicated(graph, strategy, batch_size)

    def __call__(self, inputs: dict[str, np.ndarray]) -> list[list[Caption]]:
        """Return the captions of each picture, the best first.

        Args:
            inputs: of B pictures: see `dltk.models.captioner.network.Parts.look`. Words that are
                chosen by chance need CHANCES, from `chances_of` each.
        """
        found = self._network(inputs)
        return [self._captions(found, at) for at in range(len(found["words"]))]

    def _captions(self, found: dict, picture: int) -> list[Caption]:
        captions = []
        for at, numbers in enumerate(found["words"][picture]):
            if found["scores"][picture, at] <= NEVER / 2:
                continue  # there are not so many
            words = tuple(self._vocabulary.decode(numbers))
            told = {
                name: found[name][picture, at, : len(words)]
                for name in ("chances", "attention")
                if name in found
            }
            score, ended = found["scores"][picture, at], found["ended"][picture, at]
            captions.append(Caption(words, float(score), bool(ended), **told))
        # Those that chance wrote come in no order.
        return sorted(captions, key=lambda each: (not each.ended, -each.score))

    def chances_of(self, seed: int, name: str) -> np.ndarray:
        """Return what chooses the words of one picture by chance, float32 (best, longest + 1)."""
        random = np.random.default_rng([seed, *os.fsencode(name)])
        shape = self._writing.best, self._writing.longest + 1
        return random.random(shape, np.float32)


class _Graph:
    """From pictures to words; what `Replicated` runs."""

    def __init__(self, captioner, vocabulary: Vocabulary, writing: Writing, *, told: bool):
        self.outputs = captioner.outputs  # of which `Replicated` wants a shape
        self._parts, self._writing, self._told = Parts.of(captioner), writing, told
        self._rules = Rules(
            end=END,
            banned=(PADDING, START, UNKNOWN),
            longest=writing.longest,
            shortest=writing.shortest,
            no_repeat=writing.no_repeat,
            prefix=tuple(vocabulary.encode(writing.prefix)),
        )

    def __call__(self, inputs: dict, training: bool = False) -> dict:
        places = self._parts.look(inputs)
        texts = self._written(places, inputs.get(CHANCES))
        found = dict(zip(_WRITTEN, texts, strict=True))
        return found | self._read(places, texts.words) if self._told else found

    def _written(self, places, chances) -> Texts:
        decoder, writing = self._parts.decoder, self._writing
        state, memory = decoder.begin(places)
        # What is kept of a picture is the same for all its texts, which stay together.
        texts_of_one = writing.best if chances is not None else writing.beams
        memory = tf.nest.map_structure(lambda each: tf.repeat(each, texts_of_one, axis=0), memory)

        def first(texts):
            return tf.fill((texts * tf.shape(places)[0],), START)

        def step(words, state):
            told, state, _ = decoder.step(words, state, memory)
            return tf.nn.log_softmax(decoder.scores(told)), state

        if chances is None and writing.beams > 1:
            texts = beam_search(
                step, first(1), state, self._rules, beams=writing.beams, penalty=writing.penalty
            )
            return Texts(*(each[:, : writing.best] for each in texts))
        if chances is not None:
            chances = tf.reshape(chances, (-1, self._rules.longest + 1))
            state = [tf.repeat(each, writing.best, axis=0) for each in state]
        texts = sample(
            step,
            first(texts_of_one),
            state,
            self._rules,
            chances=chances,
            temperature=writing.temperature or 1.0,
            top_k=writing.top_k,
            top_p=writing.top_p,
        )
        return Texts(*(tf.reshape(each, (-1, texts_of_one, *each.shape[2:])) for each in texts))

    def _read(self, places, words) -> dict:
        """Read captions again: how likely each word was, and what was attended to for it."""
        captions, most = words.shape[1], words.shape[2]
        flat = tf.reshape(words, (-1, most))
        used = 1 + tf.reduce_max(tf.math.count_nonzero(flat != END, axis=1, dtype=tf.int32))
        flat = flat[:, : tf.minimum(used, most)]
        before = tf.pad(flat[:, :-1], [[0, 0], [1, 0]], constant_values=START)
        scores, weights = self._parts.decoder(tf.repeat(places, captions, axis=0), before)
        found = {"chances": tf.gather(tf.nn.softmax(scores), flat, batch_dims=2)}
        if self._parts.decoder.attention is not None:
            found["attention"] = weights

        def shaped(each):
            rest = [[0, 0]] * (len(each.shape) - 2)
            each = tf.pad(each, [[0, 0], [0, most - tf.shape(flat)[1]], *rest])
            return tf.reshape(each, (-1, captions, *tf.unstack(tf.shape(each)[1:])))

        return {name: shaped(each) for name, each in found.items()}
