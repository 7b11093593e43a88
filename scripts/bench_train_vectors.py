"""Words a second of training word vectors, beside gensim's Word2Vec on the same text.

Both learn with the same size, window, negatives and epochs, on two cores, taking turns, each in a
process of its own. Seconds are those of learning alone: the text has been read and counted before.
Of the made text, which has analogies planted in it, it is told how many each recovers; the other
text has as many different words as real ones and their frequencies, but no meaning. At the end it
tells where dltk's time goes.

gensim is no dependency. Give this a Python that has it:

    python -m venv peer && peer/bin/pip install gensim==4.4.0
    python scripts/bench_train_vectors.py --peer peer/bin/python
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

PRESETS = ("skip-gram", "cbow")
DRAWN = 16  # words of noise that a block has
DIFFERENT, LINE = 50_000, 20  # words of the text without meaning, and of its lines
_COLUMNS = "text        preset     by       words a second   CPU µs a word   analogies   load"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", help="a Python that has gensim; without, dltk runs alone")
    parser.add_argument("--text", type=Path, help="a text of your own, words between spaces")
    parser.add_argument("--words", type=int, default=4_000_000, help="of each text that is made")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--of", choices=("dltk", "gensim"), help=argparse.SUPPRESS)
    parser.add_argument("--preset", choices=PRESETS, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.of:
        learn = learn_dltk if chosen.of == "dltk" else learn_gensim
        print(json.dumps(learn(chosen.text, chosen.preset, chosen.epochs)))
        return
    with tempfile.TemporaryDirectory() as folder:
        texts = {"own": chosen.text} if chosen.text else write_texts(Path(folder), chosen.words)
        print(_COLUMNS)
        for name, text in texts.items():
            for preset in PRESETS:
                for _ in range(chosen.rounds):
                    for by in ("dltk", "gensim") if chosen.peer else ("dltk",):
                        tell(name, text, preset, by, chosen)
        explain(list(texts.values())[-1])


def write_texts(folder: Path, words: int) -> dict[str, Path]:
    """Write a text with planted analogies, and one of words that are as frequent as real ones."""
    import numpy as np

    from dltk.text.grammar_analogies import sentences

    made, plain = folder / "analogies.txt", folder / "frequencies.txt"
    with made.open("w") as file:
        file.writelines(f"{sentence}\n" for sentence in sentences(words * 10 // 106))
    chances = 1 / (np.arange(DIFFERENT) + 2.7)  # Zipf's law, as Mandelbrot has it
    drawn = np.random.default_rng(0).choice(
        DIFFERENT, (words // LINE, LINE), p=chances / chances.sum()
    )
    with plain.open("w") as file:
        file.writelines(" ".join(map("w{}".format, line)) + "\n" for line in drawn.tolist())
    return {"analogies": made, "frequencies": plain}


def tell(name: str, text: Path, preset: str, by: str, chosen) -> None:
    """Let one of them learn, and print how fast it was and what came of it."""
    python = sys.executable if by == "dltk" else chosen.peer
    command = [python, "-W", "ignore", __file__, "--of", by, "--preset", preset]
    command += ["--text", str(text), "--epochs", str(chosen.epochs)]
    load = os.getloadavg()[0]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    told = json.loads(done.stdout.splitlines()[-1])
    words = told["words"] * chosen.epochs
    right = "–"
    if name == "analogies":
        from dltk.text.grammar_analogies import questions
        from recipes.analogy import evaluate_analogies

        right = f"{evaluate_analogies(questions(), model=told['model']).totals[-1].accuracy:.1%}"
    speed, cost = words / told["seconds"], told["cpu"] / words * 1e6
    print(f"{name:11} {preset:10} {by:8} {speed:14,.0f} {cost:15.2f} {right:>11} {load:6.1f}",
          flush=True)  # fmt: skip


def learn_dltk(text: Path, preset: str, epochs: int) -> dict:
    """Learn with `recipes.train_vectors`; return what it took from the first step to the last."""
    from recipes.train_vectors import train_vectors

    marks = []

    def watch(line: str) -> None:
        if line.endswith("in an epoch") or re.match(f"epoch {epochs} of {epochs}(:| \\()", line):
            marks.append((time.perf_counter(), time.process_time()))
            if "words, of which" in line:
                marks.append(int(line.split()[0].replace(",", "")))

    folder = tempfile.mkdtemp(dir=text.parent)
    done = train_vectors(
        text, preset=preset, epochs=epochs, unit="space", lower=False, report=watch,
        run_dir=Path(folder) / "run",
    )  # fmt: skip
    (began, cpu), words, (ended, cpu_end) = marks
    told = {"seconds": ended - began, "cpu": cpu_end - cpu, "words": words}
    return told | {"model": str(done.model)}


def learn_gensim(text: Path, preset: str, epochs: int) -> dict:
    """Learn with gensim, two threads; return the same."""
    from gensim.models import Word2Vec

    model = Word2Vec(
        vector_size=100, window=5, negative=5, sample=1e-3, min_count=5, sg=preset == "skip-gram",
        workers=2, seed=1,
    )  # fmt: skip
    model.build_vocab(corpus_file=str(text))
    began, cpu = time.perf_counter(), time.process_time()
    about = {"total_examples": model.corpus_count, "total_words": model.corpus_total_words}
    model.train(corpus_file=str(text), epochs=epochs, **about)
    told = {"seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu}
    path = Path(tempfile.mkdtemp(dir=text.parent)) / "vectors.bin"
    model.wv.save_word2vec_format(str(path), binary=True)
    return told | {"words": model.corpus_total_words, "model": str(path)}


def explain(text: Path) -> None:
    """Print where the time of a word goes that is learnt from."""
    from dltk.strategy import place

    strategy = place("cpu").strategy
    import numpy as np
    import tensorflow as tf

    from dltk.data.windows import BLOCK, Windows
    from dltk.data.word_corpora import read_words
    from dltk.models.word_vectors import WordLearner, bag_of_words, nearness, skip_gram
    from dltk.text.corpus import Corpus
    from dltk.text.tokenizer import Tokenizer
    from dltk.text.windows import BEFORE, BEHIND, NOISE, WORDS
    from dltk.training.rowwise import RowwiseSGD, summed

    data = read_words(Corpus.found(text), tokenizer=Tokenizer("space", lower=False), min_count=5)
    blocks, window, size = 8192 // BLOCK, 5, 100
    how = {"window": window, "subsample": 1e-3, "noise": DRAWN, "blocks": blocks}
    batches = Windows(data.tokens, data.counts, **how)
    batch = {name: tf.constant(part) for name, part in batches.share(0, 0, 1).items()}
    words = float(np.count_nonzero(batch[BEFORE] + batch[BEHIND]))
    print(f"\nµs of wall time for a word that is learnt from (load {os.getloadavg()[0]:.1f})")

    def timed(what: str, do, rounds: int = 10) -> None:
        do(0)
        took = []
        for step in range(1, rounds):
            began = time.perf_counter()
            do(step)
            took.append(time.perf_counter() - began)
        print(f"{what:42} {min(took) / words * 1e6:6.2f}")

    timed("a batch, which another thread makes", lambda step: batches.share(step, 0, 1))
    for preset, learn in zip(PRESETS, (skip_gram, bag_of_words), strict=True):
        with strategy.scope():
            about = {"preset": preset, "window": window, "negatives": 5}
            learner = WordLearner(len(data.words), size, **about)
            learner.compile(RowwiseSGD(0.025, longest=20.0))
        block, noise = batch[WORDS][:, window:-window], batch[NOISE]
        skips = preset == "skip-gram"
        given, asked = (block, batch[WORDS]) if skips else (batch[WORDS], block)
        asked = tf.concat([asked, noise], 1)
        near = nearness(batch[BEFORE], batch[BEHIND], window)
        vectors, outputs = tf.gather(learner.vectors, given), tf.gather(learner.against, asked)
        rows = learner._rows(asked, tf.random.normal(outputs.shape))
        parts = {
            f"{preset}, a step": (strategy.run, learner.train_step, (batch,)),
            "  of that, gathering rows of output vectors": (tf.gather, learner.against, asked),
            "  loss and slopes": (learn, vectors, outputs, near, 5),
            "  summing slopes of output vectors": (summed, rows),
        }
        for what, (do, *given_to) in parts.items():
            run = tf.function(partial(do, *given_to))
            timed(what, lambda _, run=run: tf.nest.map_structure(np.asarray, run()))


if __name__ == "__main__":
    main()
