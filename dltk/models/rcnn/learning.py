"""The form of a detector that learns: annotated pictures in, losses out."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import tensorflow as tf

from dltk.layers import RegionProposals, WholePicture
from dltk.losses.detection import box_loss, class_loss, objectness_loss
from dltk.models.rcnn.detector import Parts
from dltk.objects import BOXES, EXTENT, IGNORED, LABELS, PADDING, PIXELS, PROPOSALS, SEEDS
from dltk.ops.boxes import areas, encoded, pairwise_covered, pairwise_iou
from dltk.ops.matching import GROUND, NEITHER, matched, noise_of, sampled
from dltk.training.model import AcrossWorkers


@dataclass(frozen=True)
class Lessons:
    """From how many anchors and regions of each picture a detector learns, and from which.

    The defaults are those of Ren et al. 2015, Sec. 3.1.2, and of Detectron's Fast R-CNN.

    Attributes:
        anchors: of a picture; half of them with an object if there are as many.
        regions: of a picture.
        share: of regions with an object, at most.
        anchor_overlap: (up to which an anchor is ground, from which it has an object).
        region_overlap: from which a region has an object; below, and from `least_overlap` on, it
            is ground.
        least_overlap: Fast R-CNN's 0.1 makes ground of what is near an object, the hard cases. In
            a picture without objects all is ground nevertheless.
        before, after: proposals looked at and taken, see `RegionProposals`.
    """

    anchors: int = 256
    regions: int = 512
    share: float = 0.25
    anchor_overlap: tuple[float, float] = (0.3, 0.7)
    region_overlap: float = 0.5
    least_overlap: float = 0.0
    before: int = 2000
    after: int = 2000


class Learner(AcrossWorkers, keras.Model):
    """A detector with its losses, which trains the layers of the detector itself.

    Takes {PIXELS: float32 (B, H, W, 3), EXTENT: float32 (B, 2), BOXES: float32 (B, N, 4), LABELS:
    int32 (B, N) from 0, PADDING or IGNORED, SEEDS: int32 (B, 2)}, and PROPOSALS where the detector
    does, and gives losses float32 (B,) by name: "objectness" and "anchor_box" of a region proposal
    network, "region_class" and "region_box". Which anchors and regions of a picture are learnt
    from depends on its seeds alone.

    Batch normalisation keeps the statistics it has, and nothing is dropped out: batches are small,
    and a replica's share smaller still.

    Args:
        detector: from `dltk.models.rcnn.detector.build_detector`.
        lessons: what is learnt from.
    """

    def __init__(self, detector: keras.Model, lessons: Lessons):
        super().__init__()
        self.detector, self._lessons = detector, lessons
        self._parts = Parts.of(detector)
        self._proposals = None
        if self._parts.rpn is not None:
            own = self._parts.proposals.get_config()
            numbers = {"before": lessons.before, "after": lessons.after, "name": "more_proposals"}
            self._proposals = RegionProposals.from_config(own | numbers)
        self.built = True

    @property
    def loss_names(self) -> tuple[str, ...]:
        """The losses that `call` gives."""
        of_regions = ("region_class", "region_box")
        return of_regions if self._parts.rpn is None else ("objectness", "anchor_box", *of_regions)

    def call(self, inputs, training=None):
        inputs = _with_one_more(inputs)
        pixels, extent = inputs[PIXELS], inputs[EXTENT]
        maps = self._parts.maps(pixels, extent)
        losses = {}
        if self._parts.rpn is None:
            whole = self._parts.proposals
            regions = inputs[PROPOSALS] if whole is None else whole(extent)
        else:
            logits, deltas = self._parts.answers(maps)
            losses |= self._of_anchors(pixels, logits, deltas, inputs)
            regions = self._proposals(pixels, extent, logits, deltas)
        if not isinstance(self._parts.proposals, WholePicture):
            regions = _and_annotated(regions, inputs)
        return losses | self._of_regions(maps, regions, inputs)

    def _of_anchors(self, pixels, logits, deltas, inputs) -> dict[str, tf.Tensor]:
        """Return the losses of the region proposal network."""
        lessons, seeds = self._lessons, inputs[SEEDS]
        boxes, present = inputs[BOXES], _present(inputs)
        anchors = tf.concat(self._parts.proposals.anchors(pixels, logits), axis=0)
        matches = matched(
            pairwise_iou(anchors[None], boxes),
            present,
            _inside_ignored(anchors[None], inputs),
            negative=lessons.anchor_overlap[0],
            positive=lessons.anchor_overlap[1],
            keep_best=True,
        )
        # Those beyond the picture have nothing to say: what they propose is cut off.
        matches = tf.where(_within(anchors, inputs[EXTENT]), matches, NEITHER)
        noise = noise_of(seeds, tf.shape(anchors)[0])
        places, use = sampled(matches, noise, count=lessons.anchors, positives=lessons.anchors // 2)
        chosen = tf.gather(matches, places, axis=1, batch_dims=1)
        is_object = chosen >= 0
        goals = encoded(_of_each(boxes, chosen), tf.gather(anchors, places))
        batch = tf.shape(pixels)[0]
        flat = tf.concat([tf.reshape(level, (batch, -1)) for level in logits], axis=1)
        moves = tf.concat([tf.reshape(level, (batch, -1, 4)) for level in deltas], axis=1)
        flat, moves = (
            tf.cast(tf.gather(each, places, axis=1, batch_dims=1), tf.float32)
            for each in (flat, moves)
        )
        return {
            "objectness": objectness_loss(flat, is_object, use),
            "anchor_box": box_loss(moves, goals, is_object, use),
        }

    def _of_regions(self, maps, regions, inputs) -> dict[str, tf.Tensor]:
        """Return the losses of the second stage."""
        lessons = self._lessons
        boxes, present = inputs[BOXES], _present(inputs)
        overlaps = tf.where(present[:, None, :], pairwise_iou(regions, boxes), 0.0)
        matches = matched(
            overlaps,
            present,
            _inside_ignored(regions, inputs),
            negative=lessons.region_overlap,
            positive=lessons.region_overlap,
        )
        far = tf.reduce_max(overlaps, axis=2) < lessons.least_overlap
        far &= tf.reduce_any(present, axis=1, keepdims=True)
        matches = tf.where((areas(regions) == 0) | ((matches == GROUND) & far), NEITHER, matches)
        noise = noise_of(inputs[SEEDS] + 1, tf.shape(regions)[1])
        count = lessons.regions
        places, use = sampled(matches, noise, count=count, positives=round(count * lessons.share))
        regions = tf.stop_gradient(tf.gather(regions, places, axis=1, batch_dims=1))
        chosen = tf.gather(matches, places, axis=1, batch_dims=1)
        has_object = chosen >= 0
        labels = tf.where(has_object, _of_each(inputs[LABELS], chosen) + 1, 0)
        goals = encoded(_of_each(boxes, chosen), regions, self._parts.final_boxes.delta_weights)
        scores, deltas = self._parts.box_head(
            self._parts.region_features(self._parts.levels(maps), regions), training=False
        )
        scores = tf.reshape(tf.cast(scores, tf.float32), (-1, count, scores.shape[-1]))
        deltas = tf.reshape(tf.cast(deltas, tf.float32), (-1, count, deltas.shape[-1] // 4, 4))
        deltas = tf.gather(deltas, labels, axis=2, batch_dims=2)
        return {
            "region_class": class_loss(scores, labels, use),
            "region_box": box_loss(deltas, goals, has_object, use),
        }


def _with_one_more(inputs) -> dict[str, tf.Tensor]:
    """Return `inputs` with padding behind the objects, so that there is a first where none are."""
    padded = {
        BOXES: tf.pad(inputs[BOXES], [[0, 0], [0, 1], [0, 0]]),
        LABELS: tf.pad(inputs[LABELS], [[0, 0], [0, 1]], constant_values=PADDING),
    }
    return {**inputs, **padded}


def _present(inputs) -> tf.Tensor:
    """Return which objects are neither padding nor ignored, bool (B, N)."""
    return inputs[LABELS] >= 0


def _inside_ignored(regions: tf.Tensor, inputs) -> tf.Tensor:
    """Return the share of each region that lies in an ignored object, float32 (B, P)."""
    ignored = (inputs[LABELS] == IGNORED)[:, None, :]
    return tf.reduce_max(tf.where(ignored, pairwise_covered(regions, inputs[BOXES]), 0.0), axis=2)


def _within(boxes: tf.Tensor, extent: tf.Tensor) -> tf.Tensor:
    """Return which of `boxes` (A, 4) reach into each picture of an extent (B, 2), bool (B, A)."""
    left, top, right, bottom = tf.unstack(boxes, axis=1)
    return (left < extent[:, 1:]) & (top < extent[:, :1]) & (right > 0) & (bottom > 0)


def _and_annotated(regions: tf.Tensor, inputs) -> tf.Tensor:
    """Return regions, and the boxes of objects behind them: there is something to learn from
    before proposals are any good."""
    known = tf.where(_present(inputs)[..., None], inputs[BOXES], 0.0)
    return tf.concat([regions, known], axis=1)


def _of_each(values: tf.Tensor, chosen: tf.Tensor) -> tf.Tensor:
    """Return for each region that of `values` (B, N, ...) which belongs to its object, if any."""
    return tf.gather(values, tf.maximum(chosen, 0), axis=1, batch_dims=1)
