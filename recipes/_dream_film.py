"""Dreams over dreams: films that fall into a picture."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from dltk.animation import check_mp4, write_frames, write_gif, write_mp4
from dltk.errors import UsageError
from dltk.painting.scales import to_picture
from dltk.painting.watch import PaintingStoppedError, Watch
from dltk.painting.zoom import zoomed
from recipes._checks import check_choice, check_number, check_whole
from recipes._dream_studio import Dreamer

_PER_SECOND = 12.5
_ZOOM = 1.05
ENDINGS = {"gif": ".gif", "mp4": ".mp4", "frames": ".frames"}


@dataclass(frozen=True)
class Film:
    """What a film is like: the options of `recipes.dream.dream` that go by these names.

    Raises:
        UsageError: values that cannot work, or are about a film where there is none.
        DltkError: MP4 without PyAV.
    """

    frames: int
    zoom: float | None = None
    rotate: float | None = None
    video: str | None = None

    def __post_init__(self):
        check_whole("frames", self.frames, 0)
        given = [each for each in ("zoom", "rotate", "video") if getattr(self, each) is not None]
        for name, value in (("zoom", _ZOOM), ("rotate", 0.0), ("video", "gif")):
            if name not in given:
                object.__setattr__(self, name, value)
        check_number("zoom", self.zoom, 0.5, 2)
        check_number("rotate", self.rotate, -360, 360)
        check_choice("video", self.video, ENDINGS)
        if given and not self.frames:
            raise UsageError(f"--{given[0]} is about films: say how many --frames")
        if self.video == "mp4":
            check_mp4()

    def write(self, pictures: Iterable[Image.Image], path: Path) -> None:
        """Write the film, taking its pictures one by one. Raises DltkError."""
        if self.video == "gif":
            write_gif(pictures, path, seconds_per_frame=1 / _PER_SECOND, hold_last=0)
        elif self.video == "mp4":
            write_mp4(pictures, path, frames_per_second=_PER_SECOND)
        else:
            count = write_frames(pictures, path)
            for old in path.glob("*.png"):  # of a longer film that went here before
                if re.fullmatch(r"\d{5}", old.stem) and int(old.stem) >= count:
                    old.unlink()


class Reel:
    """Dreams over one photo, each over the last.

    Args:
        pixels: the photo, float32 (1, H, W, 3), 0-255.
        mask: see `Dreamer.dream`.

    Attributes:
        pixels: the last dream, float32 (1, H, W, 3).
        stopped: why there are no more, though more were wanted; or None.
    """

    def __init__(self, dreamer: Dreamer, pixels, mask: np.ndarray | None, watch: Watch):
        self.pixels, self.stopped = pixels, None
        self._dreamer, self._mask, self._watch = dreamer, mask, watch

    def pictures(self, film: Film) -> Iterator[Image.Image]:
        """Dream, and yield each picture: those of the film, or one if it has none.

        After Ctrl-C or a step that is not finite, a film ends before the picture under way; a
        single picture is yielded as it is.
        """
        for frame in range(max(1, film.frames)):
            start = zoomed(self.pixels, film.zoom, film.rotate) if frame else self.pixels
            try:
                dreamt = self._dreamer.dream(start, self._mask, self._watch, frame=frame)
            except PaintingStoppedError as error:
                self.stopped = str(error)
                if frame:
                    return
                dreamt = start if self._watch.pixels is None else self._watch.pixels
            self.pixels = self._dreamer.develop(start, self._mask, dreamt)
            yield to_picture(self.pixels)
            if self.stopped:
                return
