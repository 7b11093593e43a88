"""Heads that are solved for: what the folds choose, SVMs, temperatures, nearest neighbours."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest
from scipy.special import softmax
from sklearn.model_selection import StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import LinearSVC

from dltk.layers.neighbours import METRICS, NearestNeighbours
from dltk.training.crossval import (
    NEIGHBOURS,
    STRENGTHS,
    FixedFeatures,
    Folds,
    _voted,
    best_temperature,
    choose_neighbours,
    choose_strength,
    softmax_classifier,
    svm_classifier,
)


def clouds(count, classes, *, spread=1.0, dimensions=4, seed=0):
    """Features around one corner for each class, and labels."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    corners = random.normal(0, 2, (classes, dimensions))
    features = corners[labels] + random.normal(0, spread, (count, dimensions))
    return features.astype(np.float32), labels


# Choosing by folds


@pytest.mark.parametrize(("metric", "theirs"), [("l1", "manhattan"), ("l2", "euclidean"),
                                                ("cosine", "cosine")])  # fmt: skip
@pytest.mark.parametrize("k", [1, 5])
def test_folds_score_neighbours_as_scikit_learn_does(metric, theirs, k):
    features, labels = clouds(60, 2, spread=2.0, seed=2)  # two classes and odd k: no ties
    found = choose_neighbours(features, labels, k=k, metric=metric, folds=4, seed=7)
    parts = StratifiedKFold(4, shuffle=True, random_state=7).split(features, labels)
    expected = []
    for train, held in parts:
        model = KNeighborsClassifier(k, metric=theirs).fit(features[train], labels[train])
        expected.append(model.score(features[held], labels[held]))
    assert found.scores == {metric: {float(k): pytest.approx(expected)}}
    assert (found.name, found.series, found.value) == ("k", metric, k)
    assert 0.5 < np.mean(expected) < 1.0  # neither hopeless nor too easy


def test_the_best_k_and_distance_of_all_are_chosen():
    """Classes differ by direction; their lengths say nothing and are very unequal."""
    random = np.random.default_rng(0)
    labels = np.arange(90) % 3
    angle = labels * 0.5 + random.normal(0, 0.02, 90)
    length = np.exp(random.normal(0, 3, 90))
    features = (length * np.stack([np.cos(angle), np.sin(angle)])).T.astype(np.float32)
    found = choose_neighbours(features, labels, k=None, metric=None, folds=3, seed=0)
    assert found.scores.keys() == set(METRICS)
    assert list(found.scores["l2"]) == [k for k in NEIGHBOURS if k <= 60]
    assert found.series == "cosine" and found.value == 1
    means = {s: max(map(np.mean, line.values())) for s, line in found.scores.items()}
    assert means["cosine"] == 1.0 and means["l2"] < 0.95


def test_the_strength_that_noise_asks_for_is_chosen():
    """Many features, few examples, labels that only one feature tells, and not always."""
    random = np.random.default_rng(1)
    features = random.normal(size=(60, 100)).astype(np.float32)
    labels = (features[:, 0] * 2 + random.normal(size=60) > 0).astype(int)
    found = choose_strength(
        softmax_classifier, features, labels, folds=5, seed=0, values=(1e-5, 0.3, 100.0)
    )
    means = {value: np.mean(folds) for value, folds in found.scores[""].items()}
    assert found.name == "l2" and found.value == max(means, key=means.get)
    assert means[1e-5] < means[found.value]


def test_of_equally_good_strengths_the_usual_one_is_taken():
    features, labels = clouds(40, 2, spread=0.01)
    found = choose_strength(svm_classifier, features, labels, folds=4, seed=0)
    assert all(folds == [1.0] * 4 for folds in found.scores[""].values())
    assert found.value == STRENGTHS[0]


def test_the_choice_is_repeatable():
    features, labels = clouds(40, 3, spread=4.0)
    one, two = (
        choose_neighbours(features, labels, k=None, metric=None, folds=4, seed=1) for _ in range(2)
    )
    assert one == two


