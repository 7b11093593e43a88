"""What a training of word vectors leaves in its run folder to be read."""

from __future__ import annotations

import os
import shlex

import numpy as np

from dltk.data.word_corpora import WordData
from dltk.errors import printable
from dltk.text.vectors import WordVectors
from dltk.training.outcome import draw_curves
from dltk.training.report import pictures_in, table_cell, write_report
from dltk.training.run import RunFolder
from recipes._analogies import Space, Term
from recipes.analogy import RESTRICT, draw_word_map

BINARY, TEXT = "vectors.bin", "vectors.txt"
_MAP = "map.png"
_PICTURES = {
    _MAP: "Map: the most frequent words, those that are alike side by side",
    "curves.png": "Curves: loss and learning rate, epoch by epoch",
}
_SHOWN, _NEAR = 16, 8  # words, and words near to each
_RANKS = 30, 3000  # of the words shown: such are neither everywhere nor rare


def write_outcome(run: RunFolder, data: WordData, vectors: WordVectors, *, rate: float) -> None:
    """Write map.png, curves.png and report.md.

    Args:
        rate: the learning rate at the beginning.
    """
    draw_curves(run, {})
    draw_word_map(run.path / _MAP, model=vectors)
    options = run.options
    lines = [
        f"# {run.path.name}",
        "",
        f"Trained on {printable(data.where)} ({data.length:,} words, {len(data.words):,} different "
        f"ones known): {options['preset']}, vectors of {options['size']} numbers, windows of up to "
        f"{options['window']} words on each side, {options['negatives']} negatives, "
        f"{options['epochs']} epochs from a rate of {rate:g}.",
        "",
        f"Ask it: `dltk text analogy -m {shlex.quote(os.fspath(run.path / BINARY))} WORD`",
        "",
        "## Words and those nearest to them",
        "",
        "| word | occurs | nearest, by cosine |",
        "|---|---|---|",
        *_neighbours(data, vectors),
        "",
    ]
    write_report(run, lines + pictures_in(run, _PICTURES))


def _neighbours(data: WordData, vectors: WordVectors) -> list[str]:
    space, lines = Space(vectors, RESTRICT), []
    for row in _examples(vectors.words):
        word = vectors.words[row]
        near = space.answers([Term(1, word)], top=_NEAR)
        told = ", ".join(f"{table_cell(each.word)} {each.score:.2f}" for each in near)
        lines.append(f"| {table_cell(word)} | {int(data.counts[row]):,} | {told} |")
    return lines


def _examples(words: tuple[str, ...]) -> list[int]:
    """Return rows of words of some length, from frequent ones to less frequent ones."""
    first, last = _RANKS
    last = min(last, len(words))
    rows = [row for row in range(last) if len(words[row]) > 2 and words[row].isalpha()]
    rows = [row for row in rows if row >= first] or rows or list(range(last))
    places = np.geomspace(1, len(rows), min(_SHOWN, len(rows))).round().astype(int) - 1
    return [rows[at] for at in dict.fromkeys(places.tolist())]
