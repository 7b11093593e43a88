"""Train a text classifier: spam or not, praise or blame, which of many topics.

Kim 2014, "Convolutional Neural Networks for Sentence Classification",
https://arxiv.org/abs/1408.5882, and recurrent networks; beside them softmax regression on counts
of words, to see what they are worth.

from recipes.train_text_classifier import train_text_classifier

done = train_text_classifier("reviews.csv")
print(done.model, done.evaluation.report.top1)
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial

from dltk.data.datasets import TextData
from dltk.data.pipeline import fitting_batch_size
from dltk.data.texts import check_texts, read_texts, split_texts
from dltk.errors import UsageError
from dltk.strategy import Placement
from dltk.weights import Report, silent
from dltk.wording import amount
from recipes._cross_validation import CrossValidation
from recipes._plans import require_words
from recipes._text_classifier_plan import plan_of
from recipes._text_classifier_training import TextClassifierTraining
from recipes._trainings import DataKind, Trained, asked_for, begun, defaults_of, finished, gone_on

_COMMAND = "text train"
_TASK = "classify texts"
_METRICS = ("examples", "top1", "top5", "loss", "macro_f1", "ece")


@dataclass(frozen=True, kw_only=True)
class TrainedTextClassifier(Trained):
    """A finished training, see `recipes._trainings.Trained`.

    Attributes:
        classes: their names, in the order of the outputs.
        words: how many the classifier knows.
        folds: how well networks did in cross-validation; None without any.
        evaluation: a `recipes._text_evaluation.TextEvaluation`.
    """

    classes: tuple[str, ...]
    words: int
    folds: CrossValidation | None

    def to_dict(self) -> dict:
        """Return the outcome, ready for JSON."""
        return super().to_dict() | {"folds": self.folds.to_dict() if self.folds else None}


def train_text_classifier(
    data,
    *,
    preset: str = "textcnn",
    embedding: str = "random",
    vectors: str | os.PathLike | None = None,
    size: int = 128,
    units: int = 128,
    windows: str = "3,4,5",
    maps: int = 100,
    max_norm: float = 3.0,
    dropout: float = 0.5,
    unit: str = "word",
    lower: bool = True,
    marks: bool = True,
    min_count: int = 2,
    vocabulary: int = 20_000,
    length: int | str = "auto",
    class_weights: str = "none",
    judge: str = "accuracy",
    folds: int = 0,
    epochs: int = 20,
    batch_size: int = 50,
    lr: float | str | None = None,
    optimizer: str = "adam",
    schedule: str = "cosine",
    warmup: float = 0.5,
    weight_decay: float = 0.0,
    patience: int = 5,
    clip: float = 5.0,
    ema: float = 0.0,
    val_share: float = 0.1,
    test_share: float = 0.1,
    text_column: str | int | None = None,
    label_column: str | int | None = None,
    seed: int = 0,
    devices: str = "auto",
    strategy: str = "auto",
    precision: str = "auto",
    save_every: float = 30.0,
    run_dir: str | os.PathLike | None = None,
    resume: str | os.PathLike | None = None,
    report: Report = silent,
) -> TrainedTextClassifier:
    """Train a classifier on labelled texts.

    Kim's own regime is optimizer "adadelta", schedule "constant", warmup 0, clip 0, patience 0, 25
    epochs and batches of 50, with vectors of 300 numbers. Adam gets as far on the texts of
    `dltk.text.grammar`, as fast, and is the default as it is everywhere here.

    Args:
        data: what `dltk.data.texts.read_texts` takes (class folders, .csv, .tsv, .jsonl, fastText's
            lines, a folder with train.csv, "tfds:NAME"), or TextData. What is not divided is split
            by class, seeded.
        preset: "textcnn", "lstm", "gru", "bilstm", "rnn" or "bow", see
            `dltk.models.text_classifier.network.Design`.
        embedding: how vectors of words begin, and whether they are learnt: "random", "static",
            "non-static" or "both", see there.
        vectors: a file of word2vec's or GloVe's to begin with, see
            `dltk.text.vectors.read_vectors`; needed for all embeddings but "random". Words that it
            has not begin in U(-0.25, 0.25).
        size: numbers of a word's vector; that of `vectors`, if these are given.
        units, windows, maps, max_norm, dropout: see `Design`. `windows` is told as "3,4,5".
        unit: what a token is: "word"; "space", what stands between spaces; or "character".
        lower: whether in lower case.
        marks: whether commas and their like are words too.
        min_count: how often a word must be in the training texts to be known.
        vocabulary: words, at most: those of the training texts, the most frequent first, and, if
            there is room, the first ones of `vectors`.
        length: tokens of a text that are looked at, its first; "auto" for what 95 of 100 training
            texts have no more than, rounded up to a multiple of 8, and 2000 at most.
        class_weights: "balanced" weighs each text by the rarity of its class in the loss, "none".
        judge: what of validation texts chooses the best epoch: "accuracy", or "macro-f1", in which
            rare classes count as much as others. Of equals, it is the lowest loss.
        folds: of a cross-validation of the training texts: so many networks more are trained,
            each without one fold, and measured on it. Their epochs are chosen by validation texts,
            too, and words that are in the fold alone are not known to them. 0 for none.
        epochs: at most, see `patience`.
        batch_size: texts in a step, over all replicas.
        lr: the highest learning rate, or "auto" to look for one; None for that of the optimizer.
        optimizer, schedule, warmup, weight_decay, clip, ema: see `dltk.training.stage.Regime`.
        patience: stop after so many epochs without progress on validation texts; 0: never.
        val_share, test_share: of data that is not divided.
        text_column, label_column: what the columns, keys or features are called; or their numbers,
            from 1, in a file without a header. None for the usual names.
        seed: of splits, folds, order, initial weights and dropout.
        devices, strategy: see `dltk.strategy.place_training`.
        precision: "float32", "bfloat16", "float16", or "auto": float32, but on a GPU "textcnn" is
            trained as `dltk.strategy.choose_training_precision` says.
        save_every: seconds between saves of the state.
        run_dir: exactly where to put the run folder.
        resume: a run folder to go on with; all options must be as they were.
        report: called with a line now and then.
    Raises:
        UsageError: unknown names, options that do not go together or do nothing, data or options
            that differ from those of the run to go on with.
        DltkError: vectors that cannot be read, a loss that is no longer a number, a full disk.
        InterruptedRunError: Ctrl-C; the message has the command that goes on.
        WeightsError: a data set out of reach.
    """
    asked = asked_for(locals())
    plan = plan_of(asked, defaults_of(train_text_classifier))
    columns = {"text_column": text_column, "label_column": label_column}
    if isinstance(data, TextData):
        for name, value in columns.items():
            if value is not None:
                option = name.replace("_", "-")
                raise UsageError(f"--{option} has no meaning here: the texts are in memory")
    kind = DataKind(TextData, partial(read_texts, **columns), split_texts, check_texts)

    def fits(data: TextData, placement: Placement) -> str:
        train, replicas = data.splits["train"], placement.replicas
        different = len(set(train.digests))
        if folds > different:  # copies share a fold
            texts = amount(different, "different training text")
            raise UsageError(f"--folds {folds}: there are {texts}")
        if vectors is None:
            said = (plan.tokenizer(train.text(at)) for at in range(len(train)))
            require_words(said, min_count, "training texts")
        fitting = fitting_batch_size(batch_size, len(train), replicas, "text")
        return f"{amount(fitting // replicas, 'text')} a replica and step"

    files = [] if vectors is None else ["vectors"]
    about = {"slug": preset, "files": files, "fits": fits, "report": report}
    with begun(_COMMAND, asked, data, kind, **about) as begins:
        training = TextClassifierTraining(asked, plan, *begins)
        network = training.train()
        encoder, classes = training.texts.encoder, training.data.classes
        return finished(
            training,
            network,
            TrainedTextClassifier,
            task=_TASK,
            labels=classes,
            vocabulary=encoder.vocabulary.words,
            text=encoder.to_dict(),
            noun="text",
            metrics=_METRICS,
            classes=classes,
            words=len(encoder.vocabulary.words),
            folds=training.folds,
        )


def resume_train_text_classifier(
    run: str | os.PathLike, *, report: Report = silent, **free
) -> TrainedTextClassifier:
    """Go on with the run in a folder, with the data and options it was begun with.

    Args:
        free: options that may be others now: data, devices, strategy, save_every.
    """
    return gone_on(train_text_classifier, _COMMAND, run, report, free)
