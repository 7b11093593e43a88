"""Training data: readers, splits, checks, augmentation, pipelines, and made pictures."""

from dltk.data.check import Findings, check_data
from dltk.data.datasets import LabelledData, in_memory
from dltk.data.examples import Examples
from dltk.data.readers import read_data
from dltk.data.split import split_data

__all__ = [
    "Examples",
    "Findings",
    "LabelledData",
    "check_data",
    "in_memory",
    "read_data",
    "split_data",
]
