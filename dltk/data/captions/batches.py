"""Batches of pictures with their captions, as a captioner learns from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from dltk.data.pipeline import ORDER, SAMPLE, Stream, random_of
from dltk.text.vocabulary import END, PADDING, START, Vocabulary

MOST_CAPTIONS = 5
"""Captions of a picture that are learnt from in one step; of more, chance takes some."""
_POOL = 32  # batches among which captions of about one length are brought together


def numbered(
    captions: Sequence[Sequence[str]], vocabulary: Vocabulary, longest: int
) -> list[np.ndarray]:
    """Return the words of captions as numbers, int32, from START to END, cut to `longest` words.

    A caption that is cut has no END: it does not end there.

    Args:
        captions: tokens of each.
    """
    rows = []
    for words in captions:
        ends = [END] if len(words) <= longest else []
        rows.append(np.array([START, *vocabulary.encode(words[:longest]), *ends], np.int32))
    return rows


@dataclass(frozen=True)
class Example:
    """What is learnt from at a time: a picture, by its index, and some of its captions."""

    picture: int
    captions: tuple[np.ndarray, ...]


def by_caption(captions: Sequence[Sequence[np.ndarray]]) -> list[Example]:
    """Return an example for every caption: for pictures that need not be looked at again.

    Args:
        captions: of each picture, from `numbered`.
    """
    return [Example(at, (each,)) for at, rows in enumerate(captions) for each in rows]


def by_picture(captions: Sequence[Sequence[np.ndarray]]) -> list[Example]:
    """Return an example for every picture, with all its captions: each is looked at once."""
    return [Example(at, tuple(rows)) for at, rows in enumerate(captions)]


class CaptionBatches(Stream):
    """Batches of pictures with as many captions each.

    Examples whose captions are about as long share a batch, in which all are padded to the longest:
    chance puts examples into pools, those of a pool are cut into batches by their length, and
    chance orders the batches.

    A step gives what `load` makes of the pictures, by name, and `words` int32 (B, C, T); and {name
    of a loss: float32 (B,)}, zeros for losses to be compared with.

    Args:
        load: from indices of pictures int64 (n,) and an epoch to arrays (n, ...) by name.
        examples: from `by_caption` or `by_picture`.
        words: the name of the words among the inputs.
        losses: names of what the network gives.
        batch_size, seed: see `Stream`.
        names: of the pictures.
    """

    def __init__(
        self,
        load: Callable[[np.ndarray, int], dict[str, np.ndarray]],
        examples: Sequence[Example],
        *,
        words: str,
        losses: Sequence[str],
        batch_size: int,
        seed: int = 0,
        names: Sequence[str] = (),
    ):
        named = [names[example.picture] for example in examples] if names else ()
        super().__init__(len(examples), batch_size=batch_size, seed=seed, names=named)
        self._load, self._examples = load, examples
        self._words, self._losses = words, tuple(losses)
        self._rows = min(MOST_CAPTIONS, max(len(each.captions) for each in examples))
        self._lengths = np.array([max(map(len, each.captions)) for each in examples])

    def share(self, step: int, replica: int, replicas: int) -> tuple[dict, dict]:
        """Return what one replica sees of a step: inputs and the zeros."""
        size, epoch = self.batch_size // replicas, step // self.steps_per_epoch
        mine = self.indices(step)[replica * size : (replica + 1) * size]
        words = np.full((size, self._rows, self._lengths.max()), PADDING, np.int32)
        for place, index in enumerate(mine):
            for row, numbers in enumerate(self._picked(int(index), epoch)):
                words[place, row, : len(numbers)] = numbers
        pictures = np.array([self._examples[index].picture for index in mine], np.int64)
        inputs = self._load(pictures, epoch) | {self._words: words}
        return inputs, {name: np.zeros(size, np.float32) for name in self._losses}

    def _picked(self, index: int, epoch: int) -> Sequence[np.ndarray]:
        rows = self._examples[index].captions
        if len(rows) <= self._rows:
            return rows
        chosen = random_of(self._seed, SAMPLE, epoch, index).permutation(len(rows))
        return [rows[at] for at in chosen[: self._rows]]

    def _order(self, epoch: int) -> np.ndarray:
        random = random_of(self._seed, ORDER, epoch)
        used = self.steps_per_epoch * self.batch_size
        order = random.permutation(self._count)[:used]  # the others wait for another epoch
        pool = _POOL * self.batch_size
        for at in range(0, used, pool):
            part = order[at : at + pool]
            order[at : at + pool] = part[np.argsort(self._lengths[part], kind="stable")]
        batches = order.reshape(self.steps_per_epoch, self.batch_size)
        return batches[random.permutation(self.steps_per_epoch)].ravel()
