"""Train a model of logits to tell classes apart."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
from scipy.special import log_softmax

from dltk.training.fit import Progress
from dltk.training.stage import train_stage


def train_classifier(
    model: keras.Model,
    batches,
    *,
    held_logits: Callable[[], np.ndarray] | None,
    held_labels: np.ndarray | None,
    label_smoothing: float = 0.0,
    **stage,
) -> Progress:
    """Train `model`, inputs to logits (B, K), with cross-entropy; keep its best epoch.

    The best epoch is the one of the highest accuracy on held-out data; of several, that of the
    lowest loss. Without held-out data it is the last.

    Args:
        batches: of inputs, one-hot targets and weights, see `dltk.training.fit.fit`.
        held_logits: returns the model's logits for all held-out examples, float32 (M, K).
        held_labels: int (M,).
        label_smoothing: share of each target that is spread over all classes.
        stage: see `dltk.training.stage.train_stage`.
    """

    def measure() -> dict[str, float]:
        logs = log_softmax(held_logits(), axis=1)
        accuracy = (logs.argmax(axis=1) == held_labels).mean()
        loss = -logs[np.arange(len(held_labels)), held_labels].mean()
        return {"val_loss": float(loss), "val_accuracy": float(accuracy)}

    def score(row: dict) -> list[float]:
        return [row["val_accuracy"], -row["val_loss"]]

    return train_stage(
        model,
        batches,
        loss=keras.losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=label_smoothing
        ),
        metrics=["accuracy"],
        measure=measure if held_logits else None,
        score=score if held_logits else None,
        **stage,
    )


def balancing_weights(labels: np.ndarray, classes: int) -> np.ndarray:
    """Return a weight for each example, float32 (N,), such that all classes weigh the same.

    The mean weight is 1: N / (K · count of the example's class).
    """
    counts = np.bincount(labels, minlength=classes)
    return (len(labels) / (np.count_nonzero(counts) * counts[labels])).astype(np.float32)


def penalise(layers, *, l1: float, l2: float) -> None:
    """Add l1 · Σ|w| + l2 · Σw² over the kernels of `layers` to the loss; nothing if both are 0."""
    penalty = keras.regularizers.L1L2(l1, l2) if l1 or l2 else None
    for layer in layers:
        kernel = getattr(layer, "kernel", None)
        if kernel is not None:
            kernel.regularizer = penalty
