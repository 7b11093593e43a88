"""Texts from a network that scores the next word: beam search, sampling, and rules for both.

All of it runs inside a compiled graph. A network is given as a function `step(words, state)`: from
the last word of each text, int32 (N,), and the state before it, a nest of tensors whose first axis
is N, to the logarithms of the next word's probabilities, float32 (N, V), and the state behind it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import tensorflow as tf

NEVER = -1e9
"""The logarithm of the probability of what cannot be; finite, for sums and differences."""

Step = Callable[[tf.Tensor, object], tuple[tf.Tensor, object]]


@dataclass(frozen=True)
class Rules:
    """What texts must keep to, whatever the network says.

    Attributes:
        end: number of what ends a text.
        banned: numbers that never come.
        longest: words of a text, at most, its end not counted.
        shortest: words of a text, at least.
        no_repeat: so many words in a row never come twice; 0 for no such rule.
        prefix: numbers of the words that every text begins with.
    """

    end: int
    banned: tuple[int, ...]
    longest: int
    shortest: int = 0
    no_repeat: int = 0
    prefix: tuple[int, ...] = ()

    def allowed(self, scores: tf.Tensor, words: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
        """Return the scores of the next word with NEVER for those that may not come.

        A text that no word may go on with may end, however short it is.

        Args:
            scores: float32 (N, V).
            words: int32 (N, longest), of which the first `count` are there.
        """
        size = scores.shape[-1] or tf.shape(scores)[-1]
        end = tf.one_hot(self.end, size, True, False)
        out = tf.reduce_any(tf.one_hot(self.banned, size, True, False), axis=0)
        if self.shortest:
            out |= end & (count < self.shortest)
        barred = tf.broadcast_to(out, tf.shape(scores))
        if self.no_repeat:
            barred |= self._repeating(words, count, size)
        if self.prefix:
            at = tf.minimum(count, len(self.prefix) - 1)
            others = tf.one_hot(tf.constant(self.prefix)[at], size, False, True)
            barred = tf.where(count < len(self.prefix), others, barred)
        stuck = tf.reduce_all(barred, axis=-1, keepdims=True)
        return tf.where(barred & ~(stuck & end), NEVER, scores)

    def _repeating(self, words: tf.Tensor, count: tf.Tensor, size: int) -> tf.Tensor:
        """Return which words would end a row of words that is there already, bool (N, V)."""
        before = self.no_repeat - 1
        rows = self.longest - before  # places at which such a row can begin
        if rows <= 0:
            return tf.zeros((words.shape[0] or tf.shape(words)[0], size), bool)
        last = tf.gather(words, tf.maximum(count - before + tf.range(before), 0), axis=1)
        alike = tf.range(rows)[None] + before < count
        alike = tf.broadcast_to(alike, (tf.shape(words)[0], rows))
        for at in range(before):
            alike &= words[:, at : at + rows] == last[:, at, None]
        alike &= count >= before
        ends = words[:, before : before + rows]
        # Not by one_hot, which would be as large as texts times places times words.
        texts = tf.broadcast_to(tf.range(tf.shape(words)[0])[:, None], tf.shape(ends))
        places = tf.stack([texts, ends], axis=-1)
        shape = tf.stack([tf.shape(words)[0], size])
        return tf.scatter_nd(places, tf.cast(alike, tf.int32), shape) > 0


class Texts(NamedTuple):
    """Texts found for each of B beginnings, the best first.

    Attributes:
        words: int32 (B, K, longest + 1): numbers of words, the end, and the end again behind it.
        scores: float32 (B, K): the logarithm of each text's probability, over its penalty; NEVER
            or less where there are not so many texts.
        ended: bool (B, K): whether the text came to its end by itself.
    """

    words: tf.Tensor
    scores: tf.Tensor
    ended: tf.Tensor


def length_penalty(length: tf.Tensor, strength: float) -> tf.Tensor:
    """Return what the score of a text is divided by: ((5 + length) / 6)^strength.

    Wu et al. 2016, "Google's Neural Machine Translation System", Eq. 14,
    https://arxiv.org/abs/1609.08144.
    """
    return tf.pow((5.0 + tf.cast(length, tf.float32)) / 6.0, strength)


def beam_search(
    step: Step, first: tf.Tensor, state, rules: Rules, *, beams: int, penalty: float = 0.0
) -> Texts:
    """Return the `beams` best texts that were met, going on with as many at a time.

    Texts that are finished leave the beam and make room: they are kept apart, the best so many,
    and the search ends when nothing that goes on can become better than the worst of these. Texts
    that never end are cut off and come behind all those that do.

    Args:
        first: int32 (B,), what stands before the first word.
        state: the network's, of B beginnings. What all texts of a beginning share need not be in
            it: `step` sees them in order, `beams` for each.
        penalty: strength of `length_penalty`; the end counts as a word.
    """
    batch, longest = first.shape[0] or tf.shape(first)[0], rules.longest
    state = tf.nest.map_structure(lambda each: tf.repeat(each, beams, axis=0), state)
    never = tf.fill((batch, beams), NEVER)
    nothing = tf.fill((batch, beams, longest + 1), rules.end)
    # One beam alone at first: the others would be the same.
    begun = tf.tile(tf.constant([[0.0] + [NEVER] * (beams - 1)]), (batch, 1))
    # Scores are below 0: nothing becomes better by more.
    most = length_penalty(longest + 1, penalty)

    def goes_on(count, words, scores, last, state, done, ratings):
        return (count <= longest) & tf.reduce_any(scores[:, 0] / most > ratings[:, -1])

    def grow(count, words, scores, last, state, done, ratings):
        found, state = step(tf.reshape(last, (-1,)), state)
        so_far = tf.reshape(words, (-1, longest + 1))[:, :longest]
        found = tf.reshape(rules.allowed(found, so_far, count), (batch, beams, -1))
        size = tf.shape(found)[-1]
        # A beam ends in one way only: of twice as many texts, enough go on.
        totals = tf.reshape(scores[..., None] + found, (batch, -1))
        totals, at = tf.math.top_k(totals, 2 * beams)
        parents_of, chosen = at // size, at % size
        grown = _put(tf.gather(words, parents_of, batch_dims=1), count, chosen)
        ended = (chosen == rules.end) & (totals > NEVER / 2)
        rated = tf.where(ended, totals / length_penalty(count + 1, penalty), NEVER)
        ratings, (done,) = _best(
            tf.concat([ratings, rated], 1), [tf.concat([done, grown], 1)], beams
        )
        left, (grown, chosen, parents) = _best(
            tf.where(ended, NEVER, totals), [grown, chosen, parents_of], beams
        )
        rows = tf.reshape(parents + beams * tf.range(batch)[:, None], (-1,))
        state = tf.nest.map_structure(lambda each: tf.gather(each, rows), state)
        cut = count == longest  # they have all the words they may have, and no end
        twice = tf.reduce_any(
            ended[:, :, None] & (parents_of[:, :, None] == tf.range(beams)), axis=1
        )
        words = tf.where(cut, words, grown)
        scores = tf.where(cut, tf.where(twice, NEVER, scores), left)
        return count + 1, words, scores, chosen, state, done, ratings

    _, words, scores, _, _, done, ratings = tf.while_loop(
        goes_on,
        grow,
        (
            tf.constant(0),
            nothing,
            begun,
            tf.repeat(first[:, None], beams, axis=1),
            state,
            nothing,
            never,
        ),
    )
    rated = tf.where(scores > NEVER / 2, scores / length_penalty(longest, penalty), NEVER)
    ended = tf.concat([ratings > NEVER / 2, tf.zeros_like(rated, bool)], 1)
    every = tf.concat([ratings, rated], 1)
    _, (words, scores, ended) = _best(
        tf.where(ended, every, every + NEVER),
        [tf.concat([done, words], 1), every, ended],
        beams,
    )
    return Texts(words, scores, ended)


def sample(
    step: Step,
    first: tf.Tensor,
    state,
    rules: Rules,
    *,
    chances: tf.Tensor | None = None,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
) -> Texts:
    """Return one text for each beginning, word after word by chance, or always the likeliest.

    What comes for a beginning depends on its own chances alone, not on the others of a batch.

    Args:
        first, state: see `beam_search`.
        chances: float32 (B, longest + 1), 0-1, that choose the words; None for the likeliest.
        temperature: above 0; less than 1 makes likely words likelier.
        top_k: only so many of the likeliest words may come; 0 for all.
        top_p: only the fewest words may come whose probabilities add up to so much: Holtzman et
            al. 2019, "The Curious Case of Neural Text Degeneration", Sec. 3.1,
            https://arxiv.org/abs/1904.09751.
    """
    batch, longest = first.shape[0] or tf.shape(first)[0], rules.longest

    def goes_on(count, words, scores, last, ended, state):
        return (count <= longest) & ~tf.reduce_all(ended)

    def grow(count, words, scores, last, ended, state):
        found, state = step(last, state)
        found = rules.allowed(found, words[:, :longest], count)
        if chances is None:
            chosen = tf.argmax(found, axis=-1, output_type=tf.int32)
        else:
            kept = likely(tf.nn.log_softmax(found / temperature), top_k, top_p)
            chosen = chosen_by(kept, tf.gather(chances, count, axis=1))
        cut = count == longest  # it ends here, or is cut off here
        ends = chosen == rules.end
        told = tf.gather(found, chosen, batch_dims=1)
        counts = ~ended & (ends | ~cut)
        scores += tf.where(counts, told, 0.0)
        words = _put(words[:, None], count, tf.where(ended | cut, rules.end, chosen)[:, None])[:, 0]
        return count + 1, words, scores, chosen, ended | ends, state

    nothing = tf.fill((batch, longest + 1), rules.end)
    _, words, scores, _, ended, _ = tf.while_loop(
        goes_on,
        grow,
        (tf.constant(0), nothing, tf.zeros(batch), first, tf.zeros(batch, bool), state),
    )
    return Texts(words[:, None], scores[:, None], ended[:, None])


def likely(scores: tf.Tensor, top_k: int = 0, top_p: float = 1.0) -> tf.Tensor:
    """Return logarithms of probabilities (N, V) with NEVER for what is not among the likeliest.

    Args:
        top_k, top_p: see `sample`. At least one word is left.
    """
    if top_k:
        best, _ = tf.math.top_k(scores, tf.minimum(top_k, tf.shape(scores)[-1]))
        scores = tf.where(scores < best[:, -1:], NEVER, scores)
    if top_p < 1:
        ordered = tf.sort(scores, direction="DESCENDING")
        before = tf.cumsum(tf.nn.softmax(ordered), axis=-1, exclusive=True)
        least = tf.reduce_min(tf.where(before < top_p, ordered, tf.float32.max), -1, keepdims=True)
        scores = tf.where(scores < least, NEVER, scores)
    return scores


def chosen_by(scores: tf.Tensor, chances: tf.Tensor) -> tf.Tensor:
    """Return which words chances 0-1, float32 (N,), choose by logarithms (N, V); int32 (N,)."""
    sums = tf.cumsum(tf.nn.softmax(scores), axis=-1)
    aims = chances[:, None] * sums[:, -1:]
    reached = tf.argmax(sums > aims, axis=-1, output_type=tf.int32)
    # A chance of 1, or so near that it is rounded to it, is beyond all sums.
    return tf.where(tf.reduce_any(sums > aims, axis=-1), reached, _last_possible(scores))


def _last_possible(scores: tf.Tensor) -> tf.Tensor:
    possible = tf.cast(scores > NEVER / 2, tf.int32) * tf.range(1, tf.shape(scores)[-1] + 1)
    return tf.argmax(possible, axis=-1, output_type=tf.int32)


def _put(words: tf.Tensor, count: tf.Tensor, chosen: tf.Tensor) -> tf.Tensor:
    """Return words (B, K, T) with chosen ones (B, K) at place `count`."""
    here = tf.range(tf.shape(words)[-1]) == count
    return tf.where(here, chosen[..., None], words)


def _best(scores: tf.Tensor, arrays: list, count: int) -> tuple[tf.Tensor, list]:
    """Return the `count` highest of scores (B, N), and what belongs to them, (B, N, ...)."""
    scores, at = tf.math.top_k(scores, count)
    return scores, [tf.gather(array, at, batch_dims=1) for array in arrays]
