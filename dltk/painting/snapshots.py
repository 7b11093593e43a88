"""A painting as it grows: pictures now and then, and an animation of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from dltk.animation import write_gif
from dltk.images import encode
from dltk.painting.scales import fitted, shrink, to_picture

GIF_FRAMES = 40  # of an animation whose frames are not asked for by number
_GIF_SIDE = 480  # pixels of the longer side
_FRAME_SECS = 0.1


class Snapshots:
    """Takes pictures of one painting; `take` is for `dltk.painting.watch.Watch`.

    Args:
        develop: from pixels (1, H, W, 3) to those to show.
        folder: where every snapshot is written, `00050.jpg`, named by its step; those of an
            earlier painting go. Or None.
        animate: keep small copies for `write_gif`.
    """

    def __init__(self, develop: Callable[[object], object], *, folder: Path | None, animate: bool):
        self._develop, self._folder, self._animate = develop, folder, animate
        self._frames: list[Image.Image] = []
        for old in folder.glob("*.jpg") if folder is not None else ():
            if re.fullmatch(r"\d{5}", old.stem):
                old.unlink()

    def take(self, step: int, pixels) -> None:
        """Take a picture of what step number `step` begins with. Raises DltkError."""
        picture = to_picture(self._develop(pixels))
        if self._folder is not None:
            encode(picture, self._folder / f"{step:05d}.jpg")
        if self._animate:
            self._frames.append(shrink(picture, _GIF_SIDE))

    def write_gif(self, path: Path, last: Image.Image) -> None:
        """Write the snapshots and the finished picture as an animation of one size."""
        size = fitted(last.size, min(_GIF_SIDE, max(last.size)))
        frames = [frame.resize(size, Image.Resampling.BICUBIC) for frame in (*self._frames, last)]
        write_gif(frames, path, seconds_per_frame=_FRAME_SECS)
