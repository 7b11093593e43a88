"""Segmenters that were trained: published ones, and those that `dltk train segmenter` wrote."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from threading import Event

import numpy as np
from PIL import Image

from dltk import strategy as placing
from dltk.batch import batched
from dltk.canvas import Canvas, draw, fit_within
from dltk.errors import UsageError, printable
from dltk.masks import IGNORE, surest
from dltk.models.find import ModelSource
from dltk.segmentation import Segmentation
from dltk.weights import Report
from recipes._segment_tiles import TileRows
from recipes._segmenters import ground_of
from recipes._tiles import spans

_CELL = 32  # pixels: sides of a canvas are multiples of it, as in training
_LARGEST = 4096  # pixels of a canvas' side
_HEAT = 512  # pixels of the longer side of a tiled picture's heat


@dataclass(frozen=True)
class _View:
    """One look at a picture or a part of it.

    Attributes:
        canvas: what the network takes.
        mirrored: whether left and right are exchanged on it.
    """

    canvas: Canvas
    mirrored: bool


@dataclass(frozen=True)
class _Loaded:
    """A picture as it is needed: its size, and views of it; or, for tiles, itself."""

    size: tuple[int, int]
    views: tuple[_View, ...] = ()
    picture: Image.Image | None = None


class NetworkSegmenter:
    """A trained segmenter, as `recipes.segment` runs it; see `recipes._segmenters.Segmenter`."""

    workers = 1

    def __init__(
        self,
        source: ModelSource,
        *,
        classes: Sequence[int],
        score: float | None,
        scales: Sequence[float],
        flip: bool,
        tile: int | None,
        overlap: float,
        engine: str,
        devices: str,
        strategy: str,
        precision: str,
        batch_size: int,
        pictures: int | None,
        report: Report,
    ):
        if engine == "litert":
            raise UsageError("segmenters run on the keras engine; leave --engine out")
        from dltk.engine.masks import MaskNetwork
        from dltk.models.fcn.load import load_fcn
        from dltk.models.fixed import fix_kernels, fixed

        source.weights(report)
        placement = placing.place(devices, strategy)
        self.labels = source.labels
        with placement.strategy.scope():
            segmenter = fixed(load_fcn(source))
            _check_names(source, segmenter.output_shape[-1])
            chosen = placing.choose_precision(precision)
            placing.apply_precision(segmenter, chosen)
            if placement.kind == "cpu":
                fix_kernels(segmenter)
        self._source, self._classes = source, list(classes)
        self._ground, self._score = ground_of(source), score or 0.0
        self._scales, self._flip = tuple(scales), flip
        self._tile, self._overlap = tile, overlap
        self._stopped = Event()
        self._alike = 1 + flip  # views of one thing that are of one size
        if source.entry is not None:  # published ones take each picture at its own size
            batch_size = placement.replicas
        elif pictures is not None and not tile:  # steps are of full size, whatever is in them
            batch_size = min(batch_size, pictures * self._alike)
        self._network = MaskNetwork(segmenter, placement.strategy, batch_size)
        self._at_once = max(1, batch_size // self._alike)
        # A large picture is a batch of its own.
        self.batch_size = 1 if tile else self._at_once
        own = source.entry is None and not tile and max(self._scales) == 1.0
        self.at_least = source.geometry.at_least if own else None
        self.running = f"Keras, {placement.reason}, {chosen}"

    def stop(self) -> None:
        """Look at no more tiles: nobody waits for what is found. May be called on any thread."""
        self._stopped.set()

    def load(self, picture: Image.Image, name: str, size: tuple[int, int] | None = None) -> _Loaded:
        """Return a picture as the network takes it."""
        size = size or picture.size
        if self._tile and max(size) > self._tile:
            return _Loaded(size, picture=picture)
        return _Loaded(size, tuple(self._views(picture, size)))

    def __call__(self, loaded: list[_Loaded]) -> list[Segmentation]:
        """Return what is where in each of the pictures."""
        whole = [each for each in loaded if each.picture is None]
        means = self._means([each.views for each in whole], self.batch_size)
        return [
            self._of_tiles(each) if each.picture is not None else self._of_whole(each, next(means))
            for each in loaded
        ]

    def _views(self, picture: Image.Image, size: tuple[int, int]) -> Iterator[_View]:
        geometry = self._source.geometry
        for scale in self._scales:
            if self._source.entry is not None:
                canvas = _at_shorter(picture, round(geometry.height * scale))
            else:
                sides = (_rounded(side * scale) for side in (geometry.height, geometry.width))
                canvas = fit_within(picture, *sides, size=size)
            yield _View(canvas, False)
            if self._flip:
                yield _View(_mirrored(canvas), True)

    def _means(self, looks: Sequence[Sequence[_View]], at_once: int) -> Iterator[np.ndarray]:
        """Yield, for each of some pictures or tiles, the mean of what its views show, at the size
        of the largest.

        Args:
            looks: the views of each.
            at_once: of how many to look at the views together: steps are of that size.
        """
        for some in batched(looks, at_once):
            yield from self._together(some, at_once * self._alike)

    def _together(self, looks: Sequence[Sequence[_View]], step: int) -> Iterator[np.ndarray]:
        """Do what `_means` does for so few that each step has views of all of them."""
        views = [(at, view) for at, each in enumerate(looks) for view in each]
        views.sort(key=lambda each: each[1].canvas.pixels.shape)  # those of one size in one step
        sizes = [max(view.canvas.size for view in each) for each in looks]
        found = self._network((view.canvas for _, view in views), step=step)
        sums: list = [None] * len(looks)
        for (at, view), part in zip(views, found, strict=True):
            part = resized(part[:, ::-1] if view.mirrored else part, sizes[at][::-1])
            sums[at] = part if sums[at] is None else sums[at] + part
        for each, total in zip(looks, sums, strict=True):
            yield total / len(each) if len(each) > 1 else total

    def _of_whole(self, loaded: _Loaded, probabilities: np.ndarray) -> Segmentation:
        return self._answer(self._sure(*surest(probabilities, loaded.size)), probabilities)

    def _of_tiles(self, loaded: _Loaded) -> Segmentation:
        """Return what is in a large picture, looked at a row of tiles at a time."""
        (width, height), tile = loaded.size, self._tile
        across = spans(width, tile, self._overlap)
        rows = TileRows(loaded.size, across, spans(height, tile, self._overlap), len(self.labels))
        mask = np.empty((height, width), np.uint8)
        shrink = max(1, max(loaded.size) // _HEAT)
        heat = []
        for top, bottom in rows.down:
            if self._stopped.is_set():
                return Segmentation(np.zeros_like(mask), {}, {}, {})
            places = [(left, top, right, bottom) for left, right in across]
            looks = [tuple(self._views(loaded.picture.crop(p), _size(p))) for p in places]
            means = self._means(looks, _evenly(len(places), self._at_once))
            for place, mean in zip(places, means, strict=True):
                rows.add(place, resized(mean, _size(place)))
            for first, probabilities in rows.finished():
                likeliest, best = probabilities.argmax(axis=2), probabilities.max(axis=2)
                mask[first : first + len(best)] = self._sure(likeliest, best)
                heat.append(probabilities[-first % shrink :: shrink, ::shrink].copy())
        return self._answer(mask, np.concatenate(heat))

    def _sure(self, mask: np.ndarray, best: np.ndarray) -> np.ndarray:
        """Return a label map without the pixels whose class is less likely than asked for."""
        return np.where(best >= self._score, mask, IGNORE)

    def _answer(self, mask: np.ndarray, probabilities: np.ndarray) -> Segmentation:
        """Return a label map as what was asked for: of some classes only."""
        if self._classes:
            other = IGNORE if self._ground in (None, *self._classes) else self._ground
            keep = np.zeros(256, bool)
            keep[[*self._classes, IGNORE]] = True
            mask = np.where(keep[mask], mask, np.uint8(other))
        labels = [int(label) for label in np.unique(mask) if label != IGNORE]
        best = probabilities.argmax(axis=2)
        scores = {
            label: float(np.mean(values))
            if (values := found[best == label]).size
            else float(found.max())
            for label in labels
            for found in [probabilities[..., label]]
        }
        heat = {label: np.ascontiguousarray(probabilities[..., label]) for label in labels}
        return Segmentation(mask, {label: label for label in labels}, scores, heat)


def _evenly(count: int, most: int) -> int:
    """Return how many of `count` to take at a time, at most `most`, so that few are missing in
    the last lot."""
    return -(-count // -(-count // most))


def _check_names(source: ModelSource, outputs: int) -> None:
    if outputs != len(source.labels):
        raise UsageError(
            f"{printable(source.name)} has {outputs} outputs but {len(source.labels)} class names"
        )


def resized(probabilities: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return probabilities (h, w, K) at another size (W, H), float32 (H, W, K), bilinearly."""
    if probabilities.shape[1::-1] == tuple(size):
        return probabilities
    parts = np.moveaxis(np.asarray(probabilities, np.float32), 2, 0)
    drawn = (
        np.asarray(Image.fromarray(np.ascontiguousarray(p)).resize(size, Image.Resampling.BILINEAR))
        for p in parts
    )
    return np.stack(list(drawn), axis=2)


def _at_shorter(picture: Image.Image, side: int) -> Canvas:
    """Return the whole of a picture with so many pixels on its shorter side, as torchvision does
    it for its segmenters: bilinear and antialiased, the longer side rounded down."""
    shorter = min(picture.size)
    longest = max(1, int(_LARGEST * shorter / max(picture.size)))
    side = min(max(1, side), longest)
    wide, high = (side if each == shorter else int(side * each / shorter) for each in picture.size)
    return draw(picture, (0, 0, *picture.size), (high, wide), high, wide)


def _mirrored(canvas: Canvas) -> Canvas:
    """Return a canvas with what is drawn on it the other way round."""
    high, wide = canvas.size
    pixels = canvas.pixels.copy()
    pixels[:high, :wide] = canvas.pixels[:high, :wide][:, ::-1]
    return Canvas(pixels, canvas.size, canvas.region, not canvas.mirrored)


def _rounded(side: float) -> int:
    return max(_CELL, min(_LARGEST, round(side / _CELL) * _CELL))


def _size(place: tuple[int, int, int, int]) -> tuple[int, int]:
    left, top, right, bottom = place
    return right - left, bottom - top
