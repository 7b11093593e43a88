"""Keras layers of our own, registered under the package name "dltk" when this is imported."""

from dltk.layers.final_boxes import FinalBoxes
from dltk.layers.neighbours import NearestNeighbours
from dltk.layers.proposals import RegionProposals
from dltk.layers.regions import FillOutside, RegionFeatures, RegionWarp, WholePicture

__all__ = [
    "FillOutside",
    "FinalBoxes",
    "NearestNeighbours",
    "RegionFeatures",
    "RegionProposals",
    "RegionWarp",
    "WholePicture",
]
