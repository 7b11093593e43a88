"""Train a segmenter of your own classes, from your own pictures with label maps.

FCN-32s, FCN-16s and FCN-8s (Long et al. 2014, https://arxiv.org/abs/1411.4038), one growing from
the other, on any network of the catalog with maps of the strides needed; or a segmenter that is
there already, taught other classes.

from recipes.train_segmenter import train_segmenter

done = train_segmenter("leaves/", epochs=8)
print(done.model, done.evaluation.report.mean_iou)
"""

from __future__ import annotations

import inspect
import os
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

from dltk.data.examples import MaskData
from dltk.data.masks import check_masks, read_masks, split_masks
from dltk.data.pipeline import fitting_batch_size
from dltk.modelfile import ModelCard, save_model
from dltk.strategy import cores, place_training
from dltk.training.run import MODEL_FILE, RunFolder
from dltk.weights import Report, silent
from recipes._runs import begin_run, named_files, tell_findings
from recipes._segmentation_evaluation import SegmentationEvaluation
from recipes._segmenter_plan import plan_of
from recipes._segmenter_training import SegmenterTraining

_COMMAND = "train segmenter"
_METRICS = ("mean_iou", "pixel_accuracy", "frequency_weighted_iou")
# Options that say where and how often, not what: a resumed run may have others.
_FREE = {"data", "run_dir", "resume", "devices", "strategy", "save_every", "report"}


@dataclass(frozen=True)
class TrainedSegmenter:
    """A finished training.

    Attributes:
        run: the run folder.
        model: the model file in it.
        classes: their names, in the order of the outputs.
        evaluation: how good it is on held-out pictures, "test" or, without those, "val"; None
            without any.
        chosen: what was found on the way: the best epoch of each stage.
        passed_over: (name, why) of files that are no examples.
        chief: False for a worker of several that does not write the run folder.
    """

    run: Path
    model: Path
    classes: tuple[str, ...]
    evaluation: SegmentationEvaluation | None
    chosen: dict
    passed_over: tuple[tuple[str, str], ...]
    chief: bool = True

    def to_dict(self) -> dict:
        """Return the outcome, ready for JSON."""
        return {
            "run": str(self.run),
            "model": str(self.model),
            "classes": list(self.classes),
            "evaluation": self.evaluation.to_dict() if self.evaluation else None,
            "chosen": self.chosen,
            "passed_over": [{"path": name, "why": why} for name, why in self.passed_over],
        }


