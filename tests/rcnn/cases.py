"""Boxes, maps and answers of networks made by rule: what the pieces of detection are tried on.

Only NumPy is needed here: `tests/rcnn/torchvision_ops.py`, which gives them to torchvision under
another Python, makes the same numbers with it.
"""

from __future__ import annotations

import numpy as np

MATCHERS = ((0.7, 0.3, True), (0.5, 0.5, False))  # positive, negative, keep the best
WEIGHTS = ((1.0, 1.0, 1.0, 1.0), (10.0, 10.0, 5.0, 5.0))
# Stride, bins along a side, and for RoIAlign points along a side of a bin.
ALIGNED = ((4, 1, 1), (4, 7, 2), (8, 2, 3), (16, 3, 2))
POOLED = ((4, 1), (4, 4), (8, 2), (16, 8))
STRIDES = (4, 8, 16, 32)
SIZES, RATIOS = ([16.0], [40.0]), (0.5, 1.0, 2.0)  # of anchors on two levels
EXTENTS = ((64, 96), (50, 80))  # of two pictures in a batch of 64 × 96


def random(seed: int) -> np.random.RandomState:
    return np.random.RandomState(seed)


def made_boxes(seed: int, count: int, height: float = 100, width: float = 100) -> np.ndarray:
    """Return boxes with area, float32 (count, 4); some reach out of the picture."""
    numbers = random(seed).uniform(size=(count, 4))
    centre = numbers[:, :2] * (width, height)
    sides = 2 + numbers[:, 2:] ** 2 * (0.8 * width, 0.8 * height)
    return np.concatenate([centre - sides / 2, centre + sides / 2], axis=1).astype(np.float32)


def made_deltas(seed: int, *shape: int) -> np.ndarray:
    """Return deltas (..., 4), float32, some of which would make sides grow beyond all bounds."""
    deltas = random(seed).normal(0, 0.4, shape)
    deltas[..., ::11, 2:] *= 15
    return deltas.astype(np.float32)


def made_overlaps() -> np.ndarray:
    """Return overlaps float32 (40, 5) of regions and objects, many of them equal."""
    overlaps = random(3).randint(0, 33, (40, 5)) / 32
    overlaps[:, 1] /= 4  # one that nothing overlaps much, and two regions nothing else
    overlaps[::3] = 0
    overlaps[[3, 9], 1] = overlaps[:, 1].max()
    return overlaps.astype(np.float32)


def made_crowd() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return boxes (80, 4) that overlap a lot, the surest first, scores (80,), labels (80,)."""
    numbers = random(4)
    middle = numbers.uniform(20, 80, (6, 4))[numbers.randint(6, size=80)]
    boxes = np.concatenate([middle[:, :2] - 15, middle[:, :2] + 15], axis=1)
    boxes += numbers.normal(0, 4, (80, 4))
    scores = np.sort(numbers.uniform(size=80))[::-1]
    return boxes.astype(np.float32), scores.astype(np.float32), numbers.randint(3, size=80)


def made_map(seed: int, *shape: int) -> np.ndarray:
    return random(seed).normal(size=shape).astype(np.float32)


def odd_boxes() -> np.ndarray:
    """Return boxes float32 (10, 4) in and around a map of 9 × 13 places 8 pixels apart."""
    return np.array(
        [
            [0, 0, 104, 72], [3.3, 5.1, 60.2, 41.7], [17, 9, 18, 10], [40, 30, 40, 30],
            [-20, -13, 33, 21], [90, 60, 140, 95], [-50, 20, -30, 40], [200, 10, 260, 50],
            [-7, 30, 111, 33], [52.5, 1, 55.5, 71],
        ],
        np.float32,
    )  # fmt: skip


def boxes_of_all_sizes() -> np.ndarray:
    """Return boxes float32 (2, 12, 4) for all levels of a pyramid over 256 × 256 pixels.

    Some sides, of 56, 112 and 224 pixels, are those where a level begins.
    """
    numbers = random(6)
    sides = np.array([0, 5, 55.9, 56, 56.1, 111.9, 112, 150, 223.9, 224, 240, 256.0])
    starts = numbers.uniform(0, 1, (2, 12, 2)) * (256 - sides[:, None])
    return np.concatenate([starts, starts + sides[:, None]], axis=2).astype(np.float32)


def pyramid_of_maps() -> list[np.ndarray]:
    return [made_map(7 + stride, 2, 256 // stride, 256 // stride, 2) for stride in STRIDES]


def rpn_answers() -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return logits (2, h, w, 3) and deltas (2, h, w, 12) of two levels, strides 8 and 16."""
    shapes = ((2, 8, 12), (2, 4, 6))
    logits = [made_map(20 + level, *shape, 3) for level, shape in enumerate(shapes)]
    deltas = [
        made_deltas(30 + level, *shape, 3, 4).reshape(*shape, 12)
        for level, shape in enumerate(shapes)
    ]
    return logits, deltas


def head_answers() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return regions (2, 30, 4), scores (60, 5) of ground and four classes, deltas (60, 20)."""
    regions = np.stack(
        [made_boxes(40 + number, 30, *extent) for number, extent in enumerate(EXTENTS)]
    )
    scores = 2 * made_map(42, 60, 5)
    return regions, scores, made_deltas(43, 60, 5, 4).reshape(60, 20)


def head_truth() -> tuple[np.ndarray, np.ndarray]:
    """Return labels (60,), 0 for ground, and the deltas wanted (60, 4) for `head_answers`."""
    return random(44).randint(0, 5, 60), made_deltas(45, 60, 4)
