"""A sheet of pictures with what is said of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image

from dltk.data.datasets import CaptionData, QuestionData
from dltk.data.examples import Pictures
from dltk.drawing_captions import in_columns, with_texts
from dltk.errors import InputError, UsageError, printable

_ACROSS = 6  # pictures
_SHOWN = 5  # captions of one picture


def caption_sheet(
    data: CaptionData, *, count: int = 24, size: int = 320, seed: int = 0
) -> Image.Image:
    """Return a sheet of pictures with their captions below, drawn at random from all splits.

    They are shown as they are: a picture that is mirrored may be none any more of which its
    captions are true. What cannot be read is left out.

    Args:
        count: pictures to show.
        size: pixels of a picture's longer side.
        seed: for the choice of the pictures.
    Raises:
        UsageError: not one picture could be read.
    """
    return told_sheet(
        data,
        lambda examples, index: examples.captions[index],
        _SHOWN,
        count=count,
        size=size,
        seed=seed,
    )


def told_sheet(
    data: CaptionData | QuestionData,
    texts_of: Callable[[Pictures, int], Sequence[str]],
    shown: int,
    *,
    count: int,
    size: int,
    seed: int,
) -> Image.Image:
    """Return a sheet of pictures with texts below, as `caption_sheet` does, which raises the same.

    Args:
        texts_of: from examples and an index to the texts of a picture.
        shown: of these, at most.
    """
    places = [(ex, index) for ex in data.splits.values() for index in range(len(ex))]
    tiles: list[Image.Image] = []
    for at in np.random.default_rng(seed).permutation(len(places)).tolist():
        if len(tiles) == count:
            break
        examples, index = places[at]
        try:
            picture = examples.decode(index, at_least=size)
        except (InputError, OSError):
            continue
        texts = texts_of(examples, index)
        more = len(texts) - shown
        texts = [*texts[:shown], f"(and {more} more)"] if more > 0 else texts
        tiles.append(with_texts(picture, texts, width=size))
    if not tiles:
        raise UsageError(f"not one picture of {printable(data.where)} can be read")
    return in_columns(tiles, _ACROSS)
