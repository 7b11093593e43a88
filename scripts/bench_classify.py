"""Measure `dltk classify` against what one would write in plain Keras, side by side.

Makes its own pictures from the samples. Every figure is a ratio of two things timed in turn in
this one run; the best of several turns counts, since a shared machine can only be slower.

    python scripts/bench_classify.py [--quick]
"""

from __future__ import annotations

import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
DLTK = [sys.executable, "-c", "from dltk.cli.main import run; run()"]
COMMANDS = ("", "classify", "features", "models", "models list", "models info", "models layers",
            "models download", "samples", "recipes", "doctor", "completion")  # fmt: skip

PLAIN_ONE = """
import sys, keras, numpy as np
model = keras.saving.load_model(sys.argv[1])
image = keras.utils.load_img(sys.argv[2], target_size=(224, 224), interpolation="bilinear")
scores = model.predict(np.asarray(image, "float32")[None], verbose=0)
print(scores[0].argmax())
"""
PLAIN_FOLDER = """
import sys, keras
model = keras.saving.load_model(sys.argv[1])
data = keras.utils.image_dataset_from_directory(
    sys.argv[2], labels=None, image_size=(224, 224), batch_size=32, shuffle=False, verbose=False)
scores = model.predict(data, verbose=0)
for path, row in zip(data.file_paths, scores):
    print(path, row.argmax())
"""


def make_pictures(folder: Path, count: int) -> None:
    """Write `count` different JPEGs of 500 x 375 pixels, cut from the sample photographs."""
    from PIL import Image

    from dltk.samples import sample_files

    photos = [Image.open(path).convert("RGB") for path in sample_files() if path.suffix == ".jpg"]
    chance = random.Random(0)
    folder.mkdir()
    for index in range(count):
        photo = photos[index % len(photos)]
        scale = chance.uniform(0.6, 1.0) * min(photo.width / 500, photo.height / 375)
        left = chance.uniform(0, photo.width - 500 * scale)
        top = chance.uniform(0, photo.height - 375 * scale)
        box = (left, top, left + 500 * scale, top + 375 * scale)
        picture = photo.resize((500, 375), Image.Resampling.BICUBIC, box=box)
        picture.save(folder / f"{index:05d}.jpg", quality=88)


def seconds(command: list[str]) -> float:
    """Return how long a command takes in a fresh process."""
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - started


def peak_megabytes(arguments: list[str]) -> float:
    """Return the largest resident memory of a dltk command in a fresh process (Linux).

    Asked of the process itself: what the system tells its parent includes the parent's own.
    """
    code = (
        "import sys; from dltk.cli.main import main; main(sys.argv[1:]);"
        "print(next(line for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    )
    child = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    return int(child.stdout.split()[1]) / 1024


def compare(name: str, ours: list[str], theirs: list[str], turns: int, bound: str) -> None:
    """Time two commands in turn and print the ratio of their best times."""
    pairs = [(seconds(ours), seconds(theirs)) for _ in range(turns)]
    our, their = (min(column) for column in zip(*pairs, strict=True))
    print(f"{name}: dltk {our:.2f} s, plain Keras {their:.2f} s, ratio {our / their:.3f}, "
          f"{their / our:.1f} times as fast ({bound})")  # fmt: skip


def steady(folder: Path, turns: int) -> None:
    """Compare the whole pipeline with what decoding and the network alone allow."""
    from dltk.batch import find_inputs
    from dltk.engine import load_engine
    from dltk.models.find import find_model
    from dltk.strategy import cores
    from recipes.classify import classify

    source = find_model("efficientnet-lite0")
    items = find_inputs([folder]).items
    geometry = source.geometry

    def decode(item):
        return geometry.apply(item.decode(at_least=geometry.at_least))

    def share(work, inputs) -> float:
        """Return inputs a second when `work` has all cores to itself."""
        with ThreadPoolExecutor(cores()) as pool:
            started = time.perf_counter()
            list(pool.map(work, inputs, chunksize=8))
            return len(inputs) / (time.perf_counter() - started)

    network = load_engine(source, pictures=len(items))
    local = threading.local()

    def forward(pixels):
        local.out = network(pixels[None])

    pixels = [decode(item) for item in items[:200]]
    share(forward, pixels)  # every thread makes its interpreter
    rates = []
    for _ in range(turns):
        decoding, running = share(decode, items), share(forward, pixels)
        results = classify(items)
        for _ in range(50):
            next(results)
        started = time.perf_counter()
        rate = sum(1 for _ in results) / (time.perf_counter() - started)
        ideal = 1 / (1 / decoding + 1 / running)
        rates.append((rate / ideal, rate, decoding, running, ideal))
    share_of, rate, decoding, running, ideal = sorted(rates)[len(rates) // 2]
    print(
        f"steady: {rate:.0f} pictures a second; decoding alone {decoding:.0f}, the network alone "
        f"{running:.0f}, both combined {ideal:.0f}; share {share_of:.2f} (at least 0.9)"
    )


def helps() -> None:
    """Time every --help."""
    slowest = max(
        (statistics.median(seconds([*DLTK, *command.split(), "--help"]) for _ in range(3)), command)
        for command in COMMANDS
    )
    print(f"slowest --help: dltk {slowest[1]}, {slowest[0]:.2f} s (under 0.3 s)")


@click.command()
@click.option("--quick", is_flag=True, help="One turn of each, and 1000 pictures for memory.")
def main(quick):
    """Print the ratios."""
    from dltk.models.build import build_network
    from dltk.models.catalog import lookup

    turns = 1 if quick else 3
    with tempfile.TemporaryDirectory() as scratch:
        folder, model = Path(scratch, "pictures"), Path(scratch, "model.keras")
        make_pictures(folder, 500)
        entry = lookup("efficientnet-lite0")
        build_network(entry, weights=entry.weights.get()).save(model)
        one = str(folder / "00000.jpg")
        subprocess.run([*DLTK, "classify", one, "-q"], check=True, stdout=subprocess.DEVNULL)

        helps()
        plain = [sys.executable, "-c", PLAIN_ONE, str(model), one]
        compare("one photograph", [*DLTK, "classify", one], plain, turns, "at most 0.15")
        plain = [sys.executable, "-c", PLAIN_FOLDER, str(model), str(folder)]
        compare("500 photographs", [*DLTK, "classify", str(folder)], plain, turns, "at least 2.5")
        steady(folder, turns)

        many = Path(scratch, "many")
        many.mkdir()
        count = 1000 if quick else 5000
        for index in range(count):
            os.link(folder / f"{index % 500:05d}.jpg", many / f"{index:05d}.jpg")
        few_mb, many_mb = (
            peak_megabytes(["classify", str(where), "-o", f"{scratch}/{where.name}-out"])
            for where in (folder, many)
        )
        print(
            f"peak memory: {few_mb:.0f} MB on 500, {many_mb:.0f} MB on {count}, "
            f"ratio {many_mb / few_mb:.2f} (at most 1.1)"
        )


if __name__ == "__main__":
    main()
