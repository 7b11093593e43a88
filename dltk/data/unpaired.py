"""Batches of pictures of two domains that do not belong together."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise

import numpy as np
from PIL import Image

from dltk.data.examples import Examples
from dltk.data.pipeline import MIX, ORDER, Stream, random_of
from dltk.data.pixels import Pixels
from dltk.geometry import Geometry
from dltk.opponents import FIRST, OLD, PLACES, SECOND

_SHARE = 256 / 286  # of a picture's shorter side


class UnpairedBatches(Stream):
    """Batches of as many pictures of one domain as of the other, in no relation to each other.

    Each domain is gone through in permutations of its own, so that each of its pictures comes
    equally often; an epoch is as long as the larger domain. (The authors of CycleGAN draw those of
    the smaller one with replacement.) A step gives, by name:

    - FIRST, SECOND: float32 (B, H, W, 3), pictures of each domain.
    - PLACES: int32 (B, 2), where in its domain's pool each picture that is made in this step, of
      the first domain and of the second, is kept; -1 for nowhere. None is kept where another of
      the same step is.
    - OLD: bool (B, 2), whether what was there is judged in its place. While the pool is filled
      nothing was; after that, it is so for one in two. The last two are left out without a pool.

    Args:
        load: from indices int64 (n,) and a number to float32 (n, H, W, 3). The number is that of
            the permutation: pictures may be varied by it.
        domains: int (N,), 0 or 1, of each picture; both there.
        pool: pictures that each pool holds, or 0.
        batch_size, seed, names: see `Stream`; B counts the pictures of one domain.
    """

    def __init__(
        self,
        load: Callable[[np.ndarray, int], np.ndarray],
        domains: Sequence[int],
        *,
        pool: int = 0,
        batch_size: int,
        seed: int = 0,
        names: Sequence[str] = (),
    ):
        domains = np.asarray(domains)
        self._members = [np.flatnonzero(domains == domain) for domain in (0, 1)]
        longest = max(map(len, self._members))
        super().__init__(longest, batch_size=batch_size, seed=seed, names=names)
        self._load, self._pool = load, pool

    def indices(self, step: int) -> np.ndarray:
        """Return the pictures of a step, those of the first domain first, int64 (2 · B,)."""
        drawn = slice(step * self.batch_size, (step + 1) * self.batch_size)
        return np.concatenate([chosen for d in (0, 1) for chosen, _ in self._drawn(d, drawn)])

    def share(self, step: int, replica: int, replicas: int) -> dict[str, np.ndarray]:
        """Return what one replica sees of a step."""
        size = self.batch_size // replicas
        first = step * self.batch_size + replica * size
        batch = {}
        for domain, name in enumerate((FIRST, SECOND)):
            drawn = self._drawn(domain, slice(first, first + size))
            batch[name] = np.concatenate([self._load(*each) for each in drawn])
        if self._pool:
            mine = slice(replica * size, (replica + 1) * size)
            places, old = zip(*(self._exchange(step, domain) for domain in (0, 1)), strict=True)
            batch[PLACES] = np.stack(places, axis=1)[mine]
            batch[OLD] = np.stack(old, axis=1)[mine]
        return batch

    def _drawn(self, domain: int, drawn: slice) -> list[tuple[np.ndarray, int]]:
        """Return some draws from a domain: indices, and the permutation that they are of."""
        members = self._members[domain]
        passes = range(drawn.start // len(members), (drawn.stop - 1) // len(members) + 1)
        edges = [drawn.start, *(len(members) * number for number in passes[1:]), drawn.stop]
        return [
            (self._permuted(domain, number)[start % len(members) :][: stop - start], number)
            for number, (start, stop) in zip(passes, pairwise(edges), strict=True)
        ]

    def _permuted(self, domain: int, number: int) -> np.ndarray:
        return random_of(self._seed, ORDER, domain, number).permutation(self._members[domain])

    def _exchange(self, step: int, domain: int) -> tuple[np.ndarray, np.ndarray]:
        """Return places, int32 (B,), and old, bool (B,), of one domain."""
        count = self.batch_size
        random = random_of(self._seed, MIX, step, domain)  # drawn for the whole batch
        filled = min(self._pool, step * count)
        room = min(count, self._pool - filled)
        places, old = np.full(count, -1, np.int32), np.zeros(count, bool)
        places[:room] = filled + np.arange(room)
        free = random.permutation(filled)[: count - room]
        chosen = random.random(len(free)) < 0.5
        at = room + np.flatnonzero(chosen)
        places[at], old[at] = free[chosen], True
        return places, old


def unpaired_pixels(
    examples: Examples, size: int, *, flip: bool, seed: int, threads: int
) -> Pixels:
    """Return what loads pictures as they are learnt from: see `cropped`.

    Args:
        examples: of two domains.
        size: pixels of a side.
        flip: whether half of them are mirrored.
        seed, threads: see `Pixels`.
    """
    return Pixels(
        examples,
        Geometry(size, size, crop=1.0),
        augment=partial(cropped, flip=flip),
        at_least=math.ceil(size / _SHARE),
        seed=seed,
        threads=threads,
    )


def cropped(
    picture: Image.Image, geometry: Geometry, random: np.random.Generator, *, flip: bool
) -> np.ndarray:
    """Return a square of a picture as float32 (H, W, 3), 0-255.

    It may lie anywhere, and has 256/286 of the picture's shorter side, as where Zhu et al. 2017
    (Sec. 7.1) cut 256 pixels out of pictures of 286. There the whole picture is squashed to that
    square first; here its aspect stays.

    Args:
        random: its state determines the square.
        flip: whether it may be mirrored.
    """
    side = min(picture.size) * _SHARE
    left, top = (random.uniform(0, length - side) for length in picture.size)
    pixels = geometry.pixels(picture, (left, top, left + side, top + side))
    return pixels[:, ::-1] if flip and random.random() < 0.5 else pixels
