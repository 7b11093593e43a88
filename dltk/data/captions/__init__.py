"""Pictures with captions: readers of what people have, division, and checks."""

from dltk.data.captions.check import CaptionFindings, check_captions
from dltk.data.captions.readers import holds_captions, read_captions
from dltk.data.captions.split import split_captions

__all__ = [
    "CaptionFindings",
    "check_captions",
    "holds_captions",
    "read_captions",
    "split_captions",
]
