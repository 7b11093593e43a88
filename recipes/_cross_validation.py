"""How well networks did in cross-validation, each on the fold that it was not trained on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Fold:
    """How good a network was on one fold.

    Attributes:
        examples: in it.
        accuracy, macro_f1: see `dltk.metrics.ClassificationReport`.
    """

    examples: int
    accuracy: float
    macro_f1: float


@dataclass(frozen=True)
class CrossValidation:
    """How good networks were on all folds.

    Attributes:
        folds: two or more.
    """

    folds: tuple[Fold, ...]

    def mean(self, measure: str = "accuracy") -> float:
        """Return the mean over the folds."""
        return float(np.mean([getattr(fold, measure) for fold in self.folds]))

    def deviation(self, measure: str = "accuracy") -> float:
        """Return the standard deviation over the folds, of a sample: divided by one less."""
        return float(np.std([getattr(fold, measure) for fold in self.folds], ddof=1))

    def told(self, measure: str = "accuracy") -> str:
        """Return "81.5 % ± 1.2 %"."""
        return f"{self.mean(measure):.1%} ± {self.deviation(measure):.1%}"

    def to_dict(self) -> dict:
        """Return all measures, ready for JSON."""
        measures = {
            name: {"mean": round(self.mean(name), 5), "deviation": round(self.deviation(name), 5)}
            for name in ("accuracy", "macro_f1")
        }
        return measures | {"folds": [vars(fold) for fold in self.folds]}
