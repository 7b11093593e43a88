"""The steps of training a generator of texts, which `recipes.train_text_generator` is the front
of."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import keras

from dltk.data.corpora import CorpusData, digest_of, token_counts
from dltk.data.passages import Passages, windows_of
from dltk.data.pipeline import fitting_batch_size
from dltk.engine.reader import Reader
from dltk.engine.writer import Style, Writer
from dltk.errors import UsageError
from dltk.files import whole
from dltk.metrics.language import unigram_report
from dltk.models.text_generator.learning import Learner
from dltk.models.text_generator.network import new_text_generator
from dltk.strategy import Placement
from dltk.text.vocabulary import UNKNOWN
from dltk.training.stage import train_stage
from dltk.wording import amount
from recipes._runs import regime_of
from recipes._text_generator_evaluation import TextGeneratorEvaluation
from recipes._text_generator_outcome import write_outcome
from recipes._text_generator_plan import TextGeneratorPlan

STAGE = "write"
_SHOWN = {"character": Style(600, temperature=0.8), "word": Style(150, temperature=0.8)}
"""What is written after each epoch."""


class TextGeneratorTraining:
    """One training of a generator of texts, step by step."""

    def __init__(
        self, asked, plan: TextGeneratorPlan, data: CorpusData, placement: Placement, run, report
    ):
        self.asked, self.plan, self.data = asked, plan, data
        self.placement, self.run, self.report = placement, run, report
        self.chosen: dict = {}

    def train(self) -> keras.Model:
        """Return the trained generator."""
        self._keep_data()
        asked, language, train = self.asked, self.data.language, self.data.splits["train"]
        self._tell()
        lanes = lanes_of(asked, self.data, self.placement)
        with self.placement.strategy.scope():
            keras.utils.set_random_seed(asked.seed)
            self._network = new_text_generator(
                len(language.vocabulary),
                cell=asked.preset,
                depth=asked.layers,
                units=asked.units,
                embedding=self.plan.size,
                dropout=asked.dropout,
            )
            learner = Learner(self._network, lanes=lanes)
        judged = "val" in self.data.splits
        progress = train_stage(
            learner,
            Passages(train, length=asked.length, batch_size=lanes, seed=asked.seed),
            stage=STAGE,
            epochs=asked.epochs,
            rate=self.plan.rate,
            loss=None,
            metrics=[],
            regime=regime_of(asked, patience=asked.patience if judged else 0),
            placement=self.placement,
            run=self.run,
            measure=self._measure,
            score=(lambda row: [-row["val_loss"]]) if judged else None,
            report=self.report,
        )
        if judged:
            self.chosen["best epoch"] = progress.best_epoch
        return self._network

    def evaluate(self, network: keras.Model, model: Path) -> TextGeneratorEvaluation | None:
        """Return how well held-out text is foretold, if there is any.

        Args:
            network: from `train`.
            model: where it goes.
        """
        split = next((name for name in ("test", "val") if name in self.data.splits), None)
        if split is None:
            return None
        self._network = network
        numbers, unit = self.data.splits[split], self.asked.unit
        self.report(f"measuring on {amount(len(numbers), unit)}")
        size = len(self.data.language.vocabulary)
        counts = (token_counts(self.data.splits[name], size) for name in ("train", split))
        return TextGeneratorEvaluation(
            model=str(model),
            data=self.data.where,
            split=split,
            report=self._reader.measure(numbers, unit, ahead=self._ahead_of(split)),
            unigram=unigram_report(*counts, unit=unit, unknown=UNKNOWN),
        )

    def write_outcome(self, evaluation: TextGeneratorEvaluation | None) -> None:
        """Write the evaluation, curves.png and report.md to the run folder."""
        if evaluation:
            evaluation.save(self.run.path, overwrite=True)
        write_outcome(
            self.run,
            where=self.data.where,
            evaluation=evaluation,
            tokens={name: len(part) for name, part in self.data.splits.items()},
            known=len(self.data.language.vocabulary.words),
            chosen=self.chosen,
            best=self.chosen.get("best epoch", len(self.run.rows[STAGE])),
        )

    def _keep_data(self) -> None:
        """Note in the run folder what is trained and measured on; or check that it is as it was."""
        unit = self.asked.unit
        self.run.keep_data(
            [
                {
                    "path": f"the part for {split}",
                    "label": amount(len(numbers), unit),
                    "split": split,
                    "digest": digest_of(self.data.language.vocabulary.words, numbers),
                }
                for split, numbers in self.data.splits.items()
            ]
        )

    def _tell(self) -> None:
        language, unit = self.data.language, self.asked.unit
        counts = ", ".join(f"{len(part):,} {name}" for name, part in self.data.splits.items())
        known = len(language.vocabulary.words)
        self.report(f"{counts} {unit}s; {amount(known, 'of them', 'of them')} are distinct")
        if unknown := language.unknown(self.asked.prompt):
            self.report(
                f"note: --prompt has {amount(len(unknown), unit)} that the text has too seldom"
            )

    def _ahead_of(self, split: str):
        """Return the tokens in front of a held-out part."""
        names = list(self.data.splits)
        return self.data.splits[names[names.index(split) - 1]]

    @cached_property
    def _reader(self) -> Reader:
        return Reader(self._network)

    @cached_property
    def _writer(self) -> Writer:
        about = {"batch_size": 1, "ends": self.data.language.ends}
        return Writer(self._network, self.placement.strategy, _SHOWN[self.asked.unit], **about)

    def _measure(self) -> dict[str, float]:
        """Write a text from the same beginning and seed as after every epoch; read what is held
        out, and return how well that is foretold."""
        self._write_sample(len(self.run.rows[STAGE]) + 1)
        if "val" not in self.data.splits:
            return {}
        unit = self.asked.unit
        ahead = self._ahead_of("val")
        report = self._reader.measure(self.data.splits["val"], unit, ahead=ahead)
        measures = {"val_loss": report.nats}
        if unit == "character":
            measures["val_bits_per_character"] = report.bits
        return measures | {"val_perplexity": report.perplexity}

    def _write_sample(self, epoch: int) -> None:
        language, prompt = self.data.language, self.asked.prompt
        (written,) = self._writer(language.begin(prompt), [0], seed=self.asked.seed)
        if self.run.chief:
            text = prompt + language.continuation(prompt, written.numbers) + "\n"
            with whole(sample_of(self.run.path, epoch)) as part:
                part.write_text(text, encoding="utf-8")


def sample_of(run: Path, epoch: int) -> Path:
    """Return where what was written after an epoch is kept."""
    return run / "samples" / f"{epoch:03d}.txt"


def lanes_of(asked, data: CorpusData, placement: Placement) -> int:
    """Return how many texts a step reads, over all replicas.

    Of few windows it is a power of two, and so the same on most numbers of replicas: a run may go
    on with another one.

    Raises:
        UsageError: too few windows for the replicas, or none; they cannot share what was asked for.
    """
    windows = windows_of(data.splits["train"], asked.length)
    if windows < placement.replicas:
        raise UsageError(
            f"--length {asked.length}: there are {windows} windows of so many tokens to train on, "
            f"and {placement.replicas} replicas; take shorter ones, or more text"
        )
    lanes = asked.batch_size
    if windows < lanes:
        lanes = 1 << windows.bit_length() - 1
    return fitting_batch_size(lanes, windows, placement.replicas)
