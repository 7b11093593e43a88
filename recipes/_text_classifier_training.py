"""The steps of training a text classifier: `recipes.train_text_classifier` is their front."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
from scipy.special import log_softmax

from dltk.data.examples import Texts
from dltk.data.folds import fold_numbers
from dltk.data.pipeline import Batches, fitting_batch_size
from dltk.data.texts.encoded import EncodedTexts
from dltk.engine.keras import Replicated
from dltk.metrics import measure
from dltk.metrics.classification import confusion_matrix, precision_recall_f1
from dltk.models.text_classifier.learning import Learner
from dltk.models.text_classifier.network import new_text_classifier
from dltk.strategy import apply_precision, reset_precision
from dltk.text.vocabulary import TOKENS
from dltk.training.classification import balancing_weights
from dltk.training.stage import train_stage
from dltk.wording import amount
from recipes._cross_validation import CrossValidation, Fold
from recipes._runs import agreed_precision, keep_data, rate_of, regime_of
from recipes._text_classifier_outcome import write_outcome
from recipes._text_classifier_plan import JUDGES, TextClassifierPlan
from recipes._text_classifier_words import ReadTexts
from recipes._text_evaluation import TextEvaluation

_STAGE = "network"
_AT_ONCE = 64  # texts that are measured in a step, at least


class _Known(NamedTuple):
    """What a network may know of the training texts.

    Attributes:
        indices: int64 (n,), the texts it is trained on.
        numbers: int32 (V,), what it takes each number for, see `ReadTexts.seen_in`; None for
            itself.
    """

    indices: np.ndarray
    numbers: np.ndarray | None = None


class TextClassifierTraining:
    """One training of a text classifier, step by step.

    Attributes:
        texts: as numbers, and the words that have one.
        chosen: what was found on the way.
        folds: how well networks did in cross-validation, None without any.
    """

    def __init__(self, asked, plan: TextClassifierPlan, data, placement, run, report):
        self.asked, self.plan, self.data = asked, plan, data
        self.placement, self.run, self.report = placement, run, report
        self.strategy = placement.strategy
        self.chosen: dict = {}
        self.folds: CrossValidation | None = None
        self.texts = ReadTexts(asked, plan, data, report)
        self._kept: dict[str, int] = {}  # the best epoch of each stage
        self._precision = ""  # the same for all networks

    def train(self) -> keras.Model:
        """Return the trained network."""
        data = self.data
        keep_data(self.run, data, lambda part, at: data.classes[part.labels[at]])
        if "val" not in data.splits:
            self.report("note: no texts to validate on: the last epoch counts")
        self.texts.tell()
        if self.asked.folds:
            self.folds = self._cross_validated()
            self.chosen[f"accuracy over {len(self.folds.folds)} folds"] = self.folds.told()
            self.report(f"accuracy over {len(self.folds.folds)} folds: {self.folds.told()}")
        return self._trained(_STAGE, _Known(np.arange(len(data.splits["train"]))))

    # Networks

    def _cross_validated(self) -> CrossValidation:
        """Train a network without each fold of the training texts, and measure it on that."""
        asked, train = self.asked, self.data.splits["train"]
        numbers, found = fold_numbers(train, asked.folds, seed=asked.seed), []
        for fold in range(asked.folds):
            rest, held = np.flatnonzero(numbers != fold), np.flatnonzero(numbers == fold)
            name = f"fold {fold + 1} of {asked.folds}"
            self.report(
                f"{name}: {amount(len(rest), 'text')} to train on, {len(held):,} to test on"
            )
            known = _Known(rest, self.texts.seen_in(rest))
            network = self._trained(f"fold-{fold + 1}", known)
            report = measure(
                self._probabilities(network, "train", held, known.numbers),
                train.labels[held],
                self.data.classes,
            )
            found.append(Fold(len(held), report.top1, report.macro_f1))
            self.report(f"{name}: accuracy {report.top1:.1%}, macro F1 {report.macro_f1:.3f}")
        return CrossValidation(tuple(found))

    def _trained(self, stage: str, known: _Known) -> keras.Model:
        """Return a network that is trained on some of the training texts, in a stage of its own."""
        asked, data = self.asked, self.data
        count = len(self.texts.encoder.vocabulary)
        design = self.plan.design(asked, classes=len(data.classes), vocabulary=count)
        keras.utils.set_random_seed(asked.seed)
        with self.strategy.scope():
            network = new_text_classifier(design, self.texts.vectors)
            learner = Learner(network)
        self._precision = self._precision or agreed_precision(
            self.plan.precision, learner, self.placement, self.run, self.report
        )
        apply_precision(learner.logits, self._precision)
        held = "val" in data.splits
        progress = train_stage(
            learner,
            self._batches(known),
            stage=stage,
            epochs=asked.epochs,
            rate=rate_of(asked),
            loss=keras.losses.CategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
            measure=self._measure(learner, known.numbers) if held else None,
            score=self._score if held else None,
            regime=regime_of(
                asked, precision=self._precision, patience=asked.patience if held else 0
            ),
            placement=self.placement,
            run=self.run,
            report=self.report,
        )
        reset_precision(learner.logits)
        self._kept[stage] = progress.best_epoch
        if held:
            self.chosen[f"best epoch of {stage}"] = progress.best_epoch
        return network

    def _batches(self, known: _Known) -> Batches:
        asked, part, classes = self.asked, self.data.splits["train"], len(self.data.classes)
        texts, labels = self.texts.numbers["train"], part.labels[known.indices]
        replicas = self.placement.replicas
        weights = balancing_weights(labels, classes) if asked.class_weights == "balanced" else None

        def load(places: np.ndarray, epoch: int) -> np.ndarray:
            return _taken_for(texts(known.indices[places]), known.numbers)

        return Batches(
            load,
            labels,
            classes,
            batch_size=fitting_batch_size(asked.batch_size, len(labels), replicas, "text"),
            seed=asked.seed,
            weights=weights,
            names=part.take(known.indices).names,
        )

    # How good they are

    def _measure(
        self, learner: Learner, numbers: np.ndarray | None
    ) -> Callable[[], dict[str, float]]:
        """Return what measures the network on validation texts, after every epoch."""
        labels, texts = self.data.splits["val"].labels, self.texts.numbers["val"]
        forward, rows = self._forward(learner.logits), np.arange(len(labels))
        classes = len(self.data.classes)

        def measured() -> dict[str, float]:
            logs = log_softmax(_outputs(forward, texts, rows, numbers), axis=1)
            confusion = confusion_matrix(labels, logs.argmax(axis=1), classes)
            _, _, f1 = precision_recall_f1(confusion)
            return {
                "val_loss": float(-logs[rows, labels].mean()),
                "val_accuracy": float(np.trace(confusion) / len(labels)),
                "val_macro_f1": float(f1[confusion.sum(axis=1) > 0].mean()),
            }

        return measured

    def _score(self, row: dict) -> list[float]:
        return [row[JUDGES[self.asked.judge]], -row["val_loss"]]

    def _forward(self, network: keras.Model) -> Replicated:
        return Replicated(network, self.strategy, max(_AT_ONCE, self.asked.batch_size))

    def _probabilities(
        self, network: keras.Model, split: str, rows: np.ndarray, numbers: np.ndarray | None = None
    ) -> np.ndarray:
        """Return float32 (n, K) for some texts of a split."""
        return _outputs(self._forward(network), self.texts.numbers[split], rows, numbers)

    def evaluate(self, network: keras.Model, model: Path) -> TextEvaluation | None:
        """Return how good the network is on held-out texts, if there are any.

        Args:
            network: from `train`.
            model: where it goes.
        """
        data = self.data
        split = next((name for name in ("test", "val") if name in data.splits), None)
        if split is None:
            return None
        part: Texts = data.splits[split]
        self.report(f"measuring on {amount(len(part), 'text')}")
        probabilities = self._probabilities(network, split, np.arange(len(part)))
        trained_on = set(data.splits["train"].digests)
        return TextEvaluation(
            model=str(model),
            data=data.where,
            split=split,
            report=measure(probabilities, part.labels, data.classes),
            classes=data.classes,
            names=part.names,
            labels=part.labels,
            probabilities=probabilities,
            failed=(),
            seen_in_training=sum(digest in trained_on for digest in part.digests),
            examples=[(part, index) for index in range(len(part))],
        )

    def write_outcome(self, evaluation: TextEvaluation | None) -> None:
        """Write the evaluation, curves.png and report.md to the run folder."""
        if evaluation:
            evaluation.save(self.run.path, overwrite=True)
        write_outcome(
            self.run,
            evaluation=evaluation,
            folds=self.folds,
            texts={name: len(part) for name, part in self.data.splits.items()},
            words=len(self.texts.encoder.vocabulary.words),
            length=self.texts.encoder.length,
            kept=self._kept,
            chosen=self.chosen,
            passed_over=self.data.passed_over,
            repairs=self.data.repairs,
        )


def _taken_for(tokens: np.ndarray, numbers: np.ndarray | None) -> np.ndarray:
    """Return what a network takes tokens for, see `_Known`."""
    return tokens if numbers is None else numbers[tokens]


def _outputs(
    forward: Replicated, texts: EncodedTexts, rows: np.ndarray, numbers: np.ndarray | None
) -> np.ndarray:
    """Return what a network gives for some texts, float32 (n, K).

    Short ones come first, and are padded to powers of two: quick, and seldom traced.
    """
    order = np.argsort(texts.lengths[rows], kind="stable")
    found = np.empty((len(rows), *forward.output_shape), np.float32)
    for at in range(0, len(rows), forward.batch_size):
        chosen = order[at : at + forward.batch_size]
        longest = int(texts.lengths[rows[chosen]].max())
        tokens = texts(rows[chosen], min(texts.length, 1 << (longest - 1).bit_length()))
        found[chosen] = forward({TOKENS: _taken_for(tokens, numbers)})
    return found
