"""Regions of pictures of a data set from outside: selective search, once, or a file."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

import numpy as np
from PIL import Image

from dltk.batch import ordered_map
from dltk.data.examples import Pictures
from dltk.errors import DltkError, UsageError, printable
from dltk.files import whole
from dltk.proposals import check_search, proposals_from_file, selective_search
from dltk.strategy import cores
from dltk.weights import Report, cache_folder, silent

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

    Those that are searched are kept in the user's cache, by the content of the picture.

    Args:
        most: P, at most; those that the search ranks first, or that a file has first.
        file: of regions, see `dltk.proposals.proposals_from_file`; None to search.
        report: called with a line for what in the file cannot be used.
    Raises:
        UsageError: the extra for selective search is not installed, or a file of no use.
    """

    def __init__(self, most: int, file: str | None = None, report: Report = silent):
        self._most, self._file = most, file
        self._given = None
        if file is None:
            check_search()
        else:
            self._given = proposals_from_file(file, report=report)
        self._folder = cache_folder() / "regions" / f"{_SETTINGS}-{most}"

    def prepare(self, part: Pictures, report: Report) -> None:
        """Search all pictures that have not been searched yet, several at a time.

        Raises:
            UsageError: the file has no regions for a picture.
        """
        if self._given is not None:
            unknown = [name for name in part.names if name not in self._given]
            if unknown:
                raise UsageError(
                    f"{printable(self._file)} has no regions for {len(unknown)} of {len(part)} "
                    f"pictures, such as {printable(unknown[0])}"
                )
            return
        missing = [at for at in range(len(part)) if not self._place(part.digests[at]).exists()]
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
        if self._given is not None:
            return self._given[part.names[index]][: self._most]
        path = self._place(part.digests[index])
        with suppress(OSError, ValueError, EOFError):  # not there, or damaged
            return np.load(path, allow_pickle=False)
        found = search_regions(part.decode(index), self._most)
        with suppress(DltkError), whole(path) as file, file.open("wb") as stream:
            np.save(stream, found)  # a cache that cannot be written costs only time
        return found

    def _place(self, digest: str) -> Path:
        return self._folder / digest[:2] / f"{digest}.npy"
