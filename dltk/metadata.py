"""What a picture's file says besides its pixels: EXIF and the ICC profile, kept in a new copy."""

from __future__ import annotations

import io
import os
from itertools import product

import numpy as np
from PIL import Image, ImageCms
from PIL.ExifTags import IFD, Base

from dltk.images import opened

# What the first directory of EXIF says of the picture. The rest of it says how the pixels of
# that one file are laid out: all of them do in TIFF, whose own directory this is.
_ABOUT = (
    Base.DocumentName,
    Base.ImageDescription,
    Base.Make,
    Base.Model,
    Base.XResolution,
    Base.YResolution,
    Base.ResolutionUnit,
    Base.Software,
    Base.DateTime,
    Base.Artist,
    Base.HostComputer,
    Base.Copyright,
    Base.Rating,
    Base.RatingPercent,
    Base.XPTitle,
    Base.XPComment,
    Base.XPAuthor,
    Base.XPKeywords,
    Base.XPSubject,
)
# Sizes and places in pixels, which a copy of another size or turned upright does not have, and a
# directory of the rules which that one file keeps to.
_OF_THE_FILE = (
    Base.ExifImageWidth,
    Base.ExifImageHeight,
    Base.SubjectLocation,
    0x9214,  # SubjectArea
    IFD.Interop,
)
_LEVELS = range(0, 256, 51)
_PROBE = Image.new("RGB", (len(_LEVELS) ** 3, 1))
_PROBE.putdata(list(product(_LEVELS, repeat=3)))
_SAME = 2  # levels of 255 by which the sRGB profiles of different makers differ


def software_of(path: str | os.PathLike) -> str | None:
    """Return what a picture's file says it was made with, or None."""
    try:
        with opened(path) as image:
            return image.getexif().get(Base.Software)
    except Exception:  # not a picture, or a damaged one: it says nothing
        return None


def exif_of(source) -> bytes | None:
    """Return the EXIF of a picture's file, fit for a copy with other pixels.

    Camera, time, place, author and the like are kept. The orientation is 1, as `decode` turns
    pictures upright; the thumbnail, which shows the old pixels, and sizes in pixels are left out.

    Args:
        source: what `dltk.images.decode` takes.
    Returns:
        bytes for `dltk.images.encode`, or None where there is none that can be read.
    """
    try:
        if isinstance(source, Image.Image):
            return _without_layout(source.getexif())
        with opened(source) as image:
            return _without_layout(image.getexif())
    except Exception:  # an array, no picture, or damaged EXIF, of which Pillow raises many kinds
        return None


def _without_layout(exif: Image.Exif) -> bytes | None:
    kept = Image.Exif()
    kept.endian = exif.endian
    for tag in _ABOUT:
        if tag in exif:
            kept[tag] = exif[tag]
    camera, place = exif.get_ifd(IFD.Exif), exif.get_ifd(IFD.GPSInfo)
    camera = {tag: value for tag, value in camera.items() if tag not in _OF_THE_FILE}
    for tag, fields in ((IFD.Exif, camera), (IFD.GPSInfo, place)):
        if fields:
            kept[tag] = fields
    if not kept:
        return None
    kept[Base.Orientation] = 1
    return kept.tobytes()


def to_srgb(picture: Image.Image) -> Image.Image:
    """Return `picture` (RGB) with its numbers converted from its ICC profile to sRGB.

    Relative colorimetric: colours that sRGB has are the same afterwards, others are clipped. The
    result has no profile. A picture without a profile, with that of sRGB, or with one that cannot
    be used is returned as it is.
    """
    try:
        transform = _conversion(picture.info.get("icc_profile"))
    except ImageCms.PyCMSError:  # numbers whose meaning is unknown are taken as sRGB, as viewers do
        return picture
    return picture if transform is None else _converted(picture, transform)


def from_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """Return an sRGB `picture` (RGB) in another ICC profile, which the result carries.

    The inverse of `to_srgb`, but for rounding and clipping. With the profile of sRGB the numbers
    stay; with none, or one that cannot be used, they stay and the result carries no profile.
    """
    result = _converted(picture)
    try:
        transform = _conversion(profile, inverse=True)
    except ImageCms.PyCMSError:
        return result
    if transform is not None:
        result = _converted(picture, transform)
    if profile:
        result.info["icc_profile"] = profile
    return result


def _converted(
    picture: Image.Image, transform: ImageCms.ImageCmsTransform | None = None
) -> Image.Image:
    """Return a converted copy that carries no profile."""
    copy = picture.copy() if transform is None else transform.apply(picture)
    copy.info = {key: value for key, value in picture.info.items() if key != "icc_profile"}
    return copy


def _conversion(
    profile: bytes | None, *, inverse: bool = False
) -> ImageCms.ImageCmsTransform | None:
    """Return what converts from `profile` to sRGB, or back; None where the numbers are the same.

    Raises:
        PyCMSError: a profile that is damaged, or not one of RGB.
    """
    if not profile:
        return None
    ends = [ImageCms.getOpenProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")]
    intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
    transform = ImageCms.buildTransform(*ends[:: -1 if inverse else 1], "RGB", "RGB", intent)
    before, after = (np.asarray(image, int) for image in (_PROBE, transform.apply(_PROBE)))
    return transform if np.abs(before - after).max() > _SAME else None
