"""Train an answerer on pictures about which questions are asked.

Attention in two glimpses, one that tells what a thing is like, and one that counts: "Stacked
Attention Networks" (Yang et al. 2016, https://arxiv.org/abs/1511.02274) and "Learning to Count"
(Zhang et al. 2018, https://arxiv.org/abs/1802.05766), on any network of the catalog with maps of
the strides needed.

from recipes.train_answerer import train_answerer

done = train_answerer("vqa/", epochs=20)
print(done.model, done.evaluation.report.accuracy)
"""

from __future__ import annotations

import inspect
import os
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

from dltk.data.examples import QuestionData
from dltk.data.pipeline import fitting_batch_size
from dltk.data.questions import check_questions, read_questions, split_questions
from dltk.modelfile import ModelCard, save_model
from dltk.strategy import cores, place_training
from dltk.training.run import MODEL_FILE, RunFolder
from dltk.weights import Report, silent
from recipes._answer_evaluation import AnswerEvaluation
from recipes._answerer_plan import check_words, plan_of
from recipes._answerer_training import AnswererTraining
from recipes._runs import begin_run, named_files, tell_findings

_COMMAND = "train answerer"
# Options that say where and how often, not what: a resumed run may have others.
_FREE = {"data", "run_dir", "resume", "devices", "strategy", "save_every", "report"}


@dataclass(frozen=True)
class TrainedAnswerer:
    """A finished training.

    Attributes:
        run: the run folder.
        model: the model file in it.
        words, answers: how many the answerer knows.
        evaluation: how good it is on held-out pictures, "test" or, without those, "val"; None
            without any.
        chosen: what was found on the way: the best epoch of each stage.
        passed_over: (name, why) of files that are no examples.
        chief: False for a worker of several that does not write the run folder.
    """

    run: Path
    model: Path
    words: int
    answers: int
    evaluation: AnswerEvaluation | None
    chosen: dict
    passed_over: tuple[tuple[str, str], ...]
    chief: bool = True

    def to_dict(self) -> dict:
        """Return the outcome, ready for JSON."""
        return {
            "run": str(self.run),
            "model": str(self.model),
            "words": self.words,
            "answers": self.answers,
            "evaluation": self.evaluation.to_dict() if self.evaluation else None,
            "chosen": self.chosen,
            "passed_over": [{"path": name, "why": why} for name, why in self.passed_over],
        }


def train_answerer(
    data,
    *,
    units: int = 256,
    embedding: int = 128,
    attention: int = 256,
    places: int = 256,
    backbone: str = "efficientnet-lite0",
    size: int = 224,
    unfreeze: str | int = "all",
    min_count: int = 1,
    answers: int = 3000,
    longest: int = 30,
    dropout: float = 0.2,
    epochs: int = 20,
    tune_epochs: int = 0,
    batch_size: int = 16,
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
) -> TrainedAnswerer:
    """Train an answerer on pictures with questions and answers.

    First what reads and answers is trained, on what the backbone sees, which is worked out once and
    kept; and then, if that is asked for, both together.

    Args:
        data: what `dltk.data.questions.read_questions` takes, or QuestionData. What is not divided
            is split, seeded.
        units, embedding: see `dltk.layers.question_reader.QuestionReader`.
        attention: see `dltk.layers.answering.Answering`.
        places: channels of a place, see `dltk.layers.places.Places`; not for a captioner, which has
            its own.
        backbone: a name in the catalog or a `.keras` file of a classifier, with its own weights; or
            of a captioner, for what that looks with: it knows already what is talked about.
        size: of the square that pictures are drawn to, in pixels; a multiple of 32.
        unfreeze: train so many top layers of the backbone in the end: a number, or "all". Only
            layers with weights count, and batch normalisation stays frozen.
        min_count: how often a word must be asked to be learnt.
        answers: how many are learnt, at most: those that fit most questions.
        longest: words of a question, at most; what is behind is cut off.
        dropout: see `Answering`.
        epochs: at most, with the backbone as it is.
        tune_epochs: then, with the layers of the backbone that `unfreeze` names; 0 for none.
        batch_size: pictures in a step, over all replicas, each with its questions, see
            `dltk.data.questions.batches.MOST_QUESTIONS`.
        lr: the highest learning rate, or "auto" to look for one; None for that of the optimizer.
        backbone_lr: that of the backbone's layers; a tenth of the other if None.
        optimizer, schedule, warmup, weight_decay, clip, ema: see `dltk.training.stage.Regime`.
        augment, flip: how pictures are varied while the backbone is trained, see
            `dltk.data.augment`. Left, right and colours mean something in most questions.
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
    where = data.where if isinstance(data, QuestionData) else os.fspath(data)
    run = None if resume is None else _open_run(asked, where, placement.chief)
    data = data if isinstance(data, QuestionData) else read_questions(data, report=say)
    data = split_questions(data, val_share=val_share, test_share=test_share, seed=seed)
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
            tell_findings(check_questions(data, decode=False, threads=cores()), log)
        training = AnswererTraining(asked, plan, data, placement, run, log)
        return _finish(training, training.train())


def resume_train_answerer(
    run: str | os.PathLike, *, report: Report = silent, **free
) -> TrainedAnswerer:
    """Go on with the run in a folder, with the data and options it was begun with.

    Args:
        free: options that may be others now: data, devices, strategy, save_every.
    """
    stored = RunFolder.open(run, _COMMAND).options
    known = inspect.signature(train_answerer).parameters
    options = {name: value for name, value in stored.items() if name in known}
    return train_answerer(**options | free, resume=run, report=report)


def _open_run(asked: SimpleNamespace, where: str, chief: bool) -> RunFolder:
    about = {"slug": "answerer", "files": named_files(asked, "backbone"), "free": _FREE}
    return begin_run(_COMMAND, asked, where, **about, chief=chief)


def _finish(training: AnswererTraining, answerer) -> TrainedAnswerer:
    """Measure the answerer on held-out pictures, save it, and write the report."""
    data, run = training.data, training.run
    evaluation = training.evaluate(answerer, run.path / MODEL_FILE)
    metrics = evaluation.report.to_dict() | {"split": evaluation.split} if evaluation else {}
    card = ModelCard(
        task="answer",
        labels=training.answers,
        geometry=training.plan.geometry,
        backbone=training.asked.backbone,
        training={
            "options": run.options,
            "chosen": training.chosen,
            "pictures": {name: len(part) for name, part in data.splits.items()},
        },
        metrics=metrics,
        words=training.vocabulary.words,
    )
    done = TrainedAnswerer(
        run=run.path,
        model=run.path / MODEL_FILE,
        words=len(training.vocabulary.words),
        answers=len(training.answers),
        evaluation=evaluation,
        chosen=training.chosen,
        passed_over=data.passed_over,
        chief=run.chief,
    )
    if run.chief:
        if not done.model.exists():  # or it was saved before, and the rest is shown again
            save_model(answerer, done.model, card)
        training.write_outcome(evaluation)
        run.log(f"finished: {done.model}")
    return done


_DEFAULTS = {name: p.default for name, p in inspect.signature(train_answerer).parameters.items()}
