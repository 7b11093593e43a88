"""How good predictions are, in plain NumPy."""

from dltk.metrics.classification import ClassificationReport, measure

__all__ = ["ClassificationReport", "measure"]
