"""How well and how fast maskers learn: average recall on made scenes, and minutes.

A masker learns from 1,000 made scenes of 256 pixels, on the embedded network and with the defaults
of `recipes.train_masker` but for the epochs, and is measured on 100 others. Beside it stand
proposals that have learnt nothing: the boxes of selective search, and squares of many sizes laid
evenly over the pictures, each as a mask.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

EPOCHS = 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=1000, help="to train on")
    parser.add_argument("--held", type=int, default=100, help="to measure on")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--patch", type=int, default=128, help="pixels of a patch's side")
    parser.add_argument("--unfreeze", default="all", help="all, none, or a number of layers")
    parser.add_argument("--run-dir", help="keep the run folder here")
    parser.add_argument("--verbose", action="store_true", help="tell what training tells")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = made(Path(folder) / "scenes", chosen.pictures, chosen.held)
        held = data.splits["test"]
        print(f"{'proposals':18}  {'AR@10':>6}  {'AR@100':>6}  {'AR@1000':>7}")
        show("squares", measured(held, squares))
        show("selective search", measured(held, searched))
        began, cpu = time.monotonic(), time.process_time()
        report = train(data, chosen, chosen.run_dir or Path(folder) / "run")
        show("masker", report)
        minutes, busy = (time.monotonic() - began) / 60, (time.process_time() - cpu) / 60
        print(f"in {minutes:.1f} minutes, {busy:.1f} of one core's, measuring included")


def made(folder: Path, pictures: int, held: int):
    """Return scenes to train on, and others to test on."""
    from dltk.data.datasets import ObjectData
    from dltk.data.instances import read_instances
    from dltk.data.scene_files import write_scenes

    for _ in write_scenes(folder, pictures, val=held):
        pass
    data = read_instances(folder)
    splits = {"train": data.splits["train"], "test": data.splits["val"]}
    return ObjectData(data.where, data.classes, splits)


def train(data, chosen, run):
    """Train; return how good the masker is."""
    from recipes.train_masker import train_masker

    unfreeze = chosen.unfreeze
    done = train_masker(
        data,
        epochs=chosen.epochs,
        patch=chosen.patch,
        unfreeze=int(unfreeze) if unfreeze.isdecimal() else unfreeze,
        val_share=0.0,  # the last epoch counts: one chosen by these pictures would flatter
        run_dir=run,
        report=print if chosen.verbose else lambda line: None,
    )
    return done.evaluation.report


def measured(part, propose):
    """Return how many of the objects are covered by boxes, as masks."""
    from dltk.metrics.proposals import measure_proposals

    truths = [part.truths(index) for index in range(len(part))]
    found = (boxed(part.decode(index), propose) for index in range(len(part)))
    return measure_proposals(truths, found)


def boxed(picture, propose) -> list[dict]:
    """Return the run lengths of proposed boxes."""
    import numpy as np

    from dltk.masks import run_lengths

    shapes = []
    for left, top, right, bottom in propose(picture).round().astype(int):
        shape = np.zeros(picture.size[::-1], bool)
        shape[top:bottom, left:right] = True
        shapes.append(run_lengths(shape))
    return shapes


def squares(picture):
    """Return squares of six sizes, from a tenth to four fifths, in an order by chance."""
    import numpy as np

    from dltk.proposals import sliding_windows

    sides = [0.8 / 2 ** (half * 0.6) for half in range(6)]
    windows = sliding_windows(picture.size, sides=sides, shapes=(1.0,), step=0.35)
    return np.random.default_rng(0).permutation(windows)[:1000]


def searched(picture):
    """Return the boxes of selective search."""
    from dltk.proposals import selective_search

    return selective_search(picture, most=1000, least=10)


def show(name: str, report) -> None:
    averages = report.average_recalls
    print(
        f"{name:18}  {averages[10]:6.3f}  {averages[100]:6.3f}  {averages[1000]:7.3f}", flush=True
    )


if __name__ == "__main__":
    main()
