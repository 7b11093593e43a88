"""A sheet of small dreams of one photo, to choose a layer by."""

from __future__ import annotations

from collections.abc import Mapping

from PIL import Image

from dltk.drawing import gallery
from dltk.painting.scales import to_picture, to_pixels
from dltk.painting.watch import PaintingStoppedError, Stop, Watch
from recipes._dream_studio import Dreamer

PREVIEW_SIDE = 224  # pixels of the longer side, if not told otherwise
_COLUMNS = 5


def draw_preview(
    photo: Image.Image, dreamers: Mapping[str, Dreamer], watch: Watch, stop: Stop
) -> tuple[Image.Image, str | None]:
    """Return a sheet of dreams, each below its name, and why one is left out, or None.

    A layer whose dream fails is left out; Ctrl-C ends the sheet.

    Args:
        dreamers: by the name of the layer.
    """
    start, cells, stopped = to_pixels(photo), {"photo": photo}, None
    watch.plan(sum(dreamer.steps(photo.size) for dreamer in dreamers.values()))
    for name, dreamer in dreamers.items():
        try:
            dreamt = dreamer.dream(start, None, watch)
        except PaintingStoppedError as error:
            stopped = f"{name}: {error}"
            if stop.is_set():
                break
            continue
        cells[name] = to_picture(dreamer.develop(start, None, dreamt))
    return gallery([*cells.values()], [*cells], columns=_COLUMNS, edge=max(photo.size)), stopped
