"""Train a masker: what proposes masks of objects, whatever they are.

DeepMask (Pinheiro, Collobert & Dollár 2015, https://arxiv.org/abs/1506.06204), on any network of
the catalog with a map of stride 16. It learns from pictures with a mask of each object; classes
play no part.

from recipes.train_masker import train_masker

done = train_masker("scenes/", epochs=4)
print(done.model, done.evaluation.report.average_recalls[100])
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

import numpy as np

from dltk.data.datasets import ObjectData
from dltk.data.instances import read_instances
from dltk.data.objects import check_objects, split_objects
from dltk.data.pipeline import fitting_batch_size
from dltk.strategy import Placement
from dltk.weights import Report, silent
from recipes._masker_plan import plan_of
from recipes._masker_training import MaskerTraining, objects_of
from recipes._runs import named_files
from recipes._trainings import DataKind, Trained, asked_for, begun, defaults_of, finished, gone_on

_COMMAND = "train masker"


@dataclass(frozen=True, kw_only=True)
class TrainedMasker(Trained):
    """A finished training, see `recipes._trainings.Trained`.

    Attributes:
        evaluation: a `recipes._proposal_evaluation.ProposalEvaluation`.
    """


def train_masker(
    data,
    *,
    backbone: str = "efficientnet-lite0",
    unfreeze: str | int = "all",
    patch: int = 128,
    epochs: int = 4,
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
) -> TrainedMasker:
    """Train a masker on pictures with a mask of each object.

    Args:
        data: what `dltk.data.instances.read_instances` takes: COCO's layout with polygons or run
            lengths; or what it returns. What is not divided is split by class, seeded.
        backbone: a name in the catalog or a `.keras` file of a classifier, with its own weights;
            or a masker's, which then learns on.
        unfreeze: train so many top layers of the backbone too: a number, "all", or "none". Only
            layers with weights count, and batch normalisation stays frozen.
        patch: pixels of a patch's side, a multiple of 32; an object that fills 128/224 of it is
            what it is meant for. Of a masker that learns on: its own.
        epochs: at most, see `patience`. One has every object once, with a patch of its own, and
            beside it a patch of the same picture without an object in its middle.
        batch_size: such pairs in a step, over all replicas.
        lr: the highest learning rate, or "auto" to look for one; None for that of the optimizer.
        backbone_lr: that of the backbone's layers; a tenth of the other if None.
        optimizer, schedule, warmup, weight_decay, clip, ema: see `dltk.training.stage.Regime`.
        augment: how much colours are varied: "none", "light" or "strong". Where in a patch an
            object lies, and how large it is, is varied in any case, as the paper has it.
        flip: whether patches may be mirrored.
        patience: stop after so many epochs without progress on validation data; 0: never.
        val_share, test_share: of data that is not divided.
        seed: of splits, order, patches, initial weights and dropout.
        devices, strategy: see `dltk.strategy.place_training`.
        precision: "float32", "bfloat16", "float16", or "auto", see
            `dltk.strategy.choose_training_precision`.
        save_every: seconds between saves of the state.
        run_dir: exactly where to put the run folder.
        resume: a run folder to go on with; all options must be as they were.
        report: called with a line now and then.
    Raises:
        UsageError: unknown names, options that do not go together, data without masks of objects,
            data or options that differ from those of the run to go on with.
        DltkError: data that cannot be trained on, a loss that is no longer a number, a full disk.
        InterruptedRunError: Ctrl-C; the message has the command that goes on.
        WeightsError: weights out of reach.
    """
    asked = asked_for(locals())
    plan = plan_of(asked, defaults_of(train_masker))

    def fits(data: ObjectData, placement: Placement) -> str:
        objects = objects_of(data.splits["train"])
        pairs = fitting_batch_size(batch_size, objects, placement.replicas)
        return f"{pairs // placement.replicas} pairs of patches a replica and step"

    about = {"fits": fits, "slug": "masker", "files": named_files(asked, "backbone")}
    with begun(_COMMAND, asked, data, _KIND, **about, report=report) as begins:
        training = MaskerTraining(asked, plan, *begins)
        network = training.train()
        return finished(training, network, TrainedMasker, task="mask", labels=())


def resume_train_masker(
    run: str | os.PathLike, *, report: Report = silent, **free
) -> TrainedMasker:
    """Go on with the run in a folder, with the data and options it was begun with.

    Args:
        free: options that may be others now: data, devices, strategy, save_every.
    """
    return gone_on(train_masker, _COMMAND, run, report, free)


def of_one_class(data: ObjectData) -> ObjectData:
    """Return data whose objects are all of the same class, "object": what a masker learns from."""
    splits = {}
    for split, part in data.splits.items():
        objects = tuple(replace(each, labels=np.zeros_like(each.labels)) for each in part.objects)
        splits[split] = replace(part, objects=objects)
        splits[split].__dict__["digests"] = part.digests  # or all pictures are read once more
    return replace(data, classes=("object",), splits=splits)


def _check(data: ObjectData, **options):
    return check_objects(of_one_class(data), **options)


_KIND = DataKind(ObjectData, read_instances, split_objects, _check)
