"""Train a captioner on pictures of which people say something.

"Show and Tell" (Vinyals et al. 2014, https://arxiv.org/abs/1411.4555) and "Show, Attend and Tell"
(Xu et al. 2015, https://arxiv.org/abs/1502.03044), on any network of the catalog with maps of the
strides needed.

from recipes.train_captioner import train_captioner

done = train_captioner("flickr8k/", epochs=20)
print(done.model, done.evaluation.report.cider_d)
"""

from __future__ import annotations

import inspect
import os
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

from dltk.data.captions import check_captions, read_captions, split_captions
from dltk.data.examples import CaptionData
from dltk.data.pipeline import fitting_batch_size
from dltk.modelfile import ModelCard, save_model
from dltk.strategy import cores, place_training
from dltk.training.run import MODEL_FILE, RunFolder
from dltk.weights import Report, silent
from recipes._caption_evaluation import CaptionEvaluation
from recipes._captioner_plan import check_words, plan_of
from recipes._captioner_training import CaptionerTraining
from recipes._runs import begin_run, named_files, tell_findings

_COMMAND = "train captioner"
# Options that say where and how often, not what: a resumed run may have others.
_FREE = {"data", "run_dir", "resume", "devices", "strategy", "save_every", "report"}


@dataclass(frozen=True)
class TrainedCaptioner:
    """A finished training.

    Attributes:
        run: the run folder.
        model: the model file in it.
        words: how many the captioner knows.
        evaluation: how good it is on held-out pictures, "test" or, without those, "val"; None
            without any.
        chosen: what was found on the way: the best epoch of each stage.
        passed_over: (name, why) of files that are no examples.
        chief: False for a worker of several that does not write the run folder.
    """

    run: Path
    model: Path
    words: int
    evaluation: CaptionEvaluation | None
    chosen: dict
    passed_over: tuple[tuple[str, str], ...]
    chief: bool = True

    def to_dict(self) -> dict:
        """Return the outcome, ready for JSON."""
        return {
            "run": str(self.run),
            "model": str(self.model),
            "words": self.words,
            "evaluation": self.evaluation.to_dict() if self.evaluation else None,
            "chosen": self.chosen,
            "passed_over": [{"path": name, "why": why} for name, why in self.passed_over],
        }


