"""Regions from selective search for pictures of a data set, searched once and kept."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

import numpy as np
from PIL import Image

from dltk.batch import ordered_map
from dltk.data.examples import Pictures
from dltk.errors import DltkError
from dltk.files import whole
from dltk.proposals import check_search, selective_search
from dltk.strategy import cores
from dltk.weights import Report, cache_folder

_SETTINGS = "fast-150"  # of the search; change the name when what it gives changes
_TOLD_EVERY_SECS = 10.0
_SIDE = 500  # pixels that a larger picture is searched at, as R-CNN does
_LEAST = 10  # pixels of a region's sides
_K = 150  # as OpenCV has it: half as many regions as with R-CNN's 50, and the good ones first


def search_regions(picture: Image.Image, most: int) -> np.ndarray:
    """Return the regions of a picture that a detector looks at, float32 (P, 4), P ≤ `most`.

    Small pictures are searched as they are: enlarged, as R-CNN has them, they would take several
    times as long and give the same.
    """
    side = min(_SIDE, max(picture.size))
    return selective_search(picture, most=most, side=side, least=_LEAST, k=_K)


class OutsideRegions:
    """Regions worth looking at in each picture, float32 (P, 4) in its own pixels.

    They are kept in the user's cache, by the content of the picture.

    Args:
        most: P, at most; those that the search ranks first.
    Raises:
        UsageError: the extra for selective search is not installed.
    """

    def __init__(self, most: int):
        check_search()
        self._most = most
        self._folder = cache_folder() / "regions" / f"{_SETTINGS}-{most}"

    def prepare(self, part: Pictures, report: Report) -> None:
        """Search all pictures that have not been searched yet, several at a time."""
        missing = [at for at in range(len(part)) if not self._file(part.digests[at]).exists()]
        if not missing:
            return
        report(f"searching {len(missing)} pictures for regions; they are kept for next time")
        told = time.monotonic()
        done = ordered_map(
            lambda at: self.of(part, at), missing, workers=cores(), ahead=2 * cores()
        )
        for count, _ in enumerate(done, start=1):
            if time.monotonic() - told > _TOLD_EVERY_SECS:
                told = time.monotonic()
                report(f"searched {count} of {len(missing)} pictures")

    def of(self, part: Pictures, index: int) -> np.ndarray:
        """Return the regions of one picture. Raises InputError."""
        path = self._file(part.digests[index])
        with suppress(OSError, ValueError, EOFError):  # not there, or damaged
            return np.load(path, allow_pickle=False)
        found = search_regions(part.decode(index), self._most)
        with suppress(DltkError), whole(path) as file, file.open("wb") as stream:
            np.save(stream, found)  # a cache that cannot be written costs only time
        return found

    def _file(self, digest: str) -> Path:
        return self._folder / digest[:2] / f"{digest}.npy"
