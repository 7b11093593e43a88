"""Heads on fixed features that need no gradient steps, and cross-validation to choose them.

Every choice is made on the training features alone, by folds; scikit-learn does the work.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from dltk.layers.neighbours import METRICS, TIE_BREAK

NEIGHBOURS = (1, 3, 5, 8, 10, 12, 15, 20, 50, 100)
STRENGTHS = (1e-3, 1e-4, 1e-2, 1e-5, 1e-1)  # of equally good ones the first is taken
_L1_MOST = 2**25  # numbers in all features: each picture's differences take 128 MiB
_MOST = 2000  # examples that take part; more would change the choice little, and take long


@dataclass(frozen=True)
class Folds:
    """Accuracy of each candidate in each fold.

    Attributes:
        name: what was varied: "k" or "l2".
        scores: for each series (a distance, or one unnamed), for each value tried, the folds'
            accuracies.
        series, value: the chosen ones.
    """

    name: str
    scores: dict[str, dict[float, list[float]]]
    series: str
    value: float

    def to_dict(self) -> dict:
        """Return the fields, ready for JSON."""
        scores = {s: {str(v): f for v, f in line.items()} for s, line in self.scores.items()}
        return {"name": self.name, "scores": scores, "series": self.series, "value": self.value}

    @classmethod
    def from_dict(cls, fields: dict) -> Folds:
        """Rebuild what `to_dict` gave."""
        scores = {
            series: {float(value): folds for value, folds in line.items()}
            for series, line in fields["scores"].items()
        }
        return cls(fields["name"], scores, fields["series"], fields["value"])


def choose_neighbours(
    features: np.ndarray,
    labels: np.ndarray,
    *,
    k: int | None,
    metric: str | None,
    folds: int,
    seed: int,
) -> Folds:
    """Choose k and the distance of a nearest-neighbour classifier by cross-validation.

    Args:
        features: float32 (N, D). labels: int (N,).
        k, metric: fixed by the user, or None to try NEIGHBOURS and METRICS; "l1" is left out
            where there is so much that its differences would fill the memory in use.
    """
    from sklearn.metrics import pairwise_distances

    tried = METRICS if features.size <= _L1_MOST else METRICS[1:]
    chosen, parts = _parts(labels, folds, seed)
    features, labels = features[chosen], labels[chosen]
    fits = min(len(train) for train, _ in parts)
    ks = [k] if k else [value for value in NEIGHBOURS if value <= fits]
    classes = int(labels.max()) + 1
    scores = {}
    for name in [metric] if metric else tried:
        distances = pairwise_distances(features, metric={"l1": "manhattan"}.get(name, name))
        line: dict[float, list[float]] = {float(value): [] for value in ks}
        for train, held in parts:
            order = np.argsort(distances[np.ix_(held, train)], axis=1, kind="stable")
            nearest = labels[train][order[:, : max(ks)]]
            for value in ks:
                line[value].append(_voted(nearest[:, :value], classes, labels[held]))
        scores[name] = line
    return _best("k", scores)


def _voted(nearest: np.ndarray, classes: int, truth: np.ndarray) -> float:
    """Return the share of right votes; ties go to the class with the nearest neighbour."""
    k, rows = nearest.shape[1], np.arange(len(nearest))
    votes, first = np.zeros((2, len(nearest), classes))
    for place in range(k):
        np.add.at(votes, (rows, nearest[:, place]), 1)
        np.maximum.at(first, (rows, nearest[:, place]), 1 - place / k)
    return float(((votes + TIE_BREAK * first).argmax(axis=1) == truth).mean())


def choose_strength(
    make: Callable[[float, int], object],
    features: np.ndarray,
    labels: np.ndarray,
    *,
    folds: int,
    seed: int,
    values: Sequence[float] = STRENGTHS,
) -> Folds:
    """Choose the strength of L2 regularisation by cross-validation.

    Args:
        make: from a strength and the number of examples to an unfitted scikit-learn classifier.
        features: float32 (N, D), standardised. labels: int (N,).
    """
    from threadpoolctl import threadpool_limits

    chosen, parts = _parts(labels, folds, seed)
    features, labels = features[chosen], labels[chosen]
    line: dict[float, list[float]] = {}
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # near enough to the optimum is enough to compare
        for value in values:
            line[value] = []
            for train, held in parts:
                if len(np.unique(labels[train])) == 1:  # nothing to tell apart
                    score = (labels[held] == labels[train][0]).mean()
                else:
                    model = make(value, len(train)).fit(features[train], labels[train])
                    score = model.score(features[held], labels[held])
                line[value].append(float(score))
    return _best("l2", {"": line})


def softmax_classifier(strength: float, examples: int):
    """Return multinomial logistic regression that minimises mean loss + strength · ‖W‖².

    Of two classes scikit-learn has one vector of weights, and so twice the penalty.
    """
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=1 / (2 * strength * examples), max_iter=100, tol=1e-3)


def svm_classifier(strength: float, examples: int, seed: int = 0):
    """Return linear SVMs, one against the rest, that minimise mean hinge loss + strength · ‖w‖².

    Solved by liblinear (Fan et al. 2008), which penalises the bias too.
    """
    from sklearn.svm import LinearSVC

    return LinearSVC(
        C=1 / (2 * strength * examples), loss="hinge", tol=1e-3, max_iter=3000, random_state=seed
    )


class FixedFeatures:
    """Features of all splits, and the heads that can be solved for on them.

    Args:
        features, scaled: float32 (N, D) by split, as they are and standardised.
        labels: int (N,) by split.
        folds, seed: of cross-validation.
        choose: called with a name and the search; returns what the search gives, or gave before.
    """

    def __init__(self, features, scaled, labels, *, folds: int, seed: int, choose):
        self._features, self._scaled, self._labels = features, scaled, labels
        self._folds, self._seed, self._choose = folds, seed, choose

    def neighbours(self, k: int | None, metric: str | None) -> tuple[int, str]:
        """Return k and distance for nearest neighbours, as given or as the folds tell."""
        train, labels = self._features["train"], self._labels["train"]
        how = {"k": k, "metric": metric, "folds": self._folds, "seed": self._seed}
        folds = self._choose("k", lambda: choose_neighbours(train, labels, **how))
        return int(folds.value), folds.series

    def softmax_strength(self) -> float:
        """Return the L2 strength for a softmax head that the folds choose."""
        return self._strength(softmax_classifier)

    def svm_strength(self) -> float:
        """Return the L2 strength for linear SVMs that the folds choose."""
        return self._strength(svm_classifier)

    def svm(self, strength: float) -> tuple[np.ndarray, np.ndarray, float]:
        """Solve linear SVMs on the standardised training features.

        Returns:
            Weights (D, K), biases (K,), and the factor that makes of margins the logits of
            probabilities, found on the validation split; 1 without one.
        """
        labels = self._labels["train"]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            solved = svm_classifier(strength, len(labels), self._seed)
            solved.fit(self._scaled["train"], labels)
        weights, biases = solved.coef_.T, solved.intercept_
        if weights.shape[1] == 1:  # of two classes, scikit-learn tells only the second
            weights, biases = np.hstack([-weights, weights]), np.hstack([-biases, biases])
        if "val" not in self._scaled:
            return weights, biases, 1.0
        margins = self._scaled["val"] @ weights + biases
        return weights, biases, best_temperature(margins, self._labels["val"])

    def _strength(self, make) -> float:
        train, labels = self._scaled["train"], self._labels["train"]
        how = {"folds": self._folds, "seed": self._seed}
        return self._choose("l2", lambda: choose_strength(make, train, labels, **how)).value


def _parts(labels: np.ndarray, folds: int, seed: int):
    """Return the examples that take part, and (train, held-out) indices for each fold.

    There are no more folds than examples.
    """
    from sklearn.model_selection import StratifiedKFold

    random = np.random.default_rng(seed)
    chosen = np.sort(random.permutation(len(labels))[:_MOST])
    folds = min(folds, len(chosen))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # classes smaller than the number of folds
        splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
        try:
            parts = list(splitter.split(np.zeros(len(chosen)), labels[chosen]))
        except ValueError:  # no class has so many examples: folds without regard to class
            order = random.permutation(len(chosen))
            held = np.array_split(order, folds)
            parts = [(np.setdiff1d(order, part), np.sort(part)) for part in held]
    return chosen, parts


def _best(name: str, scores: dict[str, dict[float, list[float]]]) -> Folds:
    """Choose by mean accuracy; of equals the first."""
    means = {(s, v): np.mean(f) for s, line in scores.items() for v, f in line.items()}
    series, value = max(means, key=means.get)
    return Folds(name, scores, series, float(value))


def best_temperature(scores: np.ndarray, labels: np.ndarray) -> float:
    """Return the scale for which softmax(scale · scores) predicts `labels` best.

    Temperature scaling, Guo et al. 2017, Sec. 4.2; the scale is one over their temperature. A
    little of each target, one example's worth, goes to the other classes (after Platt 1999,
    Sec. 2.2): or scores without a mistake would be taken for certainty.

    Args:
        scores: float (N, K), of examples not trained on. labels: int (N,).
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    count, classes = scores.shape
    targets = np.full((count, classes), 1 / (count + 2) / (classes - 1))
    targets[np.arange(count), labels] = (count + 1) / (count + 2)

    def loss(log_scale: float) -> float:
        return -(targets * log_softmax(np.exp(log_scale) * scores, axis=1)).sum(axis=1).mean()

    return float(np.exp(minimize_scalar(loss, bounds=(-7, 7), method="bounded").x))
