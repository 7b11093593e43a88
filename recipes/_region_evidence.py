"""What a classifier, run over a whole picture at several scales, says of the boxes in it.

`look` makes maps of scores, a score for every class at every place (see `dltk.models.evidence`);
of a network that gives none it asks windows laid over the picture instead. `Evidence` then
answers for any number of boxes at once, by sums over the maps.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from dltk.engine import Network
from dltk.geometry import Geometry

_SCALES = 2.0 ** (0.375 * np.arange(5))  # of the network's own size: the picture's shorter side
_CELL = 32  # pixels: sides are multiples of it, the usual stride of a classifier's last map
_LARGEST = 4.0  # area of a scaled picture in squares of its shorter side: long ones are smaller
_LONGEST = 4096  # pixels of its longer side
_WINDOW_SCALES = 1.5 ** np.arange(3)
_PER_WINDOW = 3  # places to a window's side
_OWN = 4 / 7  # of the network's input: the side at which an object is answered for best
_BLUR = 0.75  # standard deviation, in places, with which a map shows a box
_FAINT, _FULL = 0.05, 0.5  # of the peak: evidence that counts for nothing, and in full
_FEW = 0.02  # of a mixture: classes with less count for nothing


def look(picture: Image.Image, network: Network, geometry: Geometry) -> Evidence:
    """Return what `network` says of all places of a picture.

    Args:
        picture: upright, RGB.
        network: from `dltk.engine.load_engine`, with the output "evidence".
        geometry: of its classifier.
    """
    shorter = min(picture.size)
    maps, spans = [], []
    if len(network.output_shape) == 3:
        own = min(geometry.height, geometry.width)
        for scale in _SCALES:
            pixels = _scaled(picture, own * scale, geometry)
            maps.append(network(pixels[None])[0])
            spans.append(shorter * own / min(pixels.shape[:2]))
    else:
        for scale in _WINDOW_SCALES:
            maps.append(_by_windows(picture, shorter / scale, network, geometry))
            spans.append(shorter / scale)
    centred = [scores - scores.mean(axis=-1, keepdims=True) for scores in maps]
    return Evidence(centred, np.array(spans), picture.size)


class Evidence:
    """Scores of a picture's places, from which boxes are answered for.

    Args:
        maps: for each scale, float32 (h, w, K), covering the picture; their mean over classes
            is 0, which is also about what a place without any of them has.
        spans: for each scale, pixels of the picture that the network's own input would span;
            from large to small.
        size: (width, height) of the picture.
    """

    def __init__(self, maps: list[np.ndarray], spans: np.ndarray, size: tuple[int, int]):
        self.maps, self._spans, self.size = maps, spans, size

    def answers(self, boxes: np.ndarray) -> np.ndarray:
        """Return the classifier's probabilities for each box, float32 (P, K).

        The scores of its places are averaged, as the network itself averages over its whole
        input, in the map of the scale that suits the size of the box (He et al. 2014, SPP-net,
        Sec. 4.1, choose the scale likewise), or in two, weighed.
        """
        sides = np.sqrt(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1))
        falling = -np.log(self._spans)
        places = np.interp(-np.log(np.maximum(sides, 1) / _OWN), falling, np.arange(len(falling)))
        scores = np.zeros((len(boxes), self.maps[0].shape[-1]), np.float32)
        for number, scores_map in enumerate(self.maps):
            high, wide, count = scores_map.shape
            weights = np.maximum(1 - np.abs(places - number), 0).astype(np.float32)
            some = np.flatnonzero(weights)
            down, across = self._masks(boxes[some], scores_map, blur=0)
            shares = (down[:, :, None] * across[:, None, :]).reshape(len(some), high * wide)
            shares *= (weights[some] / np.maximum(shares.sum(axis=1), 1e-6))[:, None]
            scores[some] += shares @ scores_map.reshape(high * wide, count)
        return softmax(scores)

    def fits(
        self, boxes: np.ndarray, mixtures: np.ndarray, explained: np.ndarray = ()
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return how well each box explains where the evidence for its own classes is.

        That evidence is the sum of the classes' scores, weighed by the box's mixture; from half
        of its peak on it counts in full, so that the most telling part of an object does not
        outweigh the rest. The fit is the cosine between it and the box as the map would show it,
        blurred: the root of the share of its energy that a map with nothing but the box, of the
        best strength, would have. Its mean over all scales is taken. Too small a box leaves
        evidence outside, too large a one has places without.

        Args:
            boxes: (P, 4).
            mixtures: float32 (P, K), how much each class counts, such as `answers`.
            explained: (N, 4), boxes whose evidence is not looked at any more.
        Returns:
            Two float32 (P,): the fit, and the share of the evidence in the box that is not in
            any of the boxes explained.
        """
        kept = np.flatnonzero(mixtures.max(axis=0, initial=0) > _FEW)
        weights = mixtures[:, kept]
        fits, shares = [], []
        for scores_map in self.maps:
            high, wide = scores_map.shape[:2]
            seen = weights @ scores_map[..., kept].reshape(high * wide, -1).T
            peaks = seen.max(axis=1, initial=0, keepdims=True)
            seen = np.clip((seen / np.maximum(peaks, 1e-6) - _FAINT) / (_FULL - _FAINT), 0, 1)
            seen = seen.reshape(-1, high, wide)
            down, across = self._masks(boxes, scores_map, blur=_BLUR)
            before = _inside(seen, down, across)
            if len(explained):
                rows, columns = self._masks(explained, scores_map, blur=_BLUR)
                seen = seen * (1 - (rows[:, :, None] * columns[:, None, :]).max(axis=0))
            inside = _inside(seen, down, across)
            sizes = np.square(down).sum(axis=1) * np.square(across).sum(axis=1)
            energy = np.square(seen).sum(axis=(1, 2))
            fits.append(inside / np.maximum(np.sqrt(sizes * energy), 1e-6))
            shares.append(inside / np.maximum(before, 1e-6))
        return np.mean(fits, axis=0), np.mean(shares, axis=0)

    def _masks(self, boxes, scores_map, *, blur: float) -> tuple[np.ndarray, np.ndarray]:
        """Return boxes as maps show them: their product over rows (P, h) and columns (P, w)."""
        high, wide = scores_map.shape[:2]
        boxes = np.asarray(boxes, np.float32).reshape(-1, 4)
        down = _covered(boxes[:, 1], boxes[:, 3], high, self.size[1], blur)
        return down, _covered(boxes[:, 0], boxes[:, 2], wide, self.size[0], blur)


