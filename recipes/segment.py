"""Tell the class of every pixel: what is where in pictures.

from recipes.segment import segment

for result in segment("holiday/", model="fcn-resnet50"):
    for area in result.areas:
        print(result.name, area.name, area.share)
    result.save(f"segmented/{result.name}")
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial

from dltk.batch import Item, gather, ordered_map, predict
from dltk.errors import InputError, UsageError
from dltk.masks import without_specks
from dltk.models.find import ModelSource
from dltk.models.labels import distinct_names
from dltk.segmentation import Segmentation
from dltk.strategy import cores
from dltk.weights import Report, silent
from recipes._checks import check_choice, check_number
from recipes._detectors import chosen_classes
from recipes._segment_copies import Copies, class_folders
from recipes._segment_results import OUTLINES, Segmented, areas_of
from recipes._segmenters import (
    DEFAULT_MODEL,
    Segmenter,
    find_segmenter,
    ground_of,
    load_segmenter,
)
from recipes._tiles import SMALLEST


def segment(
    images,
    *,
    model: str = DEFAULT_MODEL,
    labels: str | None = None,
    pixel_range: str = "0..255",
    classes: str | Sequence[str] = (),
    score: float | None = None,
    scales: Sequence[float] = (1.0,),
    flip: bool = False,
    tile: int | None = None,
    overlap: float = 0.2,
    min_area: int = 0,
    outlines: str = "none",
    masks: str | os.PathLike | None = None,
    overlay: str | os.PathLike | None = None,
    alpha: float = 0.5,
    binary: str | os.PathLike | None = None,
    cutouts: str | os.PathLike | None = None,
    heat: str | os.PathLike | None = None,
    batch_size: int = 16,
    engine: str = "auto",
    devices: str = "auto",
    strategy: str = "auto",
    precision: str = "auto",
    report: Report = silent,
) -> Iterator[Segmented]:
    """Tell the class of every pixel of pictures.

    Args:
        images: a path (file, folder or pattern), a Pillow image, an array (H, W[, C]) of uint8 or
            of floats 0-255, or an iterable of paths, images and arrays, read as results are taken.
        model: a segmenter, by its name in the catalog or as a `.keras` file; or a classifier, of
            which the evidence for its classes is shown, place by place (see
            `recipes._evidence_masks`).
        labels: a file of class names, for a model file that has none.
        pixel_range: what a file saved by plain Keras expects: "0..255", "0..1" or "-1..1".
        classes: the only ones to look for, by name, id or number; none for all. Pixels of others
            get the ground's value, 0; or 255 where the model knows no ground, or that is looked
            for too.
        score: leave pixels open (255) whose class is less sure, 0-1; of a classifier's evidence,
            leave out labels that are. None for the model's own.
        scales: sizes to look at each picture in, as parts of the network's own, averaged.
        flip: look at the mirror image too, and average.
        tile: cut pictures that are larger into tiles of so many pixels, look at each on its own,
            and put what they say together. None: look at the whole only.
        overlap: share of a tile that it has in common with its neighbour, at least.
        min_area: parts of less pixels than this take the class around them.
        outlines: "rle" or "polygons" to tell where the pixels of each class are, in COCO's run
            lengths or as outlines without their holes; "none" not to.
        masks: folder for label maps: PNG files of indices, with VOC's palette.
        overlay: folder for copies under the colours and names of their classes.
        alpha: share of the colours in these, 0-1.
        binary: folder for masks of each class, black and white, in one folder for each class.
        cutouts: folder for what is of each class, the rest transparent, likewise.
        heat: folder for maps of how sure the model is of each class, likewise.
        batch_size, engine, devices, strategy, precision: see `dltk.engine.load_engine`.
        report: called with a line when something takes long, such as a download.
    Yields:
        A Segmented for every picture, in order. One that cannot be read has `error` set, and the
        rest goes on.
    Raises:
        UsageError: options that cannot work; outputs that would hit each other.
        DltkError: a model that cannot be loaded, weights out of reach, a disk that is full.
    """
    _check(score=score, scales=scales, tile=tile, overlap=overlap, min_area=min_area, alpha=alpha)
    check_choice("outlines", outlines, OUTLINES)
    source = find_segmenter(model, labels=labels, pixel_range=pixel_range)
    wanted = chosen_classes(classes, source, "--classes")
    copies = copies_of(
        source,
        masks=masks,
        overlay=overlay,
        alpha=alpha,
        binary=binary,
        cutouts=cutouts,
        heat=heat,
        classes=classes,
    )
    items = gather(images)
    count = len(items) if hasattr(items, "__len__") else None
    items = copies.checked(items)
    segmenter = load_segmenter(
        source,
        classes=wanted,
        score=score,
        scales=scales,
        flip=flip,
        tile=tile,
        overlap=overlap,
        engine=engine,
        devices=devices,
        strategy=strategy,
        precision=precision,
        batch_size=batch_size,
        pictures=count,
        report=report,
    )
    report(f"{source.name} on {segmenter.running}")

    def load(item: Item):
        picture, size = item.decode_sized(at_least=segmenter.at_least)
        return segmenter.load(picture, item.name, size)

    def look(loaded: list) -> Iterable[Segmentation]:
        return segmenter(loaded) if loaded else []

    outcomes = predict(
        items,
        load,
        look,
        batch_size=segmenter.batch_size,
        loaders=cores(),
        runners=segmenter.workers,
    )
    finish = partial(
        _segmented, segmenter=segmenter, min_area=min_area, outlines=outlines, copies=copies
    )
    # Label maps are as large as pictures: not many wait to be taken.
    finished = ordered_map(finish, outcomes, workers=cores(), ahead=1)
    with closing(outcomes), ExitStack() as stack:
        stack.callback(segmenter.stop)  # a picture may have hundreds of tiles left
        yield from stack.enter_context(closing(finished))


def _segmented(
    outcome, *, segmenter: Segmenter, min_area: int, outlines: str, copies: Copies
) -> Segmented:
    """Make a result of what `predict` gives, and write its files."""
    item, found, error = outcome
    if error is not None:
        return Segmented(item, error=error)
    if min_area:
        found = replace(found, mask=without_specks(found.mask, min_area))
    areas = areas_of(found, segmenter.labels, outlines)
    heat = {area.value: found.heat[area.value] for area in areas}
    result = Segmented(item, found.mask, areas, heat, skipped=copies.skipped)
    if copies.wanted:
        try:
            result.files = copies.write(item, found.mask, areas, heat)
        except InputError as failure:  # gone or changed since it was looked at
            return Segmented(item, error=str(failure))
    return result


def copies_of(source: ModelSource, *, classes: str | Sequence[str] = (), **choices) -> Copies:
    """Return which files `segment` is asked for.

    Args:
        choices: fields of `Copies`.
    Raises:
        UsageError: unknown classes.
    """
    ground = ground_of(source)
    named = chosen_classes(classes, source, "--classes")
    skipped = frozenset() if ground is None or ground in named else frozenset({ground})
    folders = class_folders(distinct_names(source.labels))
    return Copies(**choices, skipped=skipped, folders=folders)


def _check(*, score, scales, tile, overlap, min_area, alpha) -> None:
    """Raise UsageError for values that a command line would not have let through."""
    for name, value, most in (("score", score, 1), ("overlap", overlap, 0.9), ("alpha", alpha, 1)):
        if value is not None:
            check_number(name, value, most=most)
    if not scales:
        raise UsageError("--scales needs one at least")
    for scale in scales:
        check_number("scales", scale, 0.1, 8)
    if tile is not None and tile < SMALLEST:
        raise UsageError(f"--tile is at least {SMALLEST} pixels, not {tile}")
    if min_area < 0:
        raise UsageError(f"--min-area is at least 0, not {min_area}")
