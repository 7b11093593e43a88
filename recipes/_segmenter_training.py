"""The steps of training a segmenter, which `recipes.train_segmenter` is the front of."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import keras
import numpy as np

from dltk.batch import ordered_map
from dltk.canvas import Canvas, fit_within
from dltk.data.datasets import MaskData
from dltk.data.examples import MaskedExamples
from dltk.data.masks.batches import MaskBatches
from dltk.data.pipeline import fitting_batch_size
from dltk.engine.masks import MaskNetwork
from dltk.errors import UsageError, printable
from dltk.images import decode_sized
from dltk.losses.given import Given
from dltk.losses.segmentation import class_weights, dice_loss, focal_loss, pixel_cross_entropy
from dltk.masks import likeliest
from dltk.models.classifier import freeze
from dltk.models.fcn.learning import Learner
from dltk.models.fcn.presets import new_segmenter, refined, regrown_segmenter, second_head
from dltk.models.fcn.segmenter import Parts
from dltk.strategy import apply_precision, cores, reset_precision
from dltk.training.stage import train_stage
from recipes._runs import agreed_precision, keep_data, less, rate_of, regime_of, unreadable_in
from recipes._segmentation_evaluation import SegmentationEvaluation, compare
from recipes._segmenter_outcome import write_outcome
from recipes._segmenter_plan import SegmenterPlan

_AHEAD = 16  # pictures decoded before they are needed


class SegmenterTraining:
    """One training of a segmenter, step by step."""

    def __init__(self, asked, plan: SegmenterPlan, data: MaskData, placement, run, report):
        self.asked, self.plan, self.data = asked, plan, data
        self.placement, self.run, self.report = placement, run, report
        self.strategy = placement.strategy
        self.chosen: dict = {}

    def train(self) -> keras.Model:
        """Return the trained segmenter."""
        self._use_readable()
        self.plan.source.weights(self.report)
        segmenter, precision = None, None
        for number, (stage, epochs) in enumerate(self.plan.stages):
            keras.utils.set_random_seed(self.asked.seed)
            with self.strategy.scope():
                segmenter = self._next(segmenter, stage)
                slow = freeze(Parts.of(segmenter).backbone, self.asked.unfreeze)
            precision = precision or self._precision(segmenter)
            if len(self.plan.stages) > 1:
                self.report(f"{stage}:")
            self._fit(segmenter, slow, precision, stage, epochs, from_start=number > 0)
        return segmenter

    def _precision(self, segmenter: keras.Model) -> str:
        about = self.placement, self.run, self.report
        return agreed_precision(self.asked.precision, segmenter, *about)

    def _next(self, segmenter: keras.Model | None, stage: str) -> keras.Model:
        """Return what a stage trains, which goes on from the stage before."""
        if segmenter is not None:
            return refined(segmenter, stage)
        source, classes = self.plan.source, len(self.data.classes)
        if self.plan.is_new:
            return new_segmenter(source, classes, stage, hidden=self.asked.hidden)
        return regrown_segmenter(source, classes)

    def _fit(
        self,
        segmenter: keras.Model,
        slow: list,
        precision: str,
        stage: str,
        epochs: int,
        *,
        from_start: bool,
    ) -> None:
        """Train the segmenter, of whose variables `slow` belong to the backbone, in one stage."""
        asked, train = self.asked, self.data.splits["train"]
        with self.strategy.scope():
            apply_precision(segmenter, precision)
            learner = Learner(
                segmenter, self._losses(), aux_head=self._aux_head(segmenter), aux_weight=asked.aux
            )
        judged = "val" in self.data.splits
        batches = MaskBatches(
            train,
            (self.plan.geometry.height, self.plan.geometry.width),
            losses=learner.loss_names,
            augmentation=asked.augment,
            flip=asked.flip,
            batch_size=fitting_batch_size(asked.batch_size, len(train), self.placement.replicas),
            seed=asked.seed,
            threads=cores(),
        )
        progress = train_stage(
            learner,
            batches,
            stage=stage,
            epochs=epochs,
            rate=rate_of(asked),
            loss={name: Given() for name in learner.loss_names},
            metrics=[],
            measure=self._measure(segmenter) if judged else None,
            score=_score if judged else None,
            from_start=from_start,
            slow=slow,
            slow_rate=asked.backbone_lr,
            regime=regime_of(asked, precision=precision, patience=asked.patience if judged else 0),
            placement=self.placement,
            run=self.run,
            report=self.report,
        )
        reset_precision(segmenter)
        if judged:
            self.chosen[f"best epoch of {stage}"] = progress.best_epoch

    def _losses(self) -> dict[str, Callable]:
        """Return the losses asked for, by name."""
        asked, counts = self.asked, self.data.splits["train"].counts
        weights = None
        if asked.class_weights != "none":
            weights = class_weights(counts, asked.class_weights)
        of_name = {
            "cross-entropy": partial(pixel_cross_entropy, weights=weights),
            "focal": partial(focal_loss, weights=weights),
            "dice": dice_loss,
        }
        return {name.replace("-", "_"): of_name[name] for name in asked.loss.split("+")}

    def _aux_head(self, segmenter: keras.Model) -> keras.Model | None:
        if not self.asked.aux:
            return None
        return second_head(self.plan.source, segmenter, len(self.data.classes))

    def evaluate(self, segmenter: keras.Model, model: Path) -> SegmentationEvaluation | None:
        """Return how good the segmenter is on held-out pictures, if there are any."""
        data = self.data
        split = next((name for name in ("test", "val") if name in data.splits), None)
        if split is None:
            return None
        part = data.splits[split]
        self.report(f"measuring on {len(part)} pictures")
        measured = compare(self._pairs(self._network(segmenter), part), data.classes)
        trained_on = set(data.splits["train"].digests) - {""}
        return SegmentationEvaluation(
            model=str(model),
            data=data.where,
            split=split,
            classes=data.classes,
            names=tuple(part.names),
            failed=(),
            seen_in_training=sum(digest in trained_on for digest in part.digests),
            examples=[(part, index) for index in range(len(part))],
            **vars(measured),
        )

    def write_outcome(self, evaluation: SegmentationEvaluation | None) -> None:
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
        if train is None or not train.counts.any():
            raise UsageError("no picture with a pixel that counts can be trained on")
        trained = train.counts.any(axis=0)
        if trained.sum() == 1:
            name = printable(self.data.classes[int(trained.argmax())])
            raise UsageError(
                f"there is nothing to tell apart: all pixels to train on are {name}, or 255, which "
                "is ignored"
            )
        for split, part in self.data.splits.items():
            unseen = np.flatnonzero(part.counts.any(axis=0) & ~trained)
            if len(unseen):
                name = printable(self.data.classes[unseen[0]])
                more = f" and {len(unseen) - 1} more classes have" if unseen[1:].size else " has"
                raise UsageError(
                    f"{name}{more} pixels in {split} and none to train on; move some to train, "
                    "or set them to 255, which is ignored"
                )
        if "val" not in self.data.splits:
            self.report("note: no pictures to validate on: the last epoch counts")
        keep_data(self.run, self.data, partial(_told, self.data.classes))

    def _measure(self, segmenter: keras.Model) -> Callable[[], dict[str, float]]:
        """Return what measures the segmenter on validation pictures, after every epoch."""
        part, network = self.data.splits["val"], self._network(segmenter)

        def measure() -> dict[str, float]:
            pairs = self._pairs(network, part)
            report = compare(pairs, self.data.classes, boundaries=False).report
            return {"val_miou": report.mean_iou, "val_accuracy": report.pixel_accuracy}

        return measure

    def _network(self, segmenter: keras.Model) -> MaskNetwork:
        return MaskNetwork(segmenter, self.strategy, self.asked.batch_size)

    def _pairs(
        self, network: MaskNetwork, part: MaskedExamples
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield what is true of each picture and what the network found, at its own size."""
        for probabilities, mask in zip(network(self._canvases(part)), part.masks, strict=True):
            truth = mask()
            yield truth, likeliest(probabilities, truth.shape[::-1])

    def _canvases(self, part: MaskedExamples) -> Iterator[Canvas]:
        """Yield the pictures as the segmenter takes them, decoded ahead on threads."""
        geometry = self.plan.geometry

        def load(index: int) -> Canvas:
            picture, size = decode_sized(part.sources[index], at_least=geometry.at_least)
            return fit_within(picture, geometry.height, geometry.width, size=size)

        yield from ordered_map(load, range(len(part)), workers=cores(), ahead=_AHEAD)


def _score(row: dict) -> list[float]:
    return [row["val_miou"]]


def _told(classes: Sequence[str], part: MaskedExamples, at: int) -> str:
    """Return the label map of a picture and the names of all classes in a few letters, which
    change when one of these does."""
    mask = part.masks[at]()
    names = zlib.crc32(repr((classes, mask.shape)).encode())
    return f"{zlib.crc32(np.ascontiguousarray(mask), names):08x}"
