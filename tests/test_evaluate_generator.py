"""`dltk evaluate` of generators: what is measured, what it is compared with, and copies told."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image
from sklearn.datasets import load_digits

from dltk.data.datasets import in_memory
from dltk.data.plain import pictures_in_memory
from dltk.errors import UsageError
from dltk.geometry import Geometry
from dltk.metrics.frechet import fitted, frechet_distance
from dltk.metrics.generation import Reference, copying
from dltk.metrics.kernel_distance import kernel_distance
from dltk.metrics.manifold import coverage
from dltk.modelfile import ModelCard, save_model
from dltk.models import inception_fid
from dltk.models.gan.dcgan import Design, new_generator
from dltk.opponents import NOISE
from dltk.weights import sha256
from recipes._feature_networks import load_features
from recipes._generation_baselines import gaussian_pictures
from recipes._generation_measuring import Measuring, measure_generator
from recipes._measuring import progressing
from recipes.evaluate import evaluate
from tests.torch_files import made_tensors, write_pth

SIDE, TRAINED, HELD = 28, 40, 24


def digits() -> np.ndarray:
    """Return uint8 (TRAINED + HELD, SIDE, SIDE), handwritten."""
    images = load_digits().images[: TRAINED + HELD] / 16 * 255
    size = SIDE, SIDE
    return np.stack([np.asarray(Image.fromarray(np.uint8(i)).resize(size)) for i in images])


def save_generator(network: keras.Model, path: Path, labels: tuple = ()) -> Path:
    geometry = Geometry(SIDE, SIDE, channels=1, fit="crop", crop=1.0)
    save_model(network, path, ModelCard(task="generate", labels=labels, geometry=geometry))
    return path


@pytest.fixture(scope="module")
def untrained(tmp_path_factory) -> Path:
    keras.utils.set_random_seed(0)
    network = new_generator(Design(size=SIDE, channels=1, width=2, classes=2))
    return save_generator(network, tmp_path_factory.mktemp("made") / "new.keras", ("even", "odd"))


@pytest.fixture(scope="module")
def copier(tmp_path_factory) -> Path:
    """A generator that shows the picture whose number in the noise is the largest."""
    noise = keras.Input((TRAINED,), name=NOISE)
    x = layers.Softmax()(layers.Rescaling(1e5)(noise))
    shown = layers.Dense(SIDE**2, use_bias=False)
    network = keras.Model({NOISE: noise}, layers.Reshape((SIDE, SIDE, 1))(shown(x)))
    shown.set_weights([digits()[:TRAINED].reshape(TRAINED, -1)])
    return save_generator(network, tmp_path_factory.mktemp("made") / "copier.keras")


def write_pictures(folder: Path, pixels: np.ndarray) -> None:
    folder.mkdir(parents=True)
    for index, each in enumerate(pixels):
        Image.fromarray(each).save(folder / f"{index:03d}.png")


@pytest.fixture(scope="module")
def divided(tmp_path_factory) -> Path:
    """Pictures to train on and to measure on, in a class folder each."""
    folder = tmp_path_factory.mktemp("data") / "digits"
    write_pictures(folder / "train" / "any", digits()[:TRAINED])
    write_pictures(folder / "test" / "any", digits()[TRAINED:])
    return folder


@pytest.fixture(scope="module")
def lite0():
    return load_features("lite0")


# Measures of vectors


def normal(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, 4)).astype(np.float32)


def test_likeness_is_what_each_measure_says():
    real, made = normal(30), normal(20, 1) + 1
    found = Reference(real).likeness(made)
    assert found.fid == pytest.approx(frechet_distance(fitted(real), fitted(made)))
    wide = [np.tile(vectors, (1, 20)) for vectors in (real, made)]  # more numbers than vectors
    assert Reference(wide[0]).likeness(wide[1]).fid == pytest.approx(20 * found.fid)
    assert (found.kid, found.kid_deviation) == kernel_distance(real, made)
    assert (found.precision, found.recall) == coverage(real, made)
    assert (found.count, found.real) == (20, 30)
    named = found.to_dict("-lite0")
    assert (named["FID-lite0"], named["KID-lite0"], named["real"]) == (found.fid, found.kid, 30)


def test_halves_are_disjoint_and_seeded():
    real = Reference(normal(31))
    halves = real.halves()
    assert (halves.real, halves.count) == (16, 15)
    assert 0 < halves.fid < real.likeness(normal(31, 1) + 1).fid
    assert real.halves() == halves != real.halves(seed=1)


def test_copying_is_by_pairs_of_distances():
    """Known at 0 and 10; made ones 1, 3 and 4 off; others 2, 3 and 5 off."""
    known = np.array([[0.0], [10.0]])
    made, others = np.array([[1.0], [13.0], [-4.0]]), np.array([[2.0], [7.0], [15.0]])
    found = copying(made, known, others, count=2)
    np.testing.assert_array_equal(found.rows, [[0, 1], [1, 0], [0, 1]])
    np.testing.assert_array_equal(found.distances, [[1, 9], [3, 13], [4, 14]])
    np.testing.assert_array_equal(found.held, [2, 3, 5])
    assert found.closer == pytest.approx((3 + 1.5 + 1) / 9)
    assert (found.made_median, found.held_median, found.known) == (3, 3, 2)
    assert not found.copies and copying(known, known, others).copies


def test_without_others_known_pictures_are_compared_with_each_other():
    known = np.array([[0.0], [1.0], [5.0]])
    np.testing.assert_array_equal(copying(known, known).held, [1, 1, 4])
    assert copying(known, known).closer == 1


def test_draws_have_the_mean_and_covariance_of_the_pictures():
    pixels = np.random.default_rng(0).integers(90, 160, (5, 2, 1, 3)).astype(np.uint8)
    drawn = np.concatenate(list(gaussian_pictures(pixels, 4000)))
    assert (drawn.shape, drawn.dtype) == ((4000, 2, 1, 3), np.uint8)
    ours, theirs = fitted(drawn.reshape(4000, -1)), fitted(pixels.reshape(5, -1))
    np.testing.assert_allclose(ours.mean, theirs.mean, atol=2)
    np.testing.assert_allclose(ours.covariance, theirs.covariance, atol=60)
    assert np.abs(theirs.covariance).max() > 600
    again = np.concatenate(list(gaussian_pictures(pixels, 100)))
    np.testing.assert_array_equal(again[:64], drawn[:64])
    assert (np.concatenate(list(gaussian_pictures(pixels, 100, seed=1))) != again).any()


# Measures of pictures


def test_pictures_are_measured_alike_however_they_come(lite0):
    grey = digits()[:20, ..., None]
    against = Measuring(grey, lite0)
    itself = against.of(grey)
    assert itself.fid == pytest.approx(0, abs=1e-3)
    assert (itself.precision, itself.recall) == (1, 1)
    batches = [grey[:7].astype(np.float32) + 0.4, np.repeat(grey[7:], 3, axis=-1)]
    assert against.of(batches) == itself == against.of(iter(grey))
    other = digits()[20:40, ..., None]
    assert measure_generator(other, grey) == against.of(other)
    assert against.of(other).fid > 1
    with pytest.raises(UsageError, match="3 made pictures are too few to measure; 8 will do"):
        against.of(grey[:3])


def test_a_generator_is_measured_beside_what_there_is_to_reach(dltk, untrained, divided, tmp_path):
    out = tmp_path / "out"
    result = dltk("evaluate", untrained, divided, "-o", out, "--split", "all")
    assert result.code == 0
    first, totals = result.out.splitlines()[:2]
    count = TRAINED + HELD
    assert first == f"{untrained} on {divided}: {count} made pictures, {count} real ones"
    record = json.loads((out / "evaluation.json").read_text())
    fids = [record[key]["FID-lite0"] for key in ("real_halves", "gaussian_of_pixels", "measures")]
    assert fids == sorted(fids) and fids[2] > 4 * fids[1]
    assert totals.startswith(f"FID-lite0 {fids[2]:.2f}  KID-lite0 ")
    assert record["measures"]["pictures"] == record["measures"]["real"] == count
    assert (record["task"], record["split"], record["features"]) == ("generate", "all", "lite0")
    assert not record["copying"]["copies"] and record["copying"]["split"] == "all"
    assert record["notes"] == [
        "Of features of EfficientNet-Lite0: not comparable with published FID and KID.",
        "FID-lite0 comes out too high where pictures are few, and 64 are fewer than its 1,280 "
        "features: compare it only where 64 are made and 64 real.",
    ]
    assert {path.name for path in out.iterdir()} == {
        "evaluation.json", "samples.png", "nearest.png"
    }  # fmt: skip
    for name in ("samples.png", "nearest.png"):
        with Image.open(out / name) as sheet:
            assert sheet.width > 500 and len(np.unique(np.asarray(sheet))) > 10
    again = dltk("evaluate", untrained, divided, "--json", "--split", "all")
    assert json.loads(again.out) == record


def test_copies_are_told(copier, divided):
    result = evaluate(copier, divided)
    assert (result.split, result.known, result.copying.known) == ("test", "train", TRAINED)
    assert result.likeness.count == result.likeness.real == HELD
    assert result.copying.closer > 0.95 and result.copying.copies
    assert result.notes[-1].startswith("Made pictures look copied: ")
    noise = np.random.default_rng(0).uniform(-1, 1, TRAINED)
    (first,) = [each for each in result.nearest if each.sample.seed == 0]
    assert first.names[0] == f"train/any/{noise.argmax():03d}.png"
    assert first.distances[0] < 0.1 < first.distances[1]
    assert list(first.distances) == sorted(first.distances)
    np.testing.assert_array_equal(first.sample.picture, digits()[noise.argmax()])
    np.testing.assert_array_equal(first.pictures[0], digits()[noise.argmax()])
    nearest = [each.distances[0] for each in result.nearest]
    assert nearest == sorted(nearest) and len(nearest) == 12


def test_how_far_it_is_is_told_after_each_that_was_waited_for():
    lines = []
    some = progressing(iter("abc"), 2000, "made", lines.append, every=-1.0)
    assert next(some) == "a" and not lines
    assert list(some) == ["b", "c"]
    assert lines == [f"made {done} of 2,000" for done in (1, 2, 3)]
    assert list(progressing("abc", 3, "made", lines.append)) == ["a", "b", "c"] and len(lines) == 3


def test_samples_bound_what_is_made_and_what_is_drawn_of_the_real(untrained):
    pixels = digits()
    result = evaluate(untrained, pictures_in_memory(pixels), samples=10)
    assert (result.likeness.count, result.likeness.real) == (10, 10)
    assert [each.seed for each in result.samples] == list(range(10))
    assert [each.label for each in result.samples[:3]] == ["even", "odd", "even"]
    labelled = in_memory(pixels, np.zeros(len(pixels)), ["any"])
    assert evaluate(untrained, labelled, samples=10).to_dict() == result.to_dict()
    more = evaluate(untrained, pictures_in_memory(pixels[:9]), samples=12)
    assert (more.likeness.count, more.likeness.real) == (12, 9)


def test_pictures_that_cannot_be_read_do_not_count(dltk, untrained, tmp_path):
    folder = tmp_path / "pictures"
    write_pictures(folder, digits()[:9])
    (folder / "damaged.png").write_bytes(b"no picture")
    result = dltk("evaluate", untrained, folder, "--json")
    assert result.code == 3
    record = json.loads(result.out)
    assert [each["path"] for each in record["failed"]] == ["damaged.png"]
    assert (record["measures"]["pictures"], record["measures"]["real"]) == (10, 9)
    for path in folder.glob("00*.png"):
        path.write_bytes(b"no picture")
    result = dltk("evaluate", untrained, folder)
    assert result.code == 1 and "no picture could be measured: 000.png: " in result.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--samples", 7], "--samples is at least 8, not 7"),
        (["--engine", "litert"], "generators run on the keras engine; leave --engine out"),
        (["--regions", "regions.jsonl"], "--regions is for detectors; {model} is none"),
        (["--labels", "{labels}"], "--labels is for classifiers; {model} has its own classes, if"),
        (["--split", "val"], "{data} has no split val: it has train, test; try --split all"),
    ],
)
def test_options_that_cannot_work_are_usage_errors(
    dltk, untrained, divided, tmp_path, options, message
):
    labels = tmp_path / "labels.txt"
    labels.write_text("even\nodd\n")
    options = [str(option).format(labels=labels) for option in options]
    result = dltk("evaluate", untrained, divided, *options)
    assert result.code == 2 and result.out == ""
    assert message.format(model=untrained, data=divided) in result.err


@pytest.mark.parametrize("options", [["--samples", 10], ["--features", "inception"]])
def test_options_of_generators_are_for_no_others(dltk, divided, options):
    result = dltk("evaluate", "efficientnet-lite0", divided, *options)
    assert result.code == 2
    assert f"{options[0]} is for generators of pictures; efficientnet-lite0 is none" in result.err


def test_pictures_of_which_nothing_is_known_are_for_no_classifier():
    with pytest.raises(UsageError) as caught:
        evaluate("efficientnet-lite0", pictures_in_memory(digits()))
    assert str(caught.value) == (
        "arrays holds pictures with nothing known of them, which are for a generator, but "
        "efficientnet-lite0 classifies"
    )


def test_too_few_pictures_are_told(dltk, untrained, tmp_path):
    write_pictures(tmp_path / "few", digits()[:7])
    result = dltk("evaluate", untrained, tmp_path / "few")
    assert result.code == 2
    assert f"{tmp_path / 'few'} has 7 pictures to measure on; 8 or more are needed" in result.err


def test_a_folder_of_another_evaluation_is_left_alone(dltk, untrained, divided, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "evaluation.json").write_text('{"format": "dltk.evaluate"}')
    result = dltk("evaluate", untrained, divided, "-o", tmp_path / "out")
    assert result.code == 2
    assert "holds the evaluation of a model to classify" in result.err


# Other features


@pytest.mark.parametrize(
    ("features", "file"),
    [
        ("inception", "pt_inception-2015-12-05-6726825d.pth"),
        ("inception-keras", "inception_v3_weights_tf_dim_ordering_tf_kernels.h5"),
    ],
)
def test_without_the_weights_the_way_out_is_named(
    dltk, untrained, divided, tmp_path, monkeypatch, features, file
):
    monkeypatch.setenv("DLTK_CACHE", str(tmp_path))
    result = dltk("evaluate", untrained, divided, "--features", features, "--offline")
    assert result.code == 4 and result.out == ""
    assert file in result.err
    assert "or use --features lite0, which needs no download" in result.err


def test_by_the_published_network_fid_has_its_plain_name(
    dltk, untrained, divided, tmp_path, monkeypatch
):
    golden = np.load(Path(__file__).parent / "golden" / "inception_fid.npz")
    shapes = {
        str(name): tuple(int(side) for side in str(shape).split("x") if side)
        for name, shape in zip(golden["names"], golden["shapes"], strict=True)
    }
    kept = tmp_path / "cache" / "pytorch-fid"
    write_pth(made_tensors(shapes), kept / "made.pth")
    file = f"pt_inception-{sha256(kept / 'made.pth')[:8]}.pth"
    (kept / "made.pth").rename(kept / file)
    monkeypatch.setenv("DLTK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(inception_fid, "FILE", file)
    result = dltk(
        "evaluate", untrained, divided, "--features", "inception", "--samples", 8, "--json"
    )
    assert result.code == 0
    record = json.loads(result.out)
    assert record["dimensions"] == 2048
    assert record["measures"]["FID"] > record["real_halves"]["FID"] > 0
    assert {"KID", "KID_deviation"} <= set(record["measures"])
    assert "published FID and KID (Inception of 2015-12-05" in record["notes"][0]


@pytest.mark.slow
def test_two_replicas_measure_the_same(untrained, divided):
    one = evaluate(untrained, divided, samples=16, devices="cpu", engine="keras")
    two = evaluate(untrained, divided, samples=16, devices="cpu:2")
    assert two.likeness.fid == pytest.approx(one.likeness.fid, rel=1e-3)
    assert two.copying.made_median == pytest.approx(one.copying.made_median, rel=1e-3)
