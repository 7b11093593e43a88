"""How well and how fast generators learn: handwritten digits at 28 pixels, made scenes at 64.

A narrow DCGAN learns, without classes, from scikit-learn's 1,797 digits; or from 10,000 scenes, in
each of which one of them is somewhere in the dark, in one of six colours and some size; or from
2,000 made landscapes. Its FID-lite0 stands beside that of the same network untrained, and of a
Gaussian fitted to the real pictures' pixels. Of digits, a classifier that has seen real ones only
(a support vector machine on pixels) tells which are made how often.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

CHOICES = {
    "digits": {"size": 28, "width": 32, "epochs": 300, "ema": 0.99, "vary": "translation,cutout"},
    "scenes": {
        "size": 64, "width": 16, "batch_size": 32, "epochs": 20, "schedule": "cosine", "ema": 0.99,
        "r1": 1.0, "upsampling": "nearest",
    },
    "landscapes": {
        "size": 64, "width": 16, "batch_size": 32, "epochs": 90, "schedule": "cosine", "ema": 0.99,
        "upsampling": "nearest",
    },
}  # fmt: skip
MADE = {"scenes": 10_000, "landscapes": 2000}
COLOURS = ((255, 255, 255), (255, 90, 90), (90, 255, 90), (110, 160, 255), (255, 230, 60),
           (255, 110, 255))  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", choices=CHOICES)
    parser.add_argument("--epochs", type=int, help="in place of the usual")
    parser.add_argument("--run-dir", help="keep the run folder here")
    parser.add_argument("--verbose", action="store_true", help="tell what training tells")
    chosen = parser.parse_args()
    options = CHOICES[chosen.data] | ({"epochs": chosen.epochs} if chosen.epochs else {})
    print(", ".join(f"--{name} {value}" for name, value in options.items()))
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / chosen.data
        write(chosen.data, data)
        run = Path(chosen.run_dir or Path(folder) / "run")
        began, cpu = time.monotonic(), time.process_time()
        evaluation = train(data, run, options, chosen.verbose).evaluation
        minutes, busy = (time.monotonic() - began) / 60, (time.process_time() - cpu) / 60
        print(f"{minutes:.1f} minutes, {busy:.1f} of one core's, measuring included")
        show(evaluation, untrained(data, options, evaluation.likeness))
        if chosen.data == "digits":
            tell_classes(data, run / "best.keras")


def write(name: str, folder: Path) -> None:
    """Write the pictures to learn from."""
    from dltk.data.digits import write_digits
    from dltk.data.landscapes import write_landscapes

    if name == "scenes":
        write_scenes(folder)
    else:
        list(write_digits(folder) if name == "digits" else write_landscapes(folder, MADE[name]))


def write_scenes(folder: Path) -> None:
    """Write pictures of a digit somewhere in the dark."""
    from sklearn.datasets import load_digits

    digits = load_digits().images
    folder.mkdir()
    for index in range(MADE["scenes"]):
        scene(index, digits[index % len(digits)]).save(folder / f"{index:05d}.png")


def scene(index: int, digit):
    """Return a picture (RGB) of a digit (8, 8), 0-16."""
    import numpy as np
    from PIL import Image

    size, random = CHOICES["scenes"]["size"], np.random.default_rng(index)
    strokes = Image.fromarray(np.uint8(digit * (255 / 16)))
    side = int(random.integers(36, 53))
    place = tuple(map(int, random.integers(0, size - side + 1, 2)))
    light = Image.new("L", (size, size))
    light.paste(strokes.resize((side, side), Image.Resampling.BICUBIC), place)
    colour = COLOURS[random.integers(len(COLOURS))]
    return Image.composite(
        Image.new("RGB", light.size, colour), Image.new("RGB", light.size), light
    )


def train(data: Path, run: Path, options: dict, verbose: bool):
    """Train; return the outcome."""
    from recipes.train_gan import train_gan

    report = print if verbose else lambda line: None
    return train_gan(data, run_dir=run, report=report, **options)


def untrained(data: Path, options: dict, trained):
    """Return how like the real pictures as many of an untrained generator are."""
    import keras
    import numpy as np

    from dltk.data.pixels import Pixels
    from dltk.data.plain import read_pictures
    from dltk.geometry import Geometry
    from dltk.models.gan.dcgan import Design, new_generator
    from dltk.opponents import NOISE
    from recipes._generate_seeds import noise_of
    from recipes._generation_measuring import measure_generator

    channels = 1 if data.name == "digits" else 3
    real = read_pictures(data).splits["all"]
    count, size = trained.count, options["size"]
    pixels = Pixels(real, Geometry(size, size, channels, crop=1.0))
    keras.utils.set_random_seed(0)
    how = {name: options[name] for name in ("width", "upsampling") if name in options}
    generator = new_generator(Design(size, channels, **how))
    noise = noise_of(range(count), 100)
    made = (generator.predict_on_batch({NOISE: noise[at : at + 64]}) for at in range(0, count, 64))
    return measure_generator(made, pixels(np.arange(trained.real)))


def show(evaluation, nothing) -> None:
    """Print FID-lite0 of all, and the ratios."""
    fid = evaluation.likeness.fid
    for name, each in (
        ("trained", evaluation.likeness),
        ("untrained", nothing),
        ("a Gaussian of pixels", evaluation.gaussian),
        ("half of the real ones, to the others", evaluation.halves),
    ):
        print(f"FID-lite0 {each.fid:7.2f}  precision {each.precision:.2f}  recall ", end="")
        print(f"{each.recall:.2f}  {name}")
    print(f"trained / untrained: {fid / nothing.fid:.3f}")
    print(f"trained / Gaussian:  {fid / evaluation.gaussian.fid:.3f}")
    print(f"nearer to a real picture than real ones are: {evaluation.copying.closer:.0%}")


def tell_classes(data: Path, model: Path) -> None:
    """Print how often each digit is made, as a classifier of real ones takes them."""
    import numpy as np
    from sklearn.svm import SVC

    from dltk.data import read_data
    from recipes.generate import generate

    real = read_data(data).splits["all"]
    pixels = [np.asarray(real.decode(at).convert("L")).ravel() for at in range(len(real))]
    classifier = SVC().fit(np.stack(pixels) / 255, real.labels)
    made = [np.asarray(each.picture).ravel() for each in generate(model, n=1000, batch_size=100)]
    shares = np.bincount(classifier.predict(np.stack(made) / 255), minlength=10) / len(made)
    print("digits made: " + "  ".join(f"{at}: {share:.0%}" for at, share in enumerate(shares)))


if __name__ == "__main__":
    main()
