"""Learn vectors of words from running text, so that words that are used alike are near each other.

word2vec: skip-gram and the continuous bag of words (Mikolov et al. 2013,
https://arxiv.org/abs/1301.3781), with negative sampling, and frequent words left out by chance
(Mikolov et al. 2013, https://arxiv.org/abs/1310.4546).

from recipes.analogy import analogy
from recipes.train_vectors import train_vectors

done = train_vectors("corpus/", size=200)
print(analogy("king - man + woman", model=done.model).answers)
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

from dltk.data.word_corpora import WordData, check_words, read_words
from dltk.strategy import Placement
from dltk.text.corpus import Corpus
from dltk.weights import Report, silent
from dltk.wording import amount
from recipes._corpora import found, named
from recipes._trainings import FREE, DataKind, Trained, asked_for, begun, defaults_of, gone_on
from recipes._vectors_outcome import BINARY
from recipes._vectors_plan import plan_of
from recipes._vectors_training import VectorsTraining, words_of

_COMMAND = "text vectors"
_FREE = FREE | {"text"}


@dataclass(frozen=True, kw_only=True)
class TrainedVectors(Trained):
    """A finished training, see `recipes._trainings.Trained`.

    Attributes:
        model: a file of vectors, see `dltk.text.vectors.read_vectors`.
        words: how many have a vector.
        evaluation: None.
    """

    words: int


def train_vectors(
    data: str | os.PathLike | Iterable[str | os.PathLike] | Corpus,
    *,
    preset: str = "skip-gram",
    size: int = 100,
    window: int = 5,
    negatives: int = 5,
    subsample: float = 1e-3,
    unit: str = "word",
    lower: bool = True,
    min_count: int = 5,
    vocabulary: int | None = None,
    phrases: int = 0,
    phrase_threshold: float = 100.0,
    phrase_discount: float = 5.0,
    epochs: int = 5,
    batch_size: int = 8192,
    lr: float | None = None,
    seed: int = 0,
    devices: str = "auto",
    strategy: str = "auto",
    save_every: float = 30.0,
    text: bool = False,
    run_dir: str | os.PathLike | None = None,
    resume: str | os.PathLike | None = None,
    report: Report = silent,
) -> TrainedVectors:
    """Learn vectors of words from running text, of any size.

    It learns from many windows at a time, cut from all over the text, where word2vec goes from word
    to word: see `dltk.data.windows.Windows` and `dltk.training.rowwise.RowwiseSGD` on what that
    changes, and `dltk.models.word_vectors` on the gradient of cbow.

    Args:
        data: what `dltk.text.corpus.text_files` takes (a file, a folder, a pattern, "@FILE", or
            several of these), or a `dltk.text.corpus.Corpus`. Windows end at the ends of lines.
        preset: "skip-gram", better where text is short and for rare words; or "cbow".
        size: numbers of a vector.
        window: words on each side that count as near, at most; how many is drawn for each word.
        negatives: words drawn by chance for each that is predicted; 5-20 for short text, 2-5 for
            very long (Mikolov et al. 2013).
        subsample: words that are a larger share of the text than this are left out by chance, the
            more the more frequent they are; 0 to leave out none.
        unit: "word", see `dltk.text.tokens.tokens`, or "space": what stands between spaces.
        lower: whether in lower case.
        min_count: how often a word must be in the text to be known; others are passed over.
        vocabulary: know at most so many words, the most frequent ones; None for all.
        phrases: how often to look for pairs of words that are one phrase, such as new_york, before
            learning; 2 finds phrases of up to four words.
        phrase_threshold, phrase_discount: see `dltk.data.word_corpora.read_words`.
        epochs: how often the text is learnt from.
        batch_size: words in a step, over all replicas, at most; short text has smaller steps.
        lr: the learning rate at the beginning, from which it falls in a straight line; 0.025, of
            "cbow" 0.2, if None.
        seed: of initial vectors, order, words left out, windows and noise.
        devices, strategy: see `dltk.strategy.place_training`.
        save_every: seconds between saves of the state.
        text: whether to write vectors.txt beside vectors.bin.
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
    plan = plan_of(asked, defaults_of(train_vectors))

    def read(corpus: Corpus, **shares) -> WordData:
        return read_words(
            corpus,
            tokenizer=plan.tokenizer,
            min_count=min_count,
            most=vocabulary,
            phrases=phrases,
            threshold=phrase_threshold,
            discount=phrase_discount,
            report=report,
        )

    def fits(data: WordData, placement: Placement) -> str:
        words = words_of(asked, data, placement)
        return f"{amount(words // placement.replicas, 'word')} a replica and step"

    if (names := named(data)) is not None:
        asked.data, data = names, Corpus.found(names, report)
    kind = DataKind(Corpus, found, read, check_words)
    about = {"slug": preset, "fits": fits, "free": _FREE}
    with begun(_COMMAND, asked, data, kind, **about, report=report) as begins:
        training = VectorsTraining(asked, plan, *begins)
        vectors = training.train()
        training.finish(vectors)
        run = training.run
        return TrainedVectors(
            run=run.path,
            model=run.path / BINARY,
            evaluation=None,
            chosen={},
            passed_over=(),
            chief=run.chief,
            words=len(vectors),
        )


def resume_train_vectors(run: str | os.PathLike, *, report: Report = silent, **free):
    """Go on with the run in a folder, with the data and options it was begun with.

    Args:
        free: options that may be others now: data, devices, strategy, save_every, text.
    """
    return gone_on(train_vectors, _COMMAND, run, report, free)
