"""Measure a segmenter on pictures with label maps, run as `recipes.segment` runs it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from dltk.data.datasets import MaskData
from dltk.data.examples import MaskedExamples
from dltk.data.masks import holds_masks, read_masks
from dltk.errors import InputError, UsageError, printable
from dltk.images import decode_sized
from dltk.masks import IGNORE
from dltk.models.find import ModelSource
from dltk.models.labels import distinct_names, find_outputs, known_outputs
from dltk.segmentation import Segmentation
from dltk.weights import Report
from recipes._measuring import (
    choose_split,
    data_to_measure,
    examples_of,
    found_in,
    none_measured,
    seen_in_training,
)
from recipes._segmentation_evaluation import SegmentationEvaluation, compare
from recipes._segmenters import ground_of, is_ground, load_segmenter


def evaluate_segmenter(
    source: ModelSource,
    data: str | os.PathLike | MaskData,
    *,
    name: str,
    split: str,
    batch_size: int,
    engine: str,
    devices: str,
    strategy: str,
    precision: str,
    report: Report,
) -> SegmentationEvaluation:
    """Measure a segmenter on pictures with label maps; what `evaluate` does for one.

    Args:
        source: of the segmenter.
        name: what the model is called in the result.
        Others: see `recipes.evaluate.evaluate`, which tells the errors too.
    """
    does = f"{printable(source.name)} tells the class of every pixel"
    data = data_to_measure(data, MaskData, read_masks, holds_masks, does, report)
    split, chosen = choose_split(data, split)
    classes = distinct_names(source.labels)
    numbers = _renumbering(source, data, sum(part.counts.sum(axis=0) for part in chosen))
    chosen = [_renumbered(part, numbers, len(classes)) for part in chosen]
    examples = examples_of(chosen)
    segmenter = load_segmenter(
        source,
        batch_size=batch_size,
        engine=engine,
        devices=devices,
        strategy=strategy,
        precision=precision,
        pictures=len(examples),
        report=report,
    )
    report(f"{printable(source.name)} on {segmenter.running}, {len(examples)} pictures")
    read, failed = [], {}

    def load(example):
        part, index = example
        picture, size = decode_sized(part.sources[index], at_least=segmenter.at_least)
        mask = part.masks[index]()
        if mask.shape != size[::-1]:
            raise InputError("its label map is of another size now")
        return mask, segmenter.load(picture, part.names[index], size)

    def look(loaded: list) -> list[tuple[np.ndarray, Segmentation]]:
        found = segmenter([each for _, each in loaded])
        return [(truth, each) for (truth, _), each in zip(loaded, found, strict=True)]

    def pairs() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for index, output, error in found_in(examples, load, look, segmenter, report):
            if error is not None:
                failed[index] = error
                continue
            read.append(index)
            truth, found = output
            yield truth, found.mask

    names = [part.names[index] for part, index in examples]
    try:
        measured = compare(pairs(), classes)
    except UsageError as error:
        if read:
            raise
        raise none_measured(data, names, failed) from error
    kept = [examples[index] for index in read]
    return SegmentationEvaluation(
        model=name,
        data=data.where,
        split=split,
        classes=classes,
        names=tuple(names[index] for index in read),
        failed=tuple((names[index], why) for index, why in failed.items()),
        seen_in_training=seen_in_training(source.path, kept, report),
        examples=kept,
        **vars(measured),
    )


def _renumbering(source: ModelSource, data: MaskData, counts: np.ndarray) -> np.ndarray:
    """Return the segmenter's class for each value of the data's label maps, uint8 (256,).

    Where both call their first class a ground of some name, these are the same. Classes that the
    segmenter does not know and that have no pixels are ignored.

    Raises:
        UsageError: it does not know a class that has pixels, or two of them are one to it.
    """
    outputs = known_outputs(data.classes, source.labels)
    grounds = ground_of(source) == 0 and is_ground(data.classes[0]) and 0 not in outputs
    if grounds:
        outputs[0] = 0
    named = [data.classes[at] for at in np.flatnonzero(counts) if at or not grounds]
    find_outputs(named, source.labels, where=data.where, model=source.name)
    numbers = np.full(IGNORE + 1, IGNORE, np.uint8)
    for at, output in enumerate(outputs):
        if output is not None:
            numbers[at] = output
    return numbers


def _renumbered(part: MaskedExamples, numbers: np.ndarray, classes: int) -> MaskedExamples:
    """Return pictures whose label maps have other numbers.

    Args:
        numbers: the new one for each, uint8 (256,).
        classes: how many there are of the new ones.
    """
    counts = np.zeros((len(part), classes), np.int64)
    for at, number in enumerate(numbers[: part.counts.shape[1]]):
        if number != IGNORE:
            counts[:, number] += part.counts[:, at]
    masks = tuple(lambda mask=mask: numbers[mask()] for mask in part.masks)
    return replace(part, masks=masks, counts=counts)
