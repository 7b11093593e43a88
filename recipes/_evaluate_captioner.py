"""Measure a captioner on pictures with captions, run as `recipes.caption` runs it."""

from __future__ import annotations

import os

from dltk.captions import Writing
from dltk.data.captions import holds_captions, read_captions
from dltk.data.datasets import CaptionData
from dltk.data.examples import CaptionedExamples
from dltk.errors import UsageError, printable
from dltk.metrics.captions import measure_captions
from dltk.models.find import ModelSource
from dltk.weights import Report
from recipes._caption_evaluation import CaptionEvaluation
from recipes._captioners import load_captioner
from recipes._measuring import (
    choose_split,
    data_to_measure,
    examples_of,
    found_in,
    none_measured,
    seen_in_training,
)


def evaluate_captioner(
    source: ModelSource,
    data: str | os.PathLike | CaptionData,
    *,
    name: str,
    split: str,
    batch_size: int,
    engine: str,
    devices: str,
    strategy: str,
    precision: str,
    report: Report,
) -> CaptionEvaluation:
    """Measure a captioner on pictures with captions; what `evaluate` does for one.

    What it was trained on is not known here, and so neither is what of that it copies.

    Args:
        source: of the captioner.
        name: what the model is called in the result.
        Others: see `recipes.evaluate.evaluate`, which tells the errors too.
    """
    if engine == "litert":
        raise UsageError("captioners run on the keras engine; leave --engine out")
    does = f"{printable(source.name)} says what is in pictures"
    data = data_to_measure(data, CaptionData, read_captions, holds_captions, does, report)
    split, chosen = choose_split(data, split)
    examples = examples_of(chosen)
    captioner = load_captioner(
        source,
        Writing(),
        batch_size=batch_size,
        devices=devices,
        strategy=strategy,
        precision=precision,
        pictures=len(examples),
        told=False,
        report=report,
    )
    captions, failed = _written(examples, captioner, report)
    names = [part.names[index] for part, index in examples]
    if not captions:
        raise none_measured(data, names, failed)
    measured = [examples[index] for index in captions]
    return CaptionEvaluation(
        model=name,
        data=data.where,
        split=split,
        report=measure_captions(
            list(captions.values()), [part.captions[index] for part, index in measured]
        ),
        names=tuple(names[index] for index in captions),
        captions=tuple(captions.values()),
        failed=tuple((names[index], why) for index, why in failed.items()),
        seen_in_training=seen_in_training(source.path, measured, report),
        examples=measured,
    )


def _written(
    examples: list[tuple[CaptionedExamples, int]], captioner, report: Report
) -> tuple[dict[int, str], dict[int, str]]:
    """Return what is written of the pictures that can be read, and why each other one cannot."""
    written, failed = {}, {}

    def load(example):
        part, index = example
        picture = part.decode(index, at_least=captioner.at_least)
        return captioner.load(picture, part.names[index])

    for index, sentences, error in found_in(examples, load, captioner, captioner, report):
        if error is None:
            written[index] = sentences[0].text
        else:
            failed[index] = error
    return written, failed
