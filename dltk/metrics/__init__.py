"""How good predictions are, in plain NumPy."""

from dltk.metrics.classification import ClassificationReport, measure
from dltk.metrics.detection import DetectionReport, measure_detections
from dltk.metrics.segmentation import SegmentationReport, measure_masks

__all__ = [
    "ClassificationReport",
    "DetectionReport",
    "SegmentationReport",
    "measure",
    "measure_detections",
    "measure_masks",
]
