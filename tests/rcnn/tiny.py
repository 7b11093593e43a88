"""A detector small enough for tests, with weights made by rule, and pictures it can learn from."""

from __future__ import annotations

import keras
import numpy as np

from dltk.layers import FillOutside, FinalBoxes, RegionFeatures, RegionProposals, WholePicture
from dltk.models.rcnn.detector import Parts, build_detector
from dltk.models.rcnn.parts import build_box_head, build_pyramid, build_rpn
from dltk.objects import BOXES, EXTENT, LABELS, PADDING, PIXELS, PROPOSALS, SEEDS
from tests.rcnn import cases

SIDE, CLASSES, WIDTH = 64, 3, 6
STRIDES = (4, 8)
SIZES, RATIOS = [[12], [24], [48]], [0.5, 1.0, 2.0]  # of the pyramid's three levels
COLOUR = (100.0, 110.0, 120.0)
OUTSIDE = 9  # regions of a picture, without a proposal network


def tiny_detector(regions: str = "network", *, kind: str = "align") -> keras.Model:
    """Return a detector for pictures of any multiple of 16 pixels, with maps of strides 4 and 8.

    Args:
        regions: "network", "outside" or "whole", see `dltk.models.rcnn.presets.Design`.
        kind: see `dltk.layers.RegionFeatures`.
    """
    with_rpn = regions == "network"
    parts = {
        "backbone": _backbone(),
        "fill_outside": FillOutside(COLOUR, name="fill_outside"),
        "pyramid": build_pyramid((4, 5), STRIDES, width=WIDTH, extra=with_rpn),
        "region_features": RegionFeatures(STRIDES, size=3, kind=kind, name="region_features"),
        "box_head": build_box_head(WIDTH, CLASSES, size=3, hidden=8),
        "final_boxes": FinalBoxes(CLASSES, score=0.1, most=20, name="final_boxes"),
    }
    if with_rpn:
        parts["rpn"] = build_rpn(WIDTH, len(RATIOS))
        parts["proposals"] = RegionProposals(SIZES, RATIOS, before=30, after=20, name="proposals")
    elif regions == "whole":
        parts["proposals"] = WholePicture(name="proposals")
    detector = build_detector(Parts(**parts), outside=OUTSIDE if regions == "outside" else 0)
    for number, weight in enumerate(detector.trainable_weights):
        scale = 0.1 if weight.name == "bias" else 1.2 / np.sqrt(np.prod(weight.shape[:-1]))
        weight.assign(scale * cases.made_map(number, *weight.shape))
    return detector


def _backbone() -> keras.Model:
    pixels = keras.Input((None, None, 3))
    x = keras.layers.Rescaling(1 / 60, offset=[-colour / 60 for colour in COLOUR])(pixels)
    fine = keras.layers.Conv2D(4, 4, 4, activation="relu", name="stem")(x)
    coarse = keras.layers.Conv2D(5, 3, 2, padding="same", activation="relu", name="next")(fine)
    return keras.Model(pixels, [fine, coarse], name="backbone")


def made_batch(count: int = 4, objects: int = 3) -> dict[str, np.ndarray]:
    """Return pictures of different sizes with 0, 1, 2, ... objects, padded to `objects`."""
    random = cases.random(50)
    pixels = random.randint(0, 256, (count, SIDE, SIDE, 3)).astype(np.float32)
    extent = np.float32([[SIDE, SIDE], [48, 60], [SIDE, 40], [50, SIDE]])[:count]
    boxes = np.zeros((count, objects, 4), np.float32)
    labels = np.full((count, objects), PADDING, np.int32)
    for number, (height, width) in enumerate(extent):
        for place in range(min(number, objects)):
            start = random.uniform(0, 0.5, 2) * (width, height)
            sides = random.uniform(10, 25, 2)
            boxes[number, place] = [*start, *np.minimum(start + sides, (width, height))]
            labels[number, place] = random.randint(CLASSES)
    return {
        PIXELS: pixels,
        EXTENT: extent,
        BOXES: boxes,
        LABELS: labels,
        SEEDS: np.stack([np.arange(count), np.full(count, 3)], axis=1).astype(np.int32),
    }


def with_proposals(batch: dict[str, np.ndarray], count: int = OUTSIDE) -> dict[str, np.ndarray]:
    """Return the batch with regions from outside: near objects, anywhere, and padding."""
    pictures = len(batch[PIXELS])
    regions = np.stack([cases.made_boxes(60 + n, count, SIDE, SIDE) for n in range(pictures)])
    near = min(count // 3, batch[BOXES].shape[1])
    regions[:, :near] = np.where(
        batch[LABELS][:, :near, None] >= 0, batch[BOXES][:, :near] + 1, regions[:, :near]
    )
    regions = regions.clip(0, SIDE)
    regions[:, -2:] = 0
    return batch | {PROPOSALS: regions}


def of_pictures(batch: dict[str, np.ndarray], chosen) -> dict[str, np.ndarray]:
    return {name: values[chosen] for name, values in batch.items()}
