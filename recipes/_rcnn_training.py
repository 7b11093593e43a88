"""The last two stages of R-CNN: features of regions, and what is learnt from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import keras
import numpy as np

from dltk.canvas import Canvas, placed_regions
from dltk.data.examples import AnnotatedExamples
from dltk.data.pipeline import SAMPLE, random_of
from dltk.engine.keras import Replicated
from dltk.layers import FinalBoxes
from dltk.models.rcnn.detector import Parts, build_detector, outside_of
from dltk.objects import EXTENT, PIXELS, PROPOSALS, Objects
from dltk.weights import Report
from recipes._rcnn_stages import Regions, chosen_regions, described, learn, with_learnt

_LEARNT_FROM = 48  # regions of each picture
_IOU = 0.3  # of boxes of one class that do not both stay, as in the authors' code


def with_svms(
    detector: keras.Model,
    part: AnnotatedExamples,
    canvases: Callable[[], Iterator[Canvas]],
    regions: Callable[[int], np.ndarray],
    *,
    classes: int,
    strategy,
    batch_size: int,
    seed: int,
    report: Report,
) -> keras.Model:
    """Return an R-CNN whose head is a linear SVM and a regression for each class.

    Args:
        detector: of which the network's features are taken; built under `strategy`.
        part: what to learn from.
        canvases: yields its pictures as the detector takes them.
        regions: from an index to regions (P, 4) in pixels of the original.
        batch_size: pictures in one step.
    """
    report("computing the features of regions")
    known = _all_regions(
        detector, part, canvases(), regions,
        classes=classes, strategy=strategy, batch_size=batch_size, seed=seed,
    )  # fmt: skip
    report(f"learning from {len(known.features)} regions")
    learnt = learn(known, seed=seed, report=report)
    parts = Parts.of(detector)
    final = {"probabilities": "sigmoid", "delta_weights": (1.0,) * 4, "iou": _IOU}
    with strategy.scope():
        changed = replace(
            parts,
            box_head=with_learnt(parts.box_head, learnt),
            final_boxes=FinalBoxes.from_config(parts.final_boxes.get_config() | final),
        )
        return build_detector(changed, outside=outside_of(detector))


def _all_regions(
    detector: keras.Model,
    part: AnnotatedExamples,
    canvases: Iterator[Canvas],
    regions: Callable[[int], np.ndarray],
    *,
    classes: int,
    strategy,
    batch_size: int,
    seed: int,
) -> Regions:
    """Return the regions of all pictures that are learnt from, with their features."""
    network = Replicated(_features_of(detector), strategy, batch_size)
    found, batch = [], []

    def run() -> None:
        inputs = {name: np.stack([each[0][name] for each in batch]) for name in batch[0][0]}
        rows = network(inputs)
        for (given, count, objects), features in zip(batch, rows, strict=True):
            boxes = given[PROPOSALS][:count]
            found.append(described(boxes, features[:count], objects, classes))
        batch.clear()

    for index, canvas in enumerate(canvases):
        objects = _placed(part.objects[index], canvas)
        random = random_of(seed, SAMPLE, index)
        proposed = placed_regions(regions(index), canvas, None)
        chosen = chosen_regions(proposed, objects, _LEARNT_FROM, random)
        padding = np.zeros((_LEARNT_FROM - len(chosen), 4), np.float32)
        given = {
            PIXELS: canvas.pixels.astype(np.float32),
            EXTENT: np.asarray(canvas.size, np.float32),
            PROPOSALS: np.concatenate([chosen, padding]),
        }
        batch.append((given, len(chosen), objects))
        if len(batch) == batch_size:
            run()
    if batch:
        run()
    return Regions.joined(found)


def _features_of(detector: keras.Model) -> keras.Model:
    """Return the part of a detector that gives the features (B, P, D) of regions."""
    parts = Parts.of(detector)
    pixels, extent = keras.Input((None, None, 3), name=PIXELS), keras.Input((2,), name=EXTENT)
    regions = keras.Input((_LEARNT_FROM, 4), name=PROPOSALS)
    crops = parts.region_features(parts.maps(pixels, extent), regions)
    trunk = keras.Model(parts.box_head.inputs, parts.box_head.get_layer("features").output)
    features = trunk(crops, training=False)
    grouped = keras.ops.reshape(features, (-1, _LEARNT_FROM, features.shape[-1]))
    return keras.Model({PIXELS: pixels, EXTENT: extent, PROPOSALS: regions}, grouped)


def _placed(objects: Objects, canvas: Canvas) -> Objects:
    return Objects.of(canvas.placed(objects.boxes), objects.labels, objects.ignored)
