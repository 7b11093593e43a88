"""Films of pictures, read back frame by frame."""

from __future__ import annotations

import os
import sys

import numpy as np
import pytest
from PIL import Image, ImageSequence

from dltk.animation import write_frames, write_gif, write_mp4
from dltk.errors import DltkError, UsageError
from dltk.images import decode


def ramp(level: int, size=(64, 48)) -> Image.Image:
    """A picture of many colours, from black to `level` in green."""
    ys, xs = np.mgrid[: size[1], : size[0]]
    channels = xs * 255 / size[0], ys * level / size[1], np.full(xs.shape, level)
    return Image.fromarray(np.stack(channels, -1).astype(np.uint8))


def ramps(count: int = 4, size=(64, 48)) -> list[Image.Image]:
    return [ramp(60 * index + 40, size) for index in range(count)]


def far(one: Image.Image, other: Image.Image) -> float:
    """How far apart two pictures look: the dots of dithering are averaged first."""
    one, other = (np.asarray(image.convert("RGB").reduce(4), float) for image in (one, other))
    return np.abs(one - other).mean()


WRITERS = [
    lambda frames, path: write_gif(frames, path, seconds_per_frame=0.1),
    lambda frames, path: write_mp4(frames, path, frames_per_second=10),
]
NAMES = ["a.gif", "a.mp4"]
both = pytest.mark.parametrize(("write", "name"), list(zip(WRITERS, NAMES, strict=True)))


# GIF


def test_a_gif_has_all_frames_and_starts_again_for_ever(tmp_path):
    path = tmp_path / "a.gif"
    write_gif(iter(ramps()), path, seconds_per_frame=0.2, hold_last=1.5)
    with Image.open(path) as film:
        assert film.n_frames == 4 and film.info["loop"] == 0 and film.size == (64, 48)
        times = []
        for frame, wanted in zip(ImageSequence.Iterator(film), ramps(), strict=True):
            assert far(frame, wanted) < 2
            times.append(frame.info["duration"])
    assert times == [200, 200, 200, 1500]
    assert os.listdir(tmp_path) == ["a.gif"]


def test_the_last_frame_is_held_no_shorter_than_the_others(tmp_path):
    write_gif(ramps(2), tmp_path / "a.gif", seconds_per_frame=3, hold_last=0)
    with Image.open(tmp_path / "a.gif") as film:
        film.seek(1)
        assert film.info["duration"] == 3000


def test_one_frame_is_a_gif_too(tmp_path):
    write_gif(ramps(1), tmp_path / "a.gif", seconds_per_frame=0.1)
    assert far(decode(tmp_path / "a.gif"), ramp(40)) < 2


# MP4


def film(path) -> tuple[list[Image.Image], object]:
    av = pytest.importorskip("av")
    with av.open(path) as container:
        track = container.streams.video[0]
        frames = [
            Image.fromarray(frame.to_ndarray(format="rgb24", src_colorspace="ITU709"))
            for frame in container.decode(track)
        ]
        return frames, (track.average_rate, track.codec_context.name, track.codec_context.pix_fmt)


@pytest.mark.parametrize(("rate", "exact"), [(10, 10), (12.5, 12.5), (29.97, 30000 / 1001)])
def test_an_mp4_has_all_frames_in_their_colours(tmp_path, rate, exact):
    pytest.importorskip("av")
    write_mp4(iter(ramps()), tmp_path / "a.mp4", frames_per_second=rate)
    frames, (found, codec, pixels) = film(tmp_path / "a.mp4")
    assert float(found) == pytest.approx(exact, rel=1e-3)
    assert (codec, pixels) == ("h264", "yuv420p")
    for frame, wanted in zip(frames, ramps(), strict=True):
        assert far(frame, wanted) < 2.5
    assert os.listdir(tmp_path) == ["a.mp4"]


def test_a_film_can_be_played_while_it_is_loaded(tmp_path):
    pytest.importorskip("av")
    write_mp4(ramps(), tmp_path / "a.mp4", frames_per_second=10)
    content = (tmp_path / "a.mp4").read_bytes()
    assert 0 < content.index(b"moov") < content.index(b"mdat")


def test_an_odd_row_and_column_are_left_out(tmp_path):
    pytest.importorskip("av")
    write_mp4(ramps(2, (65, 49)), tmp_path / "a.mp4", frames_per_second=10)
    frames, _ = film(tmp_path / "a.mp4")
    assert frames[0].size == (64, 48)
    assert far(frames[0], ramp(40, (65, 49)).crop((0, 0, 64, 48))) < 2.5


def test_without_pyav_there_is_advice_and_no_file(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)  # as if it were not installed
    with pytest.raises(UsageError, match=r'MP4 needs PyAV; pip install "dltk-recipes\[video\]"'):
        write_mp4(ramps(), tmp_path / "a.mp4", frames_per_second=10)
    assert os.listdir(tmp_path) == []


# Both


@both
def test_no_frames_are_an_error(tmp_path, write, name):
    if name == "a.mp4":
        pytest.importorskip("av")
    with pytest.raises(UsageError, match=f"cannot write .*{name}: there are no frames"):
        write([], tmp_path / name)
    assert os.listdir(tmp_path) == []


@both
def test_what_fails_on_the_way_leaves_the_older_film(tmp_path, write, name):
    if name == "a.mp4":
        pytest.importorskip("av")
    (tmp_path / name).write_bytes(b"older")

    def frames():
        yield ramp(40)
        raise DltkError("stopped")

    with pytest.raises(DltkError, match="stopped"):
        write(frames(), tmp_path / name)
    assert (tmp_path / name).read_bytes() == b"older" and os.listdir(tmp_path) == [name]


@both
def test_a_place_that_cannot_be_written_is_an_error(tmp_path, write, name):
    if name == "a.mp4":
        pytest.importorskip("av")
    (tmp_path / "file").touch()
    with pytest.raises(DltkError, match=f"cannot write .*{name}: "):
        write(ramps(), tmp_path / "file" / name)


# Numbered pictures


def test_frames_are_numbered_from_nought(tmp_path):
    assert write_frames(iter(ramps(3)), tmp_path / "frames") == 3
    names = sorted(os.listdir(tmp_path / "frames"))
    assert names == ["00000.png", "00001.png", "00002.png"]
    for name, frame in zip(names, ramps(3), strict=True):
        assert decode(tmp_path / "frames" / name).tobytes() == frame.tobytes()


def test_frames_are_written_as_they_come(tmp_path):
    def frames():
        for count, frame in enumerate(ramps(3)):
            assert len(os.listdir(tmp_path)) == count
            yield frame

    assert write_frames(frames(), tmp_path) == 3
