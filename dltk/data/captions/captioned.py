"""What readers of captions gather: pictures, and what is said of each."""

from __future__ import annotations

from dataclasses import dataclass

from dltk.data.told import GatheredTold, Told


@dataclass(slots=True)
class Captioned(Told):
    """One picture as a reader found it; told are captions, or what is there instead."""

    noun = "caption"


@dataclass
class GatheredCaptions(GatheredTold):
    """All that a reader found."""

    kind = Captioned
