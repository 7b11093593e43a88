"""Train an answerer on pictures about which questions are asked.

Attention in two glimpses, of which the second looks for more by what the first saw ("Stacked
Attention Networks", Yang et al. 2016, https://arxiv.org/abs/1511.02274); each tells what things are
like, and counts them ("Learning to Count", Zhang et al. 2018, https://arxiv.org/abs/1802.05766). On
any network of the catalog with maps of the strides needed.

from recipes.train_answerer import train_answerer

done = train_answerer("vqa/", epochs=20)
print(done.model, done.evaluation.report.accuracy)
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from dltk.data.datasets import QuestionData
from dltk.data.pipeline import fitting_batch_size
from dltk.data.questions import check_questions, read_questions, split_questions
from dltk.strategy import Placement
from dltk.text.answers import frequent_answers
from dltk.text.tokens import tokens
from dltk.weights import Report, silent
from recipes._answerer_plan import check_answers, plan_of
from recipes._answerer_training import AnswererTraining
from recipes._plans import require_words
from recipes._runs import named_files
from recipes._trainings import DataKind, Trained, asked_for, begun, defaults_of, finished, gone_on

_COMMAND = "train answerer"
_KIND = DataKind(QuestionData, read_questions, split_questions, check_questions)


@dataclass(frozen=True, kw_only=True)
class TrainedAnswerer(Trained):
    """A finished training, see `recipes._trainings.Trained`.

    Attributes:
        words, answers: how many the answerer knows.
        evaluation: a `recipes._answer_evaluation.AnswerEvaluation`.
    """

    words: int
    answers: int


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
    asked = asked_for(locals())
    plan = plan_of(asked, defaults_of(train_answerer))

    def fits(data: QuestionData, placement: Placement) -> None:
        fitting_batch_size(batch_size, len(data.splits["train"]), placement.replicas)
        told = data.splits["train"].questions
        said = (tokens(question.text) for questions in told for question in questions)
        require_words(said, min_count, "training questions")
        check_answers(frequent_answers((each.answers for row in told for each in row), 2))

    about = {"slug": "answerer", "files": named_files(asked, "backbone"), "fits": fits}
    with begun(_COMMAND, asked, data, _KIND, **about, report=report) as begins:
        training = AnswererTraining(asked, plan, *begins)
        network = training.train()
        words, answers = training.vocabulary.words, training.answers
        about = {"task": "answer", "labels": answers, "vocabulary": words}
        return finished(
            training, network, TrainedAnswerer, **about, words=len(words), answers=len(answers)
        )


def resume_train_answerer(
    run: str | os.PathLike, *, report: Report = silent, **free
) -> TrainedAnswerer:
    """Go on with the run in a folder, with the data and options it was begun with.

    Args:
        free: options that may be others now: data, devices, strategy, save_every.
    """
    return gone_on(train_answerer, _COMMAND, run, report, free)
