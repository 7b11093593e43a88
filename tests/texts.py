"""Made texts with their classes, for trainings in tests."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

from dltk.data.datasets import TextData
from dltk.data.texts import texts_in_memory
from dltk.text.grammar import TASKS, split_of


def made_texts(count: int, task: str = "who-acts") -> TextData:
    """Return texts of a task of `dltk.text.grammar`, divided so that pairs stay together."""
    rows = list(islice(TASKS[task](), count))
    classes = sorted({row.label for row in rows})
    labels = [classes.index(row.label) for row in rows]
    data = texts_in_memory([row.text for row in rows], labels, classes)
    every, splits = data.splits["all"], {}
    for split in ("train", "val", "test"):
        splits[split] = every.take(at for at in range(count) if split_of(at) == split)
    return replace(data, splits=splits)
