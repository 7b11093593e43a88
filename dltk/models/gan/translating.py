"""Two generators and two discriminators in training, each pair on a domain of pictures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import keras
import tensorflow as tf

from dltk.losses.adversarial import least_squares
from dltk.objects import PIXELS
from dltk.opponents import FIRST, OLD, PLACES, SECOND
from dltk.training.model import OwnStep

_NEUTRAL = 127.5  # pixels are compared as if they went from -1 to 1
_LOSS = least_squares()
_LOGS = ("loss", "generator_loss", "discriminator_loss", "cycle_loss", "identity_loss")


@dataclass(frozen=True)
class Rules:
    """What the sides play for.

    Attributes:
        cycle: weight of the cycle loss, λ of Eq. 3.
        identity: that of the identity loss (Sec. 5.2), as a share of the other; 0 for none.
        pool: made pictures of each domain that are kept to be judged later; 0 for none.
    """

    cycle: float = 10.0
    identity: float = 0.5
    pool: int = 50


class Translation(OwnStep):
    """Generators between two domains, and a discriminator of each domain.

    Zhu et al. 2017, https://arxiv.org/abs/1703.10593, Sec. 3 and 4. A step is one turn of both
    generators together, then one of both discriminators. These see a made picture when it is made
    or, out of a pool, later (Shrivastava et al. 2016, Sec. 2.3, https://arxiv.org/abs/1612.07828).
    Pools are weights of this model, and what happens to them in a step comes with its batch: so
    they are restored and, whatever the replicas, the same. They keep whole levels of 0-255.
    Pictures of one step are exchanged for those of earlier ones only, where the authors' code goes
    picture by picture; with one in a batch, as there, that is the same.

    It trains on batches of `dltk.data.unpaired.UnpairedBatches`; compile it with both optimizers.

    The logs are float32, means over the epoch so far: "loss", the sum of both sides' losses as they
    are made small; "generator_loss" and "discriminator_loss", of the adversarial game alone;
    "cycle_loss" and "identity_loss", mean differences of pixels, as if these went from -1 to 1.
    Each is the sum of both domains'.

    Args:
        generators, discriminators: see `dltk.models.gan.cyclegan`; of the first domain and of the
            second.
        size: pixels of a side of the pictures in training.
    """

    def __init__(
        self,
        generators: Sequence[keras.Model],
        discriminators: Sequence[keras.Model],
        rules: Rules,
        *,
        size: int,
    ):
        super().__init__()
        self.generators, self.discriminators = list(generators), list(discriminators)
        self._rules = rules
        self.pools = [
            self.add_weight(
                name=f"pool{domain}",
                shape=(rules.pool, size, size, 3),
                initializer="zeros",
                dtype="uint8",
                trainable=False,
                aggregation="only_first_replica",  # all work out the same
            )
            for domain in range(2 if rules.pool else 0)
        ]
        self.built = True

    def compile(self, generators: keras.Optimizer, discriminators: keras.Optimizer):
        """Take the optimizers of both sides, and build them."""
        sides = (generators, self.generators), (discriminators, self.discriminators)
        told = _LOGS if self._rules.identity else _LOGS[:-1]
        self._begin([(own, _trained(networks)) for own, networks in sides], told)

    def call(self, inputs, training=None):
        """Return pictures of both domains made from {PIXELS}, the first domain's first."""
        return [generator(inputs, training=training) for generator in self.generators]

    def train_step(self, batch):
        """Give each side its turn on one replica's share of a batch; return the logs."""
        real = batch[FIRST], batch[SECOND]
        made, logs = self._make(real)
        shown = [tf.stop_gradient(pictures) for pictures in made]
        if self.pools:
            places, old = (_of_all_replicas(batch[name]) for name in (PLACES, OLD))
            shown = [
                exchanged(pool, pictures, places[:, domain], old[:, domain])
                for domain, (pool, pictures) in enumerate(zip(self.pools, shown, strict=True))
            ]
        logs["discriminator_loss"] = self._judge(real, shown)
        logs["loss"] += logs["discriminator_loss"]
        return self._told(logs)

    def _make(self, real: Sequence[tf.Tensor]) -> tuple[list[tf.Tensor], dict[str, tf.Tensor]]:
        """Take the turn of the generators; return what they made of each domain, and logs."""
        rules = self._rules
        with tf.GradientTape() as tape:
            made = [_run(g, of) for g, of in zip(self.generators, real[::-1], strict=True)]
            back = [_run(g, of) for g, of in zip(self.generators, made[::-1], strict=True)]
            scores = [_run(d, of) for d, of in zip(self.discriminators, made, strict=True)]
            # Twice: the paper halves the discriminators' loss, and its formula has no halves.
            logs = {"generator_loss": _sum(2 * _LOSS.maker(each) for each in scores)}
            logs["cycle_loss"] = _sum(map(_differences, back, real))
            loss = logs["generator_loss"] + rules.cycle * logs["cycle_loss"]
            if rules.identity:
                same = [_run(g, of) for g, of in zip(self.generators, real, strict=True)]
                logs["identity_loss"] = _sum(map(_differences, same, real))
                loss += rules.cycle * rules.identity * logs["identity_loss"]
            shared = self._shared(loss)
        _move(tape, shared, self.generators, self.optimizers[0])
        return made, logs | {"loss": loss}

    def _judge(self, real: Sequence[tf.Tensor], shown: Sequence[tf.Tensor]) -> tf.Tensor:
        """Take the turn of the discriminators; return their loss."""
        with tf.GradientTape() as tape:
            of_real = [_run(d, of) for d, of in zip(self.discriminators, real, strict=True)]
            of_made = [_run(d, of) for d, of in zip(self.discriminators, shown, strict=True)]
            loss = _sum(map(_LOSS.real, of_real)) + _sum(map(_LOSS.made, of_made))
            shared = self._shared(loss)
        _move(tape, shared, self.discriminators, self.optimizers[1])
        return loss


def _run(network: keras.Model, pixels: tf.Tensor) -> tf.Tensor:
    return network({PIXELS: pixels}, training=True)


def _differences(some: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
    return tf.abs(some - others) / _NEUTRAL


def _sum(values: Iterable[tf.Tensor]) -> tf.Tensor:
    """Return the sum of the means."""
    return tf.add_n([tf.reduce_mean(each) for each in values])


def _trained(networks: Iterable[keras.Model]) -> list:
    return [variable for network in networks for variable in network.trainable_variables]


def _move(
    tape, loss: tf.Tensor, networks: Iterable[keras.Model], optimizer: keras.Optimizer
) -> None:
    variables = _trained(networks)
    optimizer.apply(tape.gradient(loss, variables), variables)


def exchanged(pool, made: tf.Tensor, places: tf.Tensor, old: tf.Tensor) -> tf.Tensor:
    """Return what is judged in place of pictures just made, and keep some of them.

    Args:
        pool: a variable, uint8 (N, H, W, 3).
        made: float32 (b, H, W, 3), this replica's share.
        places: int32 (B,) of all replicas', where in the pool each is kept; -1 for nowhere.
        old: bool (B,), whether what was there is judged in its place.
    """
    # As float32, of which GPUs can gather and scatter values.
    of_all, levels = _of_all_replicas(made), tf.cast(pool.value, tf.float32)
    before = tf.gather(levels, tf.maximum(places, 0))
    shown = tf.where(old[:, None, None, None], before, of_all)
    kept = places >= 0
    at, new = tf.boolean_mask(places, kept)[:, None], tf.round(tf.boolean_mask(of_all, kept))
    pool.assign(tf.cast(tf.tensor_scatter_nd_update(levels, at, new), tf.uint8))
    share = made.shape[0]
    first = tf.distribute.get_replica_context().replica_id_in_sync_group * share
    return shown[first : first + share]


def _of_all_replicas(values: tf.Tensor) -> tf.Tensor:
    """Return the values of all replicas, one behind the other."""
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1:
        return values
    if values.dtype == tf.bool:
        return tf.cast(context.all_gather(tf.cast(values, tf.int32), axis=0), tf.bool)
    return context.all_gather(values, axis=0)
