"""Networks that translate pictures and judge them, and how both learn."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from dltk.data.unpaired import UnpairedBatches
from dltk.geometry import Geometry
from dltk.layers import ReflectionPadding
from dltk.modelfile import ModelCard, load_model, save_model
from dltk.models.gan.cyclegan import new_discriminator, new_generator, new_translator
from dltk.models.gan.translating import Rules, Translation, exchanged
from dltk.objects import PIXELS
from dltk.opponents import FIRST, OLD, PLACES, SECOND
from dltk.strategy import place

SIZE = 8
PICTURES = np.random.default_rng(0).integers(0, 256, (10, SIZE, SIZE, 3)).astype(np.float32)
DOMAINS = [0] * 4 + [1] * 6


def noise(*shape) -> np.ndarray:
    return np.random.default_rng(1).uniform(0, 255, shape).astype(np.float32)


# Layers


@pytest.mark.parametrize("pixels", [1, 3])
def test_borders_are_mirrored_as_numpy_does(pixels):
    maps = noise(2, 5, 4, 3)
    around = (pixels, pixels)
    wanted = np.pad(maps, [(0, 0), around, around, (0, 0)], mode="reflect")
    layer = ReflectionPadding(pixels)
    np.testing.assert_array_equal(layer(maps), wanted)
    assert layer.compute_output_shape((None, 5, None, 3)) == (None, 5 + 2 * pixels, None, 3)
    assert ReflectionPadding.from_config(layer.get_config()).pixels == pixels


def test_a_border_of_nothing_is_refused():
    with pytest.raises(ValueError, match=r"pixels is 1 or more\. Received: pixels=0"):
        ReflectionPadding(0)


# Networks


def test_networks_are_as_large_as_published():
    """But for biases in front of normalisations, which would do nothing."""
    generator, discriminator = new_generator(64, 9, name="g"), new_discriminator(64, name="d")
    idle = 64 + 128 + 256 + 9 * 2 * 256 + 128 + 64
    assert generator.count_params() + idle == 11_378_179
    assert discriminator.count_params() + 128 + 256 + 512 == 2_764_737
    assert len([each for each in generator.layers if isinstance(each, keras.layers.Add)]) == 9


def test_first_weights_are_normal_with_a_deviation_of_a_fiftieth():
    keras.utils.set_random_seed(0)
    for network in (new_generator(32, 1, name="g"), new_discriminator(32, name="d")):
        for weight in network.trainable_weights:
            values = np.asarray(weight)
            if weight.name == "bias":
                assert not values.any()
            elif values.size > 2000:
                assert values.std() == pytest.approx(0.02, rel=0.1)
                assert abs(values.mean()) < 0.002


@pytest.mark.parametrize("size", [(8, 8), (32, 20), (40, 64)])
def test_a_generator_takes_pictures_of_any_size(size):
    generator = new_generator(4, 1, name="g")
    made = np.asarray(generator({PIXELS: noise(2, *size, 3)}))
    assert made.shape == (2, *size, 3) and made.dtype == np.float32
    assert 0 <= made.min() < made.max() <= 255


def test_a_picture_is_translated_by_itself():
    generator = new_generator(4, 1, name="g")
    pictures = noise(3, 16, 16, 3) * np.array([0.1, 0.5, 1])[:, None, None, None]
    together = np.asarray(generator({PIXELS: pictures}))
    for at in range(3):
        alone = np.asarray(generator({PIXELS: pictures[at : at + 1]}))[0]
        np.testing.assert_allclose(together[at], alone, atol=1e-2)
    normed = keras.Model(generator.input, generator.get_layer("begin_norm").output)
    maps = np.asarray(normed({PIXELS: pictures}))
    np.testing.assert_allclose(maps.mean(axis=(1, 2)), 0, atol=1e-4)
    np.testing.assert_allclose(maps.var(axis=(1, 2)), 1, atol=0.1)


@pytest.mark.parametrize(("side", "scores"), [(256, 30), (128, 14), (32, 2), (24, 1)])
def test_scores_are_of_patches(side, scores):
    discriminator = new_discriminator(2, name="d")
    assert discriminator({PIXELS: noise(1, side, side, 3)}).shape == (1, scores, scores, 1)


def test_a_score_is_of_70_by_70_pixels():
    """Through convolutions alone: normalisation sees the whole picture."""
    whole = new_discriminator(2, name="d")
    plain = keras.models.clone_model(
        whole,
        clone_function=lambda layer: (
            keras.layers.Identity(name=layer.name)
            if isinstance(layer, keras.layers.GroupNormalization)
            else layer.__class__.from_config(layer.get_config())
        ),
    )
    for weight in plain.trainable_weights:
        weight.assign(tf.ones_like(weight))  # so that no two slopes cancel out
    pixels = tf.constant(noise(1, 128, 128, 3))
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        score = plain({PIXELS: pixels})[0, 7, 7, 0]
    slopes = np.asarray(tape.gradient(score, pixels))[0].any(axis=-1)
    for along in (0, 1):
        (seen,) = np.nonzero(slopes.any(axis=along))
        assert len(seen) == 70 and seen[-1] - seen[0] == 69


def test_a_translator_is_saved_and_loaded_with_both_ways(tmp_path):
    keras.utils.set_random_seed(0)
    generators = [new_generator(4, 1, name=f"to_{end}") for end in (FIRST, SECOND)]
    domains = ("wild horses (1)", "ânes")  # not in the order of the alphabet
    translator = new_translator(generators, domains)
    path = tmp_path / "best.keras"
    save_model(translator, path, ModelCard("translate", domains, Geometry(32, 32, crop=1.0)))
    loaded, pictures = load_model(path), noise(2, 16, 24, 3)
    made = loaded({PIXELS: pictures})
    assert set(made) == set(domains)
    for domain, generator in zip(domains, generators, strict=True):
        np.testing.assert_allclose(made[domain], generator({PIXELS: pictures}), atol=1e-3)
    one = keras.Model(loaded.input, loaded.output[domains[1]])
    np.testing.assert_allclose(one({PIXELS: pictures}), made[domains[1]], atol=1e-3)
    assert one.count_params() * 2 == loaded.count_params()


# Pools


def exchange(pool, made, places, old) -> list[float]:
    """Return the grey of each picture that is judged."""
    pictures = np.broadcast_to(
        np.array(made, np.float32)[:, None, None, None], (len(made), 2, 2, 3)
    )
    shown = exchanged(pool, tf.constant(pictures), tf.constant(places), tf.constant(old))
    assert (np.ptp(shown, axis=(1, 2, 3)) == 0).all()
    return np.asarray(shown)[:, 0, 0, 0].tolist()


def test_pictures_are_judged_at_once_or_later():
    pool = keras.Variable(np.zeros((3, 2, 2, 3)), dtype="uint8", trainable=False)

    def kept() -> list[int]:
        return np.asarray(pool)[:, 0, 0, 0].tolist()

    assert exchange(pool, [10.4, 20.0], [0, 1], [False, False]) == pytest.approx([10.4, 20.0])
    assert kept() == [10, 20, 0]  # whole levels
    assert exchange(pool, [30.0, 40.0], [2, 1], [False, True]) == [30.0, 20.0]
    assert kept() == [10, 40, 30]
    assert exchange(pool, [50.0, 60.0], [-1, 0], [False, True]) == [50.0, 10.0]
    assert kept() == [60, 40, 30]
    assert exchange(pool, [70.0], [-1], [False]) == [70.0]
    assert kept() == [60, 40, 30]


# A step


def plain_generator(shift: float, name: str) -> keras.Model:
    """Return a network that adds a number to pixels."""
    pixels = keras.Input((None, None, 3), name=PIXELS)
    layer = keras.layers.Conv2D(3, 1, name=f"{name}_shift")
    network = keras.Model({PIXELS: pixels}, layer(pixels), name=name)
    layer.set_weights([np.eye(3)[None, None], np.full(3, shift)])
    return network


def plain_discriminator(score: float, name: str) -> keras.Model:
    """Return a network that scores all pictures alike."""
    pixels = keras.Input((None, None, 3), name=PIXELS)
    layer = keras.layers.Conv2D(1, 1, name=f"{name}_score")
    network = keras.Model({PIXELS: pixels}, layer(pixels), name=name)
    layer.set_weights([np.zeros((1, 1, 3, 1)), np.full(1, score)])
    return network


@pytest.mark.parametrize("identity", [0.5, 0.0])
def test_losses_are_those_of_the_paper(identity):
    """Worked by hand: pictures of 100 and 200, ways of -60 and 80, scores of 1/4 and 1/2."""
    generators = [plain_generator(-60.0, "to_first"), plain_generator(80.0, "to_second")]
    judges = [plain_discriminator(0.25, "of_first"), plain_discriminator(0.5, "of_second")]
    translation = Translation(generators, judges, Rules(10.0, identity, 0), size=4)
    translation.compile(keras.optimizers.SGD(0.0), keras.optimizers.SGD(0.0))
    pictures = np.repeat(np.float32([100, 200]), 4 * 4 * 3).reshape(2, 4, 4, 3)
    batches = UnpairedBatches(lambda indices, _: pictures[indices], [0, 1], batch_size=1)
    logs = take_steps(translation, batches)
    # 100 → 180 → 120 and 200 → 140 → 220; and 100 → 40, 200 → 280, of the domain already.
    wanted = {
        "generator_loss": 0.75**2 + 0.5**2,
        "cycle_loss": (20 + 20) / 127.5,
        "discriminator_loss": (0.75**2 + 0.25**2) / 2 + (0.5**2 + 0.5**2) / 2,
    }
    total = wanted["generator_loss"] + wanted["discriminator_loss"] + 10 * wanted["cycle_loss"]
    if identity:
        wanted["identity_loss"] = (60 + 80) / 127.5
        total += 5 * wanted["identity_loss"]
    assert {name: values[0] for name, values in logs.items()} == pytest.approx(
        wanted | {"loss": total}, rel=1e-5
    )


def translation_of(rules: Rules, *, rate: float = 0.02) -> Translation:
    """Return networks of one convolution each, that take plain steps downhill."""
    keras.utils.set_random_seed(0)
    generators, judges = [], []
    for end in (FIRST, SECOND):
        pixels = keras.Input((None, None, 3), name=PIXELS)
        centred = keras.layers.Rescaling(1 / 127.5, -1.0)(pixels)
        x = keras.layers.Conv2D(3, 3, padding="same", activation="tanh")(centred)
        made = keras.layers.Rescaling(127.5, 127.5)(x)
        generators.append(keras.Model({PIXELS: pixels}, made, name=f"to_{end}"))
        scores = keras.layers.Conv2D(1, 4, strides=4)(centred)
        judges.append(keras.Model({PIXELS: pixels}, scores, name=f"of_{end}"))
    translation = Translation(generators, judges, rules, size=SIZE)
    translation.compile(keras.optimizers.SGD(rate), keras.optimizers.SGD(rate))
    return translation


def batches_of(batch_size: int = 2, pool: int = 0) -> UnpairedBatches:
    load = lambda indices, number: PICTURES[indices]  # noqa: E731
    return UnpairedBatches(load, DOMAINS, pool=pool, batch_size=batch_size)


def take_steps(translation, batches, strategy=None, steps: int = 1) -> dict:
    strategy = strategy or tf.distribute.OneDeviceStrategy("CPU:0")
    return translation.fit(
        batches.dataset(strategy), steps_per_epoch=steps, shuffle=False, verbose=0
    ).history


def test_a_step_moves_each_side_by_its_own_loss():
    rate = 0.05
    translation, other = (translation_of(Rules(pool=0), rate=rate) for _ in range(2))
    batch = batches_of().share(0, 0, 1)
    take_steps(translation, batches_of())
    to_first, to_second = other.generators
    of_first, of_second = other.discriminators
    first, second = batch[FIRST], batch[SECOND]
    trained = to_first.trainable_variables + to_second.trainable_variables
    with tf.GradientTape() as tape:
        made_second, made_first = to_second({PIXELS: first}), to_first({PIXELS: second})
        loss = tf.reduce_mean((of_first({PIXELS: made_first}) - 1) ** 2)
        loss += tf.reduce_mean((of_second({PIXELS: made_second}) - 1) ** 2)
        for weight, pictures, real in (
            (10, to_first({PIXELS: made_second}), first),
            (10, to_second({PIXELS: made_first}), second),
            (5, to_first({PIXELS: first}), first),
            (5, to_second({PIXELS: second}), second),
        ):
            loss += weight * tf.reduce_mean(tf.abs(pictures - real)) / 127.5
    for variable, slope in zip(trained, tape.gradient(loss, trained), strict=True):
        variable.assign_sub(rate * slope)
    trained = of_first.trainable_variables + of_second.trainable_variables
    with tf.GradientTape() as tape:
        loss = 0.0
        for judge, real, made in ((of_first, first, made_first), (of_second, second, made_second)):
            loss += tf.reduce_mean((judge({PIXELS: real}) - 1) ** 2) / 2
            loss += tf.reduce_mean(judge({PIXELS: made}) ** 2) / 2
    for variable, slope in zip(trained, tape.gradient(loss, trained), strict=True):
        variable.assign_sub(rate * slope)
    for found, by_hand in zip(translation.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(found, by_hand, rtol=1e-3, atol=1e-5)


def test_two_replicas_train_as_one_and_keep_the_same_pictures():
    found = []
    for strategy in (place("cpu", "auto").strategy, place("cpu:2", "auto").strategy):
        with strategy.scope():
            translation = translation_of(Rules(pool=5))
        logs = take_steps(translation, batches_of(4, pool=5), strategy, steps=4)
        found.append((translation, logs))
    one, two = (translation.get_weights() for translation, _ in found)
    kinds = [weight.dtype for weight in one]
    assert kinds.count(np.uint8) == 2 and all(pool.any() for pool in one if pool.dtype == np.uint8)
    for a, b in zip(one, two, strict=True):
        if a.dtype == np.uint8:
            assert abs(a.astype(int) - b).max() <= 1
        else:
            np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)
    for name, values in found[0][1].items():
        np.testing.assert_allclose(values, found[1][1][name], rtol=1e-4)
    for pool in found[1][0].pools:  # on each of the replicas
        copies = [np.asarray(each) for each in pool.value.values]
        np.testing.assert_array_equal(*copies)


def test_an_epoch_is_told_by_its_mean():
    translation, single = (translation_of(Rules(pool=0), rate=0.5) for _ in range(2))
    batches, strategy = batches_of(), tf.distribute.OneDeviceStrategy("CPU:0")
    found = take_steps(translation, batches, steps=3)
    steps = [
        single.fit(
            batches.dataset(strategy, step), steps_per_epoch=1, shuffle=False, verbose=0
        ).history
        for step in range(3)
    ]
    for name, values in found.items():
        each = [history[name][0] for history in steps]
        assert values[0] == pytest.approx(np.mean(each), rel=1e-4) and np.ptp(each) > 0


def test_a_pool_changes_what_discriminators_learn_from_only():
    """In the first step it is filled; later it gives pictures back."""
    plain, pooled = translation_of(Rules(pool=0)), translation_of(Rules(pool=2))
    for steps, equal in ((1, True), (6, False)):
        take_steps(plain, batches_of(), steps=steps)
        take_steps(pooled, batches_of(pool=2), steps=steps)
        for a, b in zip(plain.discriminators, pooled.discriminators, strict=True):
            assert np.allclose(a.get_weights()[0], b.get_weights()[0], atol=1e-7) is equal
    batch = batches_of(pool=2).share(3, 0, 1)
    assert set(batch) == {FIRST, SECOND, PLACES, OLD}
