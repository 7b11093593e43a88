"""How well text classifiers read: made texts in which order decides, and such with negations.

In the one task every word is as frequent in one class as in the other, and counting words is worth
nothing; in the other some opinions are said by denying the opposite, see `dltk.text.grammar`.
Networks are trained with the defaults of `recipes.train_text_classifier`, and measured on texts of
which none was trained on.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

PRESETS = "bow,textcnn,lstm,bilstm"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--presets", default=PRESETS, help="with commas between them")
    parser.add_argument("--texts", type=int, default=4000, help="of each task")
    parser.add_argument("--epochs", type=int, help="instead of the recipe's own")
    parser.add_argument("--seeds", type=int, default=1, help="networks of each kind")
    parser.add_argument("--verbose", action="store_true", help="tell what training tells")
    chosen = parser.parse_args()
    from dltk.text.grammar import write_texts

    print("task       preset   accuracy  minutes")
    with tempfile.TemporaryDirectory() as folder:
        for data in write_texts(folder, chosen.texts):
            for preset in chosen.presets.split(","):
                began = time.monotonic()
                found = [accuracy(data, preset, seed, chosen) for seed in range(chosen.seeds)]
                minutes = (time.monotonic() - began) / 60
                told = " ".join(f"{each:8.1%}" for each in found)
                print(f"{data.stem:10} {preset:8} {told}  {minutes:7.1f}", flush=True)


def accuracy(data: Path, preset: str, seed: int, chosen) -> float:
    """Train a network; return the share of test texts whose class it finds."""
    from recipes.train_text_classifier import train_text_classifier

    own = {"epochs": chosen.epochs} if chosen.epochs else {}
    with tempfile.TemporaryDirectory() as folder:
        done = train_text_classifier(
            data,
            preset=preset,
            seed=seed,
            run_dir=Path(folder) / "run",
            report=print if chosen.verbose else lambda line: None,
            **own,
        )
    return done.evaluation.report.top1


if __name__ == "__main__":
    main()
