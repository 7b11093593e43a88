"""Detect objects: which there are in pictures, and where.

from recipes.detect import detect

for result in detect("holiday/"):
    for found in result.objects:
        print(result.name, found.name, found.score, found.box)
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from functools import partial

import numpy as np

from dltk.batch import Item, gather, ordered_map, predict
from dltk.errors import InputError, UsageError, printable
from dltk.models.find import ModelSource
from dltk.objects import Detections
from dltk.strategy import cores
from dltk.weights import Report, silent
from recipes._detect_copies import Copies
from recipes._detect_results import Detected, objects_of
from recipes._detect_tiles import Tiled
from recipes._detectors import (
    DEFAULT_MODEL,
    Detector,
    chosen_classes,
    find_detector,
    load_detector,
)
from recipes._tiles import SMALLEST

_MERGE_IOU = 0.5  # across tiles, where the detector's own is taken within them


def detect(
    images,
    *,
    model: str = DEFAULT_MODEL,
    labels: str | None = None,
    pixel_range: str = "0..255",
    classes: str | Sequence[str] = (),
    score: float | None = None,
    nms: float | None = None,
    soft: bool = False,
    most: int = 100,
    tile: int | None = None,
    overlap: float = 0.2,
    regions: str | os.PathLike | None = None,
    annotate: str | os.PathLike | None = None,
    crops: str | os.PathLike | None = None,
    pad: float = 0.0,
    blur: str | Sequence[str] = (),
    blurred: str | os.PathLike | None = None,
    batch_size: int = 16,
    engine: str = "auto",
    devices: str = "auto",
    strategy: str = "auto",
    precision: str = "auto",
    report: Report = silent,
) -> Iterator[Detected]:
    """Detect objects in pictures.

    Args:
        images: a path (file, folder or pattern), a Pillow image, an array (H, W[, C]) of uint8 or
            of floats 0-255, or an iterable of paths, images and arrays, read as results are taken.
        model: a detector, by its name in the catalog or as a `.keras` file; or a classifier, which
            then labels regions of the picture (see `recipes._regions`).
        labels: a file of class names, for a model file that has none.
        pixel_range: what a file saved by plain Keras expects: "0..255", "0..1" or "-1..1".
        classes: the only ones to look for, by name, id or number; none for all.
        score: leave out what is less sure, 0-1; None for the detector's own threshold.
        nms: IoU above which of two boxes one goes, 0-1; None for the detector's own.
        soft: let boxes that overlap surer ones of their class count less, the more they do,
            instead of going (soft-NMS, Bodla et al. 2017, https://arxiv.org/abs/1704.04503); for
            trained detectors, and without `nms` and `tile`.
        most: objects in one picture, at most.
        tile: cut pictures that are larger into tiles of so many pixels, look at each on its own
            and at the whole, and merge what is found. None: look at the whole only.
        overlap: share of a tile that it has in common with its neighbour, at least.
        regions: a file of regions to look at, see `dltk.proposals.proposals_from_file`; not for
            detectors that find their own, as Faster R-CNN does. None to search for them.
        annotate: folder for copies with the boxes drawn on them; a picture of less than 200
            pixels is enlarged first.
        crops: folder for what is in the boxes, in one folder for each class.
        pad: share of a box's sides by which a crop is larger on each side.
        blur: classes to blur beyond recognition, named as for `classes`, in copies of all pictures
            that go to `blurred`. These carry no metadata.
        blurred: folder for the copies that `blur` is about.
        batch_size, engine, devices, strategy, precision: see `dltk.engine.load_engine`.
        report: called with a line when something takes long, such as a download.
    Yields:
        A Detected for every picture, in order. One that cannot be read has `error` set, and the
        rest goes on.
    Raises:
        UsageError: options that cannot work; outputs that would hit each other.
        DltkError: a model that cannot be loaded, weights out of reach, a disk that is full.
    """
    _check(score=score, nms=nms, most=most, tile=tile, overlap=overlap, pad=pad)
    source = find_detector(model, labels=labels, pixel_range=pixel_range)
    wanted = chosen_classes(classes, source, "--classes")
    copies = copies_of(
        source,
        annotate=annotate,
        crops=crops,
        pad=pad,
        blur=blur,
        blurred=blurred,
        classes=classes,
    )
    if soft and (nms is not None or tile):
        raise UsageError(f"--soft and --{'tile' if tile else 'nms'} do not go together")
    if tile and regions is not None:
        raise UsageError("--tile and --regions do not go together: regions are of whole pictures")
    items = gather(images)
    count = len(items) if hasattr(items, "__len__") else None
    items = copies.checked(items)
    detector = load_detector(
        source,
        score=score,
        nms=nms,
        soft=soft,
        most=most,
        classes=wanted,
        regions=regions,
        engine=engine,
        devices=devices,
        strategy=strategy,
        precision=precision,
        batch_size=batch_size,
        pictures=None if tile else count,
        report=report,
    )
    report(f"{source.name} on {detector.running}")
    if tile:
        merging = {
            "iou": nms if nms is not None else _MERGE_IOU,
            "most": most,
            "by_class": source.task == "detect",  # a region has one label, the most probable
        }
        detector = Tiled(detector, tile=tile, overlap=overlap, **merging)

    def load(item: Item):
        picture, size = item.decode_sized(at_least=detector.at_least)
        return size, detector.load(picture, item.name, size)

    outcomes = predict(
        items,
        load,
        partial(_look, detector=detector),
        batch_size=detector.batch_size,
        loaders=cores(),
        runners=detector.workers,
    )
    finish = partial(_detected, detector=detector, wanted=wanted, copies=copies)
    with ExitStack() as stack:
        stack.enter_context(closing(outcomes))
        if tile:
            stack.callback(detector.stop)  # a picture may have hundreds of tiles left
        if copies.wanted:
            with closing(ordered_map(finish, outcomes, workers=cores(), ahead=cores())) as results:
                yield from results
        else:
            yield from map(finish, outcomes)


def _look(loaded: list, detector: Detector) -> Iterable[tuple[tuple[int, int], Detections]]:
    """Return size and detections of pictures that were loaded."""
    found = detector([each for _, each in loaded]) if loaded else []
    return zip((size for size, _ in loaded), found, strict=True)


def _detected(outcome, *, detector: Detector, wanted: list[int], copies: Copies) -> Detected:
    """Make a result of what `predict` gives, and write its files."""
    item, output, error = outcome
    if error is not None:
        return Detected(item, error=error)
    size, detections = output
    if wanted:
        detections = detections.take(np.isin(detections.labels, wanted))
    result = Detected(item, size, objects_of(detections, detector.labels, size))
    if copies.wanted:
        try:
            result.files = copies.write(item, result.objects)
        except InputError as failure:  # gone or changed since it was looked at
            return Detected(item, error=str(failure))
    return result


def _check(*, score, nms, most, tile, overlap, pad) -> None:
    """Raise UsageError for values that a command line would not have let through."""
    for name, value, largest in (("score", score, 1), ("nms", nms, 1), ("overlap", overlap, 0.9)):
        if value is not None and not 0 <= value <= largest:
            raise UsageError(f"--{name} is from 0 to {largest}, not {value}")
    if most < 1:
        raise UsageError(f"--max is at least 1, not {most}")
    if tile is not None and tile < SMALLEST:
        raise UsageError(f"--tile is at least {SMALLEST} pixels, not {tile}")
    if not 0 <= pad < math.inf:
        raise UsageError(f"--pad is a share of a box's sides, at least 0, not {pad}")


def copies_of(source: ModelSource, *, annotate, crops, pad, blur, blurred, classes) -> Copies:
    """Return which copies `detect` is asked for.

    Raises:
        UsageError: options that would do nothing, unknown classes.
    """
    if pad and crops is None:
        raise UsageError("--pad is about --crops, which is not given")
    if blur and blurred is None:
        raise UsageError("--blur writes copies; say where with --blurred")
    if blurred is not None and not blur:
        raise UsageError(
            "--blurred is for copies with objects blurred; name their class with --blur"
        )
    wanted = chosen_classes(classes, source, "--classes")
    hidden = chosen_classes(blur, source, "--blur")
    for number in hidden:
        if wanted and number not in wanted:
            raise UsageError(
                f"--blur {printable(source.labels[number].name)}: --classes leaves these out; "
                "name them there too"
            )
    return Copies(annotate, crops, pad, blurred, frozenset(hidden))
