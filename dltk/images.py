"""Pictures in and out: the one decoder, the one encoder. All of it is Pillow.

Training, evaluation and prediction read their pictures here and nowhere else, so that they
cannot disagree about orientation or colour; `dltk.geometry` is the same for size.
"""

from __future__ import annotations

import io
import os
import stat
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.ExifTags import Base

from dltk.errors import InputError, UsageError, printable, reason
from dltk.files import whole

# Formats that start an interpreter or call the operating system's own renderer (EPS and PDF:
# PostScript; WMF: Windows' metafiles), and those that Pillow can name but not read.
_REFUSED = {"EPS", "PDF", "WMF"}
_UNREADABLE = {"BUFR", "GRIB", "HDF5", "MPEG", "FPX", "MIC", "PALM"}
_REFUSED_STARTS = {
    b"%!PS": "EPS",
    b"\xc5\xd0\xd3\xc6": "EPS",
    b"%PDF": "PDF",
    b"\xd7\xcd\xc6\x9a": "WMF",
    b"\x01\x00\x00\x00": "WMF",
}
_LOSSLESS_ALTERNATIVE = ".png"
_JPEG_ROOM = 65533  # bytes for EXIF
# EXIF orientation -> what turns the stored picture upright.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ORIENTATION_KEYS = ("exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp")
SIDEWAYS = frozenset(_TURNS[orientation] for orientation in (5, 6, 7, 8))  # swap the sides

# Pillow warns from half its limit on; from the limit on it raises, which is what we report.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


@cache
def raster_formats() -> tuple[str, ...]:
    """Return Pillow's names of the formats this decoder reads, such as "JPEG"."""
    Image.init()
    return tuple(sorted(set(Image.OPEN) - _REFUSED - _UNREADABLE))


@cache
def raster_extensions() -> frozenset[str]:
    """Return the file extensions, lower case with the dot, of `raster_formats`."""
    formats = {*raster_formats(), "MPO"}  # MPO is read by JPEG's reader
    return frozenset(ext for ext, name in Image.registered_extensions().items() if name in formats)


def decode(source, *, at_least: int | None = None) -> Image.Image:
    """Return the picture in `source` as an upright RGB Pillow image.

    The content decides, never the name. EXIF orientation is applied; CMYK, grey, palette and
    16-bit pictures become 8-bit RGB, transparency is laid over white, an animation gives its
    first frame. 16-bit grey is divided by 257; float pictures are taken as 0-1 when they fit
    in it, else as 0-255.

    Args:
        source: a path, the encoded bytes, a Pillow image, or an array (H, W), (H, W, 1),
            (H, W, 3) or (H, W, 4): uint8, finite float in 0-255, uint16 in 0-65535, or bool.
        at_least: pixels that the shorter side must keep. A JPEG may then be decoded at 1/2, 1/4
            or 1/8 of its size, which is several times faster. Defaults to full size.
    Raises:
        InputError: not a picture, truncated, too many pixels, unreadable, or in a format that
            runs an interpreter; with the reason, without the path.
    """
    return decode_sized(source, at_least=at_least)[0]


def decode_sized(source, *, at_least: int | None = None) -> tuple[Image.Image, tuple[int, int]]:
    """Return what `decode` does, and the upright picture's full (width, height)."""
    with explained():
        if isinstance(source, np.ndarray):
            source = _from_array(source)
        if isinstance(source, Image.Image):
            source.load()
            return _sized(source, source.size)
        with opened(source) as image:
            size = image.size
            if at_least:
                image.draft(None, (at_least, at_least))
            image.load()
            return _sized(image, size)


@contextmanager
def explained() -> Iterator[None]:
    """Turn whatever reading a picture raises into InputError, with the reason."""
    try:
        yield
    except InputError:
        raise
    except Image.DecompressionBombError as error:
        limit = 2 * Image.MAX_IMAGE_PIXELS // 10**6
        raise InputError(f"too many pixels: more than {limit} million") from error
    except MemoryError as error:
        raise InputError("not enough memory to decode it") from error
    except OSError as error:
        raise InputError(reason(error)) from error
    except Exception as error:  # Pillow's readers raise many kinds on damaged files
        raise InputError(f"damaged picture: {reason(error)}") from error


def is_picture(content: bytes) -> bool:
    """Return whether `content` begins like a picture, be it damaged or of a refused format."""
    if content.startswith(tuple(_REFUSED_STARTS)):
        return True
    try:
        opened(content).close()
    except InputError:
        return False
    except Exception:  # recognised, and found damaged
        return True
    return True


def _sized(image: Image.Image, size: tuple[int, int]) -> tuple[Image.Image, tuple[int, int]]:
    turn = turn_of(image)
    upright = image.transpose(turn) if turn is not None else image
    if turn is not None:
        for key in _ORIENTATION_KEYS:  # or what was turned once would be turned again
            upright.info.pop(key, None)
    width, height = size
    size = (height, width) if turn in SIDEWAYS else (width, height)
    return to_rgb(upright, image.format), size


def opened(source) -> Image.Image:
    """Return the picture in a path or in bytes, opened by Pillow and not yet decoded.

    Raises what Pillow raises, and InputError where it is no picture.
    """
    if not isinstance(source, bytes):
        if not isinstance(source, (str, os.PathLike)):
            raise InputError(f"not a path, a picture or an array but {type(source).__name__}")
        status = os.stat(source)
        if stat.S_ISDIR(status.st_mode):
            raise InputError("Is a directory")
        if not stat.S_ISREG(status.st_mode):  # a pipe may never end, a device never does
            raise InputError("not a regular file")
        if status.st_size == 0:
            raise InputError("the file is empty")
    if source == b"":
        raise InputError("the input is empty")
    file = io.BytesIO(source) if isinstance(source, bytes) else source
    try:
        return Image.open(file, formats=raster_formats())
    except Image.UnidentifiedImageError as error:
        raise InputError(_why_not_a_picture(source)) from error


