"""Label maps: which class every pixel of a picture belongs to, in memory and in files.

A label map is uint8 (H, W), as large as the upright original picture: indices into some classes,
or IGNORE. NumPy and Pillow; pycocotools and contourpy where they are needed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from dltk.errors import InputError

IGNORE = 255
"""Of a pixel that is neither learnt from nor counted: a border, what nobody labelled."""
MASK = "mask"  # the name of label maps among what a network learns from
MOST_CLASSES = IGNORE

_BILEVEL, _WHOLE, _DEEP = ("1",), ("L", "P"), ("I", "I;16", "I;16B", "I;16L")
_FRACTIONS = ("F",)


def _voc_palette() -> np.ndarray:
    """Return VOC's colours, uint8 (256, 3).

    Its development kit deals the bits of a label out, three at a time, to the red, green and blue
    of its colour, from the highest bit of each down. So 0 is black, and 255 a light grey.
    """
    labels = np.arange(256)
    palette = np.zeros((256, 3), np.uint8)
    for bit in range(8):
        palette[:, bit % 3] |= ((labels >> bit & 1) << (7 - bit // 3)).astype(np.uint8)
    return palette


PALETTE = _voc_palette()


def index_picture(mask: np.ndarray) -> Image.Image:
    """Return a label map as a picture whose pixels are indices into PALETTE."""
    picture = Image.fromarray(np.ascontiguousarray(mask, np.uint8))
    picture.putpalette(PALETTE.tobytes())
    return picture


def label_map(picture: Image.Image) -> np.ndarray:
    """Return the numbers in a picture, uint8 (H, W): indices into its palette, greys or bits.

    Raises:
        InputError: it is in colour without a palette, a number is not from 0 to 255, or numbers
            may have fractions.
    """
    if picture.mode in _BILEVEL:
        return np.asarray(picture, np.uint8)
    if picture.mode in _WHOLE:
        return np.array(picture)
    if picture.mode in _FRACTIONS:
        raise InputError(
            f"its pixels are numbers with fractions ({picture.mode}), not numbers of classes; "
            "save it with whole ones from 0 to 255"
        )
    if picture.mode not in _DEEP:
        raise InputError(
            f"its pixels are colours ({picture.mode}), not numbers of classes; save it with one "
            "channel, or say which colour stands for which class in labelmap.txt"
        )
    numbers = np.asarray(picture)
    if numbers.size and numbers.min() < 0:
        raise InputError(
            f"it has the class {numbers.min()}; 0 is the first there can be, and {IGNORE} stands "
            "for what is ignored"
        )
    if numbers.size and numbers.max() > IGNORE:
        raise InputError(f"it has the class {numbers.max()}; 254 is the last there can be")
    return numbers.astype(np.uint8)


def of_colours(picture: Image.Image, colours: np.ndarray) -> np.ndarray:
    """Return the label map that a picture in colours stands for.

    Args:
        colours: uint8 (K, 3), RGB of each class. PALETTE's colour of 255 stands for IGNORE
            wherever no class has it.
    Raises:
        InputError: a colour that stands for nothing, as after smoothing or JPEG.
    """
    pixels = np.asarray(picture.convert("RGB"), np.uint32)
    numbers = pixels @ _BYTES
    found, places = np.unique(numbers, return_inverse=True)
    known = {int(number): label for label, number in enumerate(colours.astype(np.uint32) @ _BYTES)}
    known.setdefault(int(PALETTE[IGNORE].astype(np.uint32) @ _BYTES), IGNORE)
    labels = [known.get(int(number)) for number in found]
    if None in labels:
        strange = [number for number, label in zip(found, labels, strict=True) if label is None]
        first = ", ".join(str(int(strange[0]) >> shift & 255) for shift in (16, 8, 0))
        more = f" and {len(strange) - 1} more colours" if strange[1:] else ""
        raise InputError(f"the colour ({first}){more} stands for no class")
    return np.array(labels, np.uint8)[places].reshape(numbers.shape)


_BYTES = np.array([1 << 16, 1 << 8, 1], np.uint32)


def counted(mask: np.ndarray, classes: int) -> np.ndarray:
    """Return how many pixels of a label map are of each class, int64 (K,).

    Raises:
        InputError: it has a class beyond these.
    """
    counts = np.bincount(mask.ravel(), minlength=IGNORE + 1)
    if counts[classes:IGNORE].any():
        worst = classes + int(np.flatnonzero(counts[classes:IGNORE])[0])
        raise InputError(f"it has the class {worst}, and there are {classes}: 0 to {classes - 1}")
    return counts[:classes].astype(np.int64)


def likeliest(probabilities: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return the likeliest class of every pixel at another size, uint8 (H, W); see `surest`."""
    return surest(probabilities, size)[0]


