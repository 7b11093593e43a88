"""What is kept of a picture besides its pixels: EXIF, fit for a copy, and colours by profile."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageCms
from PIL.ExifTags import GPS, IFD, Base
from PIL.TiffImagePlugin import IFDRational

from dltk.images import decode, encode
from dltk.metadata import exif_of, from_srgb, software_of, to_srgb

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
SUBJECT_AREA = 0x9214
THUMBNAIL = b"\xff\xd8 the picture as it was \xff\xd9"


def s15(value: float) -> bytes:
    return struct.pack(">i", round(value * 65536))


def rgb_profile(gamma: float, primaries) -> bytes:
    """Return an ICC v2 profile: one gamma, and XYZ (D50) of red, green and blue."""
    tags = {b"wtpt": b"XYZ \0\0\0\0" + b"".join(map(s15, (0.9642, 1, 0.8249)))}
    for name, xyz in zip((b"rXYZ", b"gXYZ", b"bXYZ"), primaries, strict=True):
        tags[name] = b"XYZ \0\0\0\0" + b"".join(map(s15, xyz))
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    tags[b"desc"] = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"test\0" + bytes(79)
    tags[b"cprt"] = b"text\0\0\0\0none\0\0\0\0"
    table, body, start = struct.pack(">I", len(tags)), b"", 132 + 12 * len(tags)
    for name, content in tags.items():
        table += name + struct.pack(">II", start + len(body), len(content))
        body += content
    header = struct.pack(">I4sI4s4s4s", start + len(body), b"\0" * 4, 0x02400000, b"mntr",
                         b"RGB ", b"XYZ ")  # fmt: skip
    header += bytes(12) + b"acsp" + bytes(28) + b"".join(map(s15, (0.9642, 1, 0.8249)))
    return header.ljust(128, b"\0") + table + body


# Adobe RGB (1998), adapted to D50: a wider green than that of sRGB, and a gamma of 2.2.
ADOBE = rgb_profile(
    2.19921875,
    [(0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457)],
)


def with_profile(picture: Image.Image, profile: bytes | None) -> Image.Image:
    picture.info["icc_profile"] = profile
    return picture


def camera_exif() -> Image.Exif:
    exif = Image.Exif()
    exif[Base.Make] = "Maker"
    exif[Base.Orientation] = 6
    exif[Base.DateTime] = "2024:02:03 04:05:06"
    exif[Base.ImageWidth] = 40
    details = {
        Base.ExposureTime: IFDRational(1, 125),
        Base.ExifVersion: b"0232",
        Base.ExifImageWidth: 40,
        Base.ExifImageHeight: 30,
        SUBJECT_AREA: (20, 15, 4, 4),
        Base.MakerNote: b"maker's own",
    }
    exif[IFD.Exif] = details | {IFD.Interop: {1: "R98"}}
    exif[IFD.GPSInfo] = {GPS.GPSLatitudeRef: "N", GPS.GPSLatitude: (48.0, 12.0, 30.5)}
    return exif


def encoded(picture: Image.Image, form: str = "JPEG", **options) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)
    return buffer.getvalue()


def kept(exif: bytes) -> Image.Exif:
    fields = Image.Exif()
    fields.load(exif)
    return fields


def assert_is_the_cameras(fields: Image.Exif, orientation: int | None = 1) -> None:
    assert fields[Base.Make] == "Maker" and fields[Base.DateTime] == "2024:02:03 04:05:06"
    assert fields.get(Base.Orientation) == orientation and Base.ImageWidth not in fields
    details = fields.get_ifd(IFD.Exif)
    exposure = details[Base.ExposureTime]
    assert (exposure.numerator, exposure.denominator) == (1, 125)  # no float
    assert details[Base.ExifVersion] == b"0232"
    assert details[Base.MakerNote] == b"maker's own"
    assert not {Base.ExifImageWidth, Base.ExifImageHeight, SUBJECT_AREA, IFD.Interop} & set(details)
    assert fields.get_ifd(IFD.GPSInfo)[GPS.GPSLatitude] == (48, 12, 30.5)


# EXIF


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
def test_exif_is_read_from_bytes_paths_and_pictures(tmp_path, noise, form):
    content = encoded(noise(), form, exif=camera_exif().tobytes())
    (tmp_path / "a").write_bytes(content)
    for source in (content, tmp_path / "a", Image.open(tmp_path / "a")):
        assert_is_the_cameras(kept(exif_of(source)))


@pytest.mark.parametrize(
    ("name", "orientation"),
    [("a.jpg", 1), ("a.png", 1), ("a.webp", 1), ("a.tif", 1), ("a.avif", None)],
)
@pytest.mark.parametrize("software", [None, "dltk"])
def test_exif_goes_into_the_copy(tmp_path, noise, name, orientation, software):
    source = encoded(noise(), exif=camera_exif().tobytes())
    upright = decode(source)
    assert upright.size == (30, 40)
    encode(upright, tmp_path / name, exif=exif_of(source), software=software)
    with Image.open(tmp_path / name) as copy:
        fields = copy.getexif()
        if name != "a.tif":  # whose own directory says how large it is
            assert_is_the_cameras(fields, orientation)
        assert fields[Base.Make] == "Maker" and copy.size == (30, 40)
        assert fields.get_ifd(IFD.GPSInfo)[GPS.GPSLatitudeRef] == "N"
    assert decode(tmp_path / name).size == (30, 40)  # and is not turned again
    assert software_of(tmp_path / name) == software


@pytest.mark.parametrize("name", ["a.bmp", "a.ppm", "a.tga", "a.jp2"])
def test_formats_without_room_for_exif_go_without(tmp_path, noise, name):
    encode(noise(), tmp_path / name, exif=camera_exif().tobytes())
    assert decode(tmp_path / name).size == (40, 30)
    assert exif_of(tmp_path / name) is None


def test_a_jpeg_goes_without_what_is_too_long_for_it(tmp_path, noise):
    exif = camera_exif()
    exif[IFD.Exif] = {Base.UserComment: bytes(70_000)}
    source = encoded(noise(), "PNG", exif=exif)
    encode(noise(), tmp_path / "a.jpg", exif=exif_of(source))
    encode(noise(), tmp_path / "a.png", exif=exif_of(source))
    assert exif_of(tmp_path / "a.jpg") is None
    assert kept(exif_of(tmp_path / "a.png")).get_ifd(IFD.Exif)[Base.UserComment] == bytes(70_000)


def test_the_thumbnail_of_the_old_pixels_is_dropped(noise):
    exif = camera_exif().tobytes()  # 6 bytes, then TIFF, whose directory is at its byte 8
    link = 14 + 2 + 12 * struct.unpack_from(">H", exif, 14)[0]  # where the next directory is
    end = len(exif) - 6
    fields = (0x0201, 4, 1, end + 30, 0x0202, 4, 1, len(THUMBNAIL))  # where it is, how long
    directory = struct.pack(">HHHLLHHLLL", 2, *fields, 0)
    whole = exif[:link] + struct.pack(">L", end) + exif[link + 4 :] + directory + THUMBNAIL
    source = encoded(noise(), exif=whole)
    assert kept(whole).get_ifd(IFD.IFD1)[0x0202] == len(THUMBNAIL) and THUMBNAIL in source
    assert THUMBNAIL not in exif_of(source)
    assert kept(exif_of(source)).get_ifd(IFD.IFD1) == {}
    assert_is_the_cameras(kept(exif_of(source)))


def test_the_layout_of_a_tiff_is_not_taken_for_exif(noise):
    source = encoded(noise(), "TIFF", compression="tiff_lzw", icc_profile=SRGB, software="S")
    assert set(kept(exif_of(source))) == {Base.Orientation, Base.Software}


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize(
    "exif",
    [
        b"Exif\0\0",
        b"Exif\0\0II",
        b"Exif\0\0no directory",
        b"Exif\0\0II*\0\xff\xff\xff\x7f",
        camera_exif().tobytes()[:24],
    ],
)
def test_damaged_exif_is_none(noise, exif):
    source = encoded(noise(), exif=exif)
    assert exif_of(source) is None
    assert decode(source).size == (40, 30)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_no_cut_in_exif_is_an_error(tmp_path, noise):
    exif = camera_exif().tobytes()
    for end in range(8, len(exif)):
        part = exif_of(encoded(noise(), exif=exif[:end]))
        encode(noise(), tmp_path / "a.jpg", exif=part)
        assert decode(tmp_path / "a.jpg").size == (40, 30)


def test_nothing_to_say_is_none(tmp_path, noise):
    turned = Image.Exif()
    turned[Base.Orientation] = 3
    (tmp_path / "no.jpg").write_text("no picture")
    sources = (encoded(noise()), encoded(noise(), exif=turned), tmp_path / "no.jpg", b"", None)
    for source in (*sources, tmp_path / "none.jpg", tmp_path, noise(), np.zeros((4, 4), np.uint8)):
        assert exif_of(source) is None


@pytest.mark.parametrize("name", ["a.jpg", "a.webp", "a.avif"])
def test_a_lower_quality_is_smaller_and_farther(tmp_path, noise, name):
    size, error = [], []
    for quality in (30, 95):
        encode(noise(), tmp_path / name, quality=quality)
        size.append((tmp_path / name).stat().st_size)
        error.append(np.abs(np.asarray(decode(tmp_path / name), int) - np.asarray(noise())).mean())
    assert size[0] < size[1] and error[0] > error[1]


# ICC profiles


def test_colours_of_another_profile_become_those_of_srgb():
    """Adobe RGB: grey stays grey; (0, 255, 0) lies outside sRGB, and (219, 0, 0) is its red."""
    picture = Image.new("RGB", (3, 1))
    picture.putpixel((0, 0), (128, 128, 128))
    picture.putpixel((1, 0), (219, 0, 0))
    picture.putpixel((2, 0), (0, 255, 0))
    grey, red, green = np.asarray(to_srgb(with_profile(picture, ADOBE)), int)[0]
    assert np.abs(grey - 128).max() <= 1
    assert np.abs(red - (255, 0, 0)).max() <= 2
    assert np.abs(green - (0, 255, 0)).max() <= 2
    assert picture.getpixel((1, 0)) == (219, 0, 0)


def test_the_result_says_what_its_numbers_mean(noise):
    picture = with_profile(noise(), ADOBE)
    picture.info["comment"] = b"kept"
    srgb = to_srgb(picture)
    assert "icc_profile" not in srgb.info and srgb.info["comment"] == b"kept"
    assert from_srgb(srgb, ADOBE).info["icc_profile"] == ADOBE
    assert picture.info["icc_profile"] == ADOBE and "icc_profile" not in srgb.info


def test_from_srgb_is_the_inverse_of_to_srgb(noise):
    narrow = from_srgb(noise(), ADOBE)
    assert np.abs(np.asarray(narrow, int) - np.asarray(noise())).max() > 4
    back = np.asarray(to_srgb(narrow), int)
    assert np.abs(back - np.asarray(noise())).max() <= 2


def srgb_of_another_maker() -> bytes:
    """The primaries of sRGB from its first profile (1998), and its curve as a table."""
    levels = np.linspace(0, 1, 1024)
    linear = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    table = np.rint(linear * 65535).astype(">u2").tobytes()
    plain = rgb_profile(
        1, [(0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410)]
    )
    curve = b"curv\0\0\0\0" + struct.pack(">I", 1024) + table
    start, length = len(plain), len(curve)
    tags = plain[128:]
    for name in (b"rTRC", b"gTRC", b"bTRC"):
        at = tags.index(name)
        tags = tags[: at + 4] + struct.pack(">II", start, length) + tags[at + 12 :]
    return struct.pack(">I", start + length) + plain[4:128] + tags + curve


@pytest.mark.parametrize("profile", [SRGB, srgb_of_another_maker(), None])
def test_with_the_profile_of_srgb_the_numbers_stay(noise, profile):
    picture = with_profile(noise(), profile)
    assert to_srgb(picture) is picture
    assert from_srgb(noise(), profile).tobytes() == noise().tobytes()
    assert from_srgb(noise(), profile).info.get("icc_profile") == profile


@pytest.mark.parametrize(
    "profile", [b"no profile", SRGB[:200], ADOBE[:16] + b"CMYK" + ADOBE[20:], bytes(200)]
)
def test_a_damaged_profile_is_taken_for_that_of_srgb(noise, profile):
    picture = with_profile(noise(), profile)
    assert to_srgb(picture).tobytes() == noise().tobytes()
    result = from_srgb(picture, profile)
    assert result.tobytes() == noise().tobytes() and "icc_profile" not in result.info
