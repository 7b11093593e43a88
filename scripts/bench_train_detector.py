"""How well and how fast detectors learn: mean average precision on made scenes, and minutes.

Each preset of `recipes.train_detector` learns five classes from 2,000 made scenes of 256 pixels,
and is measured on 300 others, on the embedded network and with its defaults but for the epochs.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

EPOCHS = {"faster-rcnn": 6, "fast-rcnn": 6, "rcnn": None}  # the last takes no gradient steps
ASKED = {
    "faster-rcnn": "0.60 mAP and 0.90 mAP@.5 within 30 minutes",
    "fast-rcnn": "0.75 mAP@.5",
    "rcnn": "0.65 mAP@.5",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("presets", nargs="*", default=list(EPOCHS), help="some of them")
    parser.add_argument("--pictures", type=int, default=2000, help="to train on")
    parser.add_argument("--held", type=int, default=300, help="to measure on")
    parser.add_argument("--epochs", type=int, help="instead of the usual")
    parser.add_argument("--verbose", action="store_true", help="tell what training tells")
    chosen = parser.parse_args()
    print(f"{'preset':12}  {'minutes':>7}  {'mAP':>6}  {'mAP@.5':>6}  asked")
    for preset in chosen.presets:
        minutes, report = train(preset, chosen)
        print(
            f"{preset:12}  {minutes:7.1f}  {report.map:6.3f}  {report.map50:6.3f}  {ASKED[preset]}",
            flush=True,
        )


def train(preset: str, chosen) -> tuple[float, object]:
    """Train a detector; return the minutes it took, all included, and how good it is."""
    from dltk.data.scenes import scene_data
    from recipes.train_detector import train_detector

    # The epochs' choice by validation would flatter: the last one counts, measured as a test.
    scenes = scene_data(chosen.pictures, val=chosen.held, size=256)
    train, held = scenes.splits["train"], scenes.splits["val"]
    data = type(scenes)(scenes.where, scenes.classes, {"train": train, "test": held})
    how = {"epochs": chosen.epochs or EPOCHS[preset]} if EPOCHS[preset] else {}
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        done = train_detector(
            data,
            preset=preset,
            size=256,
            val_share=0.0,
            run_dir=Path(folder) / "run",
            report=print if chosen.verbose else lambda line: None,
            **how,
        )
    return (time.monotonic() - began) / 60, done.evaluation.report


if __name__ == "__main__":
    main()
