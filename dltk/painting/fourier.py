"""Pictures as Fourier coefficients with decorrelated colours: a better basis to optimise in.

Olah, Mordvintsev & Schubert 2017, "Feature Visualization", section "Preconditioning and
Parameterization", https://distill.pub/2017/feature-visualization. In this basis all frequencies
and the three axes of colour vary about alike in photographs, so one learning rate suits them all;
among pixels, fine grain would win.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

_START = 0.01  # standard deviation of the first coefficients
_CONTRAST = 4.0  # divides the picture before the sigmoid, as the authors' code does
# The square root of the covariance of colours in ImageNet's photographs: rows are R, G and B,
# columns the axes of greatest variance. Numbers as published with the authors' code (lucid,
# optvis/param/color.py, Apache License 2.0). The first axis is brightness.
_COLOURS = np.array([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]], np.float32)
_COLOURS /= np.linalg.norm(_COLOURS, axis=0).max()


class FourierPicture:
    """A picture as a function of its coefficients.

    Args:
        height, width: of the picture, in pixels.
        channels: 3 for RGB; else channels are optimised as they are.

    Attributes:
        shape: of the coefficients: (2, C, H, W // 2 + 1), real and imaginary parts of each
            channel's spectrum, of which a real picture needs only the half.
    """

    def __init__(self, height: int, width: int, channels: int = 3):
        self._size = height, width
        self.shape = (2, channels, height, width // 2 + 1)
        self._scale = _amplitudes(height, width)
        self._colours = _COLOURS if channels == 3 else np.eye(channels, dtype=np.float32)

    def start(self, seed: int):
        """Return random coefficients, float32: a grey picture with hardly any grain."""
        return tf.random.stateless_normal(self.shape, (seed, 0), stddev=_START)

    def __call__(self, coefficients):
        """Return the picture, float32 (1, H, W, C), 0-255."""
        spectrum = tf.complex(coefficients[0], coefficients[1]) * self._scale.astype(np.complex64)
        waves = tf.signal.irfft2d(spectrum, self._size) / _CONTRAST
        axes = tf.transpose(waves, (1, 2, 0))[None]
        return 255.0 * tf.sigmoid(tf.einsum("bhwa,ca->bhwc", axes, self._colours))


def _amplitudes(height: int, width: int) -> np.ndarray:
    """Return what multiplies each coefficient, float32 (H, W // 2 + 1).

    1 / frequency, in cycles a pixel, as the spectra of photographs fall; the constant term gets
    what the lowest frequency has. The square root of the number of pixels is what the inverse
    transform takes away from the spread.
    """
    frequencies = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    lowest = 1 / max(height, width)
    scale = np.sqrt(height * width) / np.maximum(frequencies, lowest)
    return scale.astype(np.float32)