def surest(probabilities: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return the likeliest class of every pixel at another size, and how likely it is.

    Probabilities are resized bilinearly (antialiased where they shrink) before they are compared,
    one class after another, so that a large picture of many classes needs no more memory than
    some pictures of one.

    Args:
        probabilities: float32 (h, w, K).
        size: (W, H).
    Returns:
        uint8 (H, W) and float32 (H, W).
    """
    best, mask = None, np.zeros(size[::-1], np.uint8)
    for label in range(probabilities.shape[2]):
        part = Image.fromarray(np.ascontiguousarray(probabilities[..., label], np.float32))
        values = np.asarray(part.resize(size, Image.Resampling.BILINEAR))
        if best is None:
            best = values.copy()
            continue
        larger = values > best
        mask[larger] = label
        np.copyto(best, values, where=larger)
    return mask, best


def without_specks(mask: np.ndarray, least: int) -> np.ndarray:
    """Return a label map whose parts of less than `least` pixels have the class next to them.

    Each of their pixels takes the class of the nearest larger part, of those that it hangs
    together with by pixels that are not ignored, of any class. Where there is none, they stay as
    they are. Pixels hang together at their sides.

    Args:
        mask: uint8 (H, W).
    """
    from scipy.ndimage import distance_transform_edt, find_objects, label

    specks = np.zeros(mask.shape, bool)
    for value in np.unique(mask[mask != IGNORE]):
        parts, count = label(mask == value)
        sizes = np.bincount(parts.ravel(), minlength=count + 1)
        small = sizes < least
        small[0] = False
        specks |= small[parts]
    if not specks.any():
        return mask
    found = mask.copy()
    pieces, _ = label(mask != IGNORE)
    places = find_objects(pieces)
    larger = ~specks & (mask != IGNORE)
    for piece in np.intersect1d(pieces[specks], pieces[larger]):
        place = places[piece - 1]
        own = pieces[place] == piece
        nearest = distance_transform_edt(
            ~(larger[place] & own), return_distances=False, return_indices=True
        )
        small = specks[place] & own
        found[place][small] = mask[place][tuple(nearest)][small]
    return found


def run_lengths(shape: np.ndarray) -> dict:
    """Return COCO's compressed run lengths of what is True in `shape`, bool (H, W)."""
    from pycocotools.mask import encode

    runs = encode(np.asfortranarray(shape, np.uint8))
    return {"size": [int(side) for side in runs["size"]], "counts": runs["counts"].decode("ascii")}


def of_run_lengths(runs: dict) -> np.ndarray:
    """Return what run lengths stand for, bool (H, W).

    Args:
        runs: "size" [H, W] and "counts", a text (compressed) or a list of numbers.
    Raises:
        InputError: they are damaged.
    """
    from pycocotools.mask import decode, frPyObjects

    try:
        height, width = (int(side) for side in runs["size"])
        counts = runs["counts"]
        if isinstance(counts, list):
            if sum(counts) != height * width or min(counts, default=0) < 0:
                raise ValueError("runs do not cover the picture")
            runs = frPyObjects({"size": [height, width], "counts": counts}, height, width)
        else:
            if (
                sum(uncompressed(counts)) != height * width
            ):  # what is beyond would be left to chance
                raise ValueError("runs do not cover the picture")
            runs = {"size": [height, width], "counts": counts}
        return decode(runs).astype(bool)
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError, MemoryError) as error:
        raise InputError("its run lengths are damaged") from error


def uncompressed(counts: str) -> list[int]:
    """Return the numbers that compressed run lengths spell. Raises ValueError: damaged.

    COCO's maskApi.c: numbers have five bits a character, the lowest first, and a sixth where they
    go on; from the fourth on they are differences to the last but one.
    """
    runs, value, bits = [], 0, 0
    for code in counts.encode("ascii"):
        digit = code - 48
        value |= (digit & 31) << bits
        bits += 5
        if digit & 32:
            continue
        if digit & 16:
            value -= 1 << bits
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value = bits = 0
    if bits or min(runs, default=0) < 0:
        raise ValueError("run lengths are damaged")
    return runs


def of_polygons(polygons: Sequence[Sequence[float]], height: int, width: int) -> np.ndarray:
    """Return what lies in any of some polygons [x, y, x, y, …], in pixels, bool (H, W)."""
    from pycocotools.mask import decode, frPyObjects, merge

    usable = [list(map(float, points)) for points in polygons if len(points) >= 6]
    if not usable:
        return np.zeros((height, width), bool)
    return decode(merge(frPyObjects(usable, height, width))).astype(bool)


def polygons(shape: np.ndarray) -> list[list[float]]:
    """Return the outlines of what is True in `shape`, bool (H, W): [x, y, x, y, …] of each part.

    Parts hang together at sides of pixels. Outlines go by the middles of the sides where parts
    end, and so cut off corners. What `of_polygons` makes of them is `shape` again, with its holes
    filled: COCO's polygons cannot have any. What is open at a corner is none, and stays open.
    """
    from contourpy import contour_generator

    if not shape.any():
        return []
    framed = np.pad(shape.astype(np.float32), 1)
    places = np.arange(framed.shape[1]) - 0.5, np.arange(framed.shape[0]) - 0.5
    lines = contour_generator(*places, framed, fill_type="OuterOffset").filled(0.5, np.inf)
    outlines = []
    for points, offsets in zip(*lines, strict=True):
        outer = points[offsets[0] : offsets[1] - 1]  # its first point comes again at its end
        outlines.append([round(float(value), 2) for value in outer.ravel()])
    return outlines
