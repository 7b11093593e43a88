"""Measure a detector on pictures with boxes, run as `recipes.detect` runs it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from dltk.data.datasets import ObjectData
from dltk.data.examples import AnnotatedExamples
from dltk.data.objects import holds_objects, read_objects
from dltk.errors import UsageError, printable
from dltk.images import decode_sized
from dltk.metrics import measure_detections
from dltk.models.find import ModelSource
from dltk.models.labels import distinct_names, find_outputs, known_outputs
from dltk.objects import Detections, Objects
from dltk.weights import Report
from recipes._detection_evaluation import LEAST_SCORE, DetectionEvaluation
from recipes._detectors import Detector, load_detector
from recipes._measuring import (
    choose_split,
    data_to_measure,
    examples_of,
    found_in,
    none_measured,
    seen_in_training,
)

_MOST = 100  # boxes of a picture, as COCO's measures have it
_PUBLISHED_SCORE = 0.05  # from which torchvision counts boxes in the figures that it publishes


def evaluate_detector(
    source: ModelSource,
    data: str | os.PathLike | ObjectData,
    *,
    name: str,
    split: str,
    regions: str | os.PathLike | None,
    batch_size: int,
    engine: str,
    devices: str,
    strategy: str,
    precision: str,
    report: Report,
) -> DetectionEvaluation:
    """Measure a detector on pictures with boxes; what `recipes.evaluate.evaluate` does for one.

    Its 100 surest answers in each picture are measured, unsure ones too: from `LEAST_SCORE` on,
    or from where torchvision measures what it publishes. Where the data does not know all of its
    classes, what it finds of the others does not count.

    Args:
        source: of the detector.
        name: what the model is called in the result.
        Others: see `recipes.evaluate.evaluate`, which tells the errors too.
    """
    if engine == "litert":
        raise UsageError("detectors run on the keras engine; leave --engine out")
    does = f"{printable(source.name)} finds objects"
    data = data_to_measure(data, ObjectData, read_objects, holds_objects, does, report)
    if data.repairs:
        where, what = data.repairs[0]
        report(
            f"{len(data.repairs)} mended or left out of the annotations, such as "
            f"{printable(where)}: {printable(what)}"
        )
    split, chosen = choose_split(data, split)
    examples = examples_of(chosen)
    outputs = _outputs(source, data, chosen)
    classes = distinct_names(source.labels)
    known = sorted(set(outputs[outputs >= 0].tolist()))
    if len(known) < len(classes):
        report(
            f"the data has {len(known)} of the {len(classes)} classes of "
            f"{printable(source.name)}: what is found of the others does not count"
        )
    detector = load_detector(
        source,
        score=LEAST_SCORE if source.entry is None else _PUBLISHED_SCORE,
        most=_MOST,
        classes=known if len(known) < len(classes) else (),
        regions=regions,
        batch_size=batch_size,
        engine=engine,
        devices=devices,
        strategy=strategy,
        precision=precision,
        pictures=len(examples),
        report=report,
    )
    report(f"{printable(source.name)} on {detector.running}, {len(examples)} pictures")
    found, failed = _detect_all(examples, detector, report)
    names = [part.names[index] for part, index in examples]
    read = [index for index in range(len(examples)) if index not in failed]
    if not read:
        raise none_measured(data, names, failed)
    measured = [examples[index] for index in read]
    truth = tuple(_renumbered(part.objects[index], outputs) for part, index in measured)
    return DetectionEvaluation(
        model=name,
        data=data.where,
        split=split,
        report=measure_detections(truth, found, classes),
        classes=classes,
        names=tuple(names[index] for index in read),
        truth=truth,
        found=tuple(found),
        failed=tuple((names[index], error) for index, error in failed.items()),
        seen_in_training=seen_in_training(source.path, measured, report),
        examples=measured,
    )


def _outputs(
    source: ModelSource, data: ObjectData, chosen: Sequence[AnnotatedExamples]
) -> np.ndarray:
    """Return the detector's label for each of the data's, int64; -1 for classes it does not know.

    Raises:
        UsageError: it does not know a class of which there are objects.
    """
    outputs = known_outputs(data.classes, source.labels)
    outputs = np.array([-1 if output is None else output for output in outputs], np.int64)
    labels = [objects.labels for part in chosen for objects in part.objects]
    used = np.unique(np.concatenate([np.zeros(0, np.int64), *labels]))
    names = [data.classes[label] for label in used]
    outputs[used] = find_outputs(names, source.labels, where=data.where, model=source.name)
    return outputs


def _renumbered(objects: Objects, outputs: np.ndarray) -> Objects:
    return replace(objects, labels=outputs[objects.labels])


def _detect_all(
    examples: Sequence[tuple[AnnotatedExamples, int]], detector: Detector, report: Report
) -> tuple[list[Detections], dict[int, str]]:
    """Return what is in the pictures that can be read, and why each other one cannot."""
    found, failed = [], {}

    def load(example: tuple[AnnotatedExamples, int]):
        part, index = example
        picture, size = decode_sized(part.sources[index], at_least=detector.at_least)
        return detector.load(picture, part.names[index], size)

    for index, output, error in found_in(examples, load, detector, detector, report):
        if error is None:
            found.append(output)
        else:
            failed[index] = error
    return found, failed
