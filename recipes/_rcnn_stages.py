"""What R-CNN learns after its network: a linear SVM and a box regression for each class.

Girshick et al. 2014, "Rich feature hierarchies", Sec. 2.3 and App. B and C,
https://arxiv.org/abs/1311.2524; constants are those of the authors' code (rbgirshick/rcnn).
Departures: features are the mean of the last map, not of a dense layer; of each picture some
regions are looked at, not all 2000; and regression learns from the same features, not from pool5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
from sklearn.linear_model import Ridge
from sklearn.svm import LinearSVC

from dltk.metrics.iou import covered, overlaps
from dltk.objects import Objects
from dltk.ops.matching import INSIDE
from dltk.weights import Report

_NEGATIVE = 0.3  # IoU with all objects of a class, below which a region is none
_SIMILAR = 0.6  # IoU with an object from which on its box is learnt from a region
_SVM = {"C": 1e-3, "intercept_scaling": 10.0, "class_weight": {1: 2.0}, "loss": "hinge"}
_RIDGE = 1000.0
_NORM = 20.0  # that features are scaled to, on average
_HARD, _EASY = -1.0, -1.2  # scores from which negatives are taken, and below which let go
_FIRST = 2000  # negatives to begin with
_ROUNDS = 6  # of mining, at most


@dataclass(frozen=True, eq=False)
class Regions:
    """Regions of many pictures, and what is known of them.

    Attributes:
        features: float32 (N, D).
        overlap: float32 (N, K), the largest IoU with an object of each class.
        exact: int64 (N,), the class of the object whose annotated box it is; -1 for none.
        label: int64 (N,), the class of the object it overlaps most; -1 for none.
        deltas: float32 (N, 4), what turns it into that object's box, as `ops.boxes.encoded`.
    """

    features: np.ndarray
    overlap: np.ndarray
    exact: np.ndarray
    label: np.ndarray
    deltas: np.ndarray

    @classmethod
    def joined(cls, parts: Sequence[Regions]) -> Regions:
        """Return the regions of several as one."""
        names = cls.__dataclass_fields__
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def chosen_regions(
    proposed: np.ndarray, objects: Objects, most: int, random: np.random.Generator
) -> np.ndarray:
    """Return the regions of a picture to learn from, float32 (n, 4) with n ≤ `most`.

    The annotated boxes come first; then, alternating, those near an object and others, at random.
    What is ignored is not learnt from, and neither are others half of which lie in it.
    """
    known, ignored = objects.take(~objects.ignored), objects.take(objects.ignored)
    near = overlaps(proposed, known.boxes).max(axis=1, initial=0) >= _SIMILAR
    inside = covered(proposed, ignored.boxes).max(axis=1, initial=0) >= INSIDE
    proposed, near = proposed[near | ~inside], near[near | ~inside]
    order = random.permutation(len(proposed))
    turns = np.where(near[order], np.cumsum(near[order]), np.cumsum(~near[order]))
    others = proposed[order[np.argsort(turns, kind="stable")]]
    return np.concatenate([known.boxes, others]).astype(np.float32)[:most]


def described(regions: np.ndarray, features: np.ndarray, objects: Objects, classes: int) -> Regions:
    """Return what is known of `regions` (n, 4) of one picture, the annotated boxes being first."""
    known = objects.take(~objects.ignored)
    count = min(len(known), len(regions))
    shared = overlaps(regions, known.boxes)
    overlap = np.zeros((len(regions), classes), np.float32)
    for column, label in enumerate(known.labels):
        overlap[:, label] = np.maximum(overlap[:, label], shared[:, column])
    exact, label = (np.full(len(regions), -1, np.int64) for _ in range(2))
    deltas = np.zeros((len(regions), 4), np.float32)
    exact[:count] = known.labels[:count]
    if len(known):
        best = shared.argmax(axis=1)
        near = shared.max(axis=1) >= _SIMILAR
        label[near] = known.labels[best[near]]
        deltas[near] = _deltas(regions[near], known.boxes[best[near]])
    return Regions(features, overlap, exact, label, deltas)


@dataclass(frozen=True, eq=False)
class Linear:
    """What is learnt of features float32 (n, D): scores and deltas are features @ weights + biases.

    Attributes:
        score_weights, score_biases: float32 (D, K) and (K,).
        delta_weights, delta_biases: float32 (D, K, 4) and (K, 4).
    """

    score_weights: np.ndarray
    score_biases: np.ndarray
    delta_weights: np.ndarray
    delta_biases: np.ndarray


def learn(regions: Regions, *, seed: int, report: Report) -> Linear:
    """Return what is learnt from `regions`; `report` is called with a line for each class."""
    dimensions, classes = regions.features.shape[1], regions.overlap.shape[1]
    scale = _NORM / max(float(np.linalg.norm(regions.features, axis=1).mean()), 1e-6)
    features = regions.features * scale
    known = Linear(
        np.zeros((dimensions, classes), np.float32),
        np.full(classes, -1.0, np.float32),  # a class without objects is never found
        np.zeros((dimensions, classes, 4), np.float32),
        np.zeros((classes, 4), np.float32),
    )
    for label in range(classes):
        positive = np.flatnonzero(regions.exact == label)
        negative = np.flatnonzero(regions.overlap[:, label] < _NEGATIVE)
        line = f"class {label + 1} of {classes}: {len(positive)} objects"
        if len(positive) and len(negative):
            weights, bias, hard = _svm(features, positive, negative, seed)
            known.score_weights[:, label], known.score_biases[label] = scale * weights, bias
            line += f", {hard} hard negatives of {len(negative)}"
        near = regions.label == label
        if near.sum() > 1:
            ridge = Ridge(alpha=_RIDGE).fit(features[near], regions.deltas[near])
            known.delta_weights[:, label] = scale * ridge.coef_.T
            known.delta_biases[label] = ridge.intercept_
        report(line)
    return known


def _svm(features, positive, negative, seed) -> tuple[np.ndarray, float, int]:
    """Return weights (D,) and bias of a linear SVM, and how many hard negatives it was made of.

    Negatives are mined: those that score too high are added, those that are safe let go, until
    there are no new ones.
    """
    random = np.random.default_rng(seed)
    kept = random.permutation(negative)[:_FIRST]
    for _ in range(_ROUNDS):
        rows = np.concatenate([positive, kept])
        truth = np.arange(len(rows)) < len(positive)
        machine = LinearSVC(**_SVM, max_iter=5000, tol=1e-3, random_state=seed)
        machine.fit(features[rows], truth.astype(int))
        scores = features[negative] @ machine.coef_[0] + machine.intercept_[0]
        before = set(kept.tolist())
        staying = set(negative[scores > _EASY].tolist()) & before
        hard = set(negative[scores > _HARD].tolist())
        kept = np.array(sorted(staying | hard), np.int64)
        if not len(kept) or hard <= before:
            break
    return machine.coef_[0], float(machine.intercept_[0]), len(hard)


def with_learnt(head: keras.Model, learnt: Linear) -> keras.Model:
    """Return a box head of the same features that gives what was learnt: (R, K) and (R, 4 · K)."""
    features = head.get_layer("features").output
    classes = len(learnt.score_biases)
    score = keras.layers.Dense(classes, name="svm")
    delta = keras.layers.Dense(4 * classes, name="regression")
    outputs = [score(features), delta(features)]
    score.set_weights([learnt.score_weights, learnt.score_biases])
    delta.set_weights([learnt.delta_weights.reshape(-1, 4 * classes), learnt.delta_biases.ravel()])
    return keras.Model(head.inputs, outputs, name="box_head")


def _deltas(regions: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Return what turns regions (n, 4) into boxes (n, 4), see `dltk.ops.boxes.encoded`."""
    sides, box_sides = regions[:, 2:] - regions[:, :2], boxes[:, 2:] - boxes[:, :2]
    shift = (boxes[:, :2] + box_sides / 2 - regions[:, :2] - sides / 2) / sides
    return np.concatenate([shift, np.log(box_sides / sides)], axis=1)