def test_folds_survive_json():
    folds = Folds("l2", {"": {1e-05: [0.5, 1.0], 0.1: [0.25, 0.75]}}, "", 1e-05)
    assert Folds.from_dict(json.loads(json.dumps(folds.to_dict()))) == folds


def test_there_are_no_more_folds_than_pictures():
    features, labels = clouds(4, 2)
    found = choose_neighbours(features, labels, k=1, metric="l2", folds=5, seed=0)
    assert len(found.scores["l2"][1]) == 4


@pytest.mark.parametrize("make", [softmax_classifier, svm_classifier])
@pytest.mark.parametrize("counts", [(4, 1), (3, 2, 1), (1, 1, 1, 1, 1)])
def test_classes_smaller_than_the_folds_can_be_chosen_on(make, counts):
    """Also where a fold holds all there is of a class, and leaves only one to train on."""
    labels = np.repeat(np.arange(len(counts)), counts)
    features = np.eye(len(labels), dtype=np.float32)
    found = choose_strength(make, features, labels, folds=5, seed=0)
    assert found.value in STRENGTHS
    neighbours = choose_neighbours(features, labels, k=None, metric=None, folds=5, seed=0)
    assert neighbours.value <= 4


# Support vector machines, and probabilities of margins


@pytest.mark.parametrize("classes", [2, 3])
def test_the_svm_gives_the_margins_of_scikit_learn(classes):
    train, labels = clouds(50, classes, spread=2.0)
    held, _ = clouds(20, classes, spread=2.0, seed=5)
    fixed = FixedFeatures(
        {"train": train}, {"train": train}, {"train": labels}, folds=5, seed=0, choose=None
    )
    weights, biases, scale = fixed.svm(0.01)
    assert weights.shape == (4, classes) and biases.shape == (classes,) and scale == 1.0
    # mean hinge loss + 0.01 · ‖w‖² is ‖w‖² / 2 + C · Σ hinge, with C = 1 / (2 · 0.01 · 50)
    theirs = LinearSVC(C=1.0, loss="hinge", tol=1e-3, max_iter=3000, random_state=0)
    margins = theirs.fit(train, labels).decision_function(held)
    ours = held @ weights + biases
    np.testing.assert_allclose(ours if classes > 2 else ours[:, 1], margins, rtol=1e-5, atol=1e-6)
    if classes == 2:
        np.testing.assert_array_equal(ours[:, 0], -ours[:, 1])


def test_validation_pictures_tell_the_scale_of_the_margins():
    train, labels = clouds(60, 3, spread=3.0)
    held, truth = clouds(40, 3, spread=3.0, seed=9)
    splits = {"train": train, "val": held}
    fixed = FixedFeatures(
        splits, splits, {"train": labels, "val": truth}, folds=5, seed=0, choose=None
    )
    weights, biases, scale = fixed.svm(0.01)
    assert scale == pytest.approx(best_temperature(held @ weights + biases, truth))


def test_what_was_chosen_before_is_not_chosen_again():
    before = Folds("k", {"l1": {3.0: [1.0]}}, "l1", 3.0)
    asked = []

    def choose(name, search):
        asked.append(name)
        return before

    fixed = FixedFeatures({"train": None}, {"train": None}, {"train": None}, folds=5, seed=0,
                          choose=choose)  # fmt: skip
    assert fixed.neighbours(None, None) == (3, "l1") and asked == ["k"]


def test_a_known_scale_is_found_again():
    random = np.random.default_rng(0)
    scores = random.normal(size=(20_000, 4))
    for scale in (0.3, 2.5):
        odds = softmax(scale * scores, axis=1)
        labels = (odds.cumsum(axis=1) < random.random((len(odds), 1))).sum(axis=1)
        assert best_temperature(scores, labels) == pytest.approx(scale, rel=0.05)


