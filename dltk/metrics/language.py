"""How well a text is foretold, token by token."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class LanguageReport:
    """How well the tokens of a text were foretold, each from those before it.

    Attributes:
        unit: what a token is: "character" or "word".
        tokens: how many were foretold.
        nats: minus the logarithm of a token's probability, on average: the cross-entropy.
        unknown: share of the tokens that are not known, which count as one and the same.
    """

    unit: str
    tokens: int
    nats: float
    unknown: float

    @property
    def bits(self) -> float:
        """The same in bits: what a token takes if the text is coded by these probabilities."""
        return self.nats / math.log(2)

    @property
    def perplexity(self) -> float:
        """e to the power of the cross-entropy: among how many tokens it wavers, so to say."""
        return math.exp(min(self.nats, 700.0))

    def to_dict(self) -> dict:
        """Return the figures, ready for JSON."""
        return {
            "unit": self.unit,
            "tokens": self.tokens,
            f"bits_per_{self.unit}": round(self.bits, 6),
            "perplexity": round(self.perplexity, 6),
            "unknown": round(self.unknown, 6),
        }


def unigram_report(
    counts: np.ndarray, held: np.ndarray, *, unit: str, unknown: int
) -> LanguageReport:
    """Return how well a text is foretold by nothing but how frequent tokens are.

    One is added to each count (Laplace), so that none is impossible.

    Args:
        counts, held: int (V,), how often each token is in what is learnt from, and in the text.
        unknown: the number of what is not known.
    """
    chances = (counts + 1.0) / (counts.sum() + len(counts))
    shares = held / held.sum()
    nats = float(-shares @ np.log(chances))
    return LanguageReport(unit, int(held.sum()), nats, float(shares[unknown]))
