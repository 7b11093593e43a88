"""The steps of training a masker, which `recipes.train_masker` is the front of."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path

import keras

from dltk.data.datasets import ObjectData
from dltk.data.examples import AnnotatedExamples
from dltk.data.instances import InstanceExamples
from dltk.data.instances.batches import PatchBatches
from dltk.data.pipeline import fitting_batch_size
from dltk.engine.proposals import ProposalNetwork
from dltk.errors import UsageError
from dltk.losses.given import Given
from dltk.models.classifier import freeze
from dltk.models.masker.learning import LOSSES, Learner
from dltk.models.masker.network import (
    ANSWERS,
    CELL,
    MARGIN,
    OUTSIDE,
    Parts,
    load_masker,
    new_masker,
)
from dltk.strategy import apply_precision, cores, reset_precision
from dltk.training.stage import train_stage
from recipes._masker_outcome import write_outcome
from recipes._masker_plan import MaskerPlan
from recipes._proposal_evaluation import ProposalEvaluation, compare
from recipes._runs import agreed_precision, keep_data, less, rate_of, regime_of, unreadable_in

_STAGE = "masker"
_JUDGED = 30  # pictures that each epoch is judged by, at most: each is looked at in many sizes
_PROPOSED = 100  # proposals of each of them


class MaskerTraining:
    """One training of a masker, step by step."""

    def __init__(self, asked, plan: MaskerPlan, data: ObjectData, placement, run, report):
        self.asked, self.plan, self.data = asked, plan, data
        self.placement, self.run, self.report = placement, run, report
        self.strategy = placement.strategy
        self.chosen: dict = {}
        self._judged: InstanceExamples | None = None

    def train(self) -> keras.Model:
        """Return the trained masker."""
        self._use_readable()
        asked, source = self.asked, self.plan.source
        source.weights(self.report)
        keras.utils.set_random_seed(asked.seed)
        with self.strategy.scope():
            new = self.plan.is_new
            masker = new_masker(source, self.plan.patch) if new else load_masker(source)
            slow = freeze(Parts.of(masker).backbone, asked.unfreeze)
        about = self.placement, self.run, self.report
        precision = agreed_precision(asked.precision, masker, *about)
        with self.strategy.scope():
            apply_precision(masker, precision, exact=ANSWERS)
            learner = Learner(masker)
        judged = self._judged is not None
        progress = train_stage(
            learner,
            self._batches(),
            stage=_STAGE,
            epochs=asked.epochs,
            rate=rate_of(asked),
            loss={name: Given() for name in LOSSES},
            metrics=[],
            measure=self._measure(masker),
            score=_score if judged else None,
            slow=slow,
            slow_rate=asked.backbone_lr,
            regime=regime_of(asked, precision=precision, patience=asked.patience if judged else 0),
            placement=self.placement,
            run=self.run,
            report=self.report,
        )
        reset_precision(masker)
        if judged:
            self.chosen["best epoch"] = progress.best_epoch
        return masker

    def _batches(self) -> PatchBatches:
        asked, train = self.asked, self.data.splits["train"]
        return PatchBatches(
            train,
            patch=self.plan.patch,
            margin=MARGIN,
            cell=CELL,
            outside=OUTSIDE,
            losses=LOSSES,
            augmentation=asked.augment,
            flip=asked.flip,
            batch_size=fitting_batch_size(
                asked.batch_size, objects_of(train), self.placement.replicas
            ),
            seed=asked.seed,
            threads=cores(),
        )

    def evaluate(self, masker: keras.Model, model: Path) -> ProposalEvaluation | None:
        """Return how good the trained masker is on held-out pictures, if there are any.

        Args:
            masker: from `train`.
            model: where it goes.
        """
        data = self.data
        split = next((name for name in ("test", "val") if name in data.splits), None)
        if split is None:
            return None
        part = data.splits[split]
        self.report(f"measuring on {len(part)} pictures")
        trained_on = set(data.splits["train"].digests) - {""}
        return ProposalEvaluation(
            model=str(model),
            data=data.where,
            split=split,
            seen_in_training=sum(digest in trained_on for digest in part.digests),
            examples=part,
            **compare(self._proposing(masker), part),
        )

    def write_outcome(self, evaluation: ProposalEvaluation | None) -> None:
        """Write the evaluation, curves.png and report.md to the run folder."""
        if evaluation:
            evaluation.save(self.run.path)
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
        if train is None or not any((~each.ignored).any() for each in train.objects):
            raise UsageError("no picture with an object can be trained on")
        if "val" in self.data.splits:
            self._judged = judged_by(self.data.splits["val"])
        if self._judged is None:
            self.report("note: no objects to validate on: the last epoch counts")
        keep_data(self.run, self.data, _told)

    def _measure(self, masker: keras.Model) -> Callable[[], dict[str, float]] | None:
        """Return what measures the masker on validation pictures, after every epoch."""
        if self._judged is None:
            return None
        network = self._proposing(masker)

        def measure() -> dict[str, float]:
            report = compare(network, self._judged, [_PROPOSED])["report"]
            return {"val_ar": report.average_recalls[_PROPOSED]}

        return measure

    def _proposing(self, masker: keras.Model) -> ProposalNetwork:
        """Return the masker, ready to propose in the precision it has now.

        That stays the one it is first used with, whatever the masker is set to later.
        """
        return ProposalNetwork(masker, self.strategy, self.plan.patch)


def judged_by(part: InstanceExamples) -> InstanceExamples | None:
    """Return the pictures that each epoch is judged by: some with objects, from all over `part`.

    None if there are no objects that count: of nothing no share can be found.
    """
    known = [at for at, each in enumerate(part.objects) if not each.ignored.all()]
    if not known:
        return None
    count = min(_JUDGED, len(known))
    return part.take(known[at * len(known) // count] for at in range(count))


def _score(row: dict) -> list[float]:
    return [row["val_ar"]]


def _told(part: InstanceExamples, at: int) -> str:
    """Return the masks of a picture in a few letters that change when they do."""
    told = repr([shape and shape["counts"] for shape in part.shapes[at]])
    return f"{zlib.crc32(told.encode()):08x}"


def objects_of(part: AnnotatedExamples) -> int:
    """Return how many objects there are to learn from."""
    return sum(int((~each.ignored).sum()) for each in part.objects)
