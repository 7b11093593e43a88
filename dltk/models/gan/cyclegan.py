"""Networks that turn pictures of one domain into another's, and those that judge them.

Zhu et al. 2017, "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks",
Sec. 7.2, https://arxiv.org/abs/1703.10593. Two departures, neither of which changes what can be
learnt:

- A convolution before an instance normalisation has no bias, which the normalisation would take
  away again. The authors' code (PyTorch) has one.
- Convolutions of stride 2 in the generator, and those backwards, have their row and column of
  zeros at the bottom and right, where the authors have it at the top and left.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import initializers, layers

from dltk.layers import ReflectionPadding
from dltk.objects import PIXELS

MULTIPLE = 4
"""What sides of a generator's pictures are multiples of."""
EXACT = ("centred", "tanh", "painted", "score")
"""Names of layers that compute in float32 whatever the others do: they see or give pixels."""
_DOWN = 2  # times that sides are halved
_LEAK, _SPREAD, _EPSILON = 0.2, 0.02, 1e-5  # of LeakyReLU, of first weights, of normalisation


def new_generator(width: int, blocks: int, *, name: str) -> keras.Model:
    """Return a network from pictures to pictures.

    A residual network (Johnson et al. 2016, https://arxiv.org/abs/1603.08155), in the paper's
    words c7s1-64, d128, d256, R256 for each block, u128, u64, c7s1-3: borders are mirrored, not
    filled with zeros; instance normalisation and ReLU everywhere but at the output, which is a
    tanh brought to 0-255.

    Args:
        width: channels of the first layer; 64 in the paper.
        blocks: of two convolutions and a way around them; in the paper 6 for pictures of 128
            pixels, 9 for those of 256 and more.
    Returns:
        A model that takes {PIXELS: float32 (B, H, W, 3), 0-255}, whose sides are multiples of 4,
        and gives the same shape and range.
    """
    pixels = keras.Input((None, None, 3), name=PIXELS)
    x = layers.Rescaling(1 / 127.5, -1.0, name="centred")(pixels)
    x = _mirrored(x, width, 7, "begin")
    x = _relu(_normed(x, "begin"), "begin")
    for level in range(_DOWN):
        name_ = f"down{level}"
        x = _convolution(layers.Conv2D, width * 2 ** (level + 1), 3, 2, name_)(x)
        x = _relu(_normed(x, name_), name_)
    for number in range(blocks):
        x = _block(x, f"block{number}")
    for level in reversed(range(_DOWN)):
        name_ = f"up{level}"
        x = _convolution(layers.Conv2DTranspose, width * 2**level, 3, 2, name_)(x)
        x = _relu(_normed(x, name_), name_)
    x = _mirrored(x, 3, 7, "paint", use_bias=True)
    x = layers.Activation("tanh", name="tanh", dtype="float32")(x)
    x = layers.Rescaling(127.5, 127.5, name="painted", dtype="float32")(x)
    return keras.Model({PIXELS: pixels}, x, name=name)


def new_discriminator(width: int, *, name: str) -> keras.Model:
    """Return a network from pictures to how real each patch of 70 × 70 pixels is.

    PatchGAN (Isola et al. 2016, https://arxiv.org/abs/1611.07004), C64-C128-C256-C512 and a last
    layer of one channel: kernels of 4, LeakyReLU of slope 0.2, instance normalisation but at the
    input and the output, stride 2 but in the last two.

    Args:
        width: channels of the first layer; 64 in the paper.
    Returns:
        A model that takes {PIXELS: float32 (B, H, W, 3), 0-255}, of 24 pixels a side at least, and
        gives scores float32 (B, h, w, 1), before any sigmoid; h = w = 30 for 256 pixels.
    """
    pixels = keras.Input((None, None, 3), name=PIXELS)
    x = layers.Rescaling(1 / 127.5, -1.0, name="centred")(pixels)
    for level, stride in enumerate((2, 2, 2, 1)):
        x = _patches(x, width * 2**level, stride, f"coarser{level}", use_bias=level == 0)
        if level:
            x = _normed(x, f"coarser{level}")
        x = layers.LeakyReLU(_LEAK, name=f"leaky{level}")(x)
    scores = _patches(x, 1, 1, "score", use_bias=True)
    return keras.Model({PIXELS: pixels}, scores, name=name)


def new_translator(generators: Sequence[keras.Model], domains: Sequence[str]) -> keras.Model:
    """Return one network of two generators, to be saved.

    Args:
        generators: see `new_generator`; the first makes pictures of the first domain.
        domains: names of the two.
    Returns:
        A model that takes what a generator takes, and gives {domain: float32 (B, H, W, 3), 0-255}
        by the names of the domains.
    """
    pixels = keras.Input((None, None, 3), name=PIXELS)
    made = {
        domain: generator({PIXELS: pixels})
        for domain, generator in zip(domains, generators, strict=True)
    }
    return keras.Model({PIXELS: pixels}, made, name="translator")


def _block(x, name: str):
    """Return maps after a residual block: nothing follows the sum."""
    width = x.shape[-1]
    y = _relu(_normed(_mirrored(x, width, 3, f"{name}a"), f"{name}a"), name)
    y = _normed(_mirrored(y, width, 3, f"{name}b"), f"{name}b")
    return layers.Add(name=f"{name}_sum")([x, y])


def _mirrored(x, width: int, kernel: int, name: str, *, use_bias: bool = False):
    x = ReflectionPadding(kernel // 2, name=f"{name}_border")(x)
    how = {"padding": "valid", "use_bias": use_bias}
    return _convolution(layers.Conv2D, width, kernel, 1, name, **how)(x)


def _patches(x, width: int, stride: int, name: str, *, use_bias: bool):
    x = layers.ZeroPadding2D(1, name=f"{name}_border")(x)
    how = {"padding": "valid", "use_bias": use_bias}
    return _convolution(layers.Conv2D, width, 4, stride, name, **how)(x)


def _convolution(kind: type, width: int, kernel: int, stride: int, name: str, **options):
    options = {"padding": "same", "use_bias": False} | options
    normal = initializers.RandomNormal(stddev=_SPREAD)
    return kind(width, kernel, strides=stride, kernel_initializer=normal, name=name, **options)


def _normed(x, name: str):
    """Return maps of mean 0 and variance 1, each channel of each picture by itself."""
    groups = {"groups": -1, "center": False, "scale": False}  # one channel each, nothing learnt
    return layers.GroupNormalization(**groups, epsilon=_EPSILON, name=f"{name}_norm")(x)


def _relu(x, name: str):
    return layers.ReLU(name=f"{name}_relu")(x)
