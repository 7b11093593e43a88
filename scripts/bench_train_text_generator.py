"""How well and how fast generators of texts learn: bits per character beside counts, and minutes.

A network learns from a text; its end is held out. Beside its bits per character stand those of
n-gram models by interpolated Kneser-Ney smoothing that learnt from the same part, and foretell the
same one.

The text that the figures of this project are of is the King James Bible, 31,102 verses, a line
each. Debian has it in two packages, which need not be installed:

    apt-get download bible-kjv bible-kjv-text
    for package in bible-kjv*.deb; do dpkg -x "$package" kjv; done
    kjv/usr/bin/bible -f -p kjv/usr/lib gen1:1-rev22:21 | cut -d' ' -f2- > kjv.txt
    python scripts/bench_train_text_generator.py kjv.txt
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

SHARES = {"val_share": 0.02, "test_share": 0.05}
ASKED = "better than a 5-gram model"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("text", type=Path, help="a file of plain text")
    parser.add_argument("--preset", default="lstm", choices=["lstm", "gru", "rnn"])
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--units", type=int, default=256)
    parser.add_argument("--length", type=int, default=50, help="of a window")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--devices", default="auto", help="cpu:2 uses two cores")
    parser.add_argument("--orders", type=int, nargs="*", default=[1, 3, 5, 7])
    parser.add_argument("--keep", type=Path, help="folder for the run")
    parser.add_argument("--verbose", action="store_true", help="tell what training tells")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic(), time.process_time()
        done = train(chosen, chosen.keep or Path(folder) / "run")
        minutes = (time.monotonic() - began[0]) / 60
        work = (time.process_time() - began[1]) / 60
        report = done.evaluation.report
        print(
            f"{chosen.preset}, {chosen.layers} x {chosen.units}: {report.bits:.3f} bits per "
            f"character, perplexity {report.perplexity:.2f}, on {report.tokens:,} characters; "
            f"{minutes:.1f} minutes, {work:.1f} of a core's work"
        )
        sample = done.run / "samples" / f"{done.chosen['best epoch']:03d}.txt"
        told = sample.read_text(encoding="utf-8")
    for order in chosen.orders:
        began = time.monotonic()
        bits = of_counts(chosen.text, order)
        print(f"{order}-grams: {bits:.3f} bits; {time.monotonic() - began:.0f} seconds", flush=True)
    print(f"asked: {ASKED}\n\nwritten at temperature 0.8:\n\n{told}")


def train(chosen, run: Path):
    """Train, and return the outcome, measured on the last part of the text."""
    from recipes.train_text_generator import train_text_generator

    names = "preset", "epochs", "layers", "units", "length", "batch_size", "devices"
    return train_text_generator(
        chosen.text,
        run_dir=run,
        patience=0,
        report=print if chosen.verbose else lambda line: None,
        **SHARES,
        **{name: getattr(chosen, name) for name in names},
    )


def of_counts(path: Path, order: int) -> float:
    """Return the bits per character of an n-gram model, on the same division."""
    from dltk.data.corpora import encoded_corpus
    from dltk.text.corpus import Corpus
    from dltk.text.ngram_model import NgramModel
    from recipes._text_generator_plan import tokenizer_of

    tokenizer = tokenizer_of("character", lower=False)
    data = encoded_corpus(Corpus.found(path), tokenizer=tokenizer, min_count=2, **SHARES)
    model = NgramModel(data.splits["train"], order, len(data.language.vocabulary))
    ahead = data.splits["val"][-order:]
    return float(model.nats(data.splits["test"], ahead).mean() / np.log(2))


if __name__ == "__main__":
    main()
