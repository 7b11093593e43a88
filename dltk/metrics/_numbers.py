"""Numbers of reports that may be NaN: of what there is none."""

from __future__ import annotations

import math

import numpy as np


def json_number(value: float) -> float | None:
    """Return `value` with the digits that mean something, or None for NaN, which JSON has not."""
    return None if math.isnan(value) else round(float(value), 6)


def known_mean(values: np.ndarray) -> float:
    """Return the mean of what is not NaN; NaN for nothing."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else math.nan
