"""Keras layers of our own, registered under the package name "dltk" when this is imported."""

from dltk.layers.answering import Answering
from dltk.layers.attention import SoftAttention
from dltk.layers.caption_decoder import CaptionDecoder
from dltk.layers.final_boxes import FinalBoxes
from dltk.layers.glimpses import Coordinates, Glimpse
from dltk.layers.neighbours import NearestNeighbours
from dltk.layers.places import Places
from dltk.layers.proposals import RegionProposals
from dltk.layers.question_reader import QuestionReader
from dltk.layers.reflection import ReflectionPadding
from dltk.layers.regions import FillOutside, RegionFeatures, RegionWarp, WholePicture
from dltk.layers.spectral import Spectral
from dltk.layers.texts import AttentionOverTime, BagOfTokens, MaxOverTime, Present, TokenVectors
from dltk.layers.upsampling import Enlarged, LearntUpsampling

__all__ = [
    "Answering",
    "AttentionOverTime",
    "BagOfTokens",
    "CaptionDecoder",
    "Coordinates",
    "Enlarged",
    "FillOutside",
    "FinalBoxes",
    "Glimpse",
    "LearntUpsampling",
    "MaxOverTime",
    "NearestNeighbours",
    "Places",
    "Present",
    "QuestionReader",
    "ReflectionPadding",
    "RegionFeatures",
    "RegionProposals",
    "RegionWarp",
    "SoftAttention",
    "Spectral",
    "TokenVectors",
    "WholePicture",
]
