"""Shapes of objects as COCO's JSON has them, and the sheet on which they were drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from dltk.data.objects.mend import turned
from dltk.errors import InputError
from dltk.headers import Header
from dltk.masks import of_run_lengths, run_lengths, uncompressed

_FAR = 1e5  # pixels: of a coordinate that is an error
_OUTLINE = 6  # numbers that an outline has at least: three corners


@dataclass(frozen=True)
class Shape:
    """Which pixels of a sheet are of an object.

    Attributes:
        size: (width, height) of the sheet.
        counts: run lengths of pixels that are not and that are, in turns, column by column:
            numbers, or COCO's compressed text of these, whichever it was drawn with.
    """

    size: tuple[int, int]
    counts: Sequence[int] | str

    @property
    def numbers(self) -> Sequence[int]:
        """The run lengths as numbers."""
        return uncompressed(self.counts) if isinstance(self.counts, str) else self.counts

    @property
    def compressed(self) -> dict:
        """COCO's compressed run lengths {"size", "counts"}."""
        from pycocotools.mask import frPyObjects

        width, height = self.size
        runs = {"size": [height, width], "counts": self.counts}
        if isinstance(self.counts, str):
            return runs
        return runs | {"counts": frPyObjects(runs, height, width)["counts"].decode("ascii")}


@dataclass(frozen=True)
class Sheet:
    """What the objects of a picture were drawn on: the upright picture, or as its file stores it,
    lying on its side.

    Attributes:
        size: (width, height).
        turn: what turns it upright; None for nothing.
    """

    size: tuple[int, int]
    turn: Image.Transpose | None = None

    @classmethod
    def under(
        cls, header: Header, stated: tuple[int, int] | None, as_stated: str = "annotated as"
    ) -> Sheet:
        """Return the sheet of a picture with that header.

        Args:
            stated: (width, height) by the annotation; None for what is not said.
            as_stated: what goes before that size in a sentence about the picture.
        Raises:
            InputError: the picture has that size neither upright nor as it is stored.
        """
        if not stated or stated == header.upright:
            return cls(header.upright)
        if not header.sideways or stated != header.stored:
            by, of = "{} × {}".format(*stated), "{} × {}".format(*header.upright)
            raise InputError(f"it is {of}, and {as_stated} {by}")
        return cls(stated, header.turn)

    def shape(self, drawn: object) -> Shape:
        """Return an object's shape on the sheet.

        Args:
            drawn: outlines, arrays [x, y, x, y, …], or run lengths, compressed or not; or None.
        Raises:
            InputError: it is damaged, or there is none; what the object has instead.
        """
        counts = self._runs(drawn) if isinstance(drawn, dict) else self._enclosed(drawn)
        return Shape(self.size, counts)

    def upright(self, shape: Shape) -> dict:
        """Return a shape in the upright picture, as COCO's compressed run lengths."""
        if self.turn is None:
            return shape.compressed
        lying = Image.fromarray(of_run_lengths(shape.compressed))
        return run_lengths(np.asarray(lying.transpose(self.turn)))

    def upright_box(self, box: Sequence[float]) -> list[float]:
        """Return left, top, right and bottom of a box in the upright picture."""
        if self.turn is None:
            return list(box)
        return turned(np.array([box], np.float64), self.size, self.turn)[0].tolist()

    def _runs(self, drawn: dict) -> list[int]:
        """Return run lengths, compressed or not, as numbers. Raises InputError."""
        width, height = self.size
        if drawn.get("size") != [height, width]:
            raise InputError("run lengths of another size")
        counts = drawn.get("counts")
        try:
            runs = uncompressed(counts) if isinstance(counts, str) else list(map(int, counts))
        except (TypeError, ValueError, OverflowError) as error:
            raise InputError("damaged run lengths") from error
        if sum(runs) != height * width or min(runs, default=0) < 0:
            raise InputError("damaged run lengths")
        return runs

    def _enclosed(self, outlines: Sequence[np.ndarray] | None) -> str:
        """Return compressed run lengths of what is in any of some outlines. Raises InputError."""
        from pycocotools.mask import frPyObjects, merge

        usable = [points for points in outlines or () if len(points) >= _OUTLINE]
        if not usable:
            raise InputError("no outline")
        if not all((np.abs(points) < _FAR).all() for points in usable):  # nor NaN
            raise InputError("an outline of impossible coordinates")
        width, height = self.size
        shapes = frPyObjects([points.tolist() for points in usable], height, width)
        return merge(shapes)["counts"].decode("ascii")
