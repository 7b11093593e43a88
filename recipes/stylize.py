"""Repaint photos in the style of other pictures: Gatys et al. 2016, from coarse to fine.

from recipes.stylize import stylize

for result in stylize("holiday/", style="brush-strokes"):
    result.save(f"painted/{result.name}")
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from PIL import Image

from dltk.batch import Item, Products, gather
from dltk.drawing import contact_sheet
from dltk.errors import InputError, UsageError, printable
from dltk.images import decode, encodable, encode
from dltk.metadata import to_srgb
from dltk.painting.photo import Painting, open_photo
from dltk.painting.scales import shrink, to_pixels
from dltk.painting.snapshots import GIF_FRAMES, Snapshots
from dltk.painting.watch import PaintingStoppedError, Stop, Watch
from dltk.strategy import place
from dltk.weights import Report, silent
from recipes._checks import check_number, check_precision, check_size, check_whole
from recipes._gatys import Method, Studio
from recipes._painted import Painted, paint_each
from recipes._styles import LEAST, Look, Masks, find_looks, one_or_many, weighted

CONTENT_LAYERS = ("block4_conv2",)
STYLE_LAYERS = ("block1_conv1", "block2_conv1", "block3_conv1", "block4_conv1", "block5_conv1")
SHEET = "contact-sheet.png"
_SHEET_ROWS = 40  # photos on a contact sheet, at most
_SHEET_EDGE = 256  # pixels


class Stylized(Painted):
    """What became of one photo: `paintings` by the name of the style.

    In `files`, a painting has the name of its style; what lies beside it has "/trace" or "/gif"
    behind that.
    """


def stylize(
    photos,
    *,
    style: str | Sequence[str] = (),
    blend: str | Sequence[float] | None = None,
    mask: str | Sequence[str] = (),
    size: int | str = 512,
    strength: float = 1.0,
    preserve_color: str = "none",
    content_weight: float = 10.0,
    style_weight: float = 1000.0,
    tv_weight: float = 0.0,
    content_layers: Sequence[str] = CONTENT_LAYERS,
    style_layers: Sequence[str] = STYLE_LAYERS,
    style_scale: float = 1.0,
    backbone: str = "vgg16-hed",
    pooling: str = "max",
    init: str = "content",
    optimizer: str = "adam",
    rate: float | None = None,
    steps: int = 100,
    min_scale: int = 128,
    scale_factor: float = 1.4142,
    tile: int = 1024,
    seed: int = 0,
    output: str | os.PathLike | None = None,
    save_every: int = 0,
    gif: bool = False,
    batch_size: int | None = None,
    devices: str = "auto",
    strategy: str = "auto",
    precision: str = "auto",
    report: Report = silent,
) -> Iterator[Stylized]:
    """Repaint photos in the style of other pictures.

    Args:
        photos: a path (file, folder or pattern), a Pillow image, an array (H, W[, C]) of uint8 or
            of floats 0-255, or an iterable of paths, images and arrays, read as results are taken.
        style: pictures to take the style from, or names of those that ship with dltk
            ("brush-strokes", "stained-glass"). Each style gives a painting of its own, unless
            `blend` or `mask` is given.
        blend: a weight for each style, as numbers or as text such as "2,1": all styles in one
            painting (the mean of their Grams).
        mask: a picture for each style, white where that style goes and black where it does not;
            or a folder of them, named like the photos. All styles in one painting; what is in no
            mask stays as it is. Masks have the photo's aspect.
        size: pixels of the longer side, at most; "keep" for the photo's own, up to 4096.
        strength: share of the painting in the result, the rest is the photo; in [0, 1].
        preserve_color: keep the photo's colours (Gatys et al. 2017, Sec. 5): "none", "luminance"
            (paint in grey, keep the photo's colour), "histogram" or "linear" (give the style
            the photo's colours first).
        content_weight, style_weight, tv_weight: of the terms of the loss, see
            `dltk.losses.style`; the last one, of total variation, makes smooth.
        content_layers, style_layers: names of the backbone's layers, each with a weight if it is
            not to be 1, such as "block4_conv2:0.5".
        style_scale: size of the style's picture in that of the photo; above 1 for larger strokes,
            up to the picture's own size.
        backbone: "vgg16-hed", "vgg16" or "vgg19"; the last two are downloaded on first use.
        pooling: "max" as trained, or "avg" as the paper prefers.
        init: what to begin with: "content", "noise", or a picture (path, Pillow image or array),
            which is stretched to the photo's aspect.
        optimizer: "adam", or "lbfgs" as in the paper: fewer steps, each of them slower.
        rate: of Adam's first step, about the levels of 255 that a pixel moves in it; 10 by
            default.
        steps: at each size; above 512 pixels fewer, in proportion.
        min_scale: pixels of the longer side at the coarsest size.
        scale_factor: between one size and the next.
        tile: pixels a side; larger pictures are looked at in overlapping tiles, with the same
            result. Halved when memory runs out.
        seed: of the noise to begin with.
        output: folder for the paintings, `photo__style.jpg`, and beside each its trace.
        save_every: steps between two pictures of the painting as it grows; 0 for none.
        gif: write an animation of that.
        batch_size: pictures under way at a time, over all devices; None for one on each.
        devices, strategy: see `dltk.strategy.place`. Each device paints pictures of its own.
        precision: "float32", "bfloat16", or "auto", see
            `dltk.strategy.choose_training_precision`.
        report: called with a line when something takes long, and every ten seconds.
    Yields:
        A Stylized for every photo, in order. One that cannot be used has `error` set. After
        Ctrl-C, the paintings begun are yielded as they are, before KeyboardInterrupt goes on.
    Raises:
        UsageError: options that cannot work, an unknown layer, a style that cannot be used.
        DltkError: weights out of reach, a disk that is full.
    """
    if output is None and (save_every or gif):
        raise UsageError("--save-every and --gif write files: name a folder with --output")
    method = Method(
        backbone=backbone,
        content_layers=weighted(content_layers, "--content-layers"),
        style_layers=weighted(style_layers, "--style-layers"),
        content_weight=content_weight,
        style_weight=style_weight,
        tv_weight=tv_weight,
        style_scale=style_scale,
        pooling=pooling,
        optimizer=optimizer,
        rate=rate,
        steps=steps,
        min_scale=min_scale,
        scale_factor=scale_factor,
        preserve_color=preserve_color,
        tile=tile,
        seed=seed,
    )
    check_number("strength", strength, 0, 1)
    check_whole("save_every", save_every, 0)
    check_precision(precision)
    masks = one_or_many(mask)
    looks = find_looks(style, blend=blend, masked=bool(masks))
    order = Order(
        looks=looks,
        masks=Masks(masks, len(looks[0].pictures)),
        size=check_size(size, LEAST),
        strength=strength,
        start=_start(init),
        products=products_of([look.name for look in looks], output),
        save_every=save_every,
        gif=gif,
    )
    items = gather(photos)
    if order.products and hasattr(items, "__len__"):
        order.products.check(items)
    placement = place(devices, strategy)
    yield from paint_each(
        items,
        lambda device: Studio(method, precision, placement, device, report),
        lambda item, studio, stop: _repaint(item, order, studio, stop, report),
        placement,
        at_once=batch_size,
        tell=lambda studio: report(f"{backbone} on {studio.running}"),
    )


@dataclass(frozen=True)
class Order:
    """What is wanted of every photo, see `stylize`."""

    looks: Sequence[Look]
    masks: Masks
    size: int
    strength: float
    start: str | Image.Image
    products: Products | None
    save_every: int
    gif: bool


def _repaint(item: Item, order: Order, studio: Studio, stop: Stop, report: Report) -> Stylized:
    """Paint one photo in each look and write what is to be written."""
    result = Stylized(item)
    try:
        photo = open_photo(item, size=order.size, least=LEAST)
        masks = order.masks.of(item, photo.picture.size)
    except InputError as error:
        result.error = str(error)
        return result
    files = order.products.of(item) if order.products else {}
    for look in order.looks:
        if stop.is_set():
            result.error = result.error or "stopped before it was begun"
            break
        develop = partial(studio.develop, photo, masks, order.strength)
        snapshots = Snapshots(
            develop,
            folder=files[f"{look.name}/steps"] if order.save_every else None,
            animate=order.gif,
        )
        total = sum(count for _, count in studio.plan(photo.picture.size))
        every = max(1, total // GIF_FRAMES) if order.gif else 0
        watch = Watch(
            f"{printable(item.name)}, {look.name}",
            stop=stop,
            report=report,
            snapshot_every=order.save_every or every,
            on_snapshot=snapshots.take,
        )
        stopped = None
        try:
            pixels = studio.paint(photo, look, masks, order.start, watch)
        except PaintingStoppedError as error:
            pixels, stopped = watch.pixels, str(error)
            pixels = to_pixels(photo.picture) if pixels is None else pixels
        if stop.abandoned:
            break
        painting = Painting.of(photo, develop(pixels), watch.trace, stopped)
        result.paintings[look.name] = painting
        if stopped and len(order.looks) > 1:
            stopped = f"{look.name}: {stopped}"
        result.error = result.error or stopped
        if files:
            kinds = _write(painting, look.name, files, snapshots if order.gif else None)
            result.files |= {kind: files[kind] for kind in kinds}
    return result


def _write(painting: Painting, style: str, files: dict, snapshots: Snapshots | None) -> list[str]:
    """Write a painting, its trace and its animation; return the kinds of what was written."""
    painting.save(files[style])
    painting.save_trace(files[f"{style}/trace"])
    if snapshots is None:
        return [style, f"{style}/trace"]
    snapshots.write_gif(files[f"{style}/gif"], painting.image)
    return [style, f"{style}/trace", f"{style}/gif"]


def _start(init) -> str | Image.Image:
    if isinstance(init, str) and init in ("content", "noise"):
        return init
    try:
        return to_srgb(decode(init))
    except InputError as error:
        raise UsageError(
            f"--init is content, noise or a picture; {printable(init)}: {error}"
        ) from error


def products_of(looks: Sequence[str], output: str | os.PathLike | None) -> Products | None:
    """Return where paintings in looks of these names go; None if nothing is written.

    Kinds are the names of looks for paintings, and those with "/trace", "/gif", "/steps" behind.
    """
    if output is None:
        return None

    def names(item: str) -> dict[str, str]:
        path = PurePosixPath(encodable(item))
        kinds = {"": path.suffix, "/trace": ".trace.jsonl", "/gif": ".gif", "/steps": ".steps"}
        return {
            look + kind: (path.parent / f"{path.stem}__{look}{ending}").as_posix()
            for look in looks
            for kind, ending in kinds.items()
        }

    return Products(output, names)


def draw_sheet(rows: Iterable[dict], photos: Path, output: Path) -> Path | None:
    """Write a contact sheet, a row for each photo and a column for each style.

    Args:
        rows: the records of the photos, their files relative to `output`.
        photos: the folder that the photos' paths are relative to.
    Returns:
        Its path; None where there is no more than one painting.
    """
    table, names, styles = [], [], []
    for fields in rows:
        if fields["status"] != "ok" or len(table) == _SHEET_ROWS:
            continue
        styles = list(fields["losses"])
        paths = [photos / fields["path"], *(output / fields["files"][name] for name in styles)]
        table.append([_small(path) for path in paths])
        names.append(fields["path"])
    if sum(len(row) - 1 for row in table) < 2:
        return None
    sheet = contact_sheet(table, row_names=names, column_names=["photo", *styles], edge=_SHEET_EDGE)
    path = output / SHEET
    encode(sheet, path)
    return path


def _small(path: Path) -> Image.Image | None:
    try:
        return shrink(to_srgb(decode(path, at_least=_SHEET_EDGE)), _SHEET_EDGE)
    except InputError:
        return None
