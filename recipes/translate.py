"""Turn photos into pictures of another domain, with a translator.

from recipes.translate import translate

for result in translate("horses/", model="best.keras", to="zebras"):
    result.save(f"translated/{result.name}")
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import closing
from functools import partial

import numpy as np

from dltk.batch import Products, gather, ordered_map, predict
from dltk.errors import InputError, UsageError, nearest, printable
from dltk.images import encodable
from dltk.modelfile import read_card
from dltk.models.find import ModelSource, find_model, is_file
from dltk.strategy import cores
from dltk.weights import Report, silent
from recipes._checks import check_size, check_whole
from recipes._translate_results import Translated

LEAST = 16  # pixels of the shorter side
KEPT = 2048  # of the longer side: what a network that cannot be tiled keeps within memory
_TRAIN = 'train one with "dltk train translator"'


def translate(
    photos,
    *,
    model: str | os.PathLike,
    to: str | None = None,
    size: int | str = "keep",
    output: str | os.PathLike | None = None,
    batch_size: int = 16,
    devices: str = "auto",
    strategy: str = "auto",
    precision: str = "auto",
    report: Report = silent,
) -> Iterator[Translated]:
    """Turn photos into pictures of one of a translator's two domains.

    Args:
        photos: a path (file, folder or pattern), a Pillow image, an array (H, W[, C]) of uint8 or
            of floats 0-255, or an iterable of paths, images and arrays, read as results are taken.
        model: a `.keras` file that `recipes.train_translator` wrote.
        to: the domain; the second one if None.
        size: pixels of the longer side, at most; "keep" for the photo's own, up to 2048. What is
            in a photo is known best at the size that it had in training.
        output: folder for the pictures, which are called as the photos are.
        batch_size: photos of one size in a step, over all devices.
        devices, strategy: see `dltk.strategy.place`.
        precision: "float32", "bfloat16" or "float16"; "auto" is float32.
        report: called with a line when something takes long.
    Yields:
        A Translated for every photo, in order. One that cannot be used has `error` set, and the
        rest goes on.
    Raises:
        UsageError: options that cannot work, an unknown domain, a model that is no translator;
            outputs that would hit each other.
        DltkError: a model that cannot be loaded, or whose pixels are no numbers; a full disk.
    """
    source = find_translator(model)
    domain = domain_of(source, to)
    side = KEPT if size == "keep" else check_size(size, LEAST)
    check_whole("batch_size", batch_size, 1)
    products = products_of(output)
    items = gather(photos)
    if products and hasattr(items, "__len__"):
        products.check(items)

    from dltk.engine.translator import Translator
    from dltk.painting.photo import Painting, open_photo

    hardware = {"devices": devices, "strategy": strategy, "precision": precision}
    network = Translator(source, domain, batch_size=batch_size, **hardware)
    report(f"{printable(source.name)} on {network.running}")

    def run(loaded: list) -> Iterable[tuple]:
        made = network([np.asarray(photo.picture) for photo in loaded])
        return zip(loaded, made, strict=True)

    def finish(outcome) -> Translated:
        item, found, error = outcome
        photo, pixels = found or (None, None)
        if error is not None or isinstance(pixels, InputError):
            return Translated(item, domain, error=error or str(pixels))
        result = Translated(item, domain, Painting.of(photo, pixels))
        if products:
            result.files = products.of(item)
            result.save(result.files["picture"])
        return result

    outcomes = predict(
        items,
        partial(open_photo, size=side, least=LEAST),
        run,
        batch_size=network.batch_size,
        loaders=cores(),
        runners=1,
    )
    finished = ordered_map(finish, outcomes, workers=cores(), ahead=1)
    with closing(outcomes), closing(finished):
        yield from finished


def find_translator(model: str | os.PathLike) -> ModelSource:
    """Find a translator. Raises UsageError: no such model, or one that does something else.

    Raises:
        DltkError: not a model file.
    """
    if is_file(model) and os.fspath(model).endswith(".keras") and read_card(model) is None:
        raise UsageError(
            f"{printable(model)} was saved by plain Keras, and does not say what it does; {_TRAIN}"
        )
    source = find_model(model)
    if source.task != "translate":
        raise UsageError(
            f"{printable(source.name)} is a model to {source.task}, not to translate; {_TRAIN}"
        )
    return source


def domain_of(source: ModelSource, to: str | None) -> str:
    """Return the domain that is wanted of a translator, its second for None. Raises UsageError."""
    names = [label.name for label in source.labels]
    if to is None:
        return names[-1]
    if to not in names:
        known = " or ".join(map(printable, names))
        raise UsageError(f"--to is {known}, not {printable(to)}.{nearest(to, names)}")
    return to


def products_of(output: str | os.PathLike | None) -> Products | None:
    """Return where pictures go, called as the photos are; None if nothing is written."""
    return None if output is None else Products(output, lambda name: {"picture": encodable(name)})
