"""Measure a classifier of texts on labelled ones, run as `recipes.classify_text` runs it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from dltk.batch import batched
from dltk.data.datasets import TextData
from dltk.data.examples import Texts
from dltk.data.texts import holds_texts, read_texts
from dltk.errors import UsageError, printable
from dltk.metrics import measure
from dltk.models.find import ModelSource
from dltk.models.labels import distinct_names, find_outputs
from dltk.weights import Report
from dltk.wording import amount
from recipes._measuring import (
    choose_split,
    data_to_measure,
    examples_of,
    progressing,
    seen_in_training,
)
from recipes._text_classifiers import TextClassifier
from recipes._text_evaluation import TextEvaluation
from recipes.classify_text import window_of


def evaluate_text_classifier(
    source: ModelSource,
    data: str | os.PathLike | TextData,
    *,
    name: str,
    split: str,
    text_column: str | int | None,
    label_column: str | int | None,
    batch_size: int,
    engine: str,
    devices: str,
    strategy: str,
    precision: str,
    report: Report,
) -> TextEvaluation:
    """Measure a classifier of texts; what `evaluate` does for one.

    A text has one class here, so that micro-averaged precision, recall and F1 are all the accuracy.

    Args:
        source: of the classifier.
        name: what the model is called in the result.
        Others: see `recipes.evaluate.evaluate`, which tells the errors too.
    """
    if engine == "litert":
        raise UsageError("classifiers of texts run on the keras engine; leave --engine out")
    columns = {"text_column": text_column, "label_column": label_column}
    if isinstance(data, TextData) and any(columns.values()):
        raise UsageError("--text-column and --label-column are of files, and this data is read")
    does = f"{printable(source.name)} labels texts"
    read = partial(read_texts, **columns)
    data = data_to_measure(data, TextData, read, holds_texts, does, report)
    split, chosen = choose_split(data, split)
    examples = examples_of(chosen)
    used, truth = np.unique(np.concatenate([part.labels for part in chosen]), return_inverse=True)
    wanted = [data.classes[label] for label in used]
    outputs = find_outputs(wanted, source.labels, where=data.where, model=source.name)
    truth, classes = np.array(outputs, np.int64)[truth], distinct_names(source.labels)
    classifier = TextClassifier(
        source,
        batch_size=batch_size,
        devices=devices,
        strategy=strategy,
        precision=precision,
        report=report,
    )
    report(f"measuring on {amount(len(examples), 'text')}")
    told = progressing(_each(examples, classifier), len(examples), "measured", report)
    probabilities = np.stack(list(told))
    return TextEvaluation(
        model=name,
        data=data.where,
        split=split,
        report=measure(probabilities, truth, classes),
        classes=classes,
        names=tuple(part.names[index] for part, index in examples),
        labels=truth,
        probabilities=probabilities,
        failed=(),  # what cannot be read is no example
        seen_in_training=seen_in_training(source.path, examples, report),
        examples=examples,
    )


def _each(
    examples: Sequence[tuple[Texts, int]], classifier: TextClassifier
) -> Iterator[np.ndarray]:
    """Yield float32 (K,) for each text."""
    read = (classifier.read(part.text(index)) for part, index in examples)
    for window in batched(read, window_of(classifier.batch_size)):
        yield from classifier.probabilities(window)
