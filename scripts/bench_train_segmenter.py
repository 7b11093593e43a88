"""How well and how fast segmenters learn: mean IoU on made scenes, and minutes.

FCN-8s learns five classes and the ground from 2,000 made scenes of 256 pixels, in the paper's
stages, on the embedded network and with the defaults of `recipes.train_segmenter` but for the
epochs. Each stage is told by its last epoch on 300 other scenes, which also choose its best epoch;
what comes out at the end is measured on 300 more.
"""

from __future__ import annotations

import argparse
import csv
import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

EPOCHS = 4
ASKED = "0.85, in the order 8s > 16s > 32s, within 20 minutes"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=2000, help="to train on")
    parser.add_argument("--held", type=int, default=300, help="to measure on, twice")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="over all stages")
    parser.add_argument("--verbose", action="store_true", help="tell what training tells")
    minutes, stages, report = train(parser.parse_args())
    for stage, score in stages.items():
        print(f"{stage:8} mean IoU {score:.3f}")
    print(
        f"at last  mean IoU {report.mean_iou:.3f}, pixel accuracy {report.pixel_accuracy:.3f}, "
        f"boundary F {report.boundary_f:.3f}, in {minutes:.1f} minutes; asked: {ASKED}"
    )


def train(chosen) -> tuple[float, dict[str, float], object]:
    """Train; return the minutes it took, all included, the mean IoU after each stage, and how
    good it is at last."""
    from dltk.data.datasets import MaskData
    from dltk.data.masks import read_masks
    from dltk.data.scene_files import write_scenes
    from recipes.train_segmenter import train_segmenter

    with tempfile.TemporaryDirectory() as folder:
        scenes, run = Path(folder) / "scenes", Path(folder) / "run"
        for _ in write_scenes(scenes, chosen.pictures, val=2 * chosen.held):
            pass
        began = time.monotonic()
        data = read_masks(scenes)
        held = data.splits["val"]
        splits = {
            "train": data.splits["train"],
            "val": held.take(range(chosen.held)),
            "test": held.take(range(chosen.held, 2 * chosen.held)),
        }
        done = train_segmenter(
            MaskData(data.where, data.classes, splits),
            size=256,
            epochs=chosen.epochs,
            run_dir=run,
            report=print if chosen.verbose else lambda line: None,
        )
        minutes = (time.monotonic() - began) / 60
        with (run / "history.csv").open(newline="") as file:
            stages = {row["stage"]: float(row["val_miou"]) for row in csv.DictReader(file)}
    return minutes, stages, done.evaluation.report


if __name__ == "__main__":
    main()