def _why_not_a_picture(source) -> str:
    start = source[:4] if isinstance(source, bytes) else _first_bytes(source)
    for magic, name in _REFUSED_STARTS.items():
        if start.startswith(magic):
            return f"{name} is refused: reading it would run an interpreter"
    return "not a picture, or in a format that cannot be read"


def _first_bytes(path) -> bytes:
    with open(path, "rb") as file:
        return file.read(4)


def turn_of(
    image: Image.Image, read: Callable[[Image.Image], Image.Exif] | None = None
) -> Image.Transpose | None:
    """Return what turns the stored picture upright, by its EXIF orientation; None for nothing.

    Args:
        read: gives the image's EXIF block; Pillow's own method by default.
    """
    try:
        value = (read(image) if read else image.getexif()).get(Base.Orientation)
    except Exception:  # a damaged EXIF block must not cost the picture
        return None
    return _TURNS.get(value) if isinstance(value, int) else None


def to_rgb(image: Image.Image, kind: str | None = None) -> Image.Image:
    """Return `image` in mode RGB: transparency over white, 16-bit and float scaled to 8 bits.

    An ICC profile stays in `info` if it is one of RGB.

    Args:
        kind: Pillow's name of the format it came from: 16-bit PPM looks like 32-bit otherwise.
    """
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    profile = image.info.get("icc_profile") if image.mode in ("RGB", "RGBA", "P", "PA") else None
    if image.mode.startswith(("I", "F")):
        array = np.asarray(image)
        array = array.astype(np.uint16 if kind == "PPM" else array.dtype.newbyteorder("="))
        image = _from_array(array, wide=True)
    if "A" in image.mode or "a" in image.mode or "transparency" in image.info:
        image = image.convert("RGBA")
        ground = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(ground, image)
    image = image.convert("RGB")
    image.info.pop("icc_profile", None)
    if profile:
        image.info["icc_profile"] = profile
    return image


def _from_array(array: np.ndarray, *, wide: bool = False) -> Image.Image:
    """Turn an array into an image; `wide` allows the value ranges of 16-bit and float files."""
    if array.ndim == 3 and array.shape[-1] == 1:
        array = array[..., 0]
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[-1] not in (3, 4)):
        raise InputError(
            f"a picture array is (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), not {array.shape}"
        )
    if 0 in array.shape:
        raise InputError(f"a picture array of shape {array.shape} has no pixels")
    if array.dtype.kind == "f":
        if not wide and not np.isfinite(array).all():
            raise InputError("a picture array of values that are not all finite")
        array = np.nan_to_num(np.asarray(array, np.float32), posinf=255)
    if array.dtype == bool:
        array = array * np.uint8(255)
    elif array.dtype == np.uint16:
        array = array / 257
    elif wide and array.dtype.kind in "iu" and array.max() > 255:
        array = array / max(257, array.max() / 255)  # 16 bits, or as many as there are
    elif wide and array.dtype.kind == "f" and array.max(initial=0) <= 1:
        array = array * 255
    return Image.fromarray(np.ascontiguousarray(levels_of(array)))


def levels_of(pixels: np.ndarray) -> np.ndarray:
    """Return finite pixels of any shape and type, clipped to 0-255 and rounded, as uint8."""
    if pixels.dtype == np.uint8:
        return pixels
    return np.rint(np.clip(pixels, 0, 255)).astype(np.uint8)


def image_of(levels: np.ndarray) -> Image.Image:
    """Return uint8 (H, W, 1 or 3) as an image in mode L or RGB."""
    return Image.fromarray(levels[..., 0] if levels.shape[-1] == 1 else levels)


def encodable(name: str) -> str:
    """Return `name` if its extension can be written in RGB, else with ".png" added."""
    formats = {"AVIF", "BMP", "JPEG", "JPEG2000", "PNG", "PPM", "TGA", "TIFF", "WEBP"}
    extension = os.path.splitext(name)[1].lower()
    known = extension in raster_extensions()
    if known and Image.registered_extensions()[extension] in formats & set(Image.SAVE):
        return name
    return name + _LOSSLESS_ALTERNATIVE


def encode(
    picture: Image.Image,
    path: str | os.PathLike,
    *,
    software: str | None = None,
    exif: bytes | None = None,
    quality: int = 90,
) -> None:
    """Write `picture` to `path`, whole or not at all, in the format of the path's extension.

    An ICC profile in `picture.info` is kept.

    Args:
        software: what `dltk.metadata.software_of` is to say of the file.
        exif: what `dltk.metadata.exif_of` gave. Formats without room for it go without.
        quality: of JPEG, WebP and AVIF, 1 to 100.

    Raises:
        DltkError: the file cannot be written.
    """
    extension = Path(path).suffix.lower()
    if extension not in raster_extensions():
        raise UsageError(f"cannot write {printable(path)}: unknown file extension")
    form = Image.registered_extensions()[extension]
    options = {"quality": quality} if form != "TIFF" else {}
    if software:
        fields = Image.Exif()
        fields.load(exif or b"")
        fields[Base.Software] = software
        exif = fields.tobytes()
    if exif and not (form == "JPEG" and len(exif) > _JPEG_ROOM):
        options["exif"] = exif
    if picture.info.get("icc_profile"):
        options["icc_profile"] = picture.info["icc_profile"]
    with whole(path) as part:
        try:
            picture.save(part, **options)
        except ValueError as error:
            raise UsageError(f"cannot write {printable(path)}: {error}") from error
