"""Let a generator of texts write, under a tf.distribute strategy: a text is one compiled loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from dltk.engine.keras import Replicated
from dltk.models.text_generator.network import LOGITS, Parts
from dltk.ops.decoding import Rules, sample
from dltk.text.vocabulary import END, PADDING, START, TOKENS, UNKNOWN

_CHANCES = "chances"
_PIECE = 4096  # tokens of a beginning that are read at once


@dataclass(frozen=True)
class Style:
    """How a text is gone on with.

    Attributes:
        length: tokens that are written, at most.
        temperature: less than 1 makes likely tokens likelier; 0 takes the likeliest every time.
        top_k, top_p: see `dltk.ops.decoding.sample`.
    """

    length: int
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0


class Continuation(NamedTuple):
    """What was written.

    Attributes:
        numbers: of tokens, none of which stands for no word.
        ended: whether the text came to its end by itself, and was not cut off.
    """

    numbers: tuple[int, ...]
    ended: bool


class Writer:
    """A generator of texts, ready to write in one style.

    What is written depends on the beginning, the seed and the text's own number alone, not on how
    many are written at once.

    Args:
        network: see `dltk.models.text_generator.network.new_text_generator`; built under
            `strategy`'s scope.
        batch_size: texts that are written at once, over all replicas.
        ends: whether texts may end by themselves.
    """

    def __init__(
        self, network: keras.Model, strategy, style: Style, *, batch_size: int, ends: bool
    ):
        self._network, self._style = network, style
        self._parts = Parts.of(network)
        self.batch_size = batch_size
        graph = _Graph(self._parts, network.output[LOGITS], style, ends=ends)
        self._write = Replicated(graph, strategy, batch_size)
        self._read = tf.function(
            lambda tokens, states: self._parts.read(tokens, states)[1],  # without the scores
            reduce_retracing=True,
            autograph=False,
        )

    def __call__(
        self, beginning: Sequence[int], texts: Sequence[int], *, seed: int = 0
    ) -> list[Continuation]:
        """Go on with a beginning, once for each of some texts.

        Args:
            beginning: numbers of tokens, one at least, of any length.
            texts: the number of each, from 0.
            seed: of what is chosen by chance.
        """
        states = self.state_behind(beginning[:-1])
        inputs = {
            name: np.repeat(state, len(texts), axis=0)
            for name, state in zip(self._parts.states, states, strict=True)
        }
        inputs[TOKENS] = np.full(len(texts), beginning[-1], np.int32)
        if self._style.temperature:
            chances = partial(chances_of, seed, length=self._style.length)
            inputs[_CHANCES] = np.stack([chances(text) for text in texts])
        written = self._write(inputs)
        return [
            Continuation(tuple(int(number) for number in row if number != END), bool(ended))
            for row, ended in zip(written["numbers"], written["ended"], strict=True)
        ]

    def state_behind(self, numbers: Sequence[int]) -> list[np.ndarray]:
        """Return the state behind some tokens, each float32 (1, U)."""
        states = self._parts.begin(1)
        for at in range(0, len(numbers), _PIECE):
            piece = tf.constant([numbers[at : at + _PIECE]], tf.int32)
            states = self._read(piece, states)
        return [state.numpy() for state in states]


def chances_of(seed: int, text: int, length: int) -> np.ndarray:
    """Return what chooses the tokens of a text, float32 (length + 1,), 0-1; one for the end."""
    return np.random.default_rng([seed, text]).random(length + 1, np.float32)


class _Graph:
    """From states and last tokens to texts; what `Replicated` runs."""

    def __init__(self, parts: Parts, scores, style: Style, *, ends: bool):
        self.outputs = [scores]  # of which `Replicated` wants a shape
        self._parts, self._style = parts, style
        banned = (PADDING, START, UNKNOWN)
        self._rules = Rules(
            end=END, banned=banned if ends else (*banned, END), longest=style.length
        )

    def __call__(self, inputs: dict, training: bool = False) -> dict:
        style = self._style

        def step(tokens, states):
            scores, states = self._parts.step(tokens, states)
            return tf.nn.log_softmax(scores), states

        texts = sample(
            step,
            inputs[TOKENS],
            [inputs[name] for name in self._parts.states],
            self._rules,
            chances=inputs.get(_CHANCES),
            temperature=style.temperature or 1.0,
            top_k=style.top_k,
            top_p=style.top_p,
        )
        return {"numbers": texts.words[:, 0], "ended": texts.ended[:, 0]}
