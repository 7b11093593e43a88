"""What the pieces of detection do, done again in NumPy: slow, and plain to see."""

from __future__ import annotations

import itertools
import math

import numpy as np


def iou(one, other) -> float:
    """Return the overlap of two boxes; 0 of those without area."""
    width = max(0.0, min(one[2], other[2]) - max(one[0], other[0]))
    height = max(0.0, min(one[3], other[3]) - max(one[1], other[1]))
    areas = [max(0, box[2] - box[0]) * max(0, box[3] - box[1]) for box in (one, other)]
    union = sum(areas) - width * height
    return float(width * height / union) if union > 0 else 0.0


def ious(boxes, others) -> np.ndarray:
    rows = [[iou(box, other) for other in others] for box in boxes]
    return np.array(rows, np.float32).reshape(len(boxes), len(others))


def inside(region, boxes) -> float:
    """Return the largest share of a region that lies in one of some boxes."""
    shared = [
        (
            min(region[2], box[2]) - max(region[0], box[0]),
            min(region[3], box[3]) - max(region[1], box[1]),
        )
        for box in boxes
    ]
    area = max(0, region[2] - region[0]) * max(0, region[3] - region[1])
    return max((max(0, w) * max(0, h) / area for w, h in shared if area), default=0.0)


def encoded(box, anchor, weights) -> np.ndarray:
    """Return Eq. 6 to 9 of Girshick et al. 2014 for one box, times weights."""
    (x, y, w, h), (ax, ay, aw, ah) = _centred(box), _centred(anchor)
    return np.array([(x - ax) / aw, (y - ay) / ah, math.log(w / aw), math.log(h / ah)]) * weights


def _centred(box):
    left, top, right, bottom = map(float, box)
    return (left + right) / 2, (top + bottom) / 2, right - left, bottom - top


def matched(overlaps, present, inside, positive, negative, keep_best) -> np.ndarray:
    """Return for each region of one picture its object, -1 for ground, -2 for neither."""
    objects = np.flatnonzero(present)
    found = []
    for row, share in zip(overlaps, inside, strict=True):
        best = max(objects, key=lambda number: (row[number], -number), default=None)
        wanted = best is not None and row[best] >= positive
        if keep_best:
            tops = {number: overlaps[:, number].max() for number in objects}
            wanted |= any(row[number] >= top * (1 - 1e-6) > 0 for number, top in tops.items())
        if wanted:
            found.append(best)
        else:
            far = best is None or row[best] < negative
            found.append(-1 if far and share < 0.5 else -2)
    return np.array(found)


def sampled(matches, noise, count, positives) -> list[int]:
    """Return the regions of one picture that are learnt from, those with an object first."""
    by_noise = sorted(range(len(matches)), key=lambda number: -noise[number])
    chosen = [number for number in by_noise if matches[number] >= 0][:positives]
    ground = [number for number in by_noise if matches[number] == -1]
    return (chosen + ground)[:count]


def surviving(boxes, present, limit, labels) -> list[bool]:
    """Return which boxes stay, one after another, the surest first."""
    stays = [False] * len(boxes)
    for number, box in enumerate(boxes):
        stays[number] = bool(present[number]) and not any(
            stays[surer] and labels[surer] == labels[number] and iou(boxes[surer], box) > limit
            for surer in range(number)
        )
    return stays


def soft_suppressed(boxes, scores, most, sigma, labels) -> list[tuple[int, float]]:
    """Return which boxes are taken, and how sure they are by then."""
    left, taken = dict(enumerate(scores)), []
    while left and len(taken) < most:
        best = max(left, key=left.get)
        taken.append((best, left.pop(best)))
        for other in left:
            if labels[other] == labels[best]:
                left[other] *= math.exp(-(iou(boxes[best], boxes[other]) ** 2) / sigma)
    return taken


def aligned(features, box, stride, size, samples, from_centres) -> np.ndarray:
    """Return RoIAlign (size, size, C) of one box in a map (H, W, C), point by point."""
    left, top, right, bottom = (edge / stride - (0.5 if from_centres else 0) for edge in box)
    width, height = right - left, bottom - top
    if not from_centres:
        width, height = max(width, 1), max(height, 1)
    found = np.zeros((size, size, features.shape[2]))
    for row, column in itertools.product(range(size), repeat=2):
        for down, across in itertools.product(range(samples), repeat=2):
            y = top + (row + (down + 0.5) / samples) * height / size
            x = left + (column + (across + 0.5) / samples) * width / size
            found[row, column] += _interpolated(features, y, x) / samples**2
    return found


def _interpolated(features, y, x):
    height, width, _ = features.shape
    if not (-1 <= y <= height and -1 <= x <= width):
        return 0.0
    y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
    top, left = int(y), int(x)
    bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
    upper = features[top, left] * (left + 1 - x) + features[top, right] * (x - left)
    lower = features[bottom, left] * (left + 1 - x) + features[bottom, right] * (x - left)
    return upper * (top + 1 - y) + lower * (y - top)


def pooled(features, box, stride, size) -> np.ndarray:
    """Return RoI pooling (size, size, C) of one box in a map (H, W, C), bin by bin."""
    left, top, right, bottom = (math.floor(abs(e) / stride + 0.5) * np.sign(e) for e in box)
    found = np.zeros((size, size, features.shape[2]), features.dtype)
    for row, column in itertools.product(range(size), repeat=2):
        rows = _places(top, bottom, row, size, features.shape[0])
        columns = _places(left, right, column, size, features.shape[1])
        if rows and columns:
            found[row, column] = features[np.ix_(rows, columns)].max((0, 1))
    return found


def _places(first, last, number, size, count) -> list[int]:
    """Return the places of the map, along one side, that a bin has a part in."""
    span = max(last - first + 1, 1)
    begin, end = math.floor(number * span / size), math.ceil((number + 1) * span / size)
    return [p for p in range(int(first + begin), int(first + end)) if 0 <= p < count]


def smooth_l1(differences, beta) -> np.ndarray:
    apart = np.abs(differences)
    return np.where(apart < beta, apart**2 / (2 * beta), apart - beta / 2)


def cross_entropy(scores, label) -> float:
    """Return minus the log of the softmax of `scores` at `label`."""
    scores = np.asarray(scores, np.float64)
    top = scores.max()
    return float(top + np.log(np.exp(scores - top).sum()) - scores[label])
