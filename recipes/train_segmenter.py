"""Train a segmenter of your own classes, from your own pictures with label maps.

FCN-32s, FCN-16s and FCN-8s (Long et al. 2014, https://arxiv.org/abs/1411.4038), one growing from
the other, on any network of the catalog with maps of the strides needed; or a segmenter that is
there already, taught other classes.

from recipes.train_segmenter import train_segmenter

done = train_segmenter("leaves/", epochs=8)
print(done.model, done.evaluation.report.mean_iou)
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial

from dltk.data.datasets import MaskData
from dltk.data.masks import check_masks, read_masks, split_masks
from dltk.weights import Report, silent
from recipes._runs import named_files
from recipes._segmenter_plan import plan_of
from recipes._segmenter_training import SegmenterTraining
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

_COMMAND = "train segmenter"
_METRICS = ("mean_iou", "pixel_accuracy", "frequency_weighted_iou")
_KIND = DataKind(MaskData, read_masks, split_masks, check_masks)


@dataclass(frozen=True, kw_only=True)
class TrainedSegmenter(Trained):
    """A finished training, see `recipes._trainings.Trained`.

    Attributes:
        classes: their names, in the order of the outputs.
        evaluation: a `recipes._segmentation_evaluation.SegmentationEvaluation`.
    """

    classes: tuple[str, ...]


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
    asked = asked_for(locals())
    plan = plan_of(asked, defaults_of(train_segmenter))
    fits = partial(pictures_a_step, batch_size)
    about = {"slug": asked.preset, "files": named_files(asked, "backbone"), "fits": fits}
    with begun(_COMMAND, asked, data, _KIND, **about, report=report) as begins:
        training = SegmenterTraining(asked, plan, *begins)
        network = training.train()
        return finished(
            training,
            network,
            TrainedSegmenter,
            task="segment",
            labels=training.data.classes,
            metrics=_METRICS,
            classes=training.data.classes,
        )


def resume_train_segmenter(
    run: str | os.PathLike, *, report: Report = silent, **free
) -> TrainedSegmenter:
    """Go on with the run in a folder, with the data and options it was begun with.

    Args:
        free: options that may be others now: data, devices, strategy, save_every.
    """
    return gone_on(train_segmenter, _COMMAND, run, report, free)
