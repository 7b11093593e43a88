"""What an answerer learns by: its loss, worked by hand, and the batches that it learns from."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from dltk.data.questions.batches import (
    MOST_QUESTIONS,
    QuestionBatches,
    asked,
    padded,
    question_words,
)
from dltk.engine.answers import COUNTED, LOOKED, SCORES, AnswerNetwork
from dltk.metrics.answers import right_answers
from dltk.models.answerer.learning import LOSS, TRUTH, Learner, answer_loss
from dltk.models.answerer.network import WORDS as WORD_INPUT
from dltk.models.answerer.network import Parts
from dltk.models.sight import map_names
from dltk.objects import PIXELS
from dltk.strategy import place
from dltk.text.vocabulary import FIRST, PADDING, UNKNOWN, Vocabulary
from tests.answerers import ANSWERS, SIDE, WORDS, backbone, chance_answerer, question  # noqa: F401

KNOWN = Vocabulary(WORDS)
NUMBERS = {answer: number for number, answer in enumerate(ANSWERS)}
ABOUT = [
    [question("what colour is the star?", "red"), question("how many are there?", "two", "2")],
    [question("is the disc red?", "no")],
    [question("where is the star?", "top left", "left"), question("is there a zebra?", "no"),
     question("how many?", "seven")],
]  # fmt: skip


def numbered(about=ABOUT, longest: int = 30):
    return [[asked(q, KNOWN, NUMBERS, right_answers, longest) for q in rows] for rows in about]


@pytest.fixture(scope="module")
def network(backbone):  # noqa: F811
    return chance_answerer(backbone)


def pictures(count: int = len(ABOUT)) -> np.ndarray:
    random = np.random.default_rng(0)
    small = random.uniform(0, 255, (count, 6, 6, 3)).astype(np.float32)
    return small.repeat(SIDE // 6, axis=1).repeat(SIDE // 6, axis=2)


def inputs_of(rows=None, *, shape=(3, 5)) -> dict[str, np.ndarray]:
    rows = numbered() if rows is None else rows
    truth = np.zeros((len(rows), shape[0], len(ANSWERS)), np.float32)
    for picture, each in enumerate(rows):
        for at, one in enumerate(each):
            truth[picture, at, one.answers] = one.right
    words = padded([[one.words for one in each] for each in rows], shape)
    return {WORD_INPUT: words, TRUTH: truth}


# Questions as numbers


def test_questions_and_answers_become_numbers():
    first, second = numbered()[0]
    assert first.words.dtype == np.int32
    assert first.words.tolist() == [
        FIRST + WORDS.index(w) for w in ["what", "colour", "is", "the", "star"]
    ]
    assert (first.answers.tolist(), first.right.tolist()) == ([2], [1.0])
    assert (second.answers.tolist(), second.right.tolist()) == ([NUMBERS["2"]], [1.0])
    where, zebra, seven = numbered()[2]
    assert where.answers.tolist() == [7] and where.right.tolist() == [0.5]  # "left" is not known
    assert zebra.words.tolist() == KNOWN.encode(["is", "there"])  # a zebra is not known
    assert seven.answers.tolist() == [] and seven.right.dtype == np.float32
    assert len(numbered(longest=2)[0][0].words) == 2
    assert question_words("?!", KNOWN).tolist() == [UNKNOWN]


def test_a_batch_has_as_many_questions_about_each_picture():
    many = [question(f"how many {'star ' * at}", "1") for at in range(MOST_QUESTIONS + 3)]
    rows = numbered([*ABOUT, many])
    batches = QuestionBatches(
        lambda indices, epoch: {"x": indices}, rows, answers=len(ANSWERS), words="w", truth="t",
        losses=("l",), batch_size=4,
    )  # fmt: skip
    inputs, zeros = batches.share(0, 0, 1)
    assert inputs["w"].shape == (4, MOST_QUESTIONS, MOST_QUESTIONS + 4)
    assert inputs["t"].shape == (4, MOST_QUESTIONS, len(ANSWERS))
    assert zeros["l"].shape == (4,) and not zeros["l"].any()
    for at, index in enumerate(inputs["x"]):
        there = (inputs["w"][at] != PADDING).any(axis=1)
        assert there.sum() == min(len(rows[index]), MOST_QUESTIONS)
        if index < 3:
            for row, each in enumerate(rows[index]):
                assert inputs["w"][at, row, : len(each.words)].tolist() == each.words.tolist()
                assert inputs["t"][at, row, each.answers].tolist() == each.right.tolist()
    parts = [batches.share(0, replica, 2)[0] for replica in range(2)]
    for name, each in inputs.items():
        np.testing.assert_array_equal(np.concatenate([part[name] for part in parts]), each)
    lengths = {
        tuple(sorted((batches.share(step, 0, 1)[0]["w"][at] != 0).sum(axis=1)))
        for step in range(6)
        for at in np.flatnonzero(batches.share(step, 0, 1)[0]["x"] == 3)
    }
    assert len(lengths) > 1  # other ones in other epochs


# The loss


def test_each_answer_is_learnt_by_itself():
    scores = np.float32([[[0, 2, -1], [3, 0, 0]]])
    truth = np.float32([[[1, 0, 0.3], [0, 0, 0]]])
    chances = 1 / (1 + np.exp(-scores))
    expected = -(truth * np.log(chances) + (1 - truth) * np.log(1 - chances)).sum(axis=-1)
    np.testing.assert_allclose(answer_loss(tf.constant(scores), truth), expected, rtol=1e-5)


def test_the_loss_is_the_mean_over_questions_and_padding_changes_nothing(network):
    learner, x = Learner(network), pictures()
    found = learner({PIXELS: x, **inputs_of()})[LOSS].numpy()
    assert found.shape == (3,) and found.dtype == np.float32
    wider = learner({PIXELS: x, **inputs_of(shape=(6, 12))})[LOSS]
    np.testing.assert_allclose(wider, found, rtol=1e-4)
    for at, rows in enumerate(numbered()):
        alone = []
        for each in rows:
            one = inputs_of([[each]], shape=(1, len(each.words)))
            scores, _, _ = network({PIXELS: x[at : at + 1], WORD_INPUT: one[WORD_INPUT]})
            alone.append(float(answer_loss(scores, one[TRUTH])[0, 0]))
        assert found[at] == pytest.approx(np.mean(alone), rel=1e-4)


def test_maps_that_were_worked_out_before_are_as_good_as_pixels(network):
    x, learner = pictures(), Learner(network)
    maps = Parts.of(network).backbone(x)
    named = dict(zip(map_names(len(maps)), maps, strict=True))
    expected = learner({PIXELS: x, **inputs_of()})[LOSS]
    np.testing.assert_allclose(learner({**named, **inputs_of()})[LOSS], expected, rtol=1e-4)


def test_what_an_answerer_finds_does_not_depend_on_its_neighbours(network):
    ask = AnswerNetwork(network, place("cpu").strategy, 4)
    words = inputs_of()[WORD_INPUT]
    found = ask({PIXELS: pictures(), WORD_INPUT: words})
    assert found[SCORES].shape == (3, 3, len(ANSWERS))
    assert ((found[SCORES] >= 0) & (found[SCORES] <= 1)).all()
    np.testing.assert_allclose(found[LOOKED].sum(axis=-1), 1, rtol=1e-4)
    assert ((found[COUNTED] >= 0) & (found[COUNTED] <= 1)).all()
    turned = ask({PIXELS: pictures()[::-1], WORD_INPUT: words[::-1]})
    for name, each in found.items():
        np.testing.assert_allclose(turned[name][::-1], each, atol=1e-5)
    assert np.ptp(found[SCORES][:, 0], axis=0).max() > 0.01  # pictures and questions matter
