"""Inception v3 as FID has it: the network of 2015-12-05, whose features pictures are compared by.

Szegedy et al. 2015, "Rethinking the Inception Architecture for Computer Vision",
https://arxiv.org/abs/1512.00567. Heusel et al. 2017, https://arxiv.org/abs/1706.08500, measure
generators by the average of its last map. The weights are those that TensorFlow published on that
day (Apache-2.0), as pytorch-fid publishes them for PyTorch (Apache-2.0),
https://github.com/mseitzer/pytorch-fid. Neither torchvision's nor Keras's Inception v3 gives the
same numbers: it was trained anew for both of them, and two blocks differ, see `_last`.
"""

from __future__ import annotations

from pathlib import Path

import keras
from keras import layers

from dltk.models.build import normalised
from dltk.models.torch_layers import load_torch_weights
from dltk.weights import Report, cache_folder, fetch, silent

SIDE = 299  # pixels of the picture that the network sees
ADDRESS = "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/"
FILE = "pt_inception-2015-12-05-6726825d.pth"  # ends in the first 8 digits of its SHA-256


def published_weights(report: Report = silent, *, instead: str = "-m efficientnet-lite0") -> Path:
    """Return the published weight file, downloading it first (95 MB) if need be.

    Args:
        instead: what needs no download, for the error; see `dltk.weights.fetch`.
    Raises:
        WeightsError: it is out of reach.
    """
    path = cache_folder() / "pytorch-fid" / FILE
    digest = Path(FILE).stem.rpartition("-")[2]
    return fetch(ADDRESS + FILE, path, digest, report, instead=instead)


def build_inception_fid(weights: Path | None) -> keras.Model:
    """Build the network up to the features; the classifier over 1008 classes is left out.

    A picture of any size is brought to 299 by 299 bilinearly, without antialiasing, as both
    TensorFlow's and PyTorch's versions of FID do. A layer is named as its module in the weight
    file, such as "Mixed_5b.branch1x1.conv", and a block as its own, "Mixed_5b".

    Args:
        weights: the published `.pth`, or None for random weights.
    Returns:
        A model from float32 (B, H, W, 3), 0-255, to float32 (B, 2048).
    Raises:
        WeightsError: the file does not fit the network.
    """
    pixels = keras.Input((None, None, 3), name="pixels")
    x = layers.Resizing(SIDE, SIDE, interpolation="bilinear", name="resized")(pixels)
    x = normalised(x, "tf")
    x = _conv(x, "Conv2d_1a_3x3", 32, 3, stride=2)
    x = _conv(x, "Conv2d_2a_3x3", 32, 3)
    x = _conv(x, "Conv2d_2b_3x3", 64, 3, padding="same")
    x = _halved(x, "maxpool1")
    x = _conv(x, "Conv2d_3b_1x1", 80, 1)
    x = _conv(x, "Conv2d_4a_3x3", 192, 3)
    x = _halved(x, "maxpool2")
    for name, pooled in (("Mixed_5b", 32), ("Mixed_5c", 64), ("Mixed_5d", 64)):
        x = _fine(x, name, pooled)
    x = _to_17(x, "Mixed_6a")
    for name, inner in (("Mixed_6b", 128), ("Mixed_6c", 160), ("Mixed_6d", 160), ("Mixed_6e", 192)):
        x = _factored(x, name, inner)
    x = _to_8(x, "Mixed_7a")
    x = _last(x, "Mixed_7b", layers.AveragePooling2D)
    x = _last(x, "Mixed_7c", layers.MaxPooling2D)
    x = layers.GlobalAveragePooling2D(name="features")(x)
    model = keras.Model(pixels, x, name="inception-fid")
    if weights is not None:
        load_torch_weights(model, weights, str)
    return model


