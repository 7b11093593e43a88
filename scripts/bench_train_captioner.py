"""How well and how fast captioners learn: what they say of made scenes, and minutes.

Both presets learn from 3,000 made scenes with three captions each, on the embedded network; 300
other scenes choose the best epoch, and 300 more tell how good it is. Beside the usual measures it
is told

- what the generator's own captions score, each measured against the two others of its scene, with
  the captioner measured against the same two as the second of these;
- how many of the objects that are named are there, and in the colour that is named;
- how much of the attention for an object's name lies on its box, where one object alone is meant.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

SIZE = 256  # pixels of a scene
ASKED = (
    "0.8 of what the second caption scores; 95 % right; half of the attention; better than "
    "show-tell; 30 minutes"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=3000, help="to train on")
    parser.add_argument("--held", type=int, default=300, help="to choose by, and to measure on")
    parser.add_argument("--epochs", type=int, default=6, help="with the backbone as it is")
    parser.add_argument("--tune-epochs", type=int, default=5, help="with the backbone")
    parser.add_argument("--preset", action="append", choices=["show-attend-tell", "show-tell"])
    parser.add_argument("--keep", type=Path, help="folder for the runs")
    parser.add_argument("--verbose", action="store_true", help="tell what training tells")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data, scenes = scenes_of(chosen)
        print("the generator's captions, each against the two others:")
        for at, report in enumerate(of_generator(data.splits["test"].captions), 1):
            print(f"  {at}: CIDEr-D {report.cider_d:.3f}, BLEU-4 {report.bleu[3]:.3f}")
        for preset in chosen.preset or ("show-attend-tell", "show-tell"):
            run = (chosen.keep or Path(folder)) / preset
            minutes, model = train(preset, data, run, chosen)
            print(f"{preset}, {minutes:.1f} minutes")
            for line in told_of(model, data.splits["test"], scenes):
                print(f"  {line}")
    print(f"asked of show-attend-tell: {ASKED}")


def scenes_of(chosen) -> tuple[object, list]:
    """Return the data, and the scenes of its split "test"."""
    from dltk.data.datasets import CaptionData
    from dltk.data.scenes import VALIDATION, scene, scene_captions_data

    data = scene_captions_data(chosen.pictures, val=2 * chosen.held, size=SIZE)
    held = data.splits["val"]
    splits = {
        "train": data.splits["train"],
        "val": held.take(range(chosen.held)),
        "test": held.take(range(chosen.held, 2 * chosen.held)),
    }
    numbers = range(VALIDATION + chosen.held, VALIDATION + 2 * chosen.held)
    return CaptionData(data.where, splits), [scene(number, size=SIZE) for number in numbers]


def of_generator(captions) -> Iterator[object]:
    """Yield how good the first captions are by the measure of the others, the second, the third."""
    from dltk.metrics.captions import measure_captions

    for at in range(3):
        others = [[said for place, said in enumerate(each) if place != at] for each in captions]
        yield measure_captions([each[at] for each in captions], others)


def train(preset: str, data, run: Path, chosen) -> tuple[float, Path]:
    """Train; return the minutes it took, all included, and the model file."""
    from recipes.train_captioner import train_captioner

    began = time.monotonic()
    done = train_captioner(
        data,
        preset=preset,
        epochs=chosen.epochs,
        tune_epochs=chosen.tune_epochs,
        lr=2e-3,
        backbone_lr=3e-4 if chosen.tune_epochs else None,
        patience=0,
        devices="cpu",
        run_dir=run,
        report=print if chosen.verbose else lambda line: None,
    )
    return (time.monotonic() - began) / 60, done.model


def told_of(model: Path, part, scenes: list) -> Iterator[str]:
    """Yield lines on what a captioner says of the scenes of a split."""
    from dltk.metrics.captions import measure_captions
    from recipes.caption import caption

    found = [result.sentences[0] for result in caption(map(part.decode, range(len(part))),
             model=model)]  # fmt: skip
    texts = [sentence.text for sentence in found]
    report = measure_captions(texts, part.captions)
    yield f"CIDEr-D {report.cider_d:.3f}, BLEU-4 {report.bleu[3]:.3f} against all three captions"
    others = measure_captions(texts, [(first, third) for first, _, third in part.captions])
    yield f"CIDEr-D {others.cider_d:.3f}, BLEU-4 {others.bleu[3]:.3f} against first and third"
    named = [each for pair in zip(found, scenes, strict=True) for each in named_in(*pair)]
    for what, right in (
        ("objects named are there", [each.kind for each in named]),
        ("colours named are there", [e.colour for e in named if e.colour is not None]),
        ("objects named are there, in the colour named", [each.both for each in named]),
    ):
        yield f"{np.mean(right):.1%} of {len(right)} {what}"
    if masses := [each.mass for each in named if each.mass is not None]:
        yield f"{np.mean(masses):.1%} of the attention for {len(masses)} of them is on their boxes"


class Named(NamedTuple):
    """An object that a caption names.

    Attributes:
        kind: whether the scene has one of its kind.
        colour: whether the scene has something of the colour named; None if none is.
        both: whether the scene has one of its kind, and in its colour if that is named.
        mass: how much of the attention for its name lies on its box; None where that is not known:
            no attention, or none or several of which it may be said.
    """

    kind: bool
    colour: bool | None
    both: bool
    mass: float | None


def named_in(sentence, scene) -> Iterator[Named]:
    """Yield the objects that are named in a caption of a scene."""
    from dltk.data.scene_canvas import COLOURS
    from dltk.data.scene_captions import plural
    from dltk.data.scenes import SCENE_KINDS

    kinds = [SCENE_KINDS[label] for label in scene.objects.labels]
    singular = {plural(kind): kind for kind in SCENE_KINDS}
    for at, word in enumerate(sentence.words):
        kind = singular.get(word, word)
        if kind not in SCENE_KINDS:
            continue
        before = sentence.words[at - 1] if at else ""
        colour = before if before in COLOURS else None
        meant = [
            place
            for place, its in enumerate(kinds)
            if its == kind and colour in (None, scene.colours[place])
        ]
        alone = len(meant) == 1 and sentence.attention is not None
        mass = mass_on(sentence.attention[at], scene.objects.boxes[meant[0]]) if alone else None
        yield Named(kind in kinds, colour and colour in scene.colours, bool(meant), mass)


def mass_on(attention: np.ndarray, box: np.ndarray) -> float:
    """Return the share of attention (h, w) on a box in pixels of a scene, by overlap of areas."""
    left, top, right, bottom = box / SIZE
    down = _covered(attention.shape[0], top, bottom)
    across = _covered(attention.shape[1], left, right)
    return float(down @ attention @ across / attention.sum())


def _covered(count: int, first: float, last: float) -> np.ndarray:
    """Return how much of each of `count` equal parts of 0-1 lies between two places."""
    at = np.arange(count)
    return np.clip(np.minimum(at + 1, last * count) - np.maximum(at, first * count), 0, 1)


if __name__ == "__main__":
    main()
