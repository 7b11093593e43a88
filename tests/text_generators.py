"""A small text to learn from, and a generator that has learnt a little of it."""

from __future__ import annotations

import numpy as np
import pytest

from recipes.train_text_generator import train_text_generator

TINY = {"units": 16, "size": 8, "layers": 2, "length": 10, "batch_size": 8, "epochs": 2}
"""Options of a training that takes seconds."""
_NAMES = ("Ada", "Ben", "Cleo", "Dan")
_DOES = ("sees", "likes", "meets")


def few_lines(count: int = 120) -> str:
    """Return lines such as "Ada likes Ben.", drawn by chance."""
    random = np.random.default_rng(0)

    def one_of(words):
        return words[random.integers(len(words))]

    return "".join(f"{one_of(_NAMES)} {one_of(_DOES)} {one_of(_NAMES)}.\n" for _ in range(count))


@pytest.fixture(scope="session")
def lines_file(tmp_path_factory):
    """A file of `few_lines`."""
    path = tmp_path_factory.mktemp("text") / "lines.txt"
    path.write_text(few_lines())
    return path


@pytest.fixture(scope="session")
def text_generator(lines_file, tmp_path_factory):
    """A training that has learnt what lines are like, and what it reported."""
    run, told = tmp_path_factory.mktemp("text generator") / "run", []
    how = TINY | {"units": 48, "epochs": 12, "lr": 0.02}
    done = train_text_generator(lines_file, run_dir=run, report=told.append, prompt="Ada ", **how)
    return done, told
