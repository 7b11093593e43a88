"""The steps of fine-tuning, which `recipes.finetune` is the front of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import keras
import numpy as np
from scipy.special import softmax

from dltk.batch.embed import embed
from dltk.batch.pipeline import ordered_map
from dltk.batch.store import FeatureStore
from dltk.data import LabelledData
from dltk.data.augment import augment
from dltk.data.examples import unreadable
from dltk.data.pipeline import Batches, fitting_batch_size
from dltk.data.pixels import Pixels
from dltk.engine import load_engine
from dltk.engine.keras import Replicated
from dltk.errors import UsageError, printable
from dltk.models import classifier as networks
from dltk.plots import plot_folds, plot_templates
from dltk.strategy import apply_precision, choose_training_precision, cores, reset_precision
from dltk.training.classification import balancing_weights, penalise, train_classifier
from dltk.training.crossval import FixedFeatures, Folds
from dltk.training.model import TrainingModel
from dltk.training.optimizers import RATES
from dltk.training.stage import Regime
from dltk.weights import cache_folder, sha256
from recipes._plan import Plan

MANY = 256  # examples at once where only features are at stake, or outputs are collected
_NEIGHBOURS_AT_ONCE = 16  # distances to all training features take memory
_SEEDS_APART = 7919
_FOR_PIXELS = 10  # times the learning rate: pixels, 0-1, are smaller than features
_PURPOSES = {"train": "to train on", "val": "to validate on", "test": "to test on"}


@dataclass(frozen=True)
class Member:
    """A trained network: pixels to probabilities, and features to them if those were fixed."""

    model: keras.Model
    of_features: Callable[[np.ndarray], np.ndarray] | None


class Training:
    """One fine-tuning, step by step."""

    def __init__(self, asked, plan: Plan, data: LabelledData, placement, run, report):
        self.asked, self.plan, self.data = asked, plan, data
        self.placement, self.run, self.report = placement, run, report
        self.strategy = placement.strategy
        rate = RATES[asked.optimizer] * (_FOR_PIXELS if asked.backbone == "linear" else 1)
        self.rate = rate if asked.lr is None else asked.lr
        self.chosen: dict = {}

    def train(self) -> tuple[keras.Model, Callable[[str], np.ndarray]]:
        """Return the trained network, and what gives its probabilities (N, K) for a split."""
        features = self._use_readable()
        if self.asked.head == "softmax":
            members = [self._member(number, features) for number in range(self.asked.members)]
        else:
            members = [self._solved(features)]
        with self.strategy.scope():
            model = networks.ensemble([member.model for member in members])

        def probabilities(split: str) -> np.ndarray:
            if all(member.of_features for member in members):
                return np.mean([member.of_features(features[split]) for member in members], axis=0)
            forward = Replicated(model, self.strategy, max(32, self.asked.batch_size))
            return _outputs(forward, self._pixels(split), len(self.data.splits[split]))

        return model, probabilities

    # The data

    def _use_readable(self) -> dict[str, np.ndarray]:
        """Leave out what cannot be read; return the features (N, D) of each split, if needed."""
        network, store = self._embedder()
        features, unusable = {}, {}
        for split, part in self.data.splits.items():
            self.report(f"reading {len(part)} pictures {_PURPOSES[split]}")
            if network is None:
                unusable[split] = unreadable(part, threads=cores())
            else:
                features[split], unusable[split] = embed(
                    part.sources,
                    part.digests,
                    network,
                    self.plan.geometry,
                    store=store,
                    report=self.report,
                )
        data = self.data.without(unusable)
        held = {split: part for split, part in data.splits.items() if len(part)}
        self.data = replace(data, splits=held)
        if left_out := sum(map(len, unusable.values())):
            self.report(f"note: {left_out} pictures cannot be read and are left out")
        trained = held["train"].labels if "train" in held else ()
        missing = set(range(len(self.data.classes))) - set(trained)
        if missing:
            name = printable(self.data.classes[min(missing)])
            raise UsageError(f'no picture of class "{name}" can be trained on')
        self.run.keep_data(
            [
                {"path": name, "label": self.data.classes[label], "split": split, "digest": digest}
                for split, part in self.data.splits.items()
                for name, label, digest in zip(part.names, part.labels, part.digests, strict=True)
            ]
        )
        return {split: rows for split, rows in features.items() if split in held}

    def _embedder(self):
        """Return what turns pixels into fixed features, and where those are kept, or None."""
        if self.plan.source is None:
            return (_Flattened(), None) if self.plan.fixed else (None, None)
        if self.plan.scratch:
            return None, None
        if self.asked.weights == "imagenet":
            network = load_engine(self.plan.source, output="features", report=self.report)
            key = self.plan.source.fingerprint
        else:
            network = Replicated(self._trunk(0), self.strategy, self.asked.batch_size)
            key = f"{self.plan.source.name} {sha256(Path(self.asked.weights))}"
        text = json.dumps([key, self.plan.geometry.to_dict()], sort_keys=True)
        name = hashlib.sha256(text.encode()).hexdigest()[:32]
        return network, FeatureStore(cache_folder() / "features" / name)

    def _pixels(self, split: str, *, augmented: bool = False, seed: int = 0) -> Pixels:
        how = None
        if augmented and self.plan.augmentation != "none":
            how = partial(_augmented, self.plan.augmentation, self.asked.flip)
        part = self.data.splits[split]
        return Pixels(part, self.plan.geometry, augment=how, seed=seed, threads=cores())

    # The networks

    def _seed(self, member: int) -> int:
        return self.asked.seed + _SEEDS_APART * member

    def _trunk(self, member: int) -> keras.Model:
        seed = self._seed(member)
        with self.strategy.scope():
            if self.plan.source is None:
                return networks.build_scratch_trunk(
                    self.asked.backbone, self.plan.geometry, seed=seed
                )
            keras.utils.set_random_seed(seed)  # for random weights, if they are asked for
            return networks.build_trunk(self.plan.source, weights=self.asked.weights)

    def _member(self, number: int, features: dict[str, np.ndarray]) -> Member:
        """Train one network with a softmax head, in its stages."""
        asked, seed, trunk = self.asked, self._seed(number), self._trunk(number)
        prefix = f"member{number + 1}-" if asked.members > 1 else ""
        with self.strategy.scope():
            head = networks.Head(
                trunk.outputs[0].shape[-1],
                len(self.data.classes),
                standardise=None if self.plan.scratch else features["train"],
                dropout=asked.dropout,
                seed=seed,
            )
            vectors = keras.Input(trunk.outputs[0].shape[1:], name="features")
            on_features = TrainingModel(vectors, head(vectors))
            on_pixels = TrainingModel(trunk.inputs[0], head(trunk.outputs[0]))
        slow = [] if self.plan.scratch else networks.freeze(trunk, asked.unfreeze)
        penalise([head.logits], l1=asked.l1, l2=self._l2(features))
        if self.plan.fixed:
            load = {split: partial(_rows, rows) for split, rows in features.items()}
            self._fit(on_features, load, f"{prefix}head", asked.epochs, seed)
        if self.plan.tuned or not self.plan.fixed:
            if self.plan.scratch:
                penalise(trunk.layers, l1=asked.l1, l2=self._l2(features))
            precision = choose_training_precision(asked.precision, on_pixels, self.placement)
            self.report(f"training in {precision}")
            apply_precision(on_pixels, precision)
            load = {"train": self._pixels("train", augmented=True, seed=seed)}
            load |= {"val": self._pixels("val")} if "val" in self.data.splits else {}
            stage, epochs = (
                ("tune", asked.tune_epochs) if self.plan.tuned else ("train", asked.epochs)
            )
            self._fit(on_pixels, load, prefix + stage, epochs, seed, slow, precision)
            reset_precision(on_pixels)
        with self.strategy.scope():
            model = networks.softmax_model(trunk, head)
        if asked.backbone == "linear" and not number:
            self._draw_templates(head)
        if self.plan.tuned or not self.plan.fixed:
            return Member(model, None)
        forward = Replicated(on_features, self.strategy, MANY)
        return Member(model, lambda rows: softmax(forward(rows), axis=1))

    def _fit(self, model, load, stage, epochs, seed, slow=(), precision="float32") -> None:
        """Train `model`, which gives logits, in one stage of the run."""
        asked, train = self.asked, self.data.splits["train"]
        classes = len(self.data.classes)
        weigh = asked.class_weights == "auto"
        batches = Batches(
            load["train"],
            np.eye(classes, dtype=np.float32)[train.labels],
            batch_size=fitting_batch_size(asked.batch_size, len(train), self.placement.replicas),
            seed=seed,
            weights=balancing_weights(train.labels, classes) if weigh else None,
            balanced=asked.balance,
            mixup=asked.mixup,
            names=train.names,
        )
        held_labels, held_logits = None, None
        if "val" in load:
            held_labels = self.data.splits["val"].labels
            forward = Replicated(model, self.strategy, max(32, asked.batch_size))
            held_logits = partial(_outputs, forward, load["val"], len(held_labels))
        progress = train_classifier(
            model,
            batches,
            held_logits=held_logits,
            held_labels=held_labels,
            label_smoothing=asked.label_smoothing,
            stage=stage,
            epochs=epochs,
            rate=self.rate,
            slow=slow,
            slow_rate=asked.backbone_lr,
            regime=Regime(
                optimizer=asked.optimizer,
                schedule=asked.schedule,
                warmup=asked.warmup,
                weight_decay=asked.weight_decay,
                clip=asked.clip,
                ema=asked.ema,
                precision=precision,
                patience=asked.patience if held_logits else 0,
                save_every=asked.save_every,
                seed=seed,
            ),
            placement=self.placement,
            run=self.run,
            report=self.report,
        )
        self.chosen[f"{stage} epoch"] = progress.best_epoch

    # Heads on fixed features

    def _fixed_features(self, features: dict[str, np.ndarray]) -> FixedFeatures:
        scaled = features
        if not self.plan.scratch:
            mean, deviation = networks.statistics(features["train"])
            scaled = {split: (rows - mean) / deviation for split, rows in features.items()}
        labels = {split: part.labels for split, part in self.data.splits.items()}
        return FixedFeatures(
            features,
            scaled,
            labels,
            folds=self.asked.folds,
            seed=self.asked.seed,
            choose=self._choose,
        )

    def _choose(self, name: str, search: Callable[[], Folds]) -> Folds:
        """Return what a cross-validation chose, remembered and drawn."""

        def make() -> dict:
            self.report(f"choosing {name} by {self.asked.folds}-fold cross-validation")
            return search().to_dict()

        folds = Folds.from_dict(self.run.once(f"{name}-folds", make))
        self.chosen[name] = folds.value
        if folds.series:
            self.chosen["metric"] = folds.series
        if self.run.chief:
            plot_folds(
                folds.scores,
                self.run.path / "folds.png",
                label=name,
                log=name == "l2",
                chosen=(folds.series, folds.value),
            )
        return folds

    def _l2(self, features: dict[str, np.ndarray]) -> float:
        """Return the strength of the L2 penalty: as asked, or by cross-validation."""
        if self.asked.l2 != "auto":
            return self.asked.l2
        return self._fixed_features(features).softmax_strength() if self.plan.fixed else 0.0

    def _solved(self, features: dict[str, np.ndarray]) -> Member:
        """Return a network whose head is solved for, not trained in steps."""
        asked, trunk = self.asked, self._trunk(0)
        classes, fixed = len(self.data.classes), self._fixed_features(features)
        train = features["train"]
        if asked.head == "knn":
            k, metric = fixed.neighbours(asked.k, asked.metric)
            labels = self.data.splits["train"].labels
            with self.strategy.scope():
                model = networks.neighbours_model(trunk, train, labels, classes, k=k, metric=metric)
                vectors = keras.Input(train.shape[1:])
                of_features = keras.Model(vectors, model.layers[-1](vectors))
            return Member(model, Replicated(of_features, self.strategy, _NEIGHBOURS_AT_ONCE))
        strength = fixed.svm_strength() if asked.l2 == "auto" else asked.l2
        weights, biases, scale = fixed.svm(strength)
        with self.strategy.scope():
            standardise = None if self.plan.scratch else train
            head = networks.Head(train.shape[1], classes, standardise=standardise)
            head.logits.set_weights([weights, biases])
            model = networks.softmax_model(trunk, head, scale)
            vectors = keras.Input(train.shape[1:])
            scores = keras.Model(vectors, head(vectors))
        if asked.backbone == "linear":
            self._draw_templates(head)
        forward = Replicated(scores, self.strategy, MANY)
        return Member(model, lambda rows: softmax(scale * forward(rows), axis=1))

    def _draw_templates(self, head: networks.Head) -> None:
        """Draw the weights that a linear classifier gives to each pixel for each class."""
        if self.run.chief:
            g = self.plan.geometry
            kernel = np.asarray(head.logits.get_weights()[0])
            weights = kernel.reshape(g.height, g.width, g.channels, -1)
            plot_templates(weights, self.data.classes, self.run.path / "templates.png")


class _Flattened:
    """The features of a linear classifier on pixels: the pixels, 0-1."""

    batch_size, workers = 32, 1

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        return batch.reshape(len(batch), -1) / 255


def _rows(features: np.ndarray, indices: np.ndarray, epoch: int = 0) -> np.ndarray:
    return features[indices]


def _augmented(strength: str, flip: bool, picture, geometry, random) -> np.ndarray:
    return augment(picture, geometry, strength, random, flip=flip)


def _outputs(forward: Replicated, load: Callable, count: int) -> np.ndarray:
    """Return the outputs for examples 0 to count - 1, loading ahead of the network."""
    parts = [np.arange(count)[at : at + MANY] for at in range(0, count, MANY)]
    loaded = ordered_map(load, parts, workers=1, ahead=1)
    return np.concatenate([forward(batch) for batch in loaded])
