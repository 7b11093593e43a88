"""What a segmenter found in one picture. Plain NumPy, without TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Segmentation:
    """Which part of a picture is of which class, and how sure that is.

    Attributes:
        mask: uint8 (H, W), as large as the upright original picture: values. 0 is nothing of
            what is looked for, unless `values` has it. 255 is left open: its class is not sure
            enough, or not looked for where the segmenter has no ground or that is looked for too.
        values: from a value in the mask to the class that it stands for, an index into the
            labels of the segmenter; all values in the mask but such a 0 and 255, and maybe more.
        scores: for each of `values`, how sure it is, 0-1.
        heat: for each of `values`, float32 (h, w), 0-1, over the whole picture, at the
            resolution it was computed: where in the picture the class is seen.
    """

    mask: np.ndarray
    values: dict[int, int]
    scores: dict[int, float]
    heat: dict[int, np.ndarray]
