"""Sizes read from headers equal those of decoded pictures."""

import io

import numpy as np
import pytest
from PIL import Image

from dltk.errors import InputError
from dltk.headers import Header, read_header
from dltk.images import decode_sized

TURNS = (None, 1, 2, 3, 4, 5, 6, 7, 8)


def encoded(form, orientation, size=(50, 30)):
    exif = Image.Exif()
    if orientation:
        exif[0x0112] = orientation
    file = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 255, (*size[::-1], 3), np.uint8)
    Image.fromarray(noise).save(file, form, exif=exif)
    return file.getvalue()


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", TURNS)
def test_the_upright_size_is_that_of_the_decoder(form, orientation):
    content = encoded(form, orientation)
    header = read_header(content)
    assert header.stored == (50, 30)
    assert header.upright == decode_sized(content)[1]
    assert header.upright == ((30, 50) if orientation in (5, 6, 7, 8) else (50, 30))
    assert header.sideways == (orientation in (5, 6, 7, 8))


def test_a_png_may_say_so_behind_its_pixels():
    content = encoded("PNG", 6)
    at = content.find(b"eXIf") - 4
    length = int.from_bytes(content[at : at + 4]) + 12
    chunk, rest = content[at : at + length], content[:at] + content[at + length :]
    end = rest.find(b"IEND") - 4
    late = rest[:end] + chunk + rest[end:]
    assert read_header(rest).upright == (50, 30)
    assert read_header(late).upright == decode_sized(late)[1] == (30, 50)


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_pixels_are_not_looked_at(form):
    content = encoded(form, 6, (400, 300))
    cut = content[: len(content) // 2]
    assert read_header(cut).upright == (300, 400)
    with pytest.raises(InputError):
        decode_sized(cut)


def test_pictures_in_memory_have_a_size_too(tmp_path, noise):
    assert read_header(np.zeros((4, 7, 3), np.uint8)) == Header((7, 4))
    assert read_header(Image.new("RGB", (7, 4))) == Header((7, 4))
    noise(size=(12, 8)).save(tmp_path / "1.bmp")
    assert read_header(tmp_path / "1.bmp").upright == (12, 8)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "the input is empty"),
        (b"hello", "not a picture, or in a format that cannot be read"),
        (b"%!PS-Adobe", "EPS is refused: reading it would run an interpreter"),
    ],
)
def test_what_is_no_picture_is_refused_with_the_reason(content, why):
    with pytest.raises(InputError, match=f"^{why}$"):
        read_header(content)


def test_too_many_pixels_are_refused(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 500)
    with pytest.raises(InputError, match="too many pixels"):
        read_header(encoded("PNG", None))
