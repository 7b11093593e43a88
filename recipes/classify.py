"""Label pictures: what is in them, by one classifier or the mean of several.

from recipes.classify import classify

for result in classify("holiday/"):
    print(result.name, result.labels[0].name, result.labels[0].score)
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from dltk.batch import Item, gather, ordered_map, plan_products, predict
from dltk.drawing import draw_labels
from dltk.engine import load_engine
from dltk.errors import InputError, UsageError, printable, reason
from dltk.files import whole
from dltk.images import encodable, encode
from dltk.models.catalog import Label
from dltk.models.find import ModelSource, find_model
from dltk.strategy import cores
from dltk.weights import Report, silent
from recipes._of_picture import OfPicture

DEFAULT_MODEL = "efficientnet-lite0"
UNSURE = "_unsure"


@dataclass(frozen=True, slots=True)
class Scored:
    """A label with its probability in [0, 1], and its id (WordNet's for ImageNet) if it has one."""

    name: str
    score: float
    id: str | None = None


@dataclass(slots=True)
class Labelled(OfPicture):
    """What `classify` found in one picture.

    Attributes:
        size: (width, height) upright, in pixels; None where it failed.
        labels: best first; empty where it failed or nothing reached `min_score`.
        error: why it failed, or None.
        files: what was written for it, by kind: "annotated", "sorted".
    """

    size: tuple[int, int] | None = None
    labels: list[Scored] = field(default_factory=list)
    error: str | None = None
    files: dict[str, Path] = field(default_factory=dict)

    def to_dict(self) -> dict:
        """Return the record of this picture, ready for JSON."""
        if self.error is not None:
            return {"path": self.name, "status": "failed", "error": self.error}
        fields = {
            "path": self.name,
            "status": "ok",
            "width": self.size[0],
            "height": self.size[1],
            "labels": [_without_none(label) for label in self.labels],
        }
        if self.files:
            fields["files"] = {kind: str(path) for kind, path in self.files.items()}
        return fields

    def save(self, path: str | os.PathLike) -> None:
        """Write a copy of the picture with its labels drawn on it.

        Raises:
            InputError: the picture can no longer be read.
            DltkError: the copy cannot be written.
        """
        lines = [
            f"{label.name}  {label.score:.0%}" if label.score >= 0.005 else f"{label.name}  <1%"
            for label in self.labels
        ]
        encode(draw_labels(self.item.decode(), lines or ["no label is sure enough"]), path)


def classify(
    images,
    *,
    model: str | Sequence[str] = DEFAULT_MODEL,
    labels: str | None = None,
    pixel_range: str = "0..255",
    top: int = 5,
    min_score: float = 0.0,
    tta: bool = False,
    ensemble: bool = False,
    annotate: str | os.PathLike | None = None,
    sort_into: str | os.PathLike | None = None,
    batch_size: int = 16,
    engine: str = "auto",
    devices: str = "auto",
    strategy: str = "auto",
    precision: str = "auto",
    report: Report = silent,
) -> Iterator[Labelled]:
    """Label pictures with a classifier.

    Args:
        images: a path (file, folder or pattern), a Pillow image, an array (H, W[, C]) of uint8 or
            of floats 0-255, or an iterable of paths, images and arrays, read as results are taken.
        model: a name in the catalog, or the path of a `.keras` file; several for an ensemble.
        labels: a file of class names, for a model file that has none.
        pixel_range: what a file saved by plain Keras expects: "0..255", "0..1" or "-1..1".
        top: how many labels, at most.
        min_score: leave out labels below this probability.
        tta: average over ten crops (Krizhevsky et al. 2012, Sec. 4.1) instead of the centre one.
        ensemble: average the probabilities of several models with the same classes.
        annotate: folder for copies with the labels drawn on them.
        sort_into: folder for plain copies, in one folder for each best label.
        batch_size, engine, devices, strategy, precision: see `dltk.engine.load_engine`.
        report: called with a line when something takes long, such as a download.
    Yields:
        A Labelled for every picture, in order. One that cannot be read has `error` set, and the
        rest goes on.
    Raises:
        UsageError: options that cannot work; outputs that would hit each other.
        DltkError: a model that cannot be loaded, weights out of reach, a disk that is full.
    """
    if top < 1:
        raise UsageError(f"--top is at least 1, not {top}")
    if not 0 <= min_score <= 1:
        raise UsageError(f"--min-score is from 0 to 1, not {min_score}")
    sources = find_models(model, ensemble=ensemble, labels=labels, pixel_range=pixel_range)
    items = gather(images)
    count = len(items) if hasattr(items, "__len__") else None
    if count is not None:
        check_products(items, annotate, sort_into)
    elif annotate is not None or sort_into is not None:
        items = distinct(items)
    views = 10 if tta else 1
    networks = [
        load_engine(
            source,
            engine=engine,
            devices=devices,
            strategy=strategy,
            precision=precision,
            batch_size=batch_size,
            pictures=count and count * views,
            report=report,
        )
        for source in sources
    ]
    names = _class_names(sources, networks)
    report(f"{' + '.join(source.name for source in sources)} on {networks[0].running}")

    outcomes = predict(
        items,
        partial(load_views, sources=sources, tta=tta),
        partial(run_networks, networks=networks),
        batch_size=min(network.batch_size for network in networks),
        loaders=cores(),
        runners=min(n.workers for n in networks),
    )
    finish = partial(
        _label, names=names, top=top, min_score=min_score, annotate=annotate, sort_into=sort_into
    )
    with closing(outcomes):
        if annotate is None and sort_into is None:
            yield from map(finish, outcomes)
        else:
            with closing(ordered_map(finish, outcomes, workers=cores(), ahead=cores())) as results:
                yield from results


def find_models(
    model: str | Sequence[str], *, ensemble: bool, labels: str | None, pixel_range: str
) -> list[ModelSource]:
    """Find the classifiers called for, and check that they go together.

    Raises:
        UsageError: unknown names, several models without `ensemble`, a network without classes.
    """
    wanted = [model] if isinstance(model, (str, os.PathLike)) else list(model)
    if not wanted:
        raise UsageError("no model was named")
    if len(wanted) > 1 and not ensemble:
        raise UsageError("several models were named; add --ensemble to average them")
    if ensemble and len(wanted) == 1:
        raise UsageError("--ensemble averages several models; name more than one with -m")
    sources = [find_model(name, labels=labels, pixel_range=pixel_range) for name in wanted]
    for source in sources:
        if source.task not in ("classify", "features"):
            raise UsageError(f"{source.name} is a model to {source.task}, not to classify pictures")
        if not source.labels:
            advice = "it is for dltk features" if source.entry else "name them with --labels"
            raise UsageError(f"{source.name} has no class names; {advice}")
        if source.labels != sources[0].labels:
            raise UsageError(
                f"{source.name} and {sources[0].name} have different classes and cannot be averaged"
            )
    return sources


def _class_names(sources: list[ModelSource], networks: list) -> tuple[Label, ...]:
    names = sources[0].labels
    for source, network in zip(sources, networks, strict=True):
        if network.output_shape != (len(names),):
            raise UsageError(
                f"{source.name} has {network.output_shape[0]} outputs but {len(names)} class names"
            )
    return names


def load_views(
    item: Item, *, sources: Sequence[ModelSource], tta: bool
) -> tuple[tuple[int, int], list[np.ndarray]]:
    """Return a picture's size and, for each network, its views: float32 (V, H, W, C), 0-255."""
    geometries = [source.geometry for source in sources]
    at_least = max(geometry.at_least for geometry in geometries)
    picture, size = item.decode_sized(at_least=at_least)
    return size, [g.ten_crops(picture) if tta else g.apply(picture)[None] for g in geometries]


def run_networks(loaded: Sequence, *, networks: Sequence) -> Iterator[tuple]:
    """Yield (size, float32 (K,) probabilities) for what `load_views` gave, the networks' mean."""
    means = [
        mean_probabilities(network, [views[which] for _, views in loaded])
        for which, network in enumerate(networks)
    ]
    return zip((size for size, _ in loaded), np.mean(means, axis=0), strict=True)


def mean_probabilities(network, views: Sequence[np.ndarray]) -> np.ndarray:
    """Return float32 (B, K): for each of B pictures, the mean over its views.

    Args:
        network: from `dltk.engine.load_engine`.
        views: for each picture, float32 (V, H, W, C), pixels 0-255.
    """
    if not views:
        return np.zeros((0, *network.output_shape), np.float32)
    scores = network(np.concatenate(views))
    ends = np.cumsum([len(shots) for shots in views])[:-1]
    return np.stack([part.mean(axis=0) for part in np.split(scores, ends)])


def best(
    probabilities: np.ndarray, names: Sequence[Label], top: int, min_score: float
) -> list[Scored]:
    """Return the `top` most probable labels, best first, those below `min_score` left out.

    Scores are rounded to five decimals, so that records do not differ in noise. Ties are in the
    order of the classes.
    """
    order = np.argsort(-probabilities, kind="stable")[:top]
    scored = ((names[index], round(float(probabilities[index]), 5)) for index in order)
    return [Scored(label.name, score, label.id) for label, score in scored if score >= min_score]


def _label(outcome, *, names, top, min_score, annotate, sort_into) -> Labelled:
    """Make a result of what `predict` gives, and write its files."""
    item, output, error = outcome
    if error is not None:
        return Labelled(item, error=error)
    size, probabilities = output
    result = Labelled(item, size, best(probabilities, names, top, min_score))
    try:
        _write_products(result, annotate, sort_into)
    except InputError as failure:  # its pixels went bad behind the part that was needed
        return Labelled(item, error=str(failure))
    return result


def check_products(items: Sequence[Item], annotate, sort_into) -> None:
    """Raise UsageError if `annotate` or `sort_into` would write over an input, or a file twice."""
    if annotate is not None:
        plan_products(items, Path(annotate), encodable)
    if sort_into is not None:
        plan_products(items, Path(sort_into), str)
    if None not in (annotate, sort_into) and Path(annotate).resolve() == Path(sort_into).resolve():
        raise UsageError("--annotate and --sort-into are the same folder; name two")


def distinct(items: Iterable[Item]) -> Iterator[Item]:
    """Yield `items`; raise UsageError at the second of one name, whose files would meet."""
    seen = set()
    for item in items:
        if item.name in seen:
            raise UsageError(
                f"two pictures are called {printable(item.name)}; their files would meet"
            )
        seen.add(item.name)
        yield item


def _write_products(result: Labelled, annotate, sort_into) -> None:
    check_products([result.item], annotate, sort_into)
    if annotate is not None:
        path = Path(annotate) / encodable(result.name)
        result.save(path)
        result.files["annotated"] = path
    if sort_into is not None:
        folder = folder_name(result.labels[0].name) if result.labels else UNSURE
        path = Path(sort_into) / folder / result.name
        if result.path is None:
            path = path.with_name(path.name + ".png")
            encode(result.item.decode(), path)
        else:
            try:
                source = result.path.open("rb")
            except OSError as error:  # gone since it was decoded
                raise InputError(reason(error)) from error
            with source, whole(path) as part, part.open("wb") as copy:
                shutil.copyfileobj(source, copy)
        result.files["sorted"] = path


def folder_name(label: str) -> str:
    """Return a label as the name of a folder: no separators, not hidden, not empty."""
    return re.sub(r'[\x00-\x1f/\\:*?"<>|]', "_", label).strip(" .") or "_"


def csv_columns(top: int) -> list[str]:
    """Return the headings of the table that `csv_row` fills."""
    ranks = range(1, top + 1)
    labels = [f"{what}{rank}" for rank in ranks for what in ("label", "id", "score")]
    return ["path", "status", "error", "width", "height", *labels]


def csv_row(fields: dict) -> dict:
    """Return the record of a picture as one flat row."""
    row = {name: value for name, value in fields.items() if name != "labels"}
    for rank, label in enumerate(fields.get("labels", ()), start=1):
        row |= {f"{what}{rank}": label.get(what, "") for what in ("label", "id", "score")}
    return row


def _without_none(label: Scored) -> dict:
    fields = {"label": label.name, "id": label.id, "score": label.score}
    return {name: value for name, value in fields.items() if value is not None}
