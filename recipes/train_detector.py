"""Train a detector of your own objects, from your own pictures with boxes.

Faster R-CNN (Ren et al. 2015) on a feature pyramid (Lin et al. 2016); Fast R-CNN (Girshick 2015)
and R-CNN (Girshick et al. 2014) on regions from selective search; or one box a picture by
regression (Sermanet et al. 2013); on any network of the catalog with maps of the strides needed.

from recipes.train_detector import train_detector

done = train_detector("boxes/", epochs=8)
print(done.model, done.evaluation.report.map50)
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from dltk.data.datasets import ObjectData
from dltk.data.objects import read_objects
from dltk.data.objects.check import check_objects
from dltk.data.objects.split import split_objects
from dltk.strategy import Placement
from dltk.weights import Report, silent
from recipes._detector_plan import plan_of
from recipes._detector_training import DetectorTraining
from recipes._runs import named_files
from recipes._trainings import (
    DataKind,
    Trained,
    asked_for,
    begun,
    defaults_of,
    finished,
    gone_on,
    pictures_a_step,
)

_COMMAND = "train detector"
_METRICS = ("map", "map50", "map75")
_KIND = DataKind(ObjectData, read_objects, split_objects, check_objects)


@dataclass(frozen=True, kw_only=True)
class TrainedDetector(Trained):
    """A finished training, see `recipes._trainings.Trained`.

    Attributes:
        classes: their names, in the order of the labels.
        evaluation: a `recipes._detection_evaluation.DetectionEvaluation`.
        chosen: the best epoch, and the score from which boxes count.
    """

    classes: tuple[str, ...]


def train_detector(
    data,
    *,
    preset: str = "faster-rcnn",
    backbone: str = "efficientnet-lite0",
    unfreeze: str | int = "none",
    size: int = 320,
    pooling: str | None = None,
    proposals: int | None = None,
    regions: str | os.PathLike | None = None,
    epochs: int = 12,
    batch_size: int = 8,
    lr: float | str | None = None,
    backbone_lr: float | None = None,
    optimizer: str = "adamw",
    schedule: str = "cosine",
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
) -> TrainedDetector:
    """Train a detector on pictures with boxes.

    Args:
        data: what `dltk.data.objects.read_objects` takes (COCO, Pascal VOC or YOLO layout, a CSV
            file, "tfds:NAME"), or ObjectData. What is not divided is split by class, seeded.
        preset: "faster-rcnn", with a region proposal network; "fast-rcnn", which cuts the features
            of regions from selective search out of a map; "rcnn", which sends each such region
            through the whole network, and learns a linear SVM and a box regression for each
            class; "localize", one object for each picture. Selective search needs the extra of
            that name.
        backbone: a name in the catalog or a `.keras` file of a classifier, with its own weights;
            or a detector's, which then learns other classes with all it knows.
        unfreeze: train so many top layers of the backbone too: a number, "all", or "none". Only
            layers with weights count, and batch normalisation stays frozen.
        size: of the square canvas that pictures are fitted to, in pixels; a multiple of 32.
        pooling: "align" (RoIAlign) or "pool" (RoI pooling); None for RoIAlign, but for
            "fast-rcnn", whose paper pools. Not for "rcnn".
        proposals: regions of each picture that are looked at; None for 300, and 500 of `fast-rcnn`.
        regions: a file of these, see `dltk.proposals.proposals_from_file`, for "fast-rcnn" and
            "rcnn"; None for selective search.
        epochs: at most, see `patience`. This and all about gradient steps is of no meaning for
            "rcnn" on a fixed network.
        batch_size: pictures in a step, over all replicas.
        lr: the highest learning rate, or "auto" to look for one; None for that of the optimizer.
        backbone_lr: that of the backbone's layers; a tenth of the other if None.
        optimizer, schedule, warmup, weight_decay, clip, ema: see `dltk.training.stage.Regime`.
        augment: "none", "light", "strong", see `dltk.data.objects.augment.augment_objects`.
        flip: whether augmentation may mirror pictures; not where left and right mean something.
        patience: stop after so many epochs without progress on validation data; 0: never.
        val_share, test_share: of data that is not divided.
        seed: of splits, order, augmentation, initial weights, and which regions are learnt from.
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
    asked = asked_for(locals())
    plan = plan_of(asked, defaults_of(train_detector))
    files = named_files(asked, "backbone") + ["regions"] * (asked.regions is not None)

    def fits(data: ObjectData, placement: Placement) -> str | None:
        return pictures_a_step(batch_size, data, placement) if plan.fitted else None

    about = {"slug": asked.preset, "files": files, "fits": fits}
    with begun(_COMMAND, asked, data, _KIND, **about, report=report) as begins:
        training = DetectorTraining(asked, plan, *begins)
        network = training.train()
        return finished(
            training,
            network,
            TrainedDetector,
            task="detect",
            labels=training.data.classes,
            metrics=_METRICS,
            classes=training.data.classes,
        )


def resume_train_detector(
    run: str | os.PathLike, *, report: Report = silent, **free
) -> TrainedDetector:
    """Go on with the run in a folder, with the data and options it was begun with.

    Args:
        free: options that may be others now: data, devices, strategy, save_every.
    """
    return gone_on(train_detector, _COMMAND, run, report, free)
