"""Batches of running text in which every word has a window of words around it."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from dltk.data.pipeline import SAMPLE, Stream, random_of
from dltk.text.vocabulary import END, FIRST
from dltk.text.windows import BEFORE, BEHIND, NOISE, WORDS

BLOCK = 32
"""Words of a block, which has the same noise for all of them."""
_POWER = 0.75
_PIECES = 16  # of the text that a batch is made of, at most
_LEAST_PIECE = 128  # words of one, unless the text is short
_SPREAD = 4  # standard deviations of the words kept for which a batch has room
_LOOKED_AT = 1 << 22  # tokens at once


class Windows(Stream):
    """Batches for word vectors, cut from a text that may be larger than memory.

    Frequent words are left out by chance before windows are cut, and the windows' sizes are drawn,
    as word2vec has it (Mikolov et al. 2013, https://arxiv.org/abs/1310.4546, Sec. 2.3, and their
    code, whose formula for what is left out differs). Windows do not reach over the ends of lines.

    The text is cut into pieces of about the same number of words that will be kept. An epoch is a
    permutation of all pieces; a batch takes some, from all over the text, and leaves out words of
    them anew. A batch has room for a little more than is expected, and blocks that are not full
    have windows of nothing. In the rare case that the room does not do, the last words are dropped.

    Other than in word2vec, windows end at the ends of pieces as well; all words of a block share
    their noise (Ji et al. 2016, https://arxiv.org/abs/1604.04661, share that of a window); and a
    word that is drawn as noise against itself counts.

    What a step gives: see `dltk.text.windows`.

    Args:
        tokens: int32 (T,), numbers of `dltk.text.vocabulary`; may be on disk. END is the end of a
            line; others that stand for no word are left out.
        counts: int64 (V,), how often each word of the vocabulary occurs in `tokens`.
        window: words that a window has on each side, at most.
        subsample: share of the text above which a word is frequent; 0 to leave out nothing.
        noise: words drawn for each block.
        blocks: in a batch.
        seed: of the order and all that is drawn.
    """

    def __init__(
        self,
        tokens: np.ndarray,
        counts: np.ndarray,
        *,
        window: int,
        subsample: float,
        noise: int,
        blocks: int,
        seed: int = 0,
    ):
        self._tokens, self._window, self._noise, self._blocks = tokens, window, noise, blocks
        kept = kept_share(counts, subsample)
        self.words = float(counts @ kept)
        """How many words an epoch has, as is expected."""
        room = blocks * BLOCK
        variance = float(counts @ (kept * (1 - kept))) / self.words  # of a kept word
        usual = room - _SPREAD * math.sqrt(room * variance)
        steps = max(1, math.ceil(self.words / max(1.0, usual)))
        self._taken = max(1, min(_PIECES, room // _LEAST_PIECE))
        super().__init__(steps * self._taken, batch_size=self._taken, seed=seed)
        self.batch_size = room
        self.steps_per_epoch = steps
        # Tokens that stand for no word are never kept.
        self._kept = np.concatenate([np.zeros(FIRST), kept]).astype(np.float32)
        self._borders = _borders(tokens, self._kept, self._count, self.words)
        self._chances = np.cumsum(noise_share(counts))
        self._made = lru_cache(2)(self._make)  # each replica asks for its share of it

    def indices(self, step: int) -> np.ndarray:
        """Return which pieces a batch is made of, int64 (n,)."""
        epoch, place = divmod(step, self.steps_per_epoch)
        return self._order(epoch)[place * self._taken :][: self._taken]

    def describe(self, step: int, most: int = 4) -> str:
        """Return where the pieces of a batch begin, the first few of them."""
        places = [f"{self._borders[piece]:,}" for piece in self.indices(step)]
        more = f" and {len(places) - most} more" if len(places) > most else ""
        return f"tokens from {', '.join(places[:most])}{more}"

    def share(self, step: int, replica: int, replicas: int) -> dict[str, np.ndarray]:
        """Return what one replica sees of a step."""
        size = self._blocks // replicas
        mine = slice(replica * size, (replica + 1) * size)
        return {name: part[mine] for name, part in self._made(step).items()}

    def _make(self, step: int) -> dict[str, np.ndarray]:
        random = random_of(self._seed, SAMPLE, step)
        rows, lines = self._drawn(self.indices(step), random)
        before, behind = reaches(lines, random.integers(1, self._window + 1, len(lines)))
        wide, narrow = BLOCK + 2 * self._window, (self._blocks, BLOCK)
        padded = np.zeros(self.batch_size + 2 * self._window, np.int32)
        padded[self._window :][: len(rows)] = rows
        words = np.lib.stride_tricks.sliding_window_view(padded, wide)[::BLOCK]
        noise = np.searchsorted(self._chances, random.random((self._blocks, self._noise)))
        return {
            WORDS: np.ascontiguousarray(words),
            BEFORE: _filled(before, self.batch_size).reshape(narrow),
            BEHIND: _filled(behind, self.batch_size).reshape(narrow),
            NOISE: np.minimum(noise, len(self._chances) - 1).astype(np.int32),
        }

    def _drawn(self, pieces: np.ndarray, random) -> tuple[np.ndarray, np.ndarray]:
        """Return rows of the words of some pieces that are kept, and the number of each's line."""
        parts = [self._tokens[self._borders[at] : self._borders[at + 1]] for at in pieces]
        tokens = np.concatenate(parts)
        first = np.cumsum([0, *map(len, parts[:-1])])
        begins = tokens == END
        begins[first[first < len(tokens)]] = True
        kept = random.random(len(tokens), np.float32) < self._kept[tokens]
        rows, lines = tokens[kept] - FIRST, np.cumsum(begins)[kept]
        return rows[: self.batch_size], lines[: self.batch_size]


def kept_share(counts: np.ndarray, subsample: float) -> np.ndarray:
    """Return which share of each word's occurrences is kept, float64 (V,).

    It is sqrt(t / f) + t / f of a word that is a share f of the text, t being `subsample`; 1 at
    most. So does word2vec's code; the paper has sqrt(t / f) alone.
    """
    if not subsample:
        return np.ones(len(counts))
    ratio = subsample * counts.sum() / np.maximum(counts, 1)
    return np.minimum(1.0, np.sqrt(ratio) + ratio)


def noise_share(counts: np.ndarray) -> np.ndarray:
    """Return how likely each word is drawn as noise, float64 (V,): by counts to the power of 3/4.

    Mikolov et al. 2013, https://arxiv.org/abs/1310.4546, Sec. 2.2.
    """
    powers = counts.astype(np.float64) ** _POWER
    return powers / powers.sum()


def reaches(lines: np.ndarray, drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how many words in front of and behind each are in its window, int8 (n,) both.

    Args:
        lines: int (n,), which line each is in; those of a line are side by side.
        drawn: int (n,), sizes of windows.
    """
    places = np.arange(len(lines))
    edges = np.flatnonzero(np.diff(lines, prepend=-1))
    lengths = np.diff(edges, append=len(lines))
    place = places - np.repeat(edges, lengths)  # in its line
    before = np.minimum(drawn, place)
    behind = np.minimum(drawn, np.repeat(lengths, lengths) - 1 - place)
    return before.astype(np.int8), behind.astype(np.int8)


def _filled(values: np.ndarray, length: int) -> np.ndarray:
    return np.concatenate([values, np.zeros(length - len(values), values.dtype)])


def _borders(tokens: np.ndarray, kept: np.ndarray, pieces: int, words: float) -> np.ndarray:
    """Return where pieces begin, int64 (pieces + 1,), and where the last one ends.

    Of all the same number of words is expected to be kept.

    Args:
        kept: float32 (V,), how likely each number is kept.
        words: expected in all.
    """
    wanted = words / pieces * np.arange(1, pieces)
    borders, passed = [0], 0.0
    for start in range(0, len(tokens), _LOOKED_AT):
        sums = passed + np.cumsum(kept[tokens[start : start + _LOOKED_AT]], dtype=np.float64)
        inside = wanted[len(borders) - 1 :]
        inside = inside[inside <= sums[-1]]
        borders += (start + 1 + np.searchsorted(sums, inside)).tolist()
        passed = sums[-1]
    missing = pieces - len(borders)  # borders that rounding has put behind the end
    return np.array(borders + [len(tokens)] * (missing + 1), np.int64)
