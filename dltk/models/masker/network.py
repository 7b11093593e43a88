"""A masker: for the middle of each patch of a picture, the mask of its object and a score.

Both branches are those of Sec. 3.2 of the paper. What is fully connected there is a convolution
here, with a kernel as large as the map of a patch and nothing put around the map. So one network
answers for a patch and for all patches of a picture, STRIDE pixels apart ("full scene inference",
Sec. 3.4).

The map of a patch depends on what is around it, which a patch alone does not have. Therefore a
patch is given with MARGIN more pixels on each side, and the places of the map that belong to these
are cut off: what a convolution puts around its input is not seen. Where the backbone looks less
far than MARGIN, patches alone and in a picture have the same answers; where it looks farther,
similar ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import keras
from keras import layers

from dltk.errors import DltkError, printable
from dltk.modelfile import load_model
from dltk.models.backbones import build_backbone
from dltk.models.find import ModelSource
from dltk.models.masker.source import check_task
from dltk.objects import PIXELS

STRIDE = 16
"""Pixels between the middles of two patches; sides of all inputs are multiples of it."""
MARGIN = STRIDE
CELL = 4  # pixels of a patch for one of its mask
MASKS, SCORES = "masks", "scores"
"""What a masker gives, by name."""
ANSWERS = "pixels", "score"
"""Layers of both heads that give these, and must not compute in bfloat16: it has but two digits,
and most of the scores that are to be told apart would be the same."""
OUTSIDE = 127.5  # of all three colours, beyond a picture: what most networks turn into about 0
SMALLEST, LARGEST, MULTIPLE = 64, 512, 32
"""Pixels of a patch's side: multiples of the last from the first to the second."""

_CHANNELS = 128  # of the map that masks are told from; 512 in the paper
_RANK = 256  # of what is fully connected there; 512 in the paper
_HIDDEN = 256  # of what scores are told from; 512 and 1024 in the paper
_DROPOUT = 0.5


@dataclass(frozen=True)
class Parts:
    """What a masker is made of; the layers of one, or those to make one of.

    Attributes:
        backbone: pixels float32 (B, H, W, 3), 0-255, to a map of STRIDE, or a list of one.
        inside: cuts the places of the margin off.
        mask_head: the map to logits of masks, (B, h, w, m²).
        score_head: the map to logits of scores, (B, h, w, 1).
    """

    backbone: keras.Model
    inside: layers.Cropping2D
    mask_head: keras.Model
    score_head: keras.Model

    @classmethod
    def of(cls, masker: keras.Model) -> Parts:
        """Return the parts of a masker, by the names that `build_masker` gave them."""
        return cls(**{name: masker.get_layer(name) for name in cls.__dataclass_fields__})

    def features(self, pixels):
        """Return the map without margin. Normalisation keeps its statistics."""
        maps = self.backbone(pixels, training=False)
        return self.inside(maps[0] if isinstance(maps, (list, tuple)) else maps)


def new_masker(source: ModelSource, patch: int) -> keras.Model:
    """Return a masker on a pretrained network; build it under a strategy's scope.

    Args:
        source: the network to build on, see `dltk.models.find.find_model`.
        patch: pixels of a patch's side, a multiple of MULTIPLE from SMALLEST to LARGEST; 224 in
            the paper.
    Raises:
        UsageError: the network has no map of this stride.
        ValueError: patches cannot have so many pixels.
    """
    if not _is_patch(patch):
        raise ValueError(f"{patch} is not a multiple of {MULTIPLE} from {SMALLEST} to {LARGEST}")
    backbone = build_backbone(source, [STRIDE])
    channels = backbone.outputs[0].shape[-1]
    parts = Parts(
        backbone=backbone,
        inside=layers.Cropping2D(MARGIN // STRIDE, name="inside"),
        mask_head=_mask_head(channels, patch),
        score_head=_score_head(channels, patch),
    )
    return build_masker(parts)


def build_masker(parts: Parts) -> keras.Model:
    """Return a masker: pixels to masks and scores, whatever the size of the pictures.

    Args:
        parts: each named as the field of `Parts` that it is.
    Returns:
        A model that takes {PIXELS: (B, H, W, 3)}, 0-255, H and W multiples of STRIDE, and gives
        {MASKS: (B, h, w, m²), SCORES: (B, h, w, 1)}, logits. With patches of P pixels, h is
        (H - P - 2 · MARGIN) / STRIDE + 1 and m is P / CELL; place (y, x) answers for the patch
        whose top left is MARGIN + STRIDE · (y, x), and the rows of its mask are one behind
        another.
    """
    pixels = keras.Input((None, None, 3), name=PIXELS)
    features = parts.features(pixels)
    answers = {MASKS: parts.mask_head(features), SCORES: parts.score_head(features)}
    return keras.Model({PIXELS: pixels}, answers, name="masker")


def load_masker(source: ModelSource) -> keras.Model:
    """Return the masker in a model file.

    Raises:
        UsageError: it is for another task.
        DltkError: a file that cannot be loaded, or holds something else.
    """
    check_task(source)
    masker = load_model(source.path)
    named, patch = {layer.name for layer in masker.layers}, source.geometry.height
    if not named >= set(Parts.__dataclass_fields__):
        raise DltkError(f"{printable(source.path)} says it is a masker, but has not its layers")
    if not _is_patch(patch):
        raise DltkError(
            f"{printable(source.path)} says it is a masker of patches of {patch} pixels, "
            "which none can have"
        )
    return masker


def _is_patch(patch: int) -> bool:
    """Return whether patches can have so many pixels."""
    return patch % MULTIPLE == 0 and SMALLEST <= patch <= LARGEST


def _mask_head(channels: int, patch: int) -> keras.Model:
    """Sec. 3.2: a convolution of 1 × 1, then fully connected layers of low rank: two of them, the
    first with fewer outputs and nothing but a sum between them."""
    features = keras.Input((None, None, channels))
    x = layers.Conv2D(_CHANNELS, 1, activation="relu", name="mix")(features)
    x = layers.Conv2D(_RANK, patch // STRIDE, use_bias=False, name="rank")(x)
    logits = layers.Conv2D((patch // CELL) ** 2, 1, name="pixels")(x)
    return keras.Model(features, logits, name="mask_head")


def _score_head(channels: int, patch: int) -> keras.Model:
    """Sec. 3.2: 2 × 2 max-pooling, then two fully connected layers and the score.

    A patch's map is pooled from every second place; those between are other patches'. So pooling
    goes by single places here, and the layer behind it looks at every second one.
    """
    features = keras.Input((None, None, channels))
    x = layers.MaxPooling2D(2, strides=1, name="pool")(features)
    x = layers.Conv2D(
        _HIDDEN, patch // STRIDE // 2, dilation_rate=2, activation="relu", name="fc1"
    )(x)
    x = layers.Dropout(_DROPOUT, name="fc1_dropout")(x)
    x = layers.Conv2D(_HIDDEN, 1, activation="relu", name="fc2")(x)
    x = layers.Dropout(_DROPOUT, name="fc2_dropout")(x)
    return keras.Model(features, layers.Conv2D(1, 1, name="score")(x), name="score_head")
