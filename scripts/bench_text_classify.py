"""Measure `dltk text classify` against what one would write in plain Keras, side by side.

Makes its own texts, of words as frequent as in a language, and its own networks, untrained: their
speed does not depend on what they learnt. Every figure is a ratio of two things timed in turn in
this one run; the best of several turns counts, since a shared machine can only be slower.

    python scripts/bench_text_classify.py [--quick]
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import numpy as np

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
DLTK = [sys.executable, "-c", "from dltk.cli.main import run; run()", "text", "classify"]
WORDS, LENGTH = 20_000, 60  # words that the networks know, and tokens that they look at
MEAN = 20  # words of a text

PLAIN = """
import json, sys
import keras, numpy as np
import dltk.layers
from dltk.modelfile import read_card
from dltk.text.tokens import tokens
model, texts, results, length = sys.argv[1:4] + [int(sys.argv[4])]
card = read_card(model)
number_of = {word: number for number, word in enumerate(card.words, 4)}
network = keras.saving.load_model(model)
lines = open(texts, encoding="utf-8").read().splitlines()
numbers = np.zeros((len(lines), length), "int32")
for row, line in zip(numbers, lines):
    found = [number_of.get(word, 3) for word in tokens(line)][:length]
    row[: len(found)] = found
scores = network.predict({"tokens": numbers}, verbose=0)
with open(results, "w") as file:
    for line, row in enumerate(scores, 1):
        best = row.argsort()[::-1]
        labels = [{"label": card.labels[k], "score": round(float(row[k]), 5)} for k in best]
        file.write(json.dumps({"line": line, "labels": labels}) + "\\n")
"""


def make_texts(path: Path, count: int) -> None:
    """Write texts, a line each, of words whose frequencies fall as their ranks rise (Zipf)."""
    random = np.random.default_rng(0)
    ranks = np.arange(1, WORDS + 2000)  # of which the last are not known
    chances = np.cumsum(1 / ranks)
    lengths = np.maximum(1, random.gamma(2.5, MEAN / 2.5, count)).astype(int)
    with path.open("w", encoding="utf-8") as file:
        for length in lengths:
            drawn = np.searchsorted(chances, random.random(length) * chances[-1])
            file.write(" ".join(word(int(rank)) for rank in drawn).capitalize() + ".\n")


def word(rank: int) -> str:
    """Return a made word, longer where it is rarer."""
    letters = ""
    while rank >= 0:
        letters, rank = letters + "etaoinsrhldcumfpg"[rank % 17], rank // 17 - 1
    return letters


def make_model(path: Path, preset: str) -> None:
    """Write a network as `dltk text train` has it: 128 numbers a word, 3 x 100 feature maps."""
    from dltk.modelfile import ModelCard, save_model
    from dltk.models.text_classifier.network import Design, new_text_classifier
    from dltk.text.tokenizer import Tokenizer

    words = tuple(dict.fromkeys(word(rank) for rank in range(WORDS)))
    network = new_text_classifier(Design(preset, classes=2, vocabulary=4 + len(words)))
    text = Tokenizer().to_dict() | {"length": LENGTH}
    labels = ("negative", "positive")
    save_model(network, path, ModelCard("classify texts", labels, None, words=words, text=text))


def seconds(command: list[str]) -> tuple[float, float]:
    """Return how long a command takes in a fresh process, and how long all cores work for it."""
    started, before = time.perf_counter(), os.times()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    took, after = time.perf_counter() - started, os.times()
    work = after.children_user + after.children_system
    return took, work - before.children_user - before.children_system


def peak_megabytes(arguments: list[str]) -> float:
    """Return the largest resident memory of a dltk command in a fresh process (Linux)."""
    code = (
        "import sys; from dltk.cli.main import main; main(sys.argv[1:]);"
        "print(next(line for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    )
    child = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    return int(child.stdout.split()[1]) / 1024


def compare(preset: str, model: Path, texts: Path, count: int, turns: int) -> None:
    """Time both ways of labelling a file, from a cold start, in turn."""
    scratch = texts.parent
    pairs = []
    for turn in range(turns):
        out = scratch / f"{preset}-{turn}"
        ours = seconds([*DLTK, str(texts), "-m", str(model), "-o", str(out), "-q"])
        plain = [str(model), str(texts), str(scratch / "plain.jsonl"), str(LENGTH)]
        pairs.append((ours, seconds([sys.executable, "-W", "ignore", "-c", PLAIN, *plain])))
    for at, unit in enumerate(("seconds", "seconds of a core")):
        our, their = (min(each[at] for each in column) for column in zip(*pairs, strict=True))
        print(
            f"{preset}, {count:,} texts: dltk {our:.1f} {unit}, plain Keras {their:.1f}; "
            f"{count / our:,.0f} texts in one against {count / their:,.0f}: "
            f"{their / our:.2f} times as fast"
        )


def stages(preset: str, model: Path, texts: Path, turns: int) -> None:
    """Print how many texts a second each stage does by itself."""
    from itertools import islice

    from recipes._text_classifiers import TextClassifier, find_text_classifier
    from recipes._texts import find_texts
    from recipes.classify_text import DEFAULT_BATCH, best_labels, window_of

    source = find_text_classifier(model)
    classifier = TextClassifier(source, batch_size=DEFAULT_BATCH)
    count = 8 * window_of(DEFAULT_BATCH)

    def rate(work) -> float:
        best = min(timed(work) for _ in range(turns))
        return count / best

    def timed(work) -> float:
        started = time.perf_counter()
        work()
        return time.perf_counter() - started

    some = list(islice(find_texts([texts]), count))
    read = [classifier.read(text.text) for text in some]
    scores = classifier.probabilities(read)
    rates = {
        "reading": rate(lambda: list(islice(find_texts([texts]), count))),
        "taking apart": rate(lambda: [classifier.read(text.text) for text in some]),
        "the network": rate(lambda: classifier.probabilities(read)),
        "choosing labels": rate(lambda: list(best_labels(scores, classifier.labels, 5, 0.0))),
    }
    told = ", ".join(f"{name} {value:,.0f}" for name, value in rates.items())
    print(f"{preset}, texts a second: {told}")


@click.command()
@click.option("--quick", is_flag=True, help="One turn of each, and fewer texts.")
@click.option("--preset", multiple=True, default=("textcnn", "bow"), show_default=True)
def main(quick, preset):
    """Print the ratios."""
    turns, count = (1, 20_000) if quick else (3, 100_000)
    with tempfile.TemporaryDirectory() as scratch:
        texts, few = Path(scratch, "texts.txt"), Path(scratch, "few.txt")
        make_texts(texts, count)
        with texts.open("rb") as file, few.open("wb") as part:
            part.writelines(line for line, _ in zip(file, range(count // 10), strict=False))
        for name in preset:
            model = Path(scratch, f"{name}.keras")
            make_model(model, name)
            compare(name, model, texts, count, turns)
            stages(name, model, texts, turns)
        command = ["text", "classify", "-m", str(model), "-q", "-o"]
        least, most = (
            peak_megabytes([*command, f"{scratch}/memory-{path.stem}", str(path)])
            for path in (few, texts)
        )
        print(
            f"peak memory: {least:.0f} MB on {count // 10:,} texts, {most:.0f} MB on {count:,}, "
            f"ratio {most / least:.2f} (at most 1.1)"
        )


if __name__ == "__main__":
    main()
