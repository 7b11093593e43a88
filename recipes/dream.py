"""Dream over photos: make more of whatever layers, channels or classes of a network see in them.

from recipes.dream import dream

for result in dream("holiday/", preset="patchwork"):
    result.save(f"dreams/{result.name}")
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from PIL import Image

from dltk.batch import Item, Products, gather
from dltk.errors import InputError, UsageError, printable
from dltk.images import decode, encodable
from dltk.metadata import to_srgb
from dltk.painting.photo import Painting, open_photo
from dltk.painting.scales import shrink, to_pixels
from dltk.painting.watch import Stop, Watch
from dltk.strategy import place
from dltk.weights import Report, silent
from recipes._checks import check_precision, check_size
from recipes._dream_film import ENDINGS, Film, Reel
from recipes._dream_presets import DEFAULT, find_preset
from recipes._dream_preview import PREVIEW_SIDE, draw_preview
from recipes._dream_studio import Method, Studio, open_studio
from recipes._painted import Painted, paint_each
from recipes._styles import Masks, weighted

_SIZE, _LEAST_SIZE = 1024, 32  # pixels of the longer side
_GUIDE_KEPT = 1024  # pixels of the longer side of a guide


class Dream(Painted):
    """What became of one photo: a painting "dream", of a film the last; or a sheet, "layers".

    What is maximised has a minus before it in the trace. Kinds of `files` are "dream", "film",
    "layers" and "trace".
    """


def dream(
    photos,
    *,
    preset: str = DEFAULT,
    model: str | None = None,
    layer: str | Sequence[str] = (),
    channels: str | None = None,
    classes: str | Sequence[str] = (),
    guide=None,
    labels: str | None = None,
    pixel_range: str = "0..255",
    octaves: int | None = None,
    octave_scale: float | None = None,
    steps: int | None = None,
    step_size: float | None = None,
    jitter: int | None = None,
    gradient: str | None = None,
    size: int | str | None = None,
    strength: float = 1.0,
    preserve_color: bool = False,
    mask=None,
    frames: int = 0,
    zoom: float | None = None,
    rotate: float | None = None,
    video: str | None = None,
    preview: bool = False,
    tile: int = 1024,
    seed: int = 0,
    output: str | os.PathLike | None = None,
    batch_size: int | None = None,
    devices: str = "auto",
    strategy: str = "auto",
    precision: str = "auto",
    report: Report = silent,
) -> Iterator[Dream]:
    """Dream over photos.

    Args:
        photos: a path (file, folder or pattern), a Pillow image, an array (H, W[, C]) of uint8 or
            of floats 0-255, or an iterable of paths, images and arrays, read as results are taken.
        preset: values of all options that are None here, see `recipes._dream_presets`:
            "creatures", "patchwork", "engraving", "scales" or "classic".
        model: a name in the catalog, or the path of a `.keras` file, that sees colour. The
            layer of a preset is that of its own model; another has a default of its own.
        layer: names or indices of layers whose L2 norms to maximise, each with a weight if it is
            not to be 1, such as "block6a_expand_relu:0.5".
        channels: of the one layer, such as "3,17" or "0-7"; None for all.
        classes: names, ids or numbers of classes, whose scores before softmax to maximise.
        guide: a picture (path, Pillow image or array) to make the photos like, in that layer.
        labels, pixel_range: of a model file, see `dltk.models.find.find_model`.
        octaves: sizes to dream at, at most; those too small for the network are left out.
        octave_scale: of one size to the next.
        steps: at each size.
        step_size: how many levels of 255 pixels move in a step, on average.
        jitter: pixels that the picture is shifted by for a step, at most.
        gradient: "normalised", or "laplacian" for larger forms in cleaner colours.
        size: pixels of the longer side, at most; "keep" for the photo's own, up to 4096. None for
            1024, and 224 of each picture of a preview.
        strength: share of the dream in the result, the rest is the photo; in [0, 1].
        preserve_color: dream in brightness only.
        mask: a picture, white where to dream, of the photos' aspect; or a folder of them, named
            like the photos.
        frames: make a film of so many dreams, each over the last, drawn nearer; 0 for none.
        zoom, rotate: how much nearer each time, 1.05 by default, and the degrees it is turned,
            counter-clockwise, none by default.
        video: "gif" (the default), "mp4" (needs PyAV) or "frames", a folder of numbered PNG files.
        preview: in place of a dream, draw a sheet of small ones, of every layer.
        tile: pixels a side; larger pictures are looked at in overlapping tiles. Halved when
            memory runs out.
        seed: of the jitter. A photo's dream does not depend on the other photos.
        output: folder for the dreams, and beside each its trace.
        batch_size: pictures under way at a time, over all devices; None for one on each.
        devices, strategy: see `dltk.strategy.place`. Each device has pictures of its own.
        precision: "float32", "bfloat16", or "auto", see
            `dltk.strategy.choose_training_precision`.
        report: called with a line when something takes long, and every ten seconds.
    Yields:
        A Dream for every photo, in order. One that cannot be used has `error` set. After Ctrl-C,
        the dreams begun are yielded as they are, before KeyboardInterrupt goes on.
    Raises:
        UsageError: options that cannot work; an unknown layer or class.
        DltkError: weights out of reach, a disk that is full.
    """
    chosen = find_preset(preset)
    own = not model or model == chosen.model
    check_precision(precision)
    one = isinstance(classes, (str, int))
    classes = tuple(str(each) for each in ([classes] if one else classes))
    asked = [layer] if isinstance(layer, (str, int)) else list(layer)
    layers = asked or (chosen.layer if own and (guide is not None or not classes) else ())
    given = {
        "octaves": octaves,
        "octave_scale": octave_scale,
        "steps": steps,
        "step_size": step_size,
        "jitter": jitter,
        "gradient": gradient,
    }
    method = Method(
        model=model or chosen.model,
        labels=labels,
        pixel_range=pixel_range,
        layers=weighted(layers, "--layer"),
        channels=channels,
        classes=classes,
        guide=None if guide is None else _read_guide(guide),
        preserve_color=preserve_color,
        strength=strength,
        tile=tile,
        seed=seed,
        **{name: getattr(chosen, name) if v is None else v for name, v in given.items()},
    )
    film = Film(frames, zoom, rotate, video)
    if frames and output is None:
        raise UsageError("--frames writes files: name a folder with --output")
    pictures = guide is not None or mask is not None
    if preview and (asked or channels or classes or frames or pictures):
        raise UsageError("--preview shows every layer: leave out what else to dream of, and films")
    if size is None:
        size = PREVIEW_SIDE if preview else _SIZE
    order = Order(
        masks=Masks(() if mask is None else mask, 1),
        size=check_size(size, _LEAST_SIZE),
        film=film,
        products=products_of(output, frames and film.video, preview),
    )
    items = gather(photos)
    if order.products and hasattr(items, "__len__"):
        order.products.check(items)
    placement = place(devices, strategy)
    make = _preview if preview else _dream
    yield from paint_each(
        items,
        lambda device: open_studio(
            method, precision, placement, device, report, every_layer=preview
        ),
        lambda item, studio, stop: make(item, order, studio, stop, report),
        placement,
        at_once=batch_size,
        tell=lambda studio: report(studio.running),
    )


@dataclass(frozen=True)
class Order:
    """What is wanted of every photo, see `dream`."""

    masks: Masks
    size: int
    film: Film
    products: Products | None


def _dream(item: Item, order: Order, studio: Studio, stop: Stop, report: Report) -> Dream:
    """Dream over one photo, or make a film of it, and write what is to be written."""
    result, dreamer = Dream(item), studio.dreamer
    try:
        photo = open_photo(item, size=order.size, least=dreamer.least)
        masks = order.masks.of(item, photo.picture.size)
    except InputError as error:
        result.error = str(error)
        return result
    watch = Watch(printable(item.name), stop=stop, report=report)
    watch.plan(dreamer.steps(photo.picture.size) * max(1, order.film.frames))
    reel = Reel(dreamer, to_pixels(photo.picture), None if masks is None else masks[0], watch)
    files = order.products.of(item) if order.products else {}
    if order.film.frames:
        order.film.write(reel.pictures(order.film), files["film"])
        result.files["film"] = files["film"]
    else:
        deque(reel.pictures(order.film), maxlen=0)
    result.paintings["dream"] = Painting.of(photo, reel.pixels, watch.trace, reel.stopped)
    result.error = reel.stopped
    if files and not stop.abandoned:
        result.painting.save(files["dream"])
        result.painting.save_trace(files["trace"])
        result.files |= {kind: files[kind] for kind in ("dream", "trace")}
    return result


def _preview(item: Item, order: Order, studio: Studio, stop: Stop, report: Report) -> Dream:
    """Draw a sheet of small dreams over one photo, one of each layer."""
    result = Dream(item)
    least = max(dreamer.least for dreamer in studio.dreamers.values())
    try:
        photo = open_photo(item, size=order.size, least=least)
    except InputError as error:
        result.error = str(error)
        return result
    watch = Watch(printable(item.name), stop=stop, report=report)
    files = order.products.of(item) if order.products else {}
    sheet, result.error = draw_preview(photo.picture, studio.dreamers, watch, stop)
    result.paintings["layers"] = Painting(sheet, watch.trace, result.error)
    if files and not stop.abandoned:
        result.files["layers"] = files["layers"]
        result.save(files["layers"])
    return result


def _read_guide(guide) -> Image.Image:
    name = printable(guide) if isinstance(guide, (str, os.PathLike)) else "the guide"
    try:
        return shrink(to_srgb(decode(guide, at_least=_GUIDE_KEPT)), _GUIDE_KEPT)
    except InputError as error:
        raise UsageError(f"cannot dream of {name}: {error}") from error


def products_of(output: str | os.PathLike | None, video: str, preview: bool) -> Products | None:
    """Return where dreams go, by kind: "dream", "film", "trace", or "layers". None for nowhere.

    Args:
        video: what films are written as; nothing for none.
        preview: whether there are sheets of layers in place of dreams.
    """
    if output is None:
        return None

    def names(item: str) -> dict[str, str]:
        path = PurePosixPath(encodable(item))
        endings = {"dream": path.suffix, "trace": ".trace.jsonl"}
        if video:
            endings["film"] = ENDINGS[video]
        if preview:
            endings = {"layers": "_layers.png"}
        return {
            kind: (path.parent / f"{path.stem}{end}").as_posix() for kind, end in endings.items()
        }

    return Products(output, names)
