"""The steps of training word vectors, which `recipes.train_vectors` is the front of."""

from __future__ import annotations

import keras

from dltk.data.windows import BLOCK, Windows, kept_share
from dltk.data.word_corpora import WordData
from dltk.errors import UsageError
from dltk.models.word_vectors import WordLearner
from dltk.strategy import Placement
from dltk.text.vectors import WordVectors, write_vectors
from dltk.training.rowwise import RowwiseSGD
from dltk.training.stage import train_compiled
from dltk.wording import amount
from recipes._vectors_outcome import BINARY, TEXT, write_outcome
from recipes._vectors_plan import VectorsPlan

STAGE = "vectors"
_LEAST_RATE = 1e-4  # that is left in the end, as a part of the first
_NOISE = 16  # words of it that a block has, at least
_LEAST_STEPS = 50  # of an epoch, if the text is not too short for so many


class VectorsTraining:
    """One training of word vectors, step by step."""

    def __init__(self, asked, plan: VectorsPlan, data: WordData, placement: Placement, run, report):
        self.asked, self.plan, self.data = asked, plan, data
        self.placement, self.run, self.report = placement, run, report

    def train(self) -> WordVectors:
        """Return the trained vectors, the most frequent words first."""
        self._keep_data()
        asked, data = self.asked, self.data
        batches = Windows(
            data.tokens,
            data.counts,
            window=asked.window,
            subsample=asked.subsample,
            noise=max(_NOISE, 2 * asked.negatives),
            blocks=words_of(asked, data, self.placement) // BLOCK,
            seed=asked.seed,
        )
        self._tell(batches)
        steps = asked.epochs * batches.steps_per_epoch
        rate, least = self.plan.rate, self.plan.rate * _LEAST_RATE
        with self.placement.strategy.scope():
            learner = WordLearner(
                len(data.words),
                asked.size,
                preset=asked.preset,
                window=asked.window,
                negatives=asked.negatives,
                seed=asked.seed,
            )
            falling = keras.optimizers.schedules.PolynomialDecay(rate, steps, least)
            learner.compile(RowwiseSGD(falling, longest=self.plan.longest))
        train_compiled(
            learner,
            batches,
            stage=STAGE,
            epochs=asked.epochs,
            seed=asked.seed,
            save_every=asked.save_every,
            placement=self.placement,
            run=self.run,
            report=self.report,
        )
        return WordVectors(data.words, learner.vectors.numpy())

    def finish(self, vectors: WordVectors) -> None:
        """Write vectors and report to the run folder."""
        if not self.run.chief:
            return
        for name in (BINARY, TEXT) if self.asked.text else (BINARY,):
            write_vectors(self.run.path / name, vectors)
        write_outcome(self.run, self.data, vectors, rate=self.plan.rate)
        self.run.log(f"finished: {self.run.path / BINARY}")

    def _keep_data(self) -> None:
        """Note in the run folder what is trained on; or check that it is as it was."""
        told = {"path": "the text", "label": amount(len(self.data.words), "word")}
        self.run.keep_data([told | {"split": "train", "digest": self.data.digest()}])

    def _tell(self, batches: Windows) -> None:
        data, known = self.data, int(self.data.counts.sum())
        self.report(
            f"{amount(data.length, 'word')}, of which {len(data.words):,} different ones are known "
            f"({known / data.length:.1%} of the text); about {batches.words:,.0f} in an epoch"
        )


def words_of(asked, data: WordData, placement: Placement) -> int:
    """Return how many words a step learns from, over all replicas: whole blocks for each.

    As many as asked for, or less where the text would be learnt in too few steps: then the blocks
    are a power of two, and so as many on most numbers of replicas; a run may go on with another
    one.

    Raises:
        UsageError: what was asked for cannot be shared out in blocks.
    """
    least = BLOCK * placement.replicas
    if asked.batch_size % least:
        raise UsageError(
            f"--batch-size {asked.batch_size}: words are learnt from in blocks of {BLOCK} for each "
            f"replica; take {max(1, asked.batch_size // least) * least}"
        )
    words = float(data.counts @ kept_share(data.counts, asked.subsample))
    fitting = int(words / _LEAST_STEPS)
    if fitting >= asked.batch_size:
        return asked.batch_size
    blocks = 1 << max(1, fitting // BLOCK).bit_length() - 1
    if blocks % placement.replicas:
        raise UsageError(
            f"the text is so short that steps of {blocks * BLOCK} words are right, which "
            f"{placement.replicas} replicas cannot share; take fewer --devices"
        )
    return blocks * BLOCK