def _fine(x, name: str, pooled: int):
    """The paper's Figure 5 on maps of 35 by 35, but with 5x5 as it is in one branch."""
    a = _conv(x, f"{name}.branch1x1", 64, 1)
    b = _same(x, f"{name}.branch5x5", (48, 1), (64, 5))
    c = _same(x, f"{name}.branch3x3dbl", (64, 1), (96, 3), (96, 3))
    d = _pooled(x, name, pooled, layers.AveragePooling2D)
    return layers.Concatenate(name=name)([a, b, c, d])


def _to_17(x, name: str):
    """The paper's Figure 10, from 35 by 35 to 17 by 17."""
    a = _conv(x, f"{name}.branch3x3", 384, 3, stride=2)
    b = _same(x, f"{name}.branch3x3dbl", (64, 1), (96, 3))
    b = _conv(b, f"{name}.branch3x3dbl_3", 96, 3, stride=2)
    return layers.Concatenate(name=name)([a, b, _halved(x, f"{name}.pool")])


def _factored(x, name: str, inner: int):
    """The paper's Figure 6: 7x7 as rows and columns."""
    row, column = (1, 7), (7, 1)
    a = _conv(x, f"{name}.branch1x1", 192, 1)
    b = _same(x, f"{name}.branch7x7", (inner, 1), (inner, row), (192, column))
    c = _same(
        x,
        f"{name}.branch7x7dbl",
        *((inner, 1), (inner, column), (inner, row), (inner, column), (192, row)),
    )
    d = _pooled(x, name, 192, layers.AveragePooling2D)
    return layers.Concatenate(name=name)([a, b, c, d])


def _to_8(x, name: str):
    """From 17 by 17 to 8 by 8."""
    a = _same(x, f"{name}.branch3x3", (192, 1))
    a = _conv(a, f"{name}.branch3x3_2", 320, 3, stride=2)
    b = _same(x, f"{name}.branch7x7x3", (192, 1), (192, (1, 7)), (192, (7, 1)))
    b = _conv(b, f"{name}.branch7x7x3_4", 192, 3, stride=2)
    return layers.Concatenate(name=name)([a, b, _halved(x, f"{name}.pool")])


def _last(x, name: str, pooling):
    """The paper's Figure 7: 3x3 as a row beside a column.

    Args:
        pooling: of the fourth branch; in the network of that day the very last one takes maxima,
            in the paper and in later networks averages.
    """
    a = _conv(x, f"{name}.branch1x1", 320, 1)
    b = _beside(_same(x, f"{name}.branch3x3", (384, 1)), f"{name}.branch3x3_2")
    c = _beside(_same(x, f"{name}.branch3x3dbl", (448, 1), (384, 3)), f"{name}.branch3x3dbl_3")
    d = _pooled(x, name, 192, pooling)
    return layers.Concatenate(name=name)([a, b, c, d])


def _beside(x, name: str):
    row = _conv(x, f"{name}a", 384, (1, 3), padding="same")
    column = _conv(x, f"{name}b", 384, (3, 1), padding="same")
    return layers.Concatenate(name=name)([row, column])


def _same(x, name: str, *widths_and_kernels):
    """Convolutions in a row that keep the size; they are numbered from 1."""
    for number, (width, kernel) in enumerate(widths_and_kernels, start=1):
        x = _conv(x, f"{name}_{number}", width, kernel, padding="same")
    return x


def _pooled(x, name: str, width: int, pooling):
    """A branch of pooling, then 1x1. Averages are of the places that there are: what TensorFlow
    does at a border, and PyTorch does not unless told to."""
    x = pooling(3, 1, padding="same", name=f"{name}.pool")(x)
    return _conv(x, f"{name}.branch_pool", width, 1)


def _halved(x, name: str):
    return layers.MaxPooling2D(3, 2, name=name)(x)


def _conv(x, name: str, width: int, kernel, *, stride: int = 1, padding: str = "valid"):
    x = layers.Conv2D(width, kernel, stride, padding=padding, use_bias=False, name=f"{name}.conv")(
        x
    )
    x = layers.BatchNormalization(epsilon=1e-3, name=f"{name}.bn")(x)
    return layers.ReLU(name=name)(x)
