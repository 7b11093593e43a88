"""Pictures that follow one another: animated GIF, MP4, numbered PNG files.

Frames are RGB pictures of one size, in any iterable. A film is written frame by frame, so that only
one of them need be in memory; a GIF keeps all of them, one byte for a pixel.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from fractions import Fraction
from itertools import chain
from pathlib import Path

from PIL import Image

from dltk.errors import DltkError, UsageError, printable, reason
from dltk.files import whole
from dltk.images import encode

_BT709 = 1  # in H.264: primaries, transfer and matrix of ITU-R BT.709
_LIMITED = 1  # brightness in 16-235, as all films have it
_PIXELS = "yuv420p"
_CONSTANT_QUALITY = "18"  # of x264, 0 (lossless) to 51: the coarsest that shows no loss


def write_gif(
    frames: Iterable[Image.Image],
    path: str | os.PathLike,
    *,
    seconds_per_frame: float,
    hold_last: float = 2.0,
) -> None:
    """Write an animated GIF that starts again for ever, each frame dithered in its own palette.

    Args:
        seconds_per_frame: kept in hundredths; most viewers are slower than asked below 0.02.
        hold_last: seconds that the last frame stays, if that is longer.
    Raises:
        UsageError: no frames.
        DltkError: the file cannot be written.
    """
    drawn = [_in_its_palette(frame) for frame in frames]
    _require(drawn, path)
    times = [round(1000 * seconds_per_frame)] * len(drawn)
    times[-1] = max(times[-1], round(1000 * hold_last))
    with whole(path) as part:
        drawn[0].save(part, "GIF", save_all=True, append_images=drawn[1:], duration=times, loop=0)


def _in_its_palette(frame: Image.Image) -> Image.Image:
    palette = frame.quantize(256)
    return frame.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)


def write_mp4(
    frames: Iterable[Image.Image], path: str | os.PathLike, *, frames_per_second: float
) -> None:
    """Write a film that every player knows: H.264 in MP4, YUV 4:2:0, colours of ITU-R BT.709.

    It needs PyAV. An odd last row or column, which 4:2:0 cannot have, is left out.

    Raises:
        UsageError: PyAV is not installed; no frames.
        DltkError: the file cannot be written.
    """
    av = check_mp4()
    frames = iter(frames)
    first = next(frames, None)
    _require(first, path)
    size = tuple(max(2, side - side % 2) for side in first.size)
    try:
        with (
            whole(path) as part,
            open(part, "wb") as file,
            av.open(file, "w", format="mp4", options={"movflags": "faststart"}) as film,
        ):
            track = _track(film, size, frames_per_second)
            for frame in chain([first], frames):
                picture = av.VideoFrame.from_image(frame.crop((0, 0, *size)))
                film.mux(track.encode(picture.reformat(format=_PIXELS, dst_colorspace=_BT709)))
            film.mux(track.encode())
    except (av.FFmpegError, av.codec.codec.UnknownCodecError) as error:
        raise DltkError(f"cannot write {printable(path)}: {reason(error)}") from error


def check_mp4():
    """Return PyAV, which MP4 needs. Raises UsageError if it is not installed."""
    try:
        import av
    except ImportError as error:
        raise UsageError(
            'MP4 needs PyAV; pip install "dltk-recipes[video]", or ask for a GIF'
        ) from error
    return av


def _track(film, size: tuple[int, int], frames_per_second: float):
    """Return the track of pictures of `film` (an output container of PyAV), `size` even."""
    rate = Fraction(frames_per_second).limit_denominator(1001)
    track = film.add_stream("libx264", rate=rate, options={"crf": _CONSTANT_QUALITY})
    track.width, track.height, track.pix_fmt = *size, _PIXELS
    context = track.codec_context
    context.color_primaries = context.color_trc = context.colorspace = _BT709
    context.color_range = _LIMITED
    return track


def write_frames(frames: Iterable[Image.Image], folder: str | os.PathLike) -> int:
    """Write frames as `00000.png`, `00001.png` and on in `folder`, and return how many.

    Raises:
        DltkError: a file cannot be written.
    """
    count = 0
    for frame in frames:
        encode(frame, Path(folder) / f"{count:05d}.png")
        count += 1
    return count


def _require(frames: object, path: str | os.PathLike) -> None:
    if not frames:
        raise UsageError(f"cannot write {printable(path)}: there are no frames")
