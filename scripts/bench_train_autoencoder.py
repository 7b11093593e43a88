"""How well auto-encoders do: handwritten digits from 2 to 8 codes, beside principal components.

The paper's comparison (Hinton & Salakhutdinov 2006, Fig. 2 and 3) on scikit-learn's 1,797 digits,
which are brought from 8 to 28 pixels: the squared error of held-out pictures by the number of
codes, and how often the 5 nearest training pictures by their codes tell the class. Networks are
trained with the defaults of `recipes.train_autoencoder`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--codes", default="2-8", help="numbers of codes")
    parser.add_argument("--preset", default="deep", help="deep or conv")
    parser.add_argument("--loss", default="squared", help="squared or cross-entropy")
    parser.add_argument("--epochs", type=int, help="instead of the recipe's own")
    parser.add_argument("--digits", type=int, default=1797, help="how many there are")
    parser.add_argument("--figure", default="autoencoder-errors.png", help="where to draw errors")
    parser.add_argument("--run-dir", help="keep the run folder here")
    parser.add_argument("--verbose", action="store_true", help="tell what training tells")
    chosen = parser.parse_args()
    from dltk.data.digits import write_digits

    with tempfile.TemporaryDirectory() as folder:
        list(write_digits(Path(folder) / "digits", chosen.digits))
        run = Path(chosen.run_dir or Path(folder) / "run")
        began, cpu = time.monotonic(), time.process_time()
        report = train(Path(folder) / "digits", chosen, run)
        show(report)
        minutes, busy = (time.monotonic() - began) / 60, (time.process_time() - cpu) / 60
        print(f"in {minutes:.1f} minutes, {busy:.1f} of one core's, measuring included")
        if (run / "errors.png").exists():
            shutil.copy(run / "errors.png", chosen.figure)
            print(f"drawn: {chosen.figure}")


def train(data: Path, chosen, run: Path):
    """Train a network for each number of codes; return how good they are."""
    from recipes.train_autoencoder import train_autoencoder

    own = {"epochs": chosen.epochs} if chosen.epochs else {}
    done = train_autoencoder(
        data,
        preset=chosen.preset,
        loss=chosen.loss,
        compare=chosen.codes,
        run_dir=run,
        report=print if chosen.verbose else lambda line: None,
        **own,
    )
    return done.evaluation.report


def show(report) -> None:
    print(f"{report.pictures} held-out pictures; squared errors a picture, pixels from 0 to 1")
    print("codes  auto-encoder    PCA  ratio  neighbours alike, by codes    PCA")
    for row in report.compared:
        print(
            f"{row.codes:5}  {row.error:12.2f}  {row.pca_error:5.2f}  "
            f"{row.error / row.pca_error:5.2f}  {row.accuracy:26.1%}  {row.pca_accuracy:5.1%}"
        )


if __name__ == "__main__":
    main()
