"""What each step of a training sees, and features that are computed once."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from dltk.batch.embed import embed
from dltk.batch.store import FeatureStore
from dltk.data.augment import augment
from dltk.data.datasets import in_memory
from dltk.data.pipeline import Batches, fitting_batch_size
from dltk.data.pixels import Pixels
from dltk.errors import UsageError
from dltk.geometry import Geometry
from dltk.training.classification import balancing_weights


def numbered(count=22, classes=2, **options):
    """Batches whose inputs are the numbers of the examples, with the epoch behind each."""
    labels = np.arange(count) % classes

    def load(indices, epoch):
        return np.stack([indices, np.full(len(indices), epoch)], axis=1).astype(np.float32)

    options = {"batch_size": 4, "seed": 1} | options
    return Batches(load, labels, classes, **options)


def inputs(batches, step, replica=0, replicas=1):
    return batches.share(step, replica, replicas)[0]


# Order


def test_an_epoch_is_a_permutation_cut_into_whole_batches():
    batches = numbered(20)
    assert batches.steps_per_epoch == 5
    epochs = []
    for epoch in range(3):
        steps = range(epoch * 5, epoch * 5 + 5)
        seen = np.concatenate([inputs(batches, step) for step in steps])
        assert sorted(seen[:, 0]) == list(range(20)) and set(seen[:, 1]) == {epoch}
        epochs.append(tuple(seen[:, 0]))
    assert len(set(epochs)) == 3


def test_what_does_not_fill_a_batch_waits_for_another_epoch():
    batches = numbered(22)
    assert batches.steps_per_epoch == 5
    seen = [np.concatenate([batches.indices(5 * e + s) for s in range(5)]) for e in range(30)]
    assert all(len(set(epoch)) == 20 for epoch in seen)
    assert set(np.concatenate(seen)) == set(range(22))


def test_a_batch_is_never_larger_than_the_data():
    batches = numbered(3, batch_size=32)
    assert (batches.batch_size, batches.steps_per_epoch) == (3, 1)
    assert sorted(batches.indices(7)) == [0, 1, 2]


def test_order_depends_on_the_seed_and_the_step_alone():
    one, two, other = numbered(), numbered(), numbered(seed=2)
    for step in (11, 3, 0, 11):
        np.testing.assert_array_equal(one.indices(step), two.indices(step))
    assert any((one.indices(s) != other.indices(s)).any() for s in range(5))


def test_a_stream_entered_at_a_step_is_that_from_the_start():
    strategy = tf.distribute.OneDeviceStrategy("CPU:0")
    batches = numbered(mixup=0.4)

    def stream(first, count):
        steps = iter(batches.dataset(strategy, first))
        return [[part.numpy() for part in next(steps)] for _ in range(count)]

    whole = stream(0, 9)
    for first in (1, 5, 7):  # within an epoch, at its start, and within another
        for ours, theirs in zip(stream(first, 9 - first), whole[first:], strict=True):
            for part, same in zip(ours, theirs, strict=True):
                np.testing.assert_array_equal(part, same)
    for step, parts in enumerate(whole):
        for part, same in zip(parts, batches.share(step, 0, 1), strict=True):
            np.testing.assert_array_equal(part, same)


def test_the_shares_of_all_replicas_are_the_batch():
    batches = numbered(weights=np.linspace(0, 1, 22, dtype=np.float32))
    for step in (0, 6):
        whole = batches.share(step, 0, 1)
        for replicas in (2, 4):
            shares = [batches.share(step, replica, replicas) for replica in range(replicas)]
            assert all(len(share[0]) == 4 // replicas for share in shares)
            for parts, expected in zip(zip(*shares, strict=True), whole, strict=True):
                np.testing.assert_array_equal(np.concatenate(parts), expected)


def test_two_replicas_are_given_their_shares():
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    batches = numbered()
    steps = iter(batches.dataset(strategy, 3))
    for step in range(3, 7):
        for replica, local in enumerate(strategy.experimental_local_results(next(steps))):
            given = [part.values[replica] if hasattr(part, "values") else part for part in local]
            np.testing.assert_array_equal(given[0], inputs(batches, step, replica, 2))


def test_balanced_epochs_draw_all_classes_equally():
    labels = np.array([0] * 900 + [1] * 90 + [2] * 10)
    batches = Batches(
        lambda indices, epoch: indices[:, None].astype(np.float32),
        labels,
        3,
        batch_size=1000,
        balanced=True,
    )
    drawn = np.concatenate([batches.indices(step) for step in range(10)])
    counts = np.bincount(labels[drawn], minlength=3)
    # Binomial: the deviation is √(10 000 · 1/3 · 2/3) = 47.
    assert np.abs(counts - 10_000 / 3).max() < 4 * 47
    assert len(set(drawn[labels[drawn] == 2])) == 10


def share_of(mixed, one, other):
    """The share s for which s · one + (1 - s) · other is `mixed`, all of them vectors, or None."""
    gap = one - other
    share = float((mixed - other) @ gap / (gap @ gap)) if gap.any() else 1.0
    fits = np.allclose(share * one + (1 - share) * other, mixed, atol=1e-4)
    return share if fits and -1e-4 < share < 1.0001 else None


def test_mixup_averages_pairs_of_a_batch():
    """Input and target of each example are averages of it and another of the same batch."""
    options = {"classes": 3, "batch_size": 8}
    batches, plain = numbered(24, mixup=0.5, **options), numbered(24, **options)
    shares = []
    for step in range(6):
        parts = batches.share(step, 0, 1)
        assert {part.dtype for part in parts} == {np.dtype(np.float32)}
        np.testing.assert_allclose(parts[1].sum(axis=1), 1.0, rtol=1e-6)
        np.testing.assert_array_equal(parts[2], 1.0)
        mixed = np.column_stack(parts)
        pure = np.column_stack(plain.share(step, 0, 1))
        for row, one in zip(mixed, pure, strict=True):
            found = [share_of(row, one, other) for other in pure]
            assert any(share is not None for share in found)
            shares += [share for share in found if share is not None]
    assert len({round(share, 3) for share in shares}) > 5  # a draw for each, not one for all


@pytest.mark.parametrize("replicas", [2, 4])
def test_mixup_is_the_same_on_any_number_of_replicas(replicas):
    batches = numbered(24, classes=3, batch_size=8, mixup=0.5)
    whole = batches.share(2, 0, 1)
    shares = [batches.share(2, replica, replicas) for replica in range(replicas)]
    for part, parts in zip(whole, zip(*shares, strict=True), strict=True):
        np.testing.assert_array_equal(part, np.concatenate(parts))


@pytest.mark.parametrize("alpha", [0.0, 0.2, 1.0])
def test_class_weights_balance_under_mixup_too(alpha):
    labels = np.repeat([0, 1], [900, 100])
    batches = Batches(
        lambda indices, epoch: indices[:, None].astype(np.float32),
        labels,
        2,
        batch_size=1000,
        weights=balancing_weights(labels, 2),
        mixup=alpha,
    )
    mass = np.mean(
        [(w[:, None] * y).mean(axis=0) for _, y, w in map(batch_of(batches), range(20))], axis=0
    )
    np.testing.assert_allclose(mass, [0.5, 0.5], atol=0.02)


def batch_of(batches):
    return lambda step: batches.share(step, 0, 1)


def test_mixup_is_the_same_whenever_a_step_is_asked_for():
    batches, again = numbered(mixup=1.0), numbered(mixup=1.0)
    later = batches.share(7, 0, 1)
    batches.share(3, 0, 1)
    for part, same in zip(later, again.share(7, 0, 1), strict=True):
        np.testing.assert_array_equal(part, same)


def test_a_batch_is_described_by_a_few_names():
    names = [f"{index}.jpg" for index in range(21)] + ["new\nline.jpg"]
    batches = numbered(batch_size=22, names=names)
    first = [names[index].replace("\n", "\\n") for index in batches.indices(0)]
    assert batches.describe(0) == ", ".join(first[:4]) + " and 18 more"
    assert batches.describe(0, most=22) == ", ".join(first)
    assert numbered(batch_size=2).describe(0) == ", ".join(
        map(str, numbered(batch_size=2).indices(0))
    )


@pytest.mark.parametrize(
    ("batch_size", "examples", "replicas", "fitting"),
    [(32, 100, 1, 32), (32, 10, 1, 10), (32, 11, 4, 8), (4, 4, 4, 4), (8, 9, 2, 8)],
)
def test_a_batch_fits_the_data_and_the_replicas(batch_size, examples, replicas, fitting):
    assert fitting_batch_size(batch_size, examples, replicas) == fitting


@pytest.mark.parametrize(("batch_size", "take"), [(33, 32), (2, 4), (6, 4)])
def test_a_batch_that_cannot_be_shared_out_is_refused(batch_size, take):
    with pytest.raises(UsageError) as caught:
        fitting_batch_size(batch_size, 100, 4)
    assert str(caught.value) == (
        f"--batch-size {batch_size} cannot be shared out among 4 replicas; take {take}"
    )


def test_fewer_pictures_than_replicas_are_refused():
    with pytest.raises(UsageError, match="3 training pictures are too few for 4 replicas"):
        fitting_batch_size(4, 3, 4)


# Pixels


@pytest.fixture
def pictures(noise):
    return in_memory([noise(seed) for seed in range(5)], [0, 1, 0, 1, 0], "ab").splits["all"]


@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_kept_are_those_decoded_each_time(pictures, monkeypatch, channels):
    geometry = Geometry(16, 12, channels)
    kept = Pixels(pictures, geometry, threads=2)
    monkeypatch.setattr("dltk.data.pixels._KEPT_BYTES", 0)
    fresh = Pixels(pictures, geometry, threads=2)
    for indices in ([3, 0, 3], [0, 1, 2, 3, 4], [4]):
        ours, theirs = kept(np.array(indices)), fresh(np.array(indices))
        np.testing.assert_array_equal(ours, theirs)
        assert ours.dtype == theirs.dtype == np.float32
        assert ours.shape == (len(indices), 16, 12, channels)
    expected = geometry.apply(pictures.decode(3))
    np.testing.assert_array_equal(kept(np.array([3]))[0], expected)


def test_kept_pixels_cannot_be_spoilt_by_who_was_given_them(pictures):
    pixels = Pixels(pictures, Geometry(16, 12))
    first = pixels(np.array([2]))
    before = first.copy()
    first[:] = 0
    np.testing.assert_array_equal(pixels(np.array([2])), before)


def test_kept_pictures_are_decoded_once(tmp_path, noise):
    paths = [tmp_path / f"{seed}.png" for seed in range(3)]
    for seed, path in enumerate(paths):
        noise(seed).save(path)
    pixels = Pixels(in_memory(paths, [0, 1, 0], "ab").splits["all"], Geometry(8, 8))
    first = pixels(np.array([0, 1, 2]))
    for path in paths:
        path.unlink()
    np.testing.assert_array_equal(pixels(np.array([2, 1, 0])), first[::-1])


def strongly(picture, geometry, random):
    return augment(picture, geometry, "strong", random)


def test_augmentation_depends_on_seed_epoch_and_example_alone(pictures):
    def views(indices, epoch, *, seed=1, threads=2):
        pixels = Pixels(pictures, Geometry(16, 16), augment=strongly, seed=seed, threads=threads)
        return pixels(np.array(indices), epoch)

    all_of = views(range(5), 3)
    np.testing.assert_array_equal(views([4, 2, 2], 3, threads=1), all_of[[4, 2, 2]])
    for other in (views(range(5), 4), views(range(5), 3, seed=2)):
        assert (np.abs(other - all_of).max(axis=(1, 2, 3)) > 0).all()


# Features


class Means:
    """A network whose features are the mean colour, and that counts its pictures."""

    batch_size, workers, output_shape = 2, 1, (3,)

    def __init__(self):
        self.seen = 0

    def __call__(self, batch):
        self.seen += len(batch)
        return batch.mean(axis=(1, 2))


GEOMETRY = Geometry(8, 8)


def embedded(examples, store=None):
    """Features, failures, and how many pictures were run through the network."""
    network = Means()
    features, failed = embed(examples.sources, examples.digests, network, GEOMETRY, store=store)
    return features, failed, network.seen


def test_features_are_those_of_each_picture_in_order(pictures):
    features, failed, seen = embedded(pictures)
    expected = [GEOMETRY.apply(pictures.decode(i)).mean(axis=(0, 1)) for i in range(5)]
    np.testing.assert_allclose(features, expected, rtol=1e-6)
    assert features.dtype == np.float32 and failed == {} and seen == 5


def test_nothing_is_computed_twice(pictures, tmp_path):
    store = FeatureStore(tmp_path / "store")
    first, _, seen = embedded(pictures.take([0, 2]), store)
    assert seen == 2
    second, _, seen = embedded(pictures, store)
    assert seen == 3
    again, _, seen = embedded(pictures.take([4, 3, 2, 1, 0]), FeatureStore(tmp_path / "store"))
    assert seen == 0
    np.testing.assert_array_equal(again[::-1], second)
    np.testing.assert_array_equal(second[[0, 2]], first)


def test_a_copy_under_another_name_is_the_same_picture(tmp_path, noise):
    for name in ("a.png", "b.png"):
        noise(1).save(tmp_path / name)
    one, two = (in_memory([tmp_path / n], [0], "ab").splits["all"] for n in ("a.png", "b.png"))
    store = FeatureStore(tmp_path / "store")
    assert embedded(one, store)[2] == 1 and embedded(two, store)[2] == 0


@pytest.mark.parametrize(
    "damage", [lambda b: b"", lambda b: b"garbage" * 50, lambda b: b[: len(b) // 2]],
    ids=["empty", "garbage", "cut"],
)  # fmt: skip
def test_what_a_damaged_file_held_is_computed_again(pictures, tmp_path, damage):
    store = FeatureStore(tmp_path)
    embedded(pictures.take([0, 1]), store)
    [shard] = tmp_path.glob("*.npz")
    shard.write_bytes(damage(shard.read_bytes()))
    whole, _, _ = embedded(pictures)
    features, failed, seen = embedded(pictures, store)
    np.testing.assert_array_equal(features, whole)
    assert failed == {} and seen == 5
    assert embedded(pictures, store)[2] == 0


def test_pictures_that_cannot_be_read_are_named_and_left_out(noise, tmp_path):
    (tmp_path / "bad.jpg").write_text("no picture")
    sources = [noise(0), tmp_path / "bad.jpg", noise(1), tmp_path / "gone.jpg"]
    examples = in_memory(sources, [0, 1, 0, 1], "ab").splits["all"]
    for _ in range(2):  # the second time from the store
        features, failed, seen = embedded(examples, FeatureStore(tmp_path / "store"))
        assert features.shape == (2, 3)
        assert failed == {
            1: "not a picture, or in a format that cannot be read",
            3: "No such file or directory",
        }
    assert seen == 0


def test_without_a_readable_picture_there_are_no_features(tmp_path):
    examples = in_memory([b"", b"no"], [0, 1], "ab").splits["all"]
    features, failed, seen = embedded(examples, FeatureStore(tmp_path / "store"))
    assert features.shape == (0, 0) and failed.keys() == {0, 1} and seen == 0
    assert not (tmp_path / "store").exists()
