"""Fine-tune: a classifier of your own classes, from your own pictures.

A pretrained network is cut off above its last feature map (Donahue et al. 2014; Razavian et al.
2014). First a head is trained on the features, which are computed once and kept; then, if asked,
the top layers of the network are trained with it at a smaller rate (Yosinski et al. 2014). Small
networks, and those without pretrained weights, are trained from scratch in one stage instead.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dltk.data import LabelledData, check_data, read_data, split_data
from dltk.errors import DltkError, UsageError
from dltk.metrics import measure
from dltk.modelfile import ModelCard, save_model
from dltk.strategy import Placement
from dltk.training.outcome import write_outcome
from dltk.training.run import MODEL_FILE
from dltk.weights import Report, silent
from recipes._plan import plan_of
from recipes._runs import named_files
from recipes._trainings import (
    FREE,
    DataKind,
    Trained,
    asked_for,
    begun,
    defaults_of,
    gone_on,
    pictures_a_step,
)
from recipes.evaluate import Evaluation
from recipes.transfer import Training

DEFAULT_BACKBONE = "efficientnet-lite0"
_METRICS = ("examples", "top1", "top5", "loss", "macro_f1", "ece")
_KIND = DataKind(LabelledData, read_data, split_data, check_data)


@dataclass(frozen=True, kw_only=True)
class Finetuned(Trained):
    """A finished fine-tuning, see `recipes._trainings.Trained`.

    Attributes:
        classes: their names, in the order of the outputs.
        evaluation: a `recipes.evaluate.Evaluation`.
        chosen: learning rates, k, distance, strength, best epochs.
    """

    classes: tuple[str, ...]


def finetune(
    data,
    *,
    backbone: str = DEFAULT_BACKBONE,
    weights: str = "imagenet",
    head: str = "softmax",
    unfreeze: str | int = "none",
    size: int | None = None,
    channels: int | None = None,
    epochs: int = 30,
    tune_epochs: int = 10,
    batch_size: int = 32,
    lr: float | str | None = None,
    backbone_lr: float | None = None,
    optimizer: str = "adam",
    schedule: str = "cosine",
    warmup: float = 1.0,
    dropout: float = 0.0,
    l1: float = 0.0,
    l2: float | str = "auto",
    weight_decay: float = 0.0,
    augment: str = "auto",
    flip: bool = True,
    mixup: float = 0.0,
    label_smoothing: float = 0.0,
    patience: int = 10,
    clip: float = 0.0,
    ema: float = 0.0,
    members: int = 1,
    class_weights: str = "none",
    balance: bool = False,
    k: int | None = None,
    metric: str | None = None,
    folds: int = 5,
    val_share: float = 0.15,
    test_share: float = 0.15,
    seed: int = 0,
    devices: str = "auto",
    strategy: str = "auto",
    precision: str = "auto",
    save_every: float = 30.0,
    keep_epochs: str = "none",
    run_dir: str | os.PathLike | None = None,
    resume: str | os.PathLike | None = None,
    report: Report = silent,
) -> Finetuned:
    """Train a classifier on labelled pictures.

    Args:
        data: what `dltk.data.read_data` takes (class folders, a CSV file, "tfds:NAME"), or
            LabelledData. What is not divided is split by class, seeded.
        backbone: a name in the catalog, a `.keras` file, or a small network to train from
            scratch: "convnet", "linear" (the head sees the pixels) or "mlp".
        weights: "imagenet", the published ones; "none", to train from scratch; or a file that
            fits the backbone.
        head: "softmax" (multinomial logistic regression), "svm" (linear, hinge loss) or "knn".
        unfreeze: after the head, train so many top layers of the backbone too: a number, "all",
            or "none". Only layers with weights count, and batch normalisation stays frozen.
        size, channels: of the input of a network from scratch, in pixels, and 1 or 3.
        epochs: of the head, or of a network from scratch; at most, see `patience`.
        tune_epochs: of the second stage, with layers of the backbone.
        batch_size: pictures in a step, over all replicas.
        lr: the highest learning rate, or "auto" to look for one; None for 0.001, or 0.01 for SGD
            with or without momentum; ten times that for "linear", whose inputs are small.
        backbone_lr: that of the backbone's layers; a tenth of the other if None.
        optimizer, schedule, warmup, weight_decay, clip, ema: see `dltk.training.stage.Regime`.
        dropout: share of the features left out at random.
        l1, l2: penalty on the head's weights, and on all of a network from scratch: l1 · |w| +
            l2 · w², summed (both: the elastic net of Zou & Hastie 2005). "auto" chooses l2 by
            cross-validation where the head is trained on fixed features, else it is 0.
        augment: "none", "light", "strong"; "auto" is light where layers of a pretrained
            backbone are trained, else none.
        flip: whether augmentation may mirror pictures; not where left and right mean something.
        mixup: see `dltk.data.pipeline.Batches`; 0 for none.
        label_smoothing: share of each target spread over all classes (Szegedy et al. 2016).
        patience: stop a stage after so many epochs without progress on validation data; 0: never.
        members: networks trained, each from its own seed, whose probabilities are averaged.
        class_weights: "auto" weighs each example by the rarity of its class in the loss.
        balance: draw from all classes equally often instead.
        k, metric: of "knn": neighbours and "l1", "l2" or "cosine"; None to choose by
            cross-validation.
        folds: of every cross-validation.
        val_share, test_share: of data that is not divided.
        seed: of splits, order, augmentation, initial weights.
        devices, strategy: see `dltk.strategy.place_training`.
        precision: "float32", "bfloat16", "float16", or "auto", see
            `dltk.strategy.choose_training_precision`.
        save_every: seconds between saves of the state.
        keep_epochs: after which epochs the weights are kept in the run folder, for
            `recipes.visualize.training`: "none", "doubling" (0, 1, 2, 4, 8, …, and the last) or
            "all".
        run_dir: exactly where to put the run folder.
        resume: a run folder to go on with; all options must be as they were.
        report: called with a line now and then.
    Raises:
        UsageError: unknown names, options that do not go together, data or options that differ
            from those of the run to go on with.
        DltkError: data that cannot be trained on, a loss that is no longer a number, a full disk.
        InterruptedRunError: Ctrl-C; the message has the command that goes on.
        WeightsError: weights, or a data set, out of reach.
    """
    asked = asked_for(locals())
    plan = plan_of(asked, defaults_of(finetune))

    def fits(data: LabelledData, placement: Placement) -> str:
        if k and k > len(data.splits["train"]):
            raise UsageError(f"--k {k}: there are {len(data.splits['train'])} training pictures")
        return pictures_a_step(batch_size, data, placement)

    slug, files = Path(backbone).stem, named_files(asked, "backbone", "weights")
    about = {"slug": slug, "files": files, "free": FREE | {"keep_epochs"}, "fits": fits}
    with begun("finetune", asked, data, _KIND, **about, report=report) as begins:
        training = Training(asked, plan, *begins)
        try:
            model, probabilities = training.train()
            return _finish(training, model, probabilities)
        finally:
            training.forget()


def resume_finetune(run: str | os.PathLike, *, report: Report = silent, **free) -> Finetuned:
    """Go on with the run in a folder, with the data and options it was begun with.

    Args:
        free: options that may be others now: devices, strategy, save_every, keep_epochs.
    """
    return gone_on(finetune, "finetune", run, report, free)


def _finish(training: Training, model, probabilities) -> Finetuned:
    """Measure the network on held-out pictures, save it, and write the report."""
    data, run = training.data, training.run
    split = next((name for name in ("test", "val") if name in data.splits), None)
    evaluation, metrics = None, {}
    if split:
        part, scores = data.splits[split], probabilities(split)
        trained_on = set(data.splits["train"].digests)
        measured = measure(scores, part.labels, data.classes)
        metrics = {name: getattr(measured, name) for name in _METRICS} | {"split": split}
        evaluation = Evaluation(
            model=str(run.path / MODEL_FILE),
            data=data.where,
            split=split,
            report=measured,
            classes=data.classes,
            names=tuple(part.names),
            labels=part.labels,
            probabilities=scores,
            failed=(),
            seen_in_training=sum(digest in trained_on for digest in part.digests),
            examples=[(part, index) for index in range(len(part))],
        )
    elif not np.isfinite(probabilities("train", 32)).all():
        raise DltkError("the network no longer gives numbers; try a smaller --lr, or --clip 1")
    pictures = {name: len(part) for name, part in data.splits.items()}
    card = ModelCard(
        task="classify",
        labels=data.classes,
        geometry=training.plan.geometry,
        backbone=training.asked.backbone,
        training={"options": run.options, "chosen": training.chosen, "pictures": pictures},
        metrics=metrics,
    )
    done = Finetuned(
        run=run.path,
        model=run.path / MODEL_FILE,
        classes=data.classes,
        evaluation=evaluation,
        chosen=training.chosen,
        passed_over=data.passed_over,
        chief=run.chief,
    )
    if run.chief:
        if not done.model.exists():  # or it was saved before, and the rest is shown again
            save_model(model, done.model, card)
        if evaluation:
            evaluation.save(run.path, overwrite=True)
        write_outcome(
            run,
            measured=evaluation.report if evaluation else None,
            split=split,
            pictures=pictures,
            chosen=training.chosen,
            passed_over=data.passed_over,
        )
        run.log(f"finished: {done.model}")
    return done
