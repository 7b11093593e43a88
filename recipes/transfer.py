"""The steps of fine-tuning, which `recipes.finetune` is the front of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import keras
import numpy as np
from scipy.special import softmax

from dltk.batch.embed import Flattened, embed, outputs_of
from dltk.batch.store import FeatureStore
from dltk.data import LabelledData
from dltk.data.augment import at_least, augment
from dltk.data.examples import unreadable
from dltk.data.pipeline import Batches, fitting_batch_size
from dltk.data.pixels import Pixels
from dltk.engine import load_engine
from dltk.engine.keras import Replicated
from dltk.errors import UsageError, printable
from dltk.models import classifier as networks
from dltk.plots import plot_folds, plot_templates
from dltk.strategy import apply_precision, cores, reset_precision
from dltk.training.classification import balancing_weights, penalise, train_classifier
from dltk.training.crossval import FixedFeatures, Folds
from dltk.training.model import TrainingModel
from dltk.training.optimizers import RATES
from dltk.weights import cache_folder, sha256
from recipes._plan import Plan
from recipes._runs import agreed_precision, keep_data, less, regime_of, tell_reading

_MANY = 256  # examples at once, of features
_SEEDS_APART = 7919
_FOR_PIXELS = 10  # times the learning rate: pixels, 0-1, are smaller than features


class Training:
    """One fine-tuning, step by step."""

    def __init__(self, asked, plan: Plan, data: LabelledData, placement, run, report):
        self.asked, self.plan, self.data = asked, plan, data
        self.placement, self.run, self.report = placement, run, report
        self.strategy = placement.strategy
        rate = RATES[asked.optimizer] * (_FOR_PIXELS if asked.backbone == "linear" else 1)
        self.rate = rate if asked.lr is None else asked.lr
        self.chosen: dict = {}
        self._pixels: dict[str, Pixels] = {}
        self._strength: float | None = None  # of the L2 penalty, once it is known

    def train(self) -> tuple[keras.Model, Callable[..., np.ndarray]]:
        """Return the trained network, and what gives its probabilities (N, K) for a split.

        The latter takes the split's name and, as a second argument, how many examples at most.
        """
        features = self._use_readable()
        numbers = range(self.asked.members)
        if self.asked.head != "softmax":
            model, of_features = self._solved(features)
        elif self.plan.fixed and not self.plan.tuned:
            trunk = self._trunk(0)
            heads = [self._trained_head(number, trunk, features) for number in numbers]
            with self.strategy.scope():
                model = networks.softmax_model(trunk, [head for head, _ in heads])
            of_features = partial(_mean_softmax, [forward for _, forward in heads])
        else:
            members = [self._trained_network(number, features) for number in numbers]
            with self.strategy.scope():
                model = networks.ensemble(members)
            of_features = None

        def probabilities(split: str, most: int | None = None) -> np.ndarray:
            if of_features is not None:
                return of_features(features[split][:most])
            forward = Replicated(model, self.strategy, max(32, self.asked.batch_size))
            count = len(self.data.splits[split])
            return outputs_of(forward, self._plain(split), min(count, most or count))

        return model, probabilities

    def forget(self) -> None:
        """Give back the memory of the pictures."""
        for pixels in self._pixels.values():
            pixels.forget()

    # The data

    def _use_readable(self) -> dict[str, np.ndarray]:
        """Leave out what cannot be read; return the features (N, D) of each split, if needed."""
        network, store = self._embedder()
        features, unusable = {}, {}
        for split, part in self.data.splits.items():
            tell_reading(split, len(part), self.report)
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
        self.data = less(self.data, unusable, self.report)
        held = self.data.splits
        trained = held["train"].labels if "train" in held else ()
        missing = set(range(len(self.data.classes))) - set(trained)
        if missing:
            name = printable(self.data.classes[min(missing)])
            raise UsageError(f'no picture of class "{name}" can be trained on')
        keep_data(self.run, self.data, lambda part, at: self.data.classes[part.labels[at]])
        return {split: rows for split, rows in features.items() if split in held}

    def _embedder(self):
        """Return what turns pixels into fixed features, and where those are kept, or None."""
        if self.plan.source is None:
            return (Flattened(), None) if self.plan.fixed else (None, None)
        if self.plan.scratch:
            return None, None
        source, published = self.plan.source, self.asked.weights == "imagenet"
        if published and self.placement.kind == "cpu":
            network = load_engine(source, output="features", engine="litert", report=self.report)
        else:
            source.weights(self.report)
            network = Replicated(self._trunk(0), self.strategy, self.asked.batch_size)
        key = source.fingerprint if published else sha256(Path(self.asked.weights))
        key = f"{source.name} {key}"
        text = json.dumps([key, self.plan.geometry.to_dict()], sort_keys=True)
        name = hashlib.sha256(text.encode()).hexdigest()[:32]
        return network, FeatureStore(cache_folder() / "features" / name)

    def _plain(self, split: str) -> Pixels:
        """Return the pictures of a split as they are; they are decoded once, if they are few."""
        if split not in self._pixels:
            part = self.data.splits[split]
            self._pixels[split] = Pixels(part, self.plan.geometry, threads=cores())
        return self._pixels[split]

    def _to_train_on(self, seed: int) -> Pixels:
        """Return the training pictures, varied if that is asked for."""
        if self.plan.augmentation == "none":
            return self._plain("train")
        strength, geometry = self.plan.augmentation, self.plan.geometry
        return Pixels(
            self.data.splits["train"],
            geometry,
            augment=partial(_augmented, strength, self.asked.flip),
            at_least=at_least(geometry, strength),
            seed=seed,
            threads=cores(),
        )

    # The networks

    def _seed(self, member: int) -> int:
        return (self.asked.seed + _SEEDS_APART * member) % 2**32

    def _trunk(self, member: int) -> keras.Model:
        seed = self._seed(member)
        with self.strategy.scope():
            if self.plan.source is None:
                return networks.build_scratch_trunk(
                    self.asked.backbone, self.plan.geometry, seed=seed
                )
            keras.utils.set_random_seed(seed)  # for random weights, if they are asked for
            return networks.build_trunk(self.plan.source, weights=self.asked.weights)

    def _trained_head(self, number: int, trunk: keras.Model, features):
        """Train a softmax head on fixed features; return it, and its logits of features."""
        seed, prefix = self._seed(number), self._prefix(number)
        with self.strategy.scope():
            head = self._head(number, trunk, features)
            vectors = keras.Input(trunk.outputs[0].shape[1:], name="features")
            model = TrainingModel(vectors, head(vectors))
        penalise([head.logits], l1=self.asked.l1, l2=self._l2(features))
        forward = Replicated(model, self.strategy, _MANY)
        held = partial(forward, features["val"]) if "val" in features else None
        load = partial(_rows, features["train"])
        self._fit(model, load, held, f"{prefix}head", self.asked.epochs, seed)
        if self.asked.backbone == "linear" and not number:
            self._draw_templates(head)
        return head, forward

    def _trained_network(self, number: int, features: dict[str, np.ndarray]) -> keras.Model:
        """Train a network on pixels; of a pretrained one, the head first if features are fixed."""
        asked, plan, seed = self.asked, self.plan, self._seed(number)
        trunk = self._trunk(number)
        if plan.fixed:
            head, _ = self._trained_head(number, trunk, features)
        else:
            with self.strategy.scope():
                head = self._head(number, trunk, features)
        with self.strategy.scope():
            model = TrainingModel(trunk.inputs[0], head(trunk.outputs[0]))
        slow = [] if plan.scratch else networks.freeze(trunk, asked.unfreeze)
        learnt = [head.logits, *(trunk.layers if plan.scratch else ())]
        penalise(learnt, l1=asked.l1, l2=self._l2(features))
        precision = agreed_precision(asked.precision, model, self.placement, self.run, self.report)
        apply_precision(model, precision)
        held, train = None, self._to_train_on(seed)
        if "val" in self.data.splits:
            forward = Replicated(model, self.strategy, max(32, asked.batch_size))
            count = len(self.data.splits["val"])
            held = partial(outputs_of, forward, self._plain("val"), count)
        stage, epochs = ("tune", asked.tune_epochs) if plan.tuned else ("train", asked.epochs)
        stage = self._prefix(number) + stage
        with networks.synchronised(trunk, plan.scratch and self.placement.replicas > 1):
            self._fit(model, train, held, stage, epochs, seed, slow, precision)
        reset_precision(model)
        with self.strategy.scope():
            return networks.softmax_model(trunk, [head])

    def _head(self, number: int, trunk: keras.Model, features) -> networks.Head:
        return networks.Head(
            trunk.outputs[0].shape[-1],
            len(self.data.classes),
            standardise=None if self.plan.scratch else features["train"],
            dropout=self.asked.dropout,
            seed=self._seed(number),
            name=f"member{number + 1}_" if number else "",
        )

    def _prefix(self, number: int) -> str:
        return f"member{number + 1}-" if self.asked.members > 1 else ""

    def _fit(self, model, load, held, stage, epochs, seed, slow=(), precision="float32") -> None:
        """Train `model`, which gives logits, in one stage of the run.

        Args:
            load: from indices and epoch to inputs, see `dltk.data.pipeline.Batches`.
            held: returns the logits of the validation pictures, or None without them.
            slow: variables of the backbone.
        """
        asked, train = self.asked, self.data.splits["train"]
        classes = len(self.data.classes)
        weigh = asked.class_weights == "auto"
        batches = Batches(
            load,
            train.labels,
            classes,
            batch_size=fitting_batch_size(asked.batch_size, len(train), self.placement.replicas),
            seed=seed,
            weights=balancing_weights(train.labels, classes) if weigh else None,
            balanced=asked.balance,
            mixup=asked.mixup,
            names=train.names,
        )
        progress = train_classifier(
            model,
            batches,
            held_logits=held,
            held_labels=self.data.splits["val"].labels if held else None,
            from_start=stage.endswith("tune"),
            label_smoothing=asked.label_smoothing,
            stage=stage,
            epochs=epochs,
            rate=self.rate,
            slow=slow,
            slow_rate=asked.backbone_lr,
            regime=regime_of(
                asked,
                precision=precision,
                patience=asked.patience if held else 0,
                keep="none" if stage.endswith("head") else asked.keep_epochs,
                seed=seed,
            ),
            placement=self.placement,
            run=self.run,
            report=self.report,
        )
        self.chosen[f"{stage} epoch"] = progress.best_epoch

    # Heads on fixed features

    def _fixed_features(self, features: dict[str, np.ndarray]) -> FixedFeatures:
        mean, deviation = networks.statistics(features["train"])
        if self.plan.scratch:  # pixels are only centred, as solvers like it
            deviation = np.ones_like(deviation)
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
                log=True,
                chosen=(folds.series, folds.value),
            )
        return folds

    def _l2(self, features: dict[str, np.ndarray]) -> float:
        """Return the strength of the L2 penalty: as asked, or by cross-validation."""
        if self.asked.l2 != "auto":
            return self.asked.l2
        if self._strength is None:
            fixed = self._fixed_features(features) if self.plan.fixed else None
            self._strength = fixed.softmax_strength() if fixed else 0.0
        return self._strength

    def _solved(self, features: dict[str, np.ndarray]) -> tuple[keras.Model, Callable]:
        """Return a network whose head is solved for, and its probabilities of features."""
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
            return model, Replicated(of_features, self.strategy, _MANY)
        strength = fixed.svm_strength() if asked.l2 == "auto" else asked.l2
        weights, biases, scale = fixed.svm(strength)
        if self.plan.scratch:  # its head sees pixels as they are
            biases = biases - train.mean(axis=0) @ weights
        with self.strategy.scope():
            standardise = None if self.plan.scratch else train
            head = networks.Head(train.shape[1], classes, standardise=standardise)
            head.logits.set_weights([weights, biases])
            model = networks.softmax_model(trunk, [head], scale)
            vectors = keras.Input(train.shape[1:])
            scores = keras.Model(vectors, head(vectors))
        if asked.backbone == "linear":
            self._draw_templates(head)
        forward = Replicated(scores, self.strategy, _MANY)
        return model, lambda rows: softmax(scale * forward(rows), axis=1)

    def _draw_templates(self, head: networks.Head) -> None:
        """Draw the weights that a linear classifier gives to each pixel for each class."""
        if self.run.chief:
            g = self.plan.geometry
            kernel = np.asarray(head.logits.get_weights()[0])
            weights = kernel.reshape(g.height, g.width, g.channels, -1)
            plot_templates(weights, self.data.classes, self.run.path / "templates.png")


def _rows(features: np.ndarray, indices: np.ndarray, epoch: int = 0) -> np.ndarray:
    return features[indices]


def _augmented(strength: str, flip: bool, picture, geometry, random) -> np.ndarray:
    return augment(picture, geometry, strength, random, flip=flip)


def _mean_softmax(forwards: Sequence[Replicated], rows: np.ndarray) -> np.ndarray:
    return np.mean([softmax(forward(rows), axis=1) for forward in forwards], axis=0)
