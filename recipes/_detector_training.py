"""The steps of training a detector, which `recipes.train_detector` is the front of."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import keras
import numpy as np

from dltk.batch import ordered_map
from dltk.canvas import Canvas, fit_within, placed_regions
from dltk.data.datasets import ObjectData
from dltk.data.examples import AnnotatedExamples
from dltk.data.objects.batches import ObjectBatches
from dltk.data.pipeline import fitting_batch_size
from dltk.engine.boxes import BoxNetwork
from dltk.errors import UsageError, printable
from dltk.images import decode_sized
from dltk.losses.given import Given
from dltk.metrics import DetectionReport, measure_detections
from dltk.metrics.mistakes import rounded_down
from dltk.models.classifier import freeze
from dltk.models.rcnn.detector import adjusted, backbone_of
from dltk.models.rcnn.learning import Learner
from dltk.models.rcnn.parts import ANSWERS
from dltk.models.rcnn.presets import new_detector, regrown_detector
from dltk.objects import Detections, Objects
from dltk.strategy import apply_precision, cores, reset_precision
from dltk.training.stage import train_stage
from recipes._detection_evaluation import LEAST_SCORE, DetectionEvaluation
from recipes._detector_outcome import write_outcome
from recipes._detector_plan import DetectorPlan
from recipes._outside_regions import OutsideRegions
from recipes._rcnn_training import with_svms
from recipes._runs import agreed_precision, keep_data, less, rate_of, regime_of, unreadable_in

_STAGE = "detector"
_AHEAD = 16  # pictures decoded before they are needed


class DetectorTraining:
    """One training of a detector, step by step."""

    def __init__(self, asked, plan: DetectorPlan, data: ObjectData, placement, run, report):
        self.asked, self.plan, self.data = asked, plan, data
        self.placement, self.run, self.report = placement, run, report
        self.strategy = placement.strategy
        self.chosen: dict = {}
        self._warps = plan.design.cutting == "warp"
        self._judged = False  # whether validation pictures say which epoch is best
        self._regions = None
        if plan.design.regions == "outside":
            self._regions = OutsideRegions(plan.design.proposals, asked.regions, report)

    def train(self) -> keras.Model:
        """Return the trained detector."""
        self._use_readable()
        asked, plan = self.asked, self.plan
        plan.source.weights(self.report)
        keras.utils.set_random_seed(asked.seed)
        with self.strategy.scope():
            detector = self._new()
            slow = freeze(backbone_of(detector), asked.unfreeze)
        if plan.fitted:
            self._fit(detector, slow)
        return self._with_svms(detector) if self._warps else detector

    def _new(self) -> keras.Model:
        """Return the detector that is to learn."""
        source, classes = self.plan.source, len(self.data.classes)
        if source.task == "detect":
            return regrown_detector(source, classes)
        return new_detector(source, classes, self.plan.design)

    def _fit(self, detector: keras.Model, slow: list) -> None:
        """Train the detector, of whose variables `slow` belong to the backbone."""
        asked, plan, train = self.asked, self.plan, self.data.splits["train"]
        precision = agreed_precision(
            asked.precision, detector, self.placement, self.run, self.report
        )
        with self.strategy.scope():
            apply_precision(detector, precision, exact=ANSWERS)
            learner = Learner(detector, plan.lessons)
        batches = ObjectBatches(
            train,
            (plan.geometry.height, plan.geometry.width),
            losses=learner.loss_names,
            augmentation=asked.augment,
            flip=asked.flip,
            batch_size=fitting_batch_size(asked.batch_size, len(train), self.placement.replicas),
            seed=asked.seed,
            threads=cores(),
            proposals=partial(self._regions.of, train) if self._regions else None,
            regions=plan.design.proposals,
        )
        progress = train_stage(
            learner,
            batches,
            stage=_STAGE,
            epochs=asked.epochs,
            rate=rate_of(asked),
            loss={name: Given() for name in learner.loss_names},
            metrics=[],
            measure=self._measure(detector),
            score=_score if self._judged else None,
            slow=slow,
            slow_rate=asked.backbone_lr,
            regime=regime_of(
                asked, precision=precision, patience=asked.patience if self._judged else 0
            ),
            placement=self.placement,
            run=self.run,
            report=self.report,
        )
        reset_precision(detector)
        if self._judged:
            self.chosen["best epoch"] = progress.best_epoch

    def _with_svms(self, detector: keras.Model) -> keras.Model:
        """Return an R-CNN with what it learns after its network."""
        train = self.data.splits["train"]
        return with_svms(
            detector,
            train,
            lambda: self._canvases(train),
            partial(self._regions.of, train),
            classes=len(self.data.classes),
            strategy=self.strategy,
            batch_size=self.placement.replicas,
            seed=self.asked.seed,
            report=self.report,
        )

    def found(self, detector: keras.Model, split: str) -> list[Detections]:
        """Return what the detector finds in each picture of a split, unsure answers too."""
        part = self.data.splits[split]
        return self._found(self._network(detector), part)

    def evaluate(self, detector: keras.Model, model: Path) -> DetectionEvaluation | None:
        """Return how good the detector is on held-out pictures, if there are any."""
        data = self.data
        split = next((name for name in ("test", "val") if name in data.splits), None)
        if split is None:
            return None
        part, found = data.splits[split], self.found(detector, split)
        trained_on = set(data.splits["train"].digests) - {""}
        report = self._reported(found, split)
        judged = report
        if self._judged and split != "val":  # what is chosen should not flatter what is tested
            judged = self._reported(self.found(detector, "val"), "val")
        if np.isfinite(judged.best_of_all.score):
            self.chosen["score"] = rounded_down(judged.best_of_all.score)
        return DetectionEvaluation(
            model=str(model),
            data=data.where,
            split=split,
            report=report,
            classes=data.classes,
            names=tuple(part.names),
            truth=tuple(part.objects),
            found=tuple(found),
            failed=(),
            seen_in_training=sum(digest in trained_on for digest in part.digests),
            examples=[(part, index) for index in range(len(part))],
        )

    def write_outcome(self, evaluation: DetectionEvaluation | None) -> None:
        """Write the evaluation, curves.png and report.md to the run folder."""
        if evaluation:
            evaluation.save(self.run.path, overwrite=True)
        write_outcome(
            self.run,
            evaluation=evaluation,
            pictures={name: len(part) for name, part in self.data.splits.items()},
            chosen=self.chosen,
            passed_over=self.data.passed_over,
            repairs=self.data.repairs,
        )

    def _use_readable(self) -> None:
        """Leave out pictures that cannot be read, and note what is trained on."""
        self.data = less(self.data, unreadable_in(self.data, self.report), self.report)
        train = self.data.splits.get("train")
        if train is None or not _classes_of(train):
            raise UsageError("no picture with an object can be trained on")
        for split, part in self.data.splits.items():
            if unseen := sorted(_classes_of(part) - _classes_of(train)):
                name = printable(self.data.classes[unseen[0]])
                more = f" and {len(unseen) - 1} more classes have" if unseen[1:] else " has"
                raise UsageError(
                    f"{name}{more} objects in {split} and none to train on; move some to train, "
                    "or leave them out"
                )
        val = self.data.splits.get("val")
        self._judged = val is not None and bool(_classes_of(val))
        if self.plan.fitted and not self._judged:
            self.report("note: no objects to validate on: the last epoch counts")
        for part in self.data.splits.values():
            if self._regions:
                self._regions.prepare(part, self.report)
        keep_data(self.run, self.data, lambda part, at: _told(part.objects[at]))

    def _measure(self, detector: keras.Model) -> Callable[[], dict[str, float]] | None:
        """Return what measures the detector on validation pictures, after every epoch."""
        if not self._judged:
            return None
        part, network = self.data.splits["val"], self._network(detector)

        def measure() -> dict[str, float]:
            report = self._reported(self._found(network, part), "val")
            return {"val_map": float(report.map), "val_map50": float(report.map50)}

        return measure

    def _reported(self, found: list[Detections], split: str) -> DetectionReport:
        return measure_detections(self.data.splits[split].objects, found, self.data.classes)

    def _found(self, network: BoxNetwork, part: AnnotatedExamples) -> list[Detections]:
        if self._regions is None:
            return network(self._canvases(part))
        pairs = zip(self._canvases(part), range(len(part)), strict=True)
        placed = (
            (canvas, placed_regions(self._regions.of(part, at), canvas, self.plan.design.proposals))
            for canvas, at in pairs
        )
        return network(placed)

    def _network(self, detector: keras.Model) -> BoxNetwork:
        """Return the detector as it stands, ready to find boxes of any score."""
        # What R-CNN warps is many pictures for each.
        pictures = self.placement.replicas if self._warps else self.asked.batch_size
        return BoxNetwork(adjusted(detector, score=LEAST_SCORE), self.strategy, pictures)

    def _canvases(self, part: AnnotatedExamples) -> Iterator[Canvas]:
        """Yield the pictures as the detector takes them, decoded ahead on threads."""
        geometry = self.plan.geometry

        def load(index: int) -> Canvas:
            picture, size = decode_sized(part.sources[index], at_least=geometry.at_least)
            return fit_within(picture, geometry.height, geometry.width, size=size)

        workers = cores()
        yield from ordered_map(load, range(len(part)), workers=workers, ahead=_AHEAD)


def _classes_of(part: AnnotatedExamples) -> set[int]:
    """Return the labels of the objects that count."""
    return {label for each in part.objects for label in each.labels[~each.ignored].tolist()}


def _score(row: dict) -> list[float]:
    return [row["val_map"], row["val_map50"]]


def _told(objects: Objects) -> str:
    """Return the objects of a picture in a few letters that change when they do."""
    digest = hashlib.sha256(objects.boxes.tobytes() + objects.labels.tobytes())
    digest.update(objects.ignored.tobytes())
    return f"{len(objects)} objects {digest.hexdigest()[:12]}"
