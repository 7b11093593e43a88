"""A picture turned and drawn nearer, for films that fall into it."""

from __future__ import annotations

import math

import numpy as np


def zoomed(pixels, factor: float, degrees: float) -> np.ndarray:
    """Return pixels seen `factor` times as large and turned about the centre, bilinear.

    Args:
        pixels: float32 (1, H, W, C).
        factor: above 1 to draw nearer; below, the picture's mirror images fill the border.
        degrees: counter-clockwise.
    Returns:
        float32 (1, H, W, C).
    """
    from scipy.ndimage import affine_transform

    image = np.asarray(pixels, np.float32)[0]
    turn = math.radians(degrees)
    back = np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]]) / factor
    centre = (np.array(image.shape[:2]) - 1) / 2
    offset = centre - back @ centre
    channels = [
        affine_transform(image[..., channel], back, offset, order=1, mode="mirror")
        for channel in range(image.shape[-1])
    ]
    return np.stack(channels, axis=-1)[None]
