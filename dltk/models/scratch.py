"""Small networks to train from scratch: what comes in front of the head."""

from __future__ import annotations

from keras import layers

from dltk.geometry import Geometry

# Name -> geometry by default. Grey 28 × 28 is how handwritten digits come, colour 32 × 32 how
# CIFAR's pictures do.
SCRATCH = {
    "convnet": Geometry(28, 28, 1, fit="crop", crop=1.0),
    "linear": Geometry(32, 32, 3, fit="crop", crop=1.0),
    "mlp": Geometry(32, 32, 3, fit="crop", crop=1.0),
}
_HIDDEN = (256, 128)


def build_scratch(name: str, pixels, *, seed: int = 0):
    """Return the features (B, D) of raw `pixels` (B, H, W, C), 0-255, in a network of SCRATCH.

    "convnet" is the small convolutional network of introductory courses (Chollet 2017, Sec. 5.1):
    three 3 × 3 convolutions of 32, 64 and 64 channels, 2 × 2 max pooling after the first two, and
    a dense layer of 64; with a head of 10 classes it has 93,322 parameters on 28 × 28 × 1.
    "linear" is the pixels themselves, "mlp" two hidden layers of 256 and 128. Pixels are divided
    by 255 first.

    Args:
        seed: of the initial weights.
    """
    x = layers.Rescaling(1 / 255, name="normalise")(pixels)
    if name == "convnet":
        for index, channels in enumerate((32, 64, 64), 1):
            x = layers.Conv2D(
                channels, 3, activation="relu", kernel_initializer=_init(seed, index),
                name=f"conv{index}",
            )(x)  # fmt: skip
            if index < 3:
                x = layers.MaxPooling2D(2, name=f"pool{index}")(x)
        x = layers.Flatten(name="flatten")(x)
        return layers.Dense(
            64, activation="relu", kernel_initializer=_init(seed, 4), name="dense1"
        )(x)
    x = layers.Flatten(name="flatten")(x)
    if name == "mlp":
        for index, units in enumerate(_HIDDEN, 1):
            x = layers.Dense(
                units, activation="relu", kernel_initializer=_init(seed, index),
                name=f"dense{index}",
            )(x)  # fmt: skip
    return x


def smallest_side(name: str) -> int:
    """Return the least height and width that the network can take."""
    return 18 if name == "convnet" else 1


def _init(seed: int, index: int):
    from keras.initializers import GlorotUniform

    return GlorotUniform(seed=1000 * seed + index)
