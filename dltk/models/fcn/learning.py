"""The form of a segmenter that learns: pictures with label maps in, losses out."""

from __future__ import annotations

from collections.abc import Callable

import keras
import tensorflow as tf
from keras import layers

from dltk.masks import MASK
from dltk.models.fcn.segmenter import Parts
from dltk.objects import EXTENT, PIXELS
from dltk.training.model import AcrossWorkers

Loss = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


class Learner(AcrossWorkers, keras.Model):
    """A segmenter with its losses, which trains the layers of the segmenter itself.

    Takes {PIXELS: float32 (B, H, W, 3), EXTENT: float32 (B, 2), MASK: uint8 (B, H, W), with IGNORE
    for pixels that do not count}, and gives losses float32 (B,) by name: those asked for, and
    "aux" where a second head helps.

    Batch normalisation keeps the statistics it has, in heads too: batches are small, and a
    replica's share smaller still. Dropout is on.

    Args:
        segmenter: from `dltk.models.fcn.segmenter.build_segmenter`.
        losses: by name; each from scores float32 (B, H, W, K) and label maps uint8 (B, H, W) to
            float32 (B,).
        aux_head: from the backbone's map before the last to scores (B, h, w, K): Szegedy et al.
            2014, Sec. 5, whose loss reaches the lower layers by a shorter way. It is dropped
            afterwards.
        aux_weight: what its losses are multiplied by.
    """

    def __init__(
        self,
        segmenter: keras.Model,
        losses: dict[str, Loss],
        *,
        aux_head: keras.Model | None = None,
        aux_weight: float = 0.5,
    ):
        super().__init__()
        self.segmenter, self.aux_head = segmenter, aux_head
        self._parts, self._terms, self._aux_weight = Parts.of(segmenter), losses, aux_weight
        for head in (self._parts.head, aux_head):
            for layer in head.layers if head is not None else ():
                if isinstance(layer, layers.BatchNormalization):
                    layer.trainable = False
        self.built = True

    @property
    def loss_names(self) -> tuple[str, ...]:
        """The losses that `call` gives."""
        return (*self._terms, *(["aux"] if self.aux_head is not None else []))

    def call(self, inputs, training=None):
        pixels, mask = inputs[PIXELS], inputs[MASK]
        maps = self._parts.maps(pixels, inputs[EXTENT])
        scores = self._parts.scores(maps, pixels, training)
        losses = {name: loss(scores, mask) for name, loss in self._terms.items()}
        if self.aux_head is not None:
            aux = self.aux_head(maps[-2], training=training)
            aux = tf.image.resize(tf.cast(aux, tf.float32), tf.shape(mask)[1:])
            total = tf.add_n([loss(aux, mask) for loss in self._terms.values()])
            losses["aux"] = self._aux_weight * total
        return losses
