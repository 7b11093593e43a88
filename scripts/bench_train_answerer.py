"""How well and how fast answerers learn: accuracy on made scenes by kind of question, and minutes.

An answerer learns from 3,000 made scenes with questions: first with the backbone as it is, then, if
that is asked for, with all of it. 300 other scenes choose the best epoch; what comes out at the end
is measured on 300 more. --backbone may name a captioner that "bench_train_captioner.py --keep"
left, which knows already what is talked about; the embedded network alone needs more epochs.
"""

from __future__ import annotations

import argparse
import csv
import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

EPOCHS, TUNE_EPOCHS = 15, 0
ASKED = "0.90"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenes", type=int, default=3000, help="to train on")
    parser.add_argument("--held", type=int, default=300, help="to measure on, twice")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="with the backbone as it is")
    parser.add_argument("--tune-epochs", type=int, default=TUNE_EPOCHS, help="with all of it")
    parser.add_argument("--backbone", default="efficientnet-lite0", metavar="NAME|FILE")
    parser.add_argument("--verbose", action="store_true", help="tell what training tells")
    minutes, stages, report = train(parser.parse_args())
    for stage, accuracy in stages.items():
        print(f"{stage:8} accuracy {accuracy:.3f} on scenes that choose the epoch")
    for name, kind in report.kinds.items():
        print(
            f"{name:8} accuracy {kind.accuracy:.3f} on {kind.questions} questions; always "
            f'"{kind.answer}" has {kind.commonest:.3f}'
        )
    print(
        f"at last  accuracy {report.accuracy:.3f}, of the commonest answers "
        f"{report.commonest:.3f}, in {minutes:.1f} minutes; asked: {ASKED}"
    )


def train(chosen) -> tuple[float, dict[str, float], object]:
    """Train; return the minutes it took, all included, the best accuracy of each stage, and how
    good it is at last."""
    from dltk.data.datasets import QuestionData
    from dltk.data.scenes import scene_questions_data
    from recipes.train_answerer import train_answerer

    data = scene_questions_data(chosen.scenes, val=2 * chosen.held)
    held = data.splits["val"]
    splits = {
        "train": data.splits["train"],
        "val": held.take(range(chosen.held)),
        "test": held.take(range(chosen.held, 2 * chosen.held)),
    }
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DLTK_CACHE"] = folder  # what is kept is worked out here, and counts
        run = Path(folder) / "run"
        began = time.monotonic()
        done = train_answerer(
            QuestionData(data.where, splits),
            backbone=chosen.backbone,
            epochs=chosen.epochs,
            tune_epochs=chosen.tune_epochs,
            lr=2e-3,
            backbone_lr=3e-4 if chosen.tune_epochs else None,
            run_dir=run,
            report=print if chosen.verbose else lambda line: None,
        )
        minutes = (time.monotonic() - began) / 60
        stages: dict[str, float] = {}
        with (run / "history.csv").open(newline="") as file:
            for row in csv.DictReader(file):
                best = max(stages.get(row["stage"], 0.0), float(row["val_accuracy"]))
                stages[row["stage"]] = best
    return minutes, stages, done.evaluation.report


if __name__ == "__main__":
    main()
