"""What every reader of captions ends with: texts are put right, and become data."""

from __future__ import annotations

from functools import partial

from dltk.data.captions.captioned import Captioned, GatheredCaptions
from dltk.data.captions.clean import cleaned
from dltk.data.datasets import CaptionData
from dltk.data.examples import CaptionedExamples
from dltk.data.objects.json_files import shown


def assemble(found: GatheredCaptions) -> CaptionData:
    """Return the data that a reader has gathered: one caption or more of each picture.

    Captions are put on one line, and what is no text, or has no words, is left out; so is one
    that a picture has already. Each change is a line in `repairs`. Pictures of which nothing is
    said are passed over. Pictures are not looked at: those that cannot be read are found by
    `dltk.data.captions.check_captions`, and where they are used.

    Pictures that are all of "train" are undivided, as a data set that knows no other split is.

    Raises:
        UsageError: not one picture has a caption that can be used.
    """
    splits = found.in_splits(found.usable(partial(_usable, found)), CaptionedExamples)
    rest = map(tuple, (found.passed_over, found.repairs, found.damaged))
    return CaptionData(found.where, splits, *rest)


def _usable(found: GatheredCaptions, picture: Captioned) -> tuple[str, ...]:
    """Return what is said of a picture, each text once."""
    captions: dict[str, None] = {}
    for where, said in picture.told:
        caption, faults = cleaned(said)
        if caption in captions:
            faults.append(("a caption twice", shown(caption), "kept once"))
        elif caption is not None:
            captions[caption] = None
        for kind, what, action in faults:
            how = ", ".join(filter(None, (what, f"of {picture.name}", action)))
            found.repair(f"{picture.file}, {where}", kind, how)
    return tuple(captions)
