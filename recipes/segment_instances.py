"""Find the objects in pictures, each with a mask of its own, and name them.

A trained masker proposes masks (DeepMask: Pinheiro, Collobert & Dollár 2015,
https://arxiv.org/abs/1506.06204), whatever is in them; a classifier looks at the picture around
each and says what it is.

from recipes.segment_instances import segment_instances

for result in segment_instances("street/", masker="runs/train-masker/001-scenes/best.keras"):
    for found in result.instances:
        print(result.name, found.name, found.score, found.box)
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import partial

import numpy as np
from PIL import Image

from dltk import strategy as placing
from dltk.batch import Item, batched, gather, ordered_map, predict
from dltk.engine import load_engine
from dltk.errors import InputError, UsageError
from dltk.geometry import Geometry
from dltk.models.find import ModelSource, find_model
from dltk.models.masker.source import check_task
from dltk.strategy import cores
from dltk.weights import Report, silent
from recipes._checks import check_number, check_whole
from recipes._detectors import chosen_classes
from recipes._instance_results import MOST, Instance, Instanced, instances_of, overlay_of
from recipes._segment_copies import Copies
from recipes.classify import DEFAULT_MODEL, find_models

SCORE = 0.2
"""How probable a label must be, at least."""
OBJECTNESS = 0.5
"""How sure the masker must be that there is an object, at least."""
_MERGE = 0.5  # of two masks that overlap by more the surer one stays
_PROPOSED = 4  # masks that are labelled, for one that is wanted
_PART = 0.5  # share of a mask in another one from which on they are of one object
_VIEWS = ((0.08, False), (0.25, True))  # what is labelled: context, and whether square


def segment_instances(
    images,
    *,
    masker: str | os.PathLike,
    model: str = DEFAULT_MODEL,
    labels: str | None = None,
    pixel_range: str = "0..255",
    classes: str | Sequence[str] = (),
    score: float | None = None,
    most: int = 20,
    masks: str | os.PathLike | None = None,
    overlay: str | os.PathLike | None = None,
    alpha: float = 0.5,
    batch_size: int = 16,
    engine: str = "auto",
    devices: str = "auto",
    strategy: str = "auto",
    precision: str = "auto",
    report: Report = silent,
) -> Iterator[Instanced]:
    """Find the objects in pictures, with a mask and a label of each.

    Args:
        images: see `recipes.segment.segment`.
        masker: the file of a masker, see `recipes.train_masker`.
        model: the classifier that labels what is found: a name in the catalog or a `.keras` file.
        labels: a file of class names, for a model file that has none.
        pixel_range: what a file saved by plain Keras expects: "0..255", "0..1" or "-1..1".
        classes: keep those with these labels only, by name, id or number; none for all.
        score: leave out what the classifier is less sure of, 0-1; None for 0.2.
        most: objects in one picture, at most; 254 or less.
        masks: folder for maps of the objects: PNG files of indices, 0 for none and 1 for the first.
        overlay: folder for copies under the objects, each in a colour and with a caption.
        alpha: share of the colours in these, 0-1.
        batch_size, engine: of the classifier, see `dltk.engine.load_engine`.
        devices, strategy, precision: see `dltk.engine.load_engine`.
        report: called with a line when something takes long, such as a download.
    Yields:
        An Instanced for every picture, in order. One that cannot be read has `error` set, and the
        rest goes on.
    Raises:
        UsageError: options that cannot work; outputs that would hit each other.
        DltkError: a model that cannot be loaded, weights out of reach, a disk that is full.
    """
    score = SCORE if score is None else score
    check_number("score", score, most=1)
    check_number("alpha", alpha, most=1)
    check_whole("max", most, 1, MOST)
    source, classifier = find_sources(masker, model, labels=labels, pixel_range=pixel_range)
    wanted = chosen_classes(classes, classifier, "--classes")
    copies = Copies(masks=masks, overlay=overlay, alpha=alpha)
    items = copies.checked(gather(images))
    finder = InstanceFinder(
        source,
        classifier,
        wanted=wanted,
        score=score,
        most=most,
        batch_size=batch_size,
        engine=engine,
        devices=devices,
        strategy=strategy,
        precision=precision,
        report=report,
    )
    report(f"{source.name} on {finder.running}, labels of {classifier.name}")

    def look(loaded: list[Image.Image]) -> Iterator[tuple[tuple[int, int], list[Instance]]]:
        return ((picture.size, finder(picture)) for picture in loaded)

    outcomes = predict(items, Item.decode, look, batch_size=1, loaders=cores(), runners=1)
    finished = ordered_map(partial(_finished, copies=copies), outcomes, workers=cores(), ahead=1)
    with closing(outcomes), closing(finished) as results:
        yield from results


def find_sources(
    masker: str | os.PathLike, model: str, *, labels: str | None, pixel_range: str
) -> tuple[ModelSource, ModelSource]:
    """Return the masker and the classifier called for.

    Raises:
        UsageError: no such model, or one for something else.
    """
    source = find_model(masker)
    check_task(source)
    (classifier,) = find_models(model, ensemble=False, labels=labels, pixel_range=pixel_range)
    return source, classifier


class InstanceFinder:
    """A masker and a classifier, ready to run.

    Args:
        source, classifier: from `find_sources`.
        wanted: the only labels to keep, by number; none for all.
        score, most: see `segment_instances`.
    """

    def __init__(
        self,
        source: ModelSource,
        classifier: ModelSource,
        *,
        wanted: Sequence[int],
        score: float,
        most: int,
        batch_size: int,
        engine: str,
        devices: str,
        strategy: str,
        precision: str,
        report: Report,
    ):
        from dltk.engine.proposals import ProposalNetwork
        from dltk.models.fixed import fixed
        from dltk.models.masker.network import ANSWERS, load_masker

        self._labels, self._geometry = classifier.labels, classifier.geometry
        self._wanted, self._score, self._most = set(wanted), score, most
        self._classifier = load_engine(
            classifier,
            engine=engine,
            devices=devices,
            strategy=strategy,
            precision=precision,
            batch_size=batch_size,
            report=report,
        )
        count = self._classifier.output_shape[-1]
        if count != len(self._labels):
            raise UsageError(
                f"{classifier.name} has {count} outputs but {len(self._labels)} class names"
            )
        placement = placing.place(devices, strategy)
        chosen = placing.choose_precision(precision)
        with placement.strategy.scope():
            network = fixed(load_masker(source))
            placing.apply_precision(network, chosen, exact=ANSWERS)
        self._masker = ProposalNetwork(
            network, placement.strategy, source.geometry.height, merge=_MERGE
        )
        self.running = f"Keras, {placement.reason}, {chosen}"

    def __call__(self, picture: Image.Image) -> list[Instance]:
        """Return the objects in a picture, upright RGB in its full size, the surest first.

        What most of lies in a surer one is taken for a part of it, whatever its label; of two with
        the same label the surer one stays, too, where it is the part.
        """
        found = self._masker(picture, most=_PROPOSED * self._most)
        sure = int(np.count_nonzero(found.scores >= OBJECTNESS))
        shapes, objectness = found.shapes[:sure], found.scores[:sure]
        if not shapes:
            return []
        from pycocotools.mask import toBbox

        boxes = np.array([toBbox(shape) for shape in shapes], np.float64)
        boxes[:, 2:] += boxes[:, :2]
        probabilities = seen_around(boxes, picture, self._classifier, self._geometry)
        numbers = probabilities.argmax(axis=1)
        scores = probabilities.max(axis=1)
        kept = []
        for at, number in enumerate(numbers.tolist()):
            if len(kept) == self._most:
                break
            named = scores[at] >= self._score and (not self._wanted or number in self._wanted)
            like = [shapes[other] for other in kept if numbers[other] == number]
            surer = [shapes[other] for other in kept]
            if named and not is_part(shapes[at], surer) and not is_whole(shapes[at], like):
                kept.append(at)
        return instances_of(
            self._labels,
            numbers=numbers[kept],
            scores=scores[kept],
            objectness=objectness[kept],
            boxes=boxes[kept],
            shapes=[shapes[at] for at in kept],
        )


def seen_around(
    boxes: np.ndarray, picture: Image.Image, classifier, geometry: Geometry
) -> np.ndarray:
    """Return the probabilities of what is in and around boxes, float32 (N, K).

    What is looked at is cut out a batch at a time: of a thousand boxes it would take a
    gigabyte.

    Args:
        boxes: float64 (N, 4), left, top, right, bottom; one at least.
        picture: upright RGB.
        classifier: from `dltk.engine.load_engine`.
        geometry: of what it takes.
    """
    views = [(box, context, square) for box in boxes for context, square in _VIEWS]
    found = []
    for some in batched(views, classifier.batch_size):
        parts = (around(box, picture.size, context, square=square) for box, context, square in some)
        found.append(classifier(np.stack([geometry.pixels(picture, part) for part in parts])))
    return np.concatenate(found).reshape(len(boxes), len(_VIEWS), -1).mean(axis=1)


def is_part(shape: dict, others: Sequence[dict]) -> bool:
    """Return whether half of a mask or more is in one of some others.

    Args:
        shape, others: run lengths.
    """
    return any(_share(shape, other) >= _PART for other in others)


def is_whole(shape: dict, others: Sequence[dict]) -> bool:
    """Return whether half of one of some other masks, or more, is in a mask.

    Args:
        shape, others: run lengths.
    """
    return any(_share(other, shape) >= _PART for other in others)


def _share(shape: dict, other: dict) -> float:
    """Return the share of a mask that is in another."""
    from pycocotools.mask import iou

    return float(iou([shape], [other], [1])[0, 0])  # as if the other was a crowd


def around(
    box: np.ndarray, size: tuple[int, int], context: float, *, square: bool
) -> tuple[float, float, float, float]:
    """Return the part of a picture to look at for a box, as far as the picture goes.

    Args:
        box: left, top, right, bottom.
        size: (width, height).
        context: share of the box's sides that is added on each side.
        square: whether the shorter side becomes as long as the longer one.
    """
    middle, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2
    half = np.maximum(half, half.max() if square else 0.5) * (1 + 2 * context)
    left, top = np.maximum(middle - half, 0)
    right, bottom = np.minimum(middle + half, size)
    return float(left), float(top), float(right), float(bottom)


def _finished(outcome, *, copies: Copies) -> Instanced:
    """Make a result of what `predict` gives, and write its files."""
    item, found, error = outcome
    if error is not None:
        return Instanced(item, error=error)
    size, instances = found
    result = Instanced(item, size, instances)
    if copies.wanted:
        try:
            mask = result.mask
            result.files = copies.write(item, mask, overlay_of(instances, mask), {})
        except InputError as failure:  # gone or changed since it was looked at
            return Instanced(item, error=str(failure))
    return result
