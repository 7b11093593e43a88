"""The decoder and the encoder."""

from __future__ import annotations

import io
import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from dltk.errors import DltkError, InputError, UsageError
from dltk.images import (
    decode,
    decode_sized,
    encodable,
    encode,
    image_of,
    levels_of,
    raster_extensions,
    raster_formats,
)

NO_PICTURE = "not a picture, or in a format that cannot be read"
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

# Pillow warns of damaged metadata; whoever decodes a folder sees a line on stderr, no exception.
damaged_metadata = pytest.mark.filterwarnings("ignore::UserWarning:PIL")


def encoded(picture: Image.Image, form: str, **options) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)
    return buffer.getvalue()


def pixels(source) -> list:
    return np.asarray(decode(source)).tolist()


def greys(source) -> list:
    """The pixels of a picture without colour, one number each."""
    array = np.asarray(decode(source))
    assert (array == array[..., :1]).all()
    return array[..., 0].tolist()


def grey(rows, kind=np.uint8) -> Image.Image:
    return Image.fromarray(np.array(rows, kind))


def assert_near(picture: Image.Image, colour: tuple[int, int, int], tolerance: int) -> None:
    assert np.abs(np.asarray(picture, int) - colour).max() <= tolerance


def with_orientation(value: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = value
    return exif


# Formats and modes


def test_a_jpeg_gives_its_colours_and_size(tmp_path):
    Image.new("RGB", (20, 10), (200, 100, 50)).save(tmp_path / "a.jpg", quality=95)
    picture, size = decode_sized(tmp_path / "a.jpg")
    assert picture.mode == "RGB"
    assert picture.size == size == (20, 10)
    assert_near(picture, (200, 100, 50), 3)


def test_the_content_decides_and_not_the_name(tmp_path, noise):
    noise().save(tmp_path / "a.jpg", "PNG")
    assert decode(tmp_path / "a.jpg").tobytes() == noise().tobytes()


def test_a_path_may_be_text(tmp_path, noise):
    noise().save(tmp_path / "a.png")
    assert decode(str(tmp_path / "a.png")).tobytes() == noise().tobytes()


@pytest.mark.parametrize(("form", "options"), [("WEBP", {"lossless": True}), ("BMP", {})])
def test_a_lossless_file_gives_its_exact_pixels(form, options, noise):
    assert decode(encoded(noise(), form, **options)).tobytes() == noise().tobytes()


def test_a_cmyk_jpeg_becomes_rgb():
    yellow = Image.new("CMYK", (16, 16), (0, 0, 255, 0))
    picture = decode(encoded(yellow, "JPEG", quality=95))
    assert picture.mode == "RGB"
    assert_near(picture, (255, 255, 0), 4)


def test_grey_becomes_rgb():
    assert pixels(encoded(grey([[0, 7, 255]]), "PNG")) == [[[0] * 3, [7] * 3, [255] * 3]]


def test_grey_with_alpha_is_laid_over_white():
    picture = Image.new("LA", (2, 1), (0, 255))
    picture.putpixel((1, 0), (0, 51))  # a fifth of black over white: 255 * 0.8
    assert greys(encoded(picture, "PNG")) == [[0, 204]]


def palette_picture() -> Image.Image:
    picture = Image.new("P", (3, 1))
    picture.putpalette([10, 20, 30, 0, 0, 0, 200, 100, 50])
    picture.putdata([0, 1, 2])
    return picture


def test_a_palette_gives_its_colours():
    assert pixels(encoded(palette_picture(), "PNG")) == [[[10, 20, 30], [0, 0, 0], [200, 100, 50]]]


def test_the_transparent_colour_of_a_palette_is_white():
    data = encoded(palette_picture(), "PNG", transparency=0)
    assert pixels(data) == [[[255, 255, 255], [0, 0, 0], [200, 100, 50]]]


def test_a_palette_with_an_alpha_of_each_colour_is_laid_over_white():
    data = encoded(palette_picture(), "PNG", transparency=bytes([0, 128, 255]))
    assert pixels(data) == [[[255, 255, 255], [127, 127, 127], [200, 100, 50]]]


def test_transparency_is_laid_over_white():
    array = np.array(
        [[[255, 0, 0, 255], [9, 9, 9, 0], [0, 0, 0, 128], [100, 50, 200, 51]]], np.uint8
    )
    # The last is a fifth of the colour on four fifths of 255 (204).
    white = [[[255, 0, 0], [255, 255, 255], [127, 127, 127], [224, 214, 244]]]
    assert pixels(encoded(Image.fromarray(array), "PNG")) == white


def test_the_transparent_colour_of_an_rgb_png_is_white():
    picture = Image.fromarray(np.array([[[1, 2, 3], [4, 5, 6]]], np.uint8))
    data = encoded(picture, "PNG", transparency=(1, 2, 3))
    assert pixels(data) == [[[255, 255, 255], [4, 5, 6]]]


def test_one_bit_is_black_and_white():
    assert greys(encoded(grey([[True, False]], bool), "PNG")) == [[255, 0]]


SIXTEEN_BIT = [[0, 257, 32896, 65535, 2698, 2699]]  # the last two: 10.498 and 10.502
EIGHT_BIT = [[0, 1, 128, 255, 10, 11]]


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_16_bit_grey_is_divided_by_257(form):
    assert greys(encoded(grey(SIXTEEN_BIT, np.uint16), form)) == EIGHT_BIT


def test_16_bit_grey_of_the_other_byte_order_is_divided_by_257():
    picture = Image.frombytes("I;16B", (6, 1), np.array(SIXTEEN_BIT, ">u2").tobytes())
    assert greys(encoded(picture, "TIFF")) == EIGHT_BIT


@pytest.mark.parametrize("brightest", [65535, 250], ids=["bright", "dark"])
def test_a_16_bit_pgm_is_divided_by_257_however_dark(brightest):
    data = b"P5 2 1 65535\n" + np.array([0, brightest], ">u2").tobytes()
    assert greys(data) == [[0, round(brightest / 257)]]


def test_float_pictures_within_1_are_taken_as_0_to_1():
    assert greys(encoded(grey([[0, 0.2, 1]], np.float32), "TIFF")) == [[0, 51, 255]]


def test_other_float_pictures_are_taken_as_0_to_255():
    data = encoded(grey([[-3, 0.4, 100, 254.6, 300]], np.float32), "TIFF")
    assert greys(data) == [[0, 0, 100, 255, 255]]


def test_a_missing_value_does_not_change_the_range_of_a_float_picture():
    data = encoded(grey([[np.nan, 0.2, 1]], np.float32), "TIFF")
    assert greys(data) == [[0, 51, 255]]


@pytest.mark.parametrize("form", ["GIF", "TIFF", "WEBP"])
def test_the_first_of_several_frames_is_taken(form):
    red, blue = (Image.new("RGB", (8, 8), colour) for colour in ("red", "blue"))
    options = {"lossless": True} if form == "WEBP" else {}
    data = encoded(red, form, save_all=True, append_images=[blue], **options)
    assert Image.open(io.BytesIO(data)).n_frames == 2
    assert decode(data).tobytes() == red.tobytes()


# Orientation. Upright, the picture is "abc" above "def"; the rows below are what the EXIF standard
# has a camera store for each value (row 0 and column 0 are the named sides of the upright picture).
STORED = {
    1: ("abc", "def"),  # top, left
    2: ("cba", "fed"),  # top, right
    3: ("fed", "cba"),  # bottom, right
    4: ("def", "abc"),  # bottom, left
    5: ("ad", "be", "cf"),  # left, top
    6: ("cf", "be", "ad"),  # right, top
    7: ("fc", "eb", "da"),  # right, bottom
    8: ("da", "eb", "fc"),  # left, bottom
}


def letters(rows) -> np.ndarray:
    return np.array([[(ord(letter) - ord("a")) * 50 for letter in row] for row in rows], np.uint8)


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
@pytest.mark.parametrize("orientation", STORED)
def test_every_orientation_comes_out_upright(orientation, form):
    stored = Image.fromarray(letters(STORED[orientation]))
    data = encoded(stored, form, exif=with_orientation(orientation))
    assert greys(data) == letters(["abc", "def"]).tolist()
    assert decode_sized(data)[1] == (3, 2)


def test_the_size_of_a_turned_jpeg_is_upright_also_when_it_is_decoded_smaller():
    data = encoded(Image.new("RGB", (300, 500)), "JPEG", exif=with_orientation(8))
    picture, size = decode_sized(data, at_least=100)
    assert size == (500, 300)
    assert picture.size == (250, 150)


def test_a_pillow_image_is_turned_upright():
    data = encoded(Image.fromarray(letters(STORED[6])), "PNG", exif=with_orientation(6))
    picture, size = decode_sized(Image.open(io.BytesIO(data)))
    assert size == picture.size == (3, 2)


def test_decoding_the_decoded_turns_it_no_further():
    stored = Image.fromarray(letters(STORED[6])).convert("RGB")
    once = decode(encoded(stored, "PNG", exif=with_orientation(6)))
    assert decode(once).tobytes() == once.tobytes()


@pytest.mark.parametrize("value", [0, 9, 300])
def test_an_orientation_that_does_not_exist_turns_nothing(value):
    data = encoded(Image.new("RGB", (16, 8)), "JPEG", exif=with_orientation(value))
    picture, size = decode_sized(data)
    assert picture.size == size == (16, 8)


def exif_block(*entries: bytes) -> bytes:
    count = struct.pack(">H", len(entries))
    return b"Exif\0\0MM\0*\0\0\0\x08" + count + b"".join(entries) + b"\0\0\0\0"


DAMAGED_EXIF = {
    "nonsense": b"Exif\0\0nonsense",
    "only a header": b"Exif\0\0MM\0*",
    "cut off": exif_block(b"\x01\x12\0\x03\0\0\0\x01\0\x06\0\0")[:20],
    "points outside": b"Exif\0\0MM\0*\xff\xff\xff\xff",
    "more entries than bytes": b"Exif\0\0MM\0*\0\0\0\x08\xff\xff",
    "orientation in letters": exif_block(b"\x01\x12\0\x02\0\0\0\x04six\0"),
    "orientation in bytes": exif_block(b"\x01\x12\0\x07\0\0\0\x04\0\x06\0\0"),
    # This one reads well, but what is read cannot be written again.
    "text where a tag wants a number": exif_block(
        b"\x01\x12\0\x03\0\0\0\x01\0\x03\0\0", b"\x01\x1a\0\x02\0\0\0\x04six\0"
    ),
    "a number where a tag wants text": exif_block(
        b"\x01\x0f\0\x0b\0\0\0\x01\x3f\x80\0\0", b"\x01\x12\0\x03\0\0\0\x01\0\x03\0\0"
    ),
}


@damaged_metadata
@pytest.mark.parametrize("block", DAMAGED_EXIF.values(), ids=DAMAGED_EXIF)
def test_a_damaged_exif_block_costs_nothing(block):
    data = encoded(Image.new("RGB", (16, 8), (200, 100, 50)), "JPEG", quality=95, exif=block)
    picture, size = decode_sized(data)
    assert picture.size == size == (16, 8)
    assert_near(picture, (200, 100, 50), 3)


# Scaled decoding


@pytest.mark.parametrize("at_least", [1, 50, 99, 100, 101, 200, 201, 399, 400, 401, 5000])
def test_a_jpeg_is_never_decoded_below_what_is_needed(at_least):
    data = encoded(Image.new("RGB", (1000, 400)), "JPEG")
    picture, size = decode_sized(data, at_least=at_least)
    assert size == (1000, 400)
    assert min(picture.size) >= min(at_least, 400)


def test_a_jpeg_is_decoded_smaller_where_that_suffices():
    data = encoded(Image.new("RGB", (1600, 800)), "JPEG")
    assert decode(data, at_least=100).size == (200, 100)
    assert decode(data, at_least=101).size == (400, 200)
    assert decode(data, at_least=401).size == (1600, 800)


def test_a_jpeg_is_decoded_in_full_size_unless_told():
    assert decode(encoded(Image.new("RGB", (1600, 800)), "JPEG")).size == (1600, 800)


def test_other_formats_keep_their_size():
    assert decode(encoded(Image.new("RGB", (1600, 800)), "PNG"), at_least=100).size == (1600, 800)


# Images and arrays


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1", "CMYK", "I", "F", "I;16"])
def test_a_pillow_image_of_any_mode_becomes_rgb(mode):
    picture, size = decode_sized(Image.new(mode, (5, 4)))
    assert picture.mode == "RGB"
    assert picture.size == size == (5, 4)


def test_an_rgb_image_keeps_its_pixels(noise):
    assert decode(noise()).tobytes() == noise().tobytes()


def test_a_truncated_image_that_was_opened_but_not_read_is_an_error(noise):
    data = encoded(noise(size=(200, 150)), "JPEG", quality=95)
    opened = Image.open(io.BytesIO(data[: len(data) // 2]))
    with pytest.raises(InputError, match="truncated"):
        decode(opened)


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 1), (4, 5, 3), (4, 5, 4)])
@pytest.mark.parametrize("kind", [np.uint8, np.float32, np.float64])
def test_arrays_of_every_allowed_form_become_rgb(shape, kind):
    picture, size = decode_sized(np.full(shape, 255, kind))
    assert picture.mode == "RGB"
    assert picture.size == size == (5, 4)
    assert_near(picture, (255, 255, 255), 0)


def test_an_rgb_array_keeps_its_pixels(noise):
    array = np.asarray(noise())
    assert np.array_equal(np.asarray(decode(array)), array)


def test_an_array_that_is_a_view_keeps_its_pixels(noise):
    view = np.asarray(noise())[::-2, ::3]
    assert np.array_equal(np.asarray(decode(view)), view)


def test_floats_are_rounded_and_kept_in_range():
    assert greys(np.array([[-1.0, 0.4, 0.6, 254.7, 300.0]])) == [[0, 0, 1, 255, 255]]


def test_dark_floats_are_not_taken_for_a_range_of_0_to_1():
    assert greys(np.array([[0.0, 1.0]])) == [[0, 1]]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused(value):
    with pytest.raises(InputError, match="not all finite"):
        greys(np.array([[value, 9.0]]))


def test_an_array_with_alpha_is_laid_over_white():
    assert pixels(np.array([[[100, 50, 200, 51]]], np.uint8)) == [[[224, 214, 244]]]


@pytest.mark.parametrize("shape", [(), (3,), (2, 2, 2), (2, 2, 5), (2, 2, 3, 1)])
def test_an_array_of_another_shape_is_an_error(shape):
    with pytest.raises(InputError, match=r"a picture array is \(H, W\), .* not \("):
        decode(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("shape", [(0, 3), (3, 0, 3), (0, 0, 4)])
def test_an_array_without_pixels_is_an_error(shape):
    with pytest.raises(InputError, match="has no pixels"):
        decode(np.zeros(shape, np.uint8))


# What is no picture


@pytest.mark.parametrize(
    "content",
    [b"hello, world\n" * 20, b"<!DOCTYPE html><title>404</title>", b"a", bytes(1000)],
    ids=["text", "html", "one byte", "zeros"],
)
def test_what_is_no_picture_is_an_error_whatever_its_name(tmp_path, content):
    (tmp_path / "a.jpg").write_bytes(content)
    for source in (tmp_path / "a.jpg", content):
        with pytest.raises(InputError, match=NO_PICTURE):
            decode(source)


def test_an_empty_file_is_an_error(tmp_path):
    (tmp_path / "a.jpg").touch()
    with pytest.raises(InputError, match="the file is empty"):
        decode(tmp_path / "a.jpg")


def test_empty_bytes_are_an_error():
    with pytest.raises(InputError, match="the input is empty"):
        decode(b"")


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_a_truncated_picture_is_an_error(form, share, noise):
    data = encoded(noise(size=(200, 150)), form)
    with pytest.raises(InputError, match=r"(?i)truncated"):
        decode(data[: int(len(data) * share)])


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_a_few_bytes_of_a_picture_are_no_picture(form, noise):
    with pytest.raises(InputError, match=NO_PICTURE):
        decode(encoded(noise(), form)[:3])


def test_a_truncated_jpeg_is_an_error_at_any_scale(noise):
    data = encoded(noise(size=(800, 600)), "JPEG")
    with pytest.raises(InputError, match="truncated"):
        decode(data[: len(data) // 2], at_least=50)


@pytest.mark.parametrize(
    ("start", "form"),
    [
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", "EPS"),
        (b"\xc5\xd0\xd3\xc6" + bytes(40), "EPS"),
        (b"%PDF-1.4\n", "PDF"),
        (b"\xd7\xcd\xc6\x9a" + bytes(80), "WMF"),
        (b"\x01\x00\x00\x00" + bytes(80), "WMF"),
    ],
)
def test_what_runs_an_interpreter_is_refused_whatever_its_name(tmp_path, start, form):
    (tmp_path / "a.jpg").write_bytes(start)
    for source in (tmp_path / "a.jpg", start):
        with pytest.raises(InputError, match=f"{form} is refused"):
            decode(source)


def test_what_runs_an_interpreter_is_among_neither_formats_nor_extensions():
    assert not {"EPS", "PDF", "WMF"} & set(raster_formats())
    assert not {".eps", ".ps", ".pdf", ".wmf", ".emf"} & raster_extensions()
    assert {".jpg", ".jpeg", ".png", ".webp", ".tif", ".gif", ".bmp", ".mpo"} <= raster_extensions()


def test_a_decompression_bomb_is_refused_by_its_header():
    def chunk(kind: bytes, content: bytes) -> bytes:
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0"))
    with pytest.raises(InputError, match="too many pixels: more than 178 million"):
        decode(data + chunk(b"IEND", b""))


def test_a_folder_is_an_error(tmp_path):
    with pytest.raises(InputError, match="Is a directory"):
        decode(tmp_path)


def test_a_missing_file_is_an_error_that_does_not_repeat_the_path(tmp_path):
    with pytest.raises(InputError, match=r"^No such file or directory$"):
        decode(tmp_path / "a.jpg")


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_a_file_that_may_not_be_read_is_an_error(tmp_path, noise):
    noise().save(tmp_path / "a.jpg")
    (tmp_path / "a.jpg").chmod(0)
    with pytest.raises(InputError, match="Permission denied"):
        decode(tmp_path / "a.jpg")


# Encoding


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("a.jpg", "JPEG"),
        ("a.JPG", "JPEG"),
        ("a.jpeg", "JPEG"),
        ("a.png", "PNG"),
        ("a.webp", "WEBP"),
        ("a.tif", "TIFF"),
        ("a.bmp", "BMP"),
    ],
)
def test_the_extension_decides_the_format(tmp_path, name, form, noise):
    encode(noise(), tmp_path / name)
    with Image.open(tmp_path / name) as written:
        assert written.format == form
        assert written.size == (40, 30)
    assert os.listdir(tmp_path) == [name]


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.bmp"])
def test_lossless_formats_keep_every_pixel(tmp_path, name, noise):
    encode(noise(), tmp_path / name)
    assert decode(tmp_path / name).tobytes() == noise().tobytes()


def test_a_folder_that_is_missing_is_made(tmp_path, noise):
    encode(noise(), tmp_path / "one" / "two" / "a.png")
    assert decode(tmp_path / "one" / "two" / "a.png").size == (40, 30)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.tif"])
def test_the_icc_profile_is_kept(tmp_path, name, noise):
    picture = noise()
    picture.info["icc_profile"] = SRGB
    encode(picture, tmp_path / name)
    with Image.open(tmp_path / name) as written:
        assert written.info["icc_profile"] == SRGB


@pytest.mark.parametrize("mode", ["RGB", "P", "RGBA"])
def test_the_profile_of_a_colour_picture_goes_from_file_to_file(tmp_path, mode):
    source = encoded(Image.new(mode, (8, 8)), "PNG", icc_profile=SRGB)
    encode(decode(source), tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as written:
        assert written.info.get("icc_profile") == SRGB


@pytest.mark.parametrize(
    ("mode", "form", "space"), [("CMYK", "JPEG", b"CMYK"), ("L", "PNG", b"GRAY")]
)
def test_a_profile_of_another_colour_space_is_not_given_to_an_rgb_picture(mode, form, space):
    profile = SRGB[:16] + space + SRGB[20:]  # the colour space is at byte 16 of its header
    picture = decode(encoded(Image.new(mode, (8, 8)), form, icc_profile=profile))
    assert (picture.info.get("icc_profile") or SRGB)[16:20] == b"RGB "


@pytest.mark.parametrize("name", ["a.jpg", "a.webp"])
def test_a_save_that_fails_leaves_nothing_behind(tmp_path, name):
    too_wide = Image.new("RGB", (70000, 1))  # for JPEG and for WebP
    with pytest.raises(DltkError, match=f"cannot write .*{name}: "):
        encode(too_wide, tmp_path / name)
    assert os.listdir(tmp_path) == []


def test_a_save_that_fails_leaves_the_older_file_as_it_was(tmp_path, noise):
    encode(noise(), tmp_path / "a.jpg")
    before = (tmp_path / "a.jpg").read_bytes()
    with pytest.raises(DltkError, match="cannot write"):
        encode(Image.new("RGB", (70000, 1)), tmp_path / "a.jpg")
    assert (tmp_path / "a.jpg").read_bytes() == before
    assert os.listdir(tmp_path) == ["a.jpg"]


def test_a_picture_cannot_be_written_below_a_file(tmp_path, noise):
    (tmp_path / "file").touch()
    with pytest.raises(DltkError, match=r"cannot write .*a\.jpg"):
        encode(noise(), tmp_path / "file" / "a.jpg")


# "png" has no extension either: it is all name.
@pytest.mark.parametrize("name", ["a.xyz", "a.pdf.xyz", "a", "png"])
def test_an_unknown_extension_is_an_error(tmp_path, name, noise):
    with pytest.raises(UsageError, match="unknown file extension"):
        encode(noise(), tmp_path / name)
    assert os.listdir(tmp_path) == []


def test_the_longest_name_that_a_folder_takes_can_be_written(tmp_path, noise):
    name = "a" * 251 + ".jpg"
    encode(noise(), tmp_path / name)
    assert os.listdir(tmp_path) == [name]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.jpg", "a.jpg"),
        ("b/a.JPG", "b/a.JPG"),
        ("a.tif", "a.tif"),
        ("a.webp", "a.webp"),
        ("a.gif", "a.gif.png"),
        ("a.mpo", "a.mpo.png"),
        ("a.pdf", "a.pdf.png"),
        ("a.jpg.txt", "a.jpg.txt.png"),
        ("b.jpg/a", "b.jpg/a.png"),
        ("a", "a.png"),
    ],
)
def test_encodable_adds_png_where_the_extension_cannot_be_written(name, expected):
    assert encodable(name) == expected


@pytest.mark.parametrize("extension", sorted(raster_extensions()))
def test_every_encodable_name_can_be_written_and_read_again(tmp_path, extension, noise):
    name = encodable("a" + extension)
    encode(noise(), tmp_path / name)
    assert decode(tmp_path / name).size == (40, 30)


# Pixels that were computed


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_levels_are_rounded_within_0_to_255(kind):
    found = levels_of(
        np.array([[-3.0, 0.4, 0.6, 2.5, 3.5], [99.7, 254.4, 254.6, 255.4, 999]], kind)
    )
    assert found.dtype == np.uint8
    assert found.tolist() == [[0, 0, 1, 2, 4], [100, 254, 255, 255, 255]]  # halves: to the even one


def test_whole_numbers_stay_levels():
    every = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(levels_of(every), every)
    found = levels_of(np.array([-1, 7, 300]))
    assert found.dtype == np.uint8 and found.tolist() == [0, 7, 255]


def test_levels_of_one_channel_are_a_grey_image_and_of_three_a_coloured_one():
    levels = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)
    coloured, grey = image_of(levels), image_of(levels[..., 1:2])
    assert (coloured.mode, grey.mode) == ("RGB", "L") and coloured.size == grey.size == (3, 2)
    np.testing.assert_array_equal(coloured, levels)
    np.testing.assert_array_equal(grey, levels[..., 1])