def train_captioner(
    data,
    *,
    preset: str = "show-attend-tell",
    cell: str = "lstm",
    units: int = 256,
    embedding: int = 256,
    attention: int = 128,
    places: int = 256,
    backbone: str = "efficientnet-lite0",
    size: int = 224,
    unfreeze: str | int = "all",
    min_count: int = 2,
    longest: int = 50,
    dropout: float = 0.3,
    stochastic: float = 0.0,
    sampling: float = 0.0,
    judge: str = "cider",
    epochs: int = 20,
    tune_epochs: int = 0,
    batch_size: int = 64,
    lr: float | str | None = None,
    backbone_lr: float | None = None,
    optimizer: str = "adam",
    schedule: str = "cosine",
    warmup: float = 0.5,
    weight_decay: float = 0.0,
    augment: str = "none",
    flip: bool = False,
    patience: int = 5,
    clip: float = 5.0,
    ema: float = 0.0,
    val_share: float = 0.1,
    test_share: float = 0.1,
    seed: int = 0,
    devices: str = "auto",
    strategy: str = "auto",
    precision: str = "auto",
    save_every: float = 30.0,
    run_dir: str | os.PathLike | None = None,
    resume: str | os.PathLike | None = None,
    report: Report = silent,
) -> TrainedCaptioner:
    """Train a captioner on pictures with captions.

    First what speaks is trained, on what the backbone sees, which is worked out once and kept; and
    then, if that is asked for, both together.

    Args:
        data: what `dltk.data.captions.read_captions` takes (Karpathy's JSON, COCO's captions,
            Flickr's token files, a CSV file, texts beside pictures, "tfds:NAME"), or CaptionData.
            What is not divided is split, seeded.
        preset: "show-attend-tell" looks at the picture anew for every word, "show-tell" once.
        cell: "lstm", "gru", or "plain": h = tanh(W_i x + W_r h + b).
        units, embedding, attention: see `dltk.layers.caption_decoder.CaptionDecoder`.
        places: channels of a place, see `dltk.layers.places.Places`.
        backbone: a name in the catalog or a `.keras` file of a classifier, with its own weights.
        size: of the square that pictures are drawn to, in pixels; a multiple of 32.
        unfreeze: train so many top layers of the backbone in the end: a number, or "all". Only
            layers with weights count, and batch normalisation stays frozen.
        min_count: how often a word must be said to be learnt.
        longest: words of a caption, at most; what is behind is cut off.
        dropout: see `CaptionDecoder`.
        stochastic: λ of Xu et al. 2015, Eq. 14, see `dltk.models.captioner.learning.Learner`.
        sampling: how often, by the end of each stage, the captioner's own last word stands for the
            true one in training: scheduled sampling (Bengio et al. 2015), rising evenly.
        judge: "cider" or "bleu4": what of the captions written for validation pictures chooses
            the best epoch.
        epochs: at most, with the backbone as it is.
        tune_epochs: then, with the layers of the backbone that `unfreeze` names; 0 for none.
        batch_size: captions in a step, over all replicas; in the end, a quarter as many pictures.
        lr: the highest learning rate, or "auto" to look for one; None for that of the optimizer.
        backbone_lr: that of the backbone's layers; a tenth of the other if None.
        optimizer, schedule, warmup, weight_decay, clip, ema: see `dltk.training.stage.Regime`.
        augment, flip: how pictures are varied while the backbone is trained, see
            `dltk.data.augment`. Left and right mean something in most captions.
        patience: stop a stage after so many epochs without progress on validation data; 0: never.
        val_share, test_share: of data that is not divided.
        seed: of splits, order, augmentation, initial weights and dropout.
        devices, strategy: see `dltk.strategy.place_training`.
        precision: of the backbone while it is trained, see
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
    where = data.where if isinstance(data, CaptionData) else os.fspath(data)
    run = None if resume is None else _open_run(asked, where, placement.chief)
    data = data if isinstance(data, CaptionData) else read_captions(data, report=say)
    data = split_captions(data, val_share=val_share, test_share=test_share, seed=seed)
    fitting_batch_size(batch_size, len(data.splits["train"]), placement.replicas)
    check_words(data, min_count)
    run = run or _open_run(asked, where, placement.chief)

    def log(line: str) -> None:
        run.log(line)
        say(line)

    with run.going():
        log(f"run folder: {run.path}")
        log(placement.reason)
        if placement.chief:
            tell_findings(check_captions(data, decode=False, threads=cores()), log)
        training = CaptionerTraining(asked, plan, data, placement, run, log)
        return _finish(training, training.train())


def resume_train_captioner(
    run: str | os.PathLike, *, report: Report = silent, **free
) -> TrainedCaptioner:
    """Go on with the run in a folder, with the data and options it was begun with.

    Args:
        free: options that may be others now: data, devices, strategy, save_every.
    """
    stored = RunFolder.open(run, _COMMAND).options
    known = inspect.signature(train_captioner).parameters
    options = {name: value for name, value in stored.items() if name in known}
    return train_captioner(**options | free, resume=run, report=report)


def _open_run(asked: SimpleNamespace, where: str, chief: bool) -> RunFolder:
    about = {"slug": asked.preset, "files": named_files(asked, "backbone"), "free": _FREE}
    return begin_run(_COMMAND, asked, where, **about, chief=chief)


def _finish(training: CaptionerTraining, captioner) -> TrainedCaptioner:
    """Measure the captioner on held-out pictures, save it, and write the report."""
    data, run = training.data, training.run
    evaluation = training.evaluate(captioner, run.path / MODEL_FILE)
    metrics = evaluation.report.to_dict() | {"split": evaluation.split} if evaluation else {}
    card = ModelCard(
        task="caption",
        labels=training.vocabulary.words,
        geometry=training.plan.geometry,
        backbone=training.asked.backbone,
        training={
            "options": run.options,
            "chosen": training.chosen,
            "pictures": {name: len(part) for name, part in data.splits.items()},
        },
        metrics=metrics,
    )
    done = TrainedCaptioner(
        run=run.path,
        model=run.path / MODEL_FILE,
        words=len(training.vocabulary.words),
        evaluation=evaluation,
        chosen=training.chosen,
        passed_over=data.passed_over,
        chief=run.chief,
    )
    if run.chief:
        if not done.model.exists():  # or it was saved before, and the rest is shown again
            save_model(captioner, done.model, card)
        training.write_outcome(evaluation)
        run.log(f"finished: {done.model}")
    return done


_DEFAULTS = {name: p.default for name, p in inspect.signature(train_captioner).parameters.items()}
