"""Keras layers of our own, registered under the package name "dltk" when this is imported."""

from dltk.layers.final_boxes import FinalBoxes
from dltk.layers.neighbours import NearestNeighbours
from dltk.layers.proposals import RegionProposals
from dltk.layers.regions import FillOutside, RegionFeatures, RegionWarp, WholePicture
from dltk.layers.upsampling import Enlarged, LearntUpsampling

__all__ = [
    "Enlarged",
    "FillOutside",
    "FinalBoxes",
    "LearntUpsampling",
    "NearestNeighbours",
    "RegionFeatures",
    "RegionProposals",
    "RegionWarp",
    "WholePicture",
]