def train_segmenter(
    data,
    *,
    preset: str = "fcn-8s",
    staged: bool = True,
    backbone: str = "efficientnet-lite0",
    unfreeze: str | int = "all",
    hidden: int = 0,
    size: int = 320,
    loss: str = "cross-entropy",
    class_weights: str = "none",
    aux: float = 0.0,
    epochs: int = 12,
    batch_size: int = 8,
    lr: float | str | None = None,
    backbone_lr: float | None = None,
    optimizer: str = "adamw",
    schedule: str = "poly",
    warmup: float = 0.5,
    weight_decay: float = 1e-4,
    augment: str = "light",
    flip: bool = True,
    patience: int = 0,
    clip: float = 5.0,
    ema: float = 0.0,
    val_share: float = 0.15,
    test_share: float = 0.15,
    seed: int = 0,
    devices: str = "auto",
    strategy: str = "auto",
    precision: str = "auto",
    save_every: float = 30.0,
    run_dir: str | os.PathLike | None = None,
    resume: str | os.PathLike | None = None,
    report: Report = silent,
) -> TrainedSegmenter:
    """Train a segmenter on pictures with label maps.

    Args:
        data: what `dltk.data.masks.read_masks` takes (pictures and masks in two folders, Pascal
            VOC's layout, COCO's with polygons or run lengths, a CSV file, "tfds:NAME"), or
            MaskData. What is not divided is split by class, seeded.
        preset: "fcn-8s", "fcn-16s" or "fcn-32s": pixels between the finest places that are scored.
        staged: train "fcn-32s" first and go on from it with a skip to the next finer map, and so
            on, half of the epochs being the last one's; else all at once.
        backbone: a name in the catalog or a `.keras` file of a classifier, with its own weights;
            or a segmenter's, which then learns other classes with all it knows.
        unfreeze: train so many top layers of the backbone too: a number, "all", or "none". Only
            layers with weights count, and batch normalisation stays frozen.
        hidden: channels of two more layers in front of the coarsest scores, as the hidden layers
            of VGG's classifier in the paper; 0 for none.
        size: of the square canvas that pictures are fitted to, in pixels; a multiple of 32.
        loss: "cross-entropy", "focal", "dice", or "cross-entropy+dice", see
            `dltk.losses.segmentation`.
        class_weights: "none", "balanced", "median" or "log", see
            `dltk.losses.segmentation.class_weights`.
        aux: weight of the loss of a second head, at the backbone's map before the last, which
            helps in training and is dropped afterwards, such as 0.5; 0 for none. Published
            segmenters have one that is trained.
        epochs: at most, over all stages, see `patience`.
        batch_size: pictures in a step, over all replicas.
        lr: the highest learning rate, or "auto" to look for one; None for that of the optimizer.
        backbone_lr: that of the backbone's layers; a tenth of the other if None.
        optimizer, schedule, warmup, weight_decay, clip, ema: see `dltk.training.stage.Regime`.
        augment: "none", "light", "strong", see `dltk.data.masks.augment.augment_mask`.
        flip: whether augmentation may mirror pictures; not where left and right mean something.
        patience: stop a stage after so many epochs without progress on validation data; 0: never.
        val_share, test_share: of data that is not divided.
        seed: of splits, order, augmentation, initial weights and dropout.
        devices, strategy: see `dltk.strategy.place_training`.
        precision: "float32", "bfloat16", "float16", or "auto", see
            `dltk.strategy.choose_training_precision`.
        save_every: seconds between saves of the state.
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
    asked = SimpleNamespace(**{n: v for n, v in locals().items() if n not in ("data", "report")})
    plan = plan_of(asked, _DEFAULTS)
    placement = place_training(devices, strategy, report)
    say = report if placement.chief else silent
    where = data.where if isinstance(data, MaskData) else os.fspath(data)
    run = None if resume is None else _open_run(asked, where, placement.chief)
    data = data if isinstance(data, MaskData) else read_masks(data, report=say)
    data = split_masks(data, val_share=val_share, test_share=test_share, seed=seed)
    fitting = fitting_batch_size(batch_size, len(data.splits["train"]), placement.replicas)
    run = run or _open_run(asked, where, placement.chief)

    def log(line: str) -> None:
        run.log(line)
        say(line)

    with run.going():
        log(f"run folder: {run.path}")
        log(f"{placement.reason}, {fitting // placement.replicas} pictures a replica and step")
        if placement.chief:
            tell_findings(check_masks(data, decode=False, threads=cores()), log)
        training = SegmenterTraining(asked, plan, data, placement, run, log)
        return _finish(training, training.train())


def resume_train_segmenter(
    run: str | os.PathLike, *, report: Report = silent, **free
) -> TrainedSegmenter:
    """Go on with the run in a folder, with the data and options it was begun with.

    Args:
        free: options that may be others now: data, devices, strategy, save_every.
    """
    stored = RunFolder.open(run, _COMMAND).options
    known = inspect.signature(train_segmenter).parameters
    options = {name: value for name, value in stored.items() if name in known}
    return train_segmenter(**options | free, resume=run, report=report)


def _open_run(asked: SimpleNamespace, where: str, chief: bool) -> RunFolder:
    about = {"slug": asked.preset, "files": named_files(asked, "backbone"), "free": _FREE}
    return begin_run(_COMMAND, asked, where, **about, chief=chief)


def _finish(training: SegmenterTraining, segmenter) -> TrainedSegmenter:
    """Measure the segmenter on held-out pictures, save it, and write the report."""
    data, run = training.data, training.run
    evaluation = training.evaluate(segmenter, run.path / MODEL_FILE)
    metrics = {}
    if evaluation:
        metrics = {name: getattr(evaluation.report, name) for name in _METRICS}
        metrics["split"] = evaluation.split
    card = ModelCard(
        task="segment",
        labels=data.classes,
        geometry=training.plan.geometry,
        backbone=training.asked.backbone,
        training={
            "options": run.options,
            "chosen": training.chosen,
            "pictures": {name: len(part) for name, part in data.splits.items()},
        },
        metrics=metrics,
    )
    done = TrainedSegmenter(
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
            save_model(segmenter, done.model, card)
        training.write_outcome(evaluation)
        run.log(f"finished: {done.model}")
    return done


_DEFAULTS = {name: p.default for name, p in inspect.signature(train_segmenter).parameters.items()}
