"""Which segmenter a model is: one that was trained, or a classifier's evidence, place by place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from PIL import Image

from dltk.errors import UsageError
from dltk.models.catalog import Label
from dltk.models.find import ModelSource, find_model
from dltk.segmentation import Segmentation
from dltk.weights import Report, silent

DEFAULT_MODEL = "efficientnet-lite0"
_TASKS = ("classify", "features", "segment")
_GROUND = ("background", "_background_", "ground", "unlabeled", "unlabelled", "void", "other")


class Segmenter(Protocol):
    """What tells the class of every pixel.

    Attributes:
        labels: its classes.
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

    def __call__(self, loaded: list) -> list[Segmentation]:
        """Return what is where in each of the pictures, at their full sizes."""

    def stop(self) -> None:
        """Hurry: nobody waits any more for what is found, which may be nothing from now on.

        May be called on any thread.
        """


def find_segmenter(
    model: str, *, labels: str | None = None, pixel_range: str = "0..255"
) -> ModelSource:
    """Find the model called for; see `dltk.models.find.find_model`.

    Raises:
        UsageError: no such model, or one that neither segments nor classifies.
    """
    source = find_model(model, labels=labels, pixel_range=pixel_range)
    if source.task not in _TASKS:
        advice = "; give it with --instances" if source.task == "mask" else ""
        raise UsageError(f"{source.name} is a model to {source.task}, not to segment{advice}")
    if not source.labels:
        advice = "it is for dltk features" if source.entry else "name them with --labels"
        raise UsageError(f"{source.name} has no class names; {advice}")
    return source


def ground_of(source: ModelSource) -> int | None:
    """Return the class of a segmenter that stands for nothing in particular, if it has one: 0."""
    return 0 if source.task == "segment" and is_ground(source.labels[0].name) else None


def is_ground(name: str) -> bool:
    """Return whether a class is called as what stands for nothing in particular."""
    return name.casefold() in _GROUND


def load_segmenter(
    source: ModelSource,
    *,
    classes: Sequence[int] = (),
    score: float | None = None,
    scales: Sequence[float] = (1.0,),
    flip: bool = False,
    tile: int | None = None,
    overlap: float = 0.2,
    batch_size: int = 16,
    engine: str = "auto",
    devices: str = "auto",
    strategy: str = "auto",
    precision: str = "auto",
    pictures: int | None = None,
    report: Report = silent,
) -> Segmenter:
    """Make a segmenter ready to run.

    Args:
        source: from `find_segmenter`.
        classes: the only ones to look for; none for all.
        score: leave pixels open whose class is less sure; of a classifier's evidence, leave out
            labels that are. None for the segmenter's own threshold.
        scales: sizes to look at each picture in, as parts of the network's own, averaged.
        flip: look at the mirror image too, and average.
        tile: pixels of tiles that larger pictures are cut into; None for whole pictures.
        overlap: share of a tile that it has in common with its neighbour, at least.
        batch_size, engine, devices, strategy, precision, pictures, report: see
            `dltk.engine.load_engine`.
    Raises:
        UsageError: options that mean nothing to this segmenter.
        DltkError: a model that cannot be loaded, weights out of reach.
    """
    options = {
        "classes": classes,
        "score": score,
        "engine": engine,
        "devices": devices,
        "strategy": strategy,
        "precision": precision,
        "batch_size": batch_size,
        "pictures": pictures,
        "report": report,
    }
    if source.task == "segment":
        from recipes._trained_segmenter import NetworkSegmenter

        views = {"scales": scales, "flip": flip, "tile": tile, "overlap": overlap}
        return NetworkSegmenter(source, **views, **options)
    for name, given in {"scales": tuple(scales) != (1.0,), "flip": flip, "tile": tile}.items():
        if given:
            raise UsageError(f"--{name} is for trained segmenters; {source.name} is none")
    from recipes._evidence_masks import EvidenceSegmenter

    return EvidenceSegmenter(source, **options)
