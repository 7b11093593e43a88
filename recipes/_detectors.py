"""Which detector a model is: one that was trained, or regions labelled by a classifier."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Protocol

from PIL import Image

from dltk.errors import UsageError, nearest, printable
from dltk.models.catalog import Label
from dltk.models.find import ModelSource, find_model
from dltk.models.labels import distinct_names, folded_name
from dltk.objects import Detections
from dltk.weights import Report, silent

DEFAULT_MODEL = "efficientnet-lite0"
_NAMED = 20  # classes, at most, in an error
_TASKS = ("classify", "features", "detect")


class Detector(Protocol):
    """What finds objects in pictures.

    Attributes:
        labels: its classes; what it finds is labelled by their indices.
        running: what it runs on, in a few words for the user.
        batch_size: how many pictures to give it at a time.
        workers: how many threads may call it at once.
        at_least: pixels that the shorter side of a picture must keep where a JPEG is decoded
            smaller, see `dltk.images.decode`; None for all.
    """

    labels: tuple[Label, ...]
    running: str
    batch_size: int
    workers: int
    at_least: int | None

    def load(self, picture: Image.Image, name: str, size: tuple[int, int] | None = None) -> object:
        """Return what it needs of one picture; called on any thread.

        Args:
            picture: upright RGB.
            size: its full (width, height), where it was decoded smaller.
        Raises:
            InputError: this picture cannot be used.
        """

    def __call__(self, loaded: list) -> list[Detections]:
        """Return what is in each of the pictures, boxes in their pixels."""


def find_detector(
    model: str, *, labels: str | None = None, pixel_range: str = "0..255"
) -> ModelSource:
    """Find the model called for; see `dltk.models.find.find_model`.

    Raises:
        UsageError: no such model, or one that neither detects nor classifies.
    """
    source = find_model(model, labels=labels, pixel_range=pixel_range)
    if source.task not in _TASKS:
        raise UsageError(f"{source.name} is a model to {source.task}, not to detect")
    if not source.labels:
        advice = "it is for dltk features" if source.entry else "name them with --labels"
        raise UsageError(f"{source.name} has no class names; {advice}")
    return source


def load_detector(
    source: ModelSource,
    *,
    score: float | None = None,
    nms: float | None = None,
    soft: bool = False,
    most: int = 100,
    classes: Sequence[int] = (),
    regions: str | os.PathLike | None = None,
    batch_size: int = 16,
    engine: str = "auto",
    devices: str = "auto",
    strategy: str = "auto",
    precision: str = "auto",
    pictures: int | None = None,
    report: Report = silent,
) -> Detector:
    """Make a detector ready to run.

    Args:
        source: from `find_detector`.
        score: leave out what is less sure; None for the detector's own threshold.
        nms: IoU above which of two boxes one goes; None for the detector's own.
        soft: let overlapping boxes count less instead, see `dltk.layers.FinalBoxes`.
        most: boxes for each picture, at most.
        classes: the only ones to look for; none for all.
        regions: a file of regions to look at, see `dltk.proposals.proposals_from_file`; not for
            detectors that find their own. None to search for them.
        batch_size, engine, devices, strategy, precision, pictures, report: see
            `dltk.engine.load_engine`.
    Raises:
        UsageError: options that mean nothing to this detector.
        DltkError: a model that cannot be loaded, weights out of reach.
    """
    options = {
        "score": score,
        "nms": nms,
        "most": most,
        "classes": classes,
        "regions": regions,
        "engine": engine,
        "devices": devices,
        "strategy": strategy,
        "precision": precision,
        "batch_size": batch_size,
        "pictures": pictures,
        "report": report,
    }
    if source.task == "detect":
        return _load_trained(source, soft=soft, **options)
    if soft:
        raise UsageError(f"--soft is for trained detectors; {source.name} is none")
    return _load_regions(source, **options)


def chosen_classes(words: str | Sequence[str], source: ModelSource, option: str) -> list[int]:
    """Return the numbers of the classes of `source` that `words` name, each once.

    A word is a class's name or id, whatever the case and with "_" or "-" for spaces, or its
    number; or several of them with commas between.

    Raises:
        UsageError: no such class; the nearest is suggested.
    """
    labels, names = source.labels, distinct_names(source.labels)
    known = {str(number): number for number in range(len(labels))}
    known |= {folded_name(label.id): number for number, label in enumerate(labels) if label.id}
    known |= {folded_name(name): number for number, name in enumerate(names)}
    chosen = []
    for word in [words] if isinstance(words, str) else words:
        for part in [word] if folded_name(word) in known else word.split(","):
            number = known.get(folded_name(part))
            if number is None:
                hint = nearest(part.strip(), names)
                if not hint and len(names) <= _NAMED:
                    hint = f" It has {', '.join(map(printable, names))}"
                raise UsageError(
                    f'{option}: {source.name} has no class "{printable(part.strip())}".{hint}'
                )
            chosen.append(number)
    return list(dict.fromkeys(chosen))


def _load_trained(source: ModelSource, **options) -> Detector:
    """Return a published detector, or one in a model file that `dltk train detector` wrote."""
    from recipes._trained_detector import NetworkDetector

    return NetworkDetector(source, **options)


def _load_regions(source: ModelSource, **options) -> Detector:
    """Return a detector that labels regions by a classifier."""
    from recipes._regions import RegionDetector

    return RegionDetector(source, **options)
