"""Measure a generator of texts on a text: how well it foretells that."""

from __future__ import annotations

import os
from collections.abc import Iterable

import numpy as np

from dltk.data.corpora import digest_of
from dltk.errors import UsageError, printable
from dltk.models.find import ModelSource
from dltk.text.corpus import Corpus, encode_files
from dltk.weights import Report
from dltk.wording import amount
from recipes._measuring import digests_trained_on
from recipes._text_generator_evaluation import TextGeneratorEvaluation
from recipes._text_generators import language_of


def evaluate_text_generator(
    source: ModelSource,
    data: str | os.PathLike | Iterable[str | os.PathLike] | Corpus,
    *,
    name: str,
    devices: str,
    strategy: str,
    report: Report,
) -> TextGeneratorEvaluation:
    """Measure a generator of texts; what `evaluate` does for one.

    The text is read from its beginning to its end, see `dltk.engine.reader.Reader`; several texts
    one behind the other.

    Args:
        source: of the generator.
        data: see `recipes.train_text_generator.train_text_generator`.
        name: what the model is called in the result.
        Others: see `recipes.evaluate.evaluate`, which tells the errors too.
    """
    language = language_of(source)
    corpus = data if isinstance(data, Corpus) else Corpus.found(data, report)
    about = language.tokenizer, language.vocabulary
    numbers = encode_files(corpus.sources, *about, ends=False, report=report).numbers()
    unit = language.tokenizer.unit
    if len(numbers) < 2:
        raise UsageError(
            f"{printable(corpus.where)} has {amount(len(numbers), unit)}; a text of two at least "
            "can be foretold"
        )

    from dltk.engine.reader import Reader
    from dltk.models.text_generator.load import load_text_generator
    from dltk.strategy import place

    placement = place(devices, strategy)
    with placement.strategy.scope():
        network = load_text_generator(source)
    report(f"{printable(source.name)} on Keras, {placement.reason}, {amount(len(numbers), unit)}")
    return TextGeneratorEvaluation(
        model=name,
        data=corpus.where,
        split="all",
        report=Reader(network).measure(numbers, unit),
        seen_in_training=_seen_in_training(source, numbers, report),
    )


def _seen_in_training(source: ModelSource, numbers: np.ndarray, report: Report) -> int | None:
    """Return how many tokens the text begins with that the generator was trained on, if it was on
    just these; None where no split.csv beside the model tells."""
    language, trained = language_of(source), digests_trained_on(source.path, report)
    if trained is None:
        return None
    count = source.card.training.get(f"{language.tokenizer.unit}s", {}).get("train", 0)
    is_seen = 0 < count <= len(numbers) and (
        digest_of(language.vocabulary.words, numbers[:count]) in trained
    )
    return count if is_seen else 0
