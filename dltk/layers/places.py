"""The places of a picture that words are told from."""

from __future__ import annotations

import keras
import tensorflow as tf
from keras import layers


@keras.saving.register_keras_serializable("dltk")
class Places(layers.Layer):
    """Maps of one picture, to a vector for each place of the first.

    Every map is normalised over its channels and brought to as many; coarser ones are enlarged,
    and all are summed, as the lateral connections of a feature pyramid are. Where a place is goes
    in with the first: as two more channels, from -1 to 1 (Liu et al. 2018, CoordConv).

    The papers on captions take one map as it is, of a network that was trained on squares of one
    size. Here early maps tell colours and small things apart, and late ones know what they are.

    Maps (B, h, w, C) to (B, L, channels), L being the first's h · w, row by row.
    """

    def __init__(self, channels: int, maps: int, **kwargs):
        super().__init__(**kwargs)
        self.channels, self.maps = channels, maps
        self.norms = [layers.LayerNormalization(name=f"norm{at}") for at in range(maps)]
        self.mixes = [layers.Dense(channels, name=f"mix{at}") for at in range(maps)]

    def build(self, maps_shape):
        for at, shape in enumerate(maps_shape):
            self.norms[at].build(shape)
            self.mixes[at].build((*shape[:-1], shape[-1] + (0 if at else 2)))

    def call(self, maps):
        sizes = tf.shape(maps[0])[1:3]
        total = None
        for at, (norm, mix) in enumerate(zip(self.norms, self.mixes, strict=True)):
            x = norm(maps[at])
            if at:
                x = tf.cast(tf.image.resize(mix(x), sizes), x.dtype)
                total += x
            else:
                total = mix(tf.concat([x, coordinates(x)], axis=-1))
        return tf.reshape(total, (tf.shape(total)[0], sizes[0] * sizes[1], self.channels))

    def compute_output_shape(self, maps_shape):
        batch, height, width, _ = maps_shape[0]
        count = height * width if height and width else None
        return batch, count, self.channels

    def get_config(self):
        return super().get_config() | {"channels": self.channels, "maps": self.maps}


def coordinates(maps):
    """Return how far down and right the middle of each place of maps (B, h, w, ·) is, -1 to 1.

    (B, h, w, 2), of the type of the maps.
    """
    shape = tf.shape(maps)
    middles = [(2 * tf.range(shape[axis]) + 1) / shape[axis] - 1 for axis in (1, 2)]
    grid = tf.stack(tf.meshgrid(*middles, indexing="ij"), axis=-1)
    return tf.cast(tf.broadcast_to(grid[None], (shape[0], shape[1], shape[2], 2)), maps.dtype)