def test_scores_without_a_mistake_are_not_certain():
    """Ten examples, margins of 2: probability 11/12 of each is best, so e^(2s) = 11."""
    labels = np.array([0, 1] * 5)
    scores = np.where(np.arange(2) == labels[:, None], 1.0, -1.0)
    assert best_temperature(scores, labels) == pytest.approx(np.log(11) / 2, rel=1e-3)


# Nearest neighbours as a layer


def voted(features, labels, inputs, *, k, metric):
    """The class with most votes among the k nearest; of equals the one with the nearest."""
    difference = inputs[:, None].astype(np.float64) - features[None]
    if metric == "cosine":
        lengths = np.linalg.norm(inputs, axis=1)[:, None] * np.linalg.norm(features, axis=1)
        distances = 1 - inputs.astype(np.float64) @ features.T / lengths
    else:
        distances = np.linalg.norm(difference, ord={"l1": 1, "l2": 2}[metric], axis=2)
    winners, shares = [], []
    for row in distances:
        nearest = labels[np.argsort(row, kind="stable")[:k]]
        counts = np.bincount(nearest, minlength=labels.max() + 1)
        tied = np.flatnonzero(counts == counts.max())
        winners.append(next(label for label in nearest if label in tied))
        shares.append(counts / k)
    return np.array(winners), np.array(shares)


def neighbours(features, labels, *, k, metric):
    classes = int(labels.max()) + 1
    layer = NearestNeighbours(*features.shape, classes, k, metric)
    layer.learn(features, labels)
    return layer


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("k", [1, 2, 5, 24])
def test_neighbours_vote_as_worked_out_in_numpy(metric, k):
    features, labels = clouds(24, 3, spread=4.0)
    inputs, _ = clouds(40, 3, spread=4.0, seed=3)
    outputs = np.asarray(neighbours(features, labels, k=k, metric=metric)(inputs))
    winners, shares = voted(features, labels, inputs, k=k, metric=metric)
    np.testing.assert_allclose(outputs, shares, atol=2e-3)
    np.testing.assert_allclose(outputs.sum(axis=1), 1.0, rtol=1e-5)
    np.testing.assert_array_equal(outputs.argmax(axis=1), winners)


# Labels of the neighbours from the nearest on, and who wins.
TIES = [
    ([1, 0], 1),
    ([1, 0, 0, 1], 1),  # the sums of ranks are equal too
    ([1, 0, 0, 2, 1], 1),  # and here class 0 is nearer on the whole
    ([2, 1, 1, 0, 0, 2], 2),
    ([1, 0, 0], 0),  # no tie
]


@pytest.mark.parametrize(("order", "winner"), TIES)
def test_of_equally_many_votes_the_nearest_decides(order, winner):
    labels = np.array(order)
    features = np.arange(1, len(order) + 1, dtype=np.float32)[:, None]
    layer = neighbours(features, labels, k=len(order), metric="l2")
    assert int(np.asarray(layer(np.zeros((1, 1), np.float32))).argmax()) == winner


@pytest.mark.parametrize(("order", "winner"), TIES)
def test_the_folds_vote_as_the_layer_does(order, winner):
    for truth in range(3):
        assert _voted(np.array([order]), 3, np.array([truth])) == float(truth == winner)


@pytest.mark.parametrize("metric", METRICS)
def test_neighbours_can_be_saved(metric, tmp_path):
    features, labels = clouds(12, 3)
    inputs = keras.Input((4,))
    model = keras.Model(inputs, neighbours(features, labels, k=3, metric=metric)(inputs))
    model.save(tmp_path / "knn.keras")
    loaded = keras.saving.load_model(tmp_path / "knn.keras")
    queries, _ = clouds(5, 3, seed=8)
    np.testing.assert_array_equal(loaded(queries), model(queries))
    assert np.asarray(model(queries)).max() > 0.5