def softmax(scores: np.ndarray) -> np.ndarray:
    """Return probabilities for scores (..., K)."""
    grown = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return grown / grown.sum(axis=-1, keepdims=True)


def _scaled(picture: Image.Image, shorter: float, geometry: Geometry) -> np.ndarray:
    """Return the picture with its shorter side about that long, float32 (H, W, C)."""
    long, short = max(picture.size), min(picture.size)
    scale = shorter / short * min(1, np.sqrt(_LARGEST * short / long))
    scale = min(scale, _LONGEST / long)
    wide, high = (max(1, round(length * scale / _CELL)) * _CELL for length in picture.size)
    whole = Geometry(high, wide, geometry.channels, "squash", 1.0, geometry.interpolation)
    return whole.apply(picture)


def _by_windows(
    picture: Image.Image, side: float, network: Network, geometry: Geometry
) -> np.ndarray:
    """Return the scores of square windows around evenly spaced places, float32 (h, w, K).

    Windows that would reach over the picture's edge are moved inside.
    """
    middles = [
        (np.arange(count) + 0.5) * length / count
        for length in picture.size
        for count in [max(1, round(_PER_WINDOW * length / side))]
    ]
    corners = [
        np.clip(at - side / 2, 0, length - side)
        for at, length in zip(middles, picture.size, strict=True)
    ]
    rows = []
    for top in corners[1]:
        boxes = [(left, top, left + side, top + side) for left in corners[0]]
        rows.append(network(np.stack([geometry.pixels(picture, box) for box in boxes])))
    return np.stack(rows)


def _covered(starts, ends, count: int, length: int, blur: float) -> np.ndarray:
    """Return which share of each of `count` places along a side is covered, float32 (P, count)."""
    edges = np.arange(count + 1, dtype=np.float32) * length / count
    overlap = np.minimum(ends[:, None], edges[1:]) - np.maximum(starts[:, None], edges[:-1])
    covered = np.maximum(overlap, 0) * (count / length)
    if not blur:
        return covered
    apart = np.arange(count)[:, None] - np.arange(count)
    spread = np.exp(-0.5 * np.square(apart / blur)) / (blur * np.sqrt(2 * np.pi))
    return covered @ spread.astype(np.float32)


def _inside(seen, down, across) -> np.ndarray:
    """Return the sums of maps (P, h, w) under masks (P, h) and (P, w), float32 (P,)."""
    return ((seen @ across[:, :, None])[:, :, 0] * down).sum(axis=1)
