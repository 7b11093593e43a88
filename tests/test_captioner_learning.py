"""What a captioner learns by: its losses, worked by hand."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from dltk.data.captions.batches import numbered
from dltk.layers import CaptionDecoder, Places
from dltk.losses.given import Given
from dltk.models.captioner.learning import Learner, caption_loss, doubly_stochastic
from dltk.models.captioner.network import WORDS as WORD_INPUT
from dltk.models.captioner.network import Parts, build_captioner, new_captioner
from dltk.models.find import find_model
from dltk.models.sight import map_names
from dltk.objects import PIXELS
from dltk.text.vocabulary import END, FIRST, PADDING, START, Vocabulary
from tests.captioners import SIDE, SMALL, WORDS, backbone, chance_captioner  # noqa: F401

SAID = [
    ["a red disc", "there is a star"],
    ["a star on the left of a blue disc", "two discs", "a green star and a red disc"],
    ["a disc"],
    ["the star is red", "there are two", "red and blue and green and red", "a star"],
]


@pytest.fixture(scope="module", params=[0, 16], ids=["show-tell", "show-attend-tell"])
def network(request, backbone) -> keras.Model:  # noqa: F811
    return chance_captioner(backbone, attention=request.param)


def pictures(count: int = len(SAID)) -> np.ndarray:
    random = np.random.default_rng(0)
    small = random.uniform(0, 255, (count, 6, 6, 3)).astype(np.float32)
    return small.repeat(SIDE // 6, axis=1).repeat(SIDE // 6, axis=2)


def words_of(said=SAID, *, captions: int = 0, length: int = 0) -> np.ndarray:
    """Return captions as numbers, (B, C, T), padded to at least so many of such a length."""
    rows = [numbered([text.split() for text in texts], Vocabulary(WORDS), 50) for texts in said]
    captions = max(captions, *map(len, rows))
    length = max(length, *(len(row) for texts in rows for row in texts))
    words = np.full((len(said), captions, length), PADDING, np.int32)
    for picture, texts in enumerate(rows):
        for at, row in enumerate(texts):
            words[picture, at, : len(row)] = row
    return words


def losses_of(learner: Learner, x: np.ndarray, words: np.ndarray) -> dict[str, np.ndarray]:
    return {name: each.numpy() for name, each in learner({PIXELS: x, WORD_INPUT: words}).items()}


def test_neither_padding_nor_the_others_of_a_batch_change_a_loss(network):
    learner, x = Learner(network, length=6.0, stochastic=0.5), pictures()
    together = losses_of(learner, x, words_of())
    assert set(together) == set(learner.loss_names)
    wider = losses_of(learner, x, words_of(captions=6, length=30))
    turned = losses_of(learner, x[::-1], words_of()[::-1])
    for name, each in together.items():
        assert each.shape == (len(SAID),) and each.dtype == np.float32
        np.testing.assert_allclose(wider[name], each, rtol=1e-5)
        np.testing.assert_allclose(turned[name][::-1], each, rtol=1e-5)
        for at in range(len(SAID)):
            alone = losses_of(learner, x[at : at + 1], words_of(SAID[at : at + 1]))
            np.testing.assert_allclose(alone[name], each[at], rtol=1e-5)


def test_the_loss_of_words_is_what_the_network_says_of_each(network):
    """The sum over words and the end, the mean over captions, over a usual length."""
    x, words = pictures(), words_of()
    found = losses_of(Learner(network, length=4.0), x, words)["words"]
    for at, texts in enumerate(SAID):
        totals = []
        for row in words[at, : len(texts)]:
            row = row[row != PADDING][None]
            scores, _ = network({PIXELS: x[at : at + 1], WORD_INPUT: row[:, :-1]})
            chances = tf.nn.log_softmax(scores)[0].numpy()
            totals.append(-sum(chances[place, word] for place, word in enumerate(row[0, 1:])))
        assert found[at] == pytest.approx(np.mean(totals) / 4.0, rel=1e-4)


def test_maps_that_were_worked_out_before_are_as_good_as_pixels(network):
    x, words = pictures(), words_of()
    learner, maps = Learner(network, length=4.0), Parts.of(network).backbone(pictures())
    inputs = dict(zip(map_names(len(maps)), maps, strict=True)) | {WORD_INPUT: words}
    found = learner(inputs)
    for name, each in losses_of(learner, x, words).items():
        np.testing.assert_allclose(found[name], each, rtol=1e-4)


def test_one_who_knows_nothing_finds_all_words_alike(backbone):  # noqa: F811
    known = FIRST + len(WORDS)
    network = new_captioner(find_model(backbone), known, channels=16, **SMALL | {"dropout": 0.0})
    words = words_of()
    found = losses_of(Learner(network, length=1.0), pictures(), words)["words"]
    lengths = [np.mean([len(text.split()) + 1 for text in texts]) for texts in SAID]
    np.testing.assert_allclose(found / lengths, np.log(known), rtol=0.2)


def test_cross_entropies_are_summed_over_words_that_count():
    scores = np.log(np.float32([[[0.5, 0.25, 0.25], [0.1, 0.2, 0.7], [0.2, 0.2, 0.6]]] * 2))
    words = np.array([[1, 2, PADDING], [PADDING, PADDING, PADDING]])
    found = caption_loss(tf.constant(scores), tf.constant(words))
    np.testing.assert_allclose(found, [-np.log(0.25) - np.log(0.7), 0], rtol=1e-5)


def test_every_place_is_asked_to_be_looked_at_once():
    """Weights of 1.5, 0.4 and 0.1 in two words: 0.25 + 0.36 + 0.81; the third word is padding."""
    weights = np.float32([[[0.9, 0.1, 0], [0.6, 0.3, 0.1], [0, 1, 0]]] * 2)
    words = np.array([[5, END, PADDING], [PADDING] * 3])
    found = doubly_stochastic(tf.constant(weights), tf.constant(words))
    np.testing.assert_allclose(found, [0.25 + 0.36 + 0.81, 0], rtol=1e-5)


def test_the_loss_of_attention_is_its_weights_times_lambda(network):
    learner, x, words = Learner(network, length=3.0, stochastic=0.5), pictures(), words_of()
    if Parts.of(network).decoder.attention is None:
        assert learner.loss_names == ("words",)
        return
    assert learner.loss_names == ("words", "attention")
    assert Learner(network, length=3.0).loss_names == ("words",)
    found = losses_of(learner, x, words)["attention"]
    for at, texts in enumerate(SAID):
        totals = []
        for row in words[at, : len(texts)]:
            row = row[row != PADDING][None]
            _, weights = network({PIXELS: x[at : at + 1], WORD_INPUT: row[:, :-1]})
            totals.append(((1 - weights.numpy()[0].sum(axis=0)) ** 2).sum())
        assert found[at] == pytest.approx(0.5 * np.mean(totals) / 3.0, rel=1e-3)


def test_words_of_its_own_come_the_more_often_the_longer_it_learns(network, monkeypatch):
    asked, call = [], type(Parts.of(network).decoder).call

    def spied(self, places, words, training=None, sampling=None):
        asked.append(None if sampling is None else float(sampling))
        return call(self, places, words, training=training, sampling=sampling)

    monkeypatch.setattr(type(Parts.of(network).decoder), "call", spied)
    learner = Learner(network, length=1.0, sampling=0.4, steps=10)
    learner.compile(keras.optimizers.SGD())
    inputs = {PIXELS: pictures(), WORD_INPUT: words_of()}
    for step in (0, 5, 10, 20):
        learner.optimizer.iterations.assign(step)
        learner(inputs, training=True)
    learner(inputs)
    Learner(network, length=1.0)(inputs, training=True)
    assert asked == pytest.approx([0.0, 0.2, 0.4, 0.4, None, None])


def test_a_caption_that_is_cut_has_no_end():
    rows = numbered([["a", "star"], ["a", "moon", "on", "the", "left"]], Vocabulary(WORDS), 3)
    numbers = {word: FIRST + WORDS.index(word) for word in ("a", "star", "on")}
    assert rows[0].tolist() == [START, numbers["a"], numbers["star"], END]
    assert rows[1].tolist() == [START, numbers["a"], 3, numbers["on"]]
    assert rows[0].dtype == np.int32


def test_large_batches_and_maps_are_learnt_from():
    """TensorFlow's memory optimizer breaks loops that add three large tensors."""
    shapes, batch = [(14, 14, 40), (14, 14, 112), (7, 7, 320)], 64
    pixels = keras.Input((None, None, 3))
    maps = [keras.layers.Conv2D(shape[-1], 1)(pixels) for shape in shapes]
    parts = Parts(
        backbone=keras.Model(pixels, maps, name="backbone"),
        places=Places(256, len(shapes), name="places"),
        decoder=CaptionDecoder(56, attention=128, name="decoder"),
    )
    parts.backbone.trainable = False
    learner = Learner(build_captioner(parts), length=12.0)
    learner.compile("adam", {name: Given() for name in learner.loss_names}, jit_compile=False)
    random = np.random.default_rng(0)
    inputs = {name: random.random((batch, *shape), np.float32)
              for name, shape in zip(map_names(len(shapes)), shapes, strict=True)}  # fmt: skip
    inputs[WORD_INPUT] = random.integers(FIRST, 56, (batch, 1, 26)).astype(np.int32)
    zeros = {name: np.zeros(batch, np.float32) for name in learner.loss_names}
    first, second = (learner.train_on_batch(inputs, zeros) for _ in range(2))
    assert np.isfinite([first, second]).all()
