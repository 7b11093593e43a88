"""How good predictions are, in plain NumPy."""

from dltk.metrics.classification import ClassificationReport, measure
from dltk.metrics.detection import DetectionReport, measure_detections

__all__ = ["ClassificationReport", "DetectionReport", "measure", "measure_detections"]
