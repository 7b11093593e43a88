"""Train a generator of texts like your own.

A recurrent network over characters or words (Graves 2013, https://arxiv.org/abs/1308.0850, Sec. 2;
Karpathy 2015, "The Unreasonable Effectiveness of Recurrent Neural Networks", and his char-rnn).

from recipes.train_text_generator import train_text_generator

done = train_text_generator("novels/", epochs=20)
print(done.model, done.evaluation.report.bits)
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

from dltk.data.corpora import CorpusData, check_corpus, encoded_corpus
from dltk.strategy import Placement
from dltk.text.corpus import Corpus
from dltk.weights import Report, silent
from dltk.wording import amount
from recipes._corpora import found, named
from recipes._text_generator_plan import plan_of
from recipes._text_generator_training import TextGeneratorTraining, lanes_of
from recipes._trainings import DataKind, Trained, asked_for, begun, finished, gone_on

_COMMAND = "text train --task generate"


@dataclass(frozen=True, kw_only=True)
class TrainedTextGenerator(Trained):
    """A finished training, see `recipes._trainings.Trained`.

    Attributes:
        tokens: how many different ones the generator knows.
        evaluation: a `recipes._text_generator_evaluation.TextGeneratorEvaluation`.
    """

    tokens: int


def train_text_generator(
    data: str | os.PathLike | Iterable[str | os.PathLike] | Corpus,
    *,
    preset: str = "lstm",
    unit: str = "character",
    lower: bool = False,
    min_count: int = 2,
    vocabulary: int | None = None,
    layers: int = 2,
    units: int = 256,
    size: int | None = None,
    dropout: float = 0.0,
    length: int = 100,
    epochs: int = 20,
    batch_size: int = 32,
    lr: float | str | None = None,
    optimizer: str = "adam",
    schedule: str = "cosine",
    warmup: float = 0.0,
    weight_decay: float = 0.0,
    patience: int = 3,
    clip: float = 5.0,
    ema: float = 0.0,
    prompt: str = "",
    val_share: float = 0.05,
    test_share: float = 0.05,
    seed: int = 0,
    devices: str = "auto",
    strategy: str = "auto",
    save_every: float = 30.0,
    run_dir: str | os.PathLike | None = None,
    resume: str | os.PathLike | None = None,
    report: Report = silent,
) -> TrainedTextGenerator:
    """Train a generator on running text, of any size.

    The text is read in many places at once, window after window, with the network's state carried
    on from each to the next, see `dltk.data.passages.Passages`. Its end is held out: first a part
    by which the best epoch is chosen, then one to measure on.

    Args:
        data: what `dltk.text.corpus.text_files` takes (a file, a folder, a pattern, "@FILE", or
            several of these), or a `dltk.text.corpus.Corpus`, such as Corpus.of("…").
        preset: "lstm", "gru", or "rnn", the plain one: h = tanh(W x + U h + b).
        unit: what it reads and writes: "character", each a code point; or "word", marks and line
            breaks among them.
        lower: whether in lower case.
        min_count: how often a character or word must be in the part to train on to be known.
        vocabulary: know at most so many, the most frequent ones; None for all characters, and for
            20,000 words.
        layers, units: of the network.
        size: numbers that stand for a character or word, its vector; 64 and 256 if None.
        dropout: share left out between layers in training, see
            `dltk.models.text_generator.network.new_text_generator`.
        length: tokens of a window, through which gradients are propagated back.
        epochs: at most, see `patience`.
        batch_size: windows in a step, over all replicas.
        lr: the highest learning rate, or "auto" to look for one; None for 0.004, or the usual
            one of an optimizer other than adam, adamw and rmsprop.
        optimizer, schedule, warmup, weight_decay, clip, ema: see `dltk.training.stage.Regime`.
        patience: stop after so many epochs without progress on validation text; 0: never.
        prompt: what the samples written after each epoch go on from.
        val_share, test_share: of the text, at its end.
        seed: of initial weights, dropout, where epochs begin, and samples.
        devices, strategy: see `dltk.strategy.place_training`.
        save_every: seconds between saves of the state.
        run_dir: exactly where to put the run folder.
        resume: a run folder to go on with; all options must be as they were.
        report: called with a line now and then.
    Raises:
        UsageError: unknown names, numbers that cannot be, files that are no text, data or options
            that differ from those of the run to go on with.
        DltkError: a loss that is no longer a number, a full disk.
        InterruptedRunError: Ctrl-C; the message has the command that goes on.
    """
    asked = asked_for(locals())
    plan = plan_of(asked)
    read = partial(
        encoded_corpus,
        tokenizer=plan.tokenizer,
        min_count=min_count,
        most=plan.most,
        report=report,
    )
    kind = DataKind(Corpus, found, read, check_corpus)

    def fits(data: CorpusData, placement: Placement) -> str:
        lanes = lanes_of(asked, data, placement)
        return f"{amount(lanes // placement.replicas, 'window')} a replica and step"

    if (names := named(data)) is not None:
        asked.data, data = names, Corpus.found(names, report)
    about = {"slug": f"{unit}s-{preset}", "fits": fits}
    with begun(_COMMAND, asked, data, kind, **about, report=report) as begins:
        training = TextGeneratorTraining(asked, plan, *begins)
        network = training.train()
        language = training.data.language
        return finished(
            training,
            network,
            TrainedTextGenerator,
            task="generate texts",
            labels=(),
            vocabulary=language.vocabulary.words,
            text=language.to_dict(),
            noun=unit,
            tokens=len(language.vocabulary.words),
        )


def resume_train_text_generator(
    run: str | os.PathLike, *, report: Report = silent, **free
) -> TrainedTextGenerator:
    """Go on with the run in a folder, with the data and options it was begun with.

    Args:
        free: options that may be others now: data, devices, strategy, save_every.
    """
    return gone_on(train_text_generator, _COMMAND, run, report, free)
