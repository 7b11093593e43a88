"""New segmenters on a network of the catalog: what they begin with, and how they grow."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dltk.errors import DltkError
from dltk.geometry import Geometry
from dltk.losses.segmentation import pixel_cross_entropy
from dltk.masks import IGNORE, MASK
from dltk.modelfile import ModelCard, save_model
from dltk.models.fcn.heads import build_plain_head, build_skip_head
from dltk.models.fcn.learning import Learner
from dltk.models.fcn.load import load_fcn
from dltk.models.fcn.presets import DESIGNS, new_segmenter, refined, regrown_segmenter
from dltk.models.fcn.segmenter import Parts
from dltk.models.find import find_model
from dltk.objects import EXTENT, PIXELS
from tests.detectors import backbone  # noqa: F401

RANDOM = np.random.default_rng(0)


@pytest.fixture(scope="module")
def source(backbone):  # noqa: F811
    return find_model(backbone)


def shaken(model):
    """The model with weights that are not zero, where it begins with zeros."""
    random = np.random.default_rng(1)
    for layer in Parts.of(model).head.layers:
        layer.set_weights([w + random.normal(0, 0.05, w.shape) for w in layer.get_weights()])
    return model


def inputs_of(height, width, count=1):
    pixels = RANDOM.uniform(0, 255, (count, height, width, 3)).astype(np.float32)
    return {PIXELS: pixels, EXTENT: np.array([[height, width]] * count, np.float32)}


@pytest.mark.parametrize("design", ["fcn-32s", "fcn-16s", "fcn-8s"])
@pytest.mark.parametrize("size", [(64, 96), (65, 41), (33, 1), (1, 1)])
def test_pictures_of_any_size_get_scores_for_every_pixel(source, design, size):
    segmenter = new_segmenter(source, 5, design)
    scores = segmenter(inputs_of(*size, count=2))
    assert scores.shape == (2, *size, 5) and scores.dtype == tf.float32
    assert not np.any(scores)  # all classes are as likely at first
    assert np.isfinite(shaken(segmenter)(inputs_of(*size))).all()
    assert Parts.of(segmenter).enlarge.factor == DESIGNS[design]


def test_a_finer_design_goes_on_from_a_coarser_one(source):
    """With the same scores but for the order of interpolations, which smooth fields do not tell."""
    coarse = shaken(new_segmenter(source, 4, "fcn-32s"))
    inputs = inputs_of(128, 128)
    before = coarse(inputs).numpy()
    middle = refined(coarse, "fcn-16s")
    fine = refined(shaken(middle), "fcn-8s")
    spread = before.std()
    again = refined(shaken(new_segmenter(source, 4, "fcn-32s")), "fcn-8s")(inputs).numpy()
    assert np.abs(again - before).mean() < 0.2 * spread > 0
    heads = [Parts.of(each).head for each in (middle, fine)]
    np.testing.assert_array_equal(*(h.get_layer("score16").kernel.numpy() for h in heads))
    assert not heads[1].get_layer("score8").kernel.numpy().any()


def test_scores_are_those_of_the_paper_worked_out_by_hand():
    """Fig. 3: twice the stride-32 scores plus those of stride 16; twice that plus stride 8."""
    head = build_skip_head((2, 3, 4), (8, 16, 32), 2, finest=8)
    for layer in head.layers:
        layer.set_weights([RANDOM.normal(size=w.shape) for w in layer.get_weights()])
    maps = [
        RANDOM.normal(size=(1, 8 // 2**at, 12 // 2**at, c)).astype("float32")
        for at, c in enumerate((2, 3, 4))
    ]

    def score(at, name):
        kernel, bias = head.get_layer(name).get_weights()
        return maps[at] @ kernel[0, 0] + bias

    def twice(scores, name):
        layer = head.get_layer(name)
        assert layer.factor == 2
        return layer(scores)

    expected = score(0, "score8") + twice(
        score(1, "score16") + twice(score(2, "score32"), "enlarge16"), "enlarge8"
    )
    np.testing.assert_allclose(head(maps), expected, atol=1e-4)


def test_hidden_layers_stand_before_the_coarsest_scores(source):
    segmenter = new_segmenter(source, 3, "fcn-32s", hidden=6)
    head = Parts.of(segmenter).head
    assert head.get_layer("fc6").kernel.shape[:2] == (7, 7) and head.get_layer("fc6").filters == 6
    assert head.get_layer("fc7").kernel.shape == (1, 1, 6, 6)
    finer = Parts.of(refined(segmenter, "fcn-16s")).head
    for name in ("fc6", "fc7"):
        for one, other in zip(
            *(h.get_layer(name).get_weights() for h in (head, finer)), strict=True
        ):
            np.testing.assert_array_equal(one, other)


def test_a_classifiers_own_hidden_layers_become_convolutions(tmp_path):
    """Of a network like VGG, whose last map is 7 × 7: what they give at its middle."""
    random = np.random.default_rng(0)
    x = pixels = keras.Input((224, 224, 3))
    for width in (2, 3, 4, 5, 6):
        x = keras.layers.Conv2D(width, 3, padding="same", activation="relu")(x)
        x = keras.layers.MaxPooling2D()(x)
    last = x
    x = keras.layers.Dense(8, activation="relu")(keras.layers.Flatten()(x))
    x = hidden = keras.layers.Dense(8, activation="relu")(x)
    network = keras.Model(pixels, keras.layers.Dense(2, activation="softmax")(x))
    for layer in network.layers:
        layer.set_weights([random.normal(0, 0.3, w.shape) for w in layer.get_weights()])
    card = ModelCard("classify", ("a", "b"), Geometry(224, 224))
    save_model(network, tmp_path / "small-vgg.keras", card)
    segmenter = new_segmenter(find_model(tmp_path / "small-vgg.keras"), 3, "fcn-32s", hidden=8)
    head = Parts.of(segmenter).head
    inputs = inputs_of(224, 224)
    expected = keras.Model(pixels, [last, hidden])(inputs[PIXELS])
    assert np.asarray(expected[1]).any()
    convolutional = keras.Model(head.inputs[-1], head.get_layer("fc7").output)
    np.testing.assert_allclose(convolutional(expected[0])[:, 3, 3], expected[1], rtol=1e-4)
    other = Parts.of(
        new_segmenter(find_model(tmp_path / "small-vgg.keras"), 3, "fcn-32s", hidden=6)
    )
    assert other.head.get_layer("fc6").filters == 6  # which does not fit, and begins at random


def test_a_file_is_loaded_as_it_was_saved_and_regrown_for_other_classes(source, tmp_path):
    segmenter = shaken(new_segmenter(source, 3, "fcn-8s"))
    card = ModelCard("segment", ("ground", "a", "b"), source.geometry)
    save_model(segmenter, tmp_path / "s.keras", card)
    loaded = load_fcn(find_model(tmp_path / "s.keras"))
    inputs = inputs_of(64, 64)
    np.testing.assert_allclose(loaded(inputs), segmenter(inputs), atol=1e-5)
    regrown = regrown_segmenter(find_model(tmp_path / "s.keras"), 7)
    assert regrown(inputs).shape == (1, 64, 64, 7) and not np.any(regrown(inputs))
    ours, theirs = (Parts.of(each).backbone.get_weights() for each in (regrown, segmenter))
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(one, other)
    for names in (("conv",), ("head", "enlarge"), ("backbone", "head", "enlarge")):
        parts = [keras.layers.Conv2D(2, 1, name=name) for name in names]
        save_model(keras.Sequential([keras.Input((8, 8, 3)), *parts]), tmp_path / "p.keras", card)
        with pytest.raises(DltkError, match="says it is a segmenter, but has not its layers"):
            load_fcn(find_model(tmp_path / "p.keras"))


def test_losses_are_those_of_the_scores_picture_by_picture(source):
    segmenter = shaken(new_segmenter(source, 3, "fcn-16s"))
    learner = Learner(segmenter, {"cross_entropy": pixel_cross_entropy})
    inputs = inputs_of(64, 64, count=2)
    mask = RANDOM.integers(0, 3, (2, 64, 64)).astype(np.uint8)
    mask[:, :20] = IGNORE
    losses = learner(inputs | {MASK: mask})
    assert learner.loss_names == ("cross_entropy",)
    expected = pixel_cross_entropy(segmenter(inputs), mask)
    np.testing.assert_allclose(losses["cross_entropy"], expected, rtol=1e-5)


def test_a_second_head_adds_its_loss_and_keeps_its_statistics(source):
    segmenter = new_segmenter(source, 3, "fcn-32s")
    aux = build_plain_head(Parts.of(segmenter).backbone.outputs[-2].shape[-1], 3, name="aux_head")
    learner = Learner(segmenter, {"ce": pixel_cross_entropy}, aux_head=aux, aux_weight=0.5)
    assert learner.loss_names == ("ce", "aux")
    inputs = inputs_of(64, 64) | {MASK: np.ones((1, 64, 64), np.uint8)}
    before = aux.get_layer("conv_bn").get_weights()
    with tf.GradientTape() as tape:
        losses = learner(inputs, training=True)
        total = tf.reduce_sum(losses["ce"] + losses["aux"])
    assert 0 < float(losses["aux"][0]) < 5 * float(losses["ce"][0])
    for one, other in zip(before, aux.get_layer("conv_bn").get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    gradients = tape.gradient(total, learner.trainable_variables)
    assert all(gradient is not None for gradient in gradients)
