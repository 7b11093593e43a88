"""Fine-tuning against Keras's own way, side by side: seconds, accuracy and the ratio.

Two comparisons, both on pictures made here:

- a head on the default network, frozen: `recipes.finetune` against what Keras's guide to transfer
  learning writes (an `image_dataset_from_directory`, the frozen network called in every epoch,
  a dense layer, `fit`); same network, weights, pictures, split and epochs, each in a process of
  its own, imports and all. Nothing is cached beforehand but the compiled network, as after a
  first `dltk classify`.
- steps of `fit` with the run folder, its checks and saves, against bare `model.fit`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

OURS = """
import json, sys
from recipes.finetune import finetune
data, epochs, run = sys.argv[1], int(sys.argv[2]), sys.argv[3]
done = finetune(data, epochs=epochs, patience=0, run_dir=run)
rows = open(done.run / "history.csv").read().splitlines()
column = rows[0].split(",").index("val_accuracy")
print(json.dumps({"val_accuracy": max(float(row.split(",")[column]) for row in rows[1:])}))
"""

KERAS = """
import json, sys
import keras
from keras import layers
from dltk.models.catalog import lookup
from dltk.models.build import build_network, features_of
data, epochs = sys.argv[1], int(sys.argv[2])
def pictures(split, shuffle):
    return keras.utils.image_dataset_from_directory(
        f"{data}/{split}", image_size=(256, 256), label_mode="categorical", shuffle=shuffle,
        batch_size=32, seed=0, verbose=False)
entry = lookup("efficientnet-lite0")
base = features_of(build_network(entry, weights=entry.weights.get()), None, "avg")
base.trainable = False
train = pictures("train", True)
inputs = keras.Input((256, 256, 3))
x = layers.CenterCrop(224, 224)(inputs)  # the geometry that the network was trained with
x = base(x, training=False)
outputs = layers.Dense(len(train.class_names), activation="softmax")(x)
model = keras.Model(inputs, outputs)
model.compile(keras.optimizers.Adam(), "categorical_crossentropy", metrics=["accuracy"])
held = pictures("val", False).prefetch(2)
history = model.fit(train.prefetch(2), epochs=epochs, validation_data=held, verbose=0)
print(json.dumps({"val_accuracy": max(history.history["val_accuracy"])}))
"""


def make_pictures(folder: Path, count: int) -> None:
    """Write made pictures of six kinds of shapes in train/ and val/."""
    from PIL import Image

    from dltk.data.shapes import shape_pictures
    from dltk.images import encode

    images, labels, classes = shape_pictures(count, size=256, seed=0)
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        split = "val" if number % 7 < 2 else "train"  # 7: all classes in each
        encode(Image.fromarray(image), folder / split / classes[label] / f"{number:05d}.jpg")


def timed(code: str, *arguments) -> tuple[float, float]:
    """Run code in a fresh process; return its seconds and the validation accuracy it prints."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True, text=True,
    )  # fmt: skip
    seconds = time.perf_counter() - began
    if done.returncode:
        sys.exit(done.stderr)
    return seconds, json.loads(done.stdout.splitlines()[-1])["val_accuracy"]


def compare_transfer(scratch: Path, count: int, epochs: int) -> None:
    """Print how long both ways take to train a head, and how good it is."""
    from dltk.engine import load_engine
    from dltk.models.find import find_model

    data = scratch / "pictures"
    make_pictures(data, count)
    os.environ["DLTK_CACHE"] = str(scratch / "cache")
    load_engine(find_model("efficientnet-lite0"), output="features")
    keras_seconds, keras_accuracy = timed(KERAS, data, epochs)
    took = []
    for number in range(3):  # short enough to be hit by a neighbour's load
        shutil.rmtree(scratch / "cache/features", ignore_errors=True)
        took.append(timed(OURS, data, epochs, scratch / f"run{number}"))
    seconds, accuracy = sorted(took)[1]
    again, _ = timed(OURS, data, epochs, scratch / "again")
    print(f"a head on frozen features: {count} pictures, {epochs} epochs, cold start")
    print(f"  plain Keras   {keras_seconds:7.1f} s   validation accuracy {keras_accuracy:.3f}")
    print(f"  dltk          {seconds:7.1f} s   validation accuracy {accuracy:.3f}, median of three")
    print(f"  dltk, again   {again:7.1f} s   features known")
    print(f"  ratio         {keras_seconds / seconds:7.1f}     again {keras_seconds / again:.1f}")


def compare_steps(scratch: Path, rounds: int) -> None:
    """Print the steps a second of `fit` in a run folder and bare."""
    import keras
    import numpy as np
    import tensorflow as tf

    from dltk.data.pipeline import Batches
    from dltk.models.classifier import Head, build_scratch_trunk
    from dltk.models.scratch import SCRATCH
    from dltk.strategy import place
    from dltk.training.fit import fit
    from dltk.training.model import TrainingModel
    from dltk.training.optimizers import build_optimizer
    from dltk.training.run import RunFolder

    random = np.random.default_rng(0)
    pixels = random.uniform(0, 255, (2048, 28, 28, 1)).astype(np.float32)
    labels = random.integers(0, 10, 2048)
    targets = np.eye(10, dtype=np.float32)[labels]
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    strategy = place("cpu").strategy

    def ours():
        with strategy.scope():
            trunk = build_scratch_trunk("convnet", SCRATCH["convnet"], seed=0)
            model = TrainingModel(trunk.inputs[0], Head(64, 10)(trunk.outputs[0]))
            optimizer = build_optimizer("adam", 1e-3)
            optimizer.build(model.trainable_variables)
            model.compile(optimizer, loss, metrics=["accuracy"], jit_compile=False)
        return model

    def bare():
        trunk = build_scratch_trunk("convnet", SCRATCH["convnet"], seed=0)
        model = keras.Model(trunk.inputs[0], Head(64, 10)(trunk.outputs[0]))
        model.compile(keras.optimizers.Adam(1e-3), loss, metrics=["accuracy"], jit_compile=False)
        return model

    batches = Batches(lambda indices, epoch: pixels[indices], labels, 10, batch_size=32)
    whole = tf.data.Dataset.from_tensor_slices((pixels, targets)).shuffle(2048)
    data = whole.batch(32).prefetch(2)
    models = ours(), bare()
    ratios = []
    for number in range(rounds + 1):  # the first round traces
        run = RunFolder.create("finetune", "bench", {}, path=str(scratch / f"steps{number}"))
        began = time.perf_counter()
        fit(models[0], batches, strategy=strategy, epochs=5, run=run, stage="train")
        middle = time.perf_counter()
        models[1].fit(data, epochs=5, shuffle=False, verbose=0)
        end = time.perf_counter()
        if number:
            ratios.append((end - middle) / (middle - began))
            steps = 5 * batches.steps_per_epoch
            print(
                f"steps of fit: ours {steps / (middle - began):.0f} a second, "
                f"bare {steps / (end - middle):.0f}, ratio {ratios[-1]:.2f}"
            )
    print(f"median ratio {sorted(ratios)[len(ratios) // 2]:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    scratch = Path(tempfile.mkdtemp(prefix="bench-finetune-"))
    try:
        compare_steps(scratch, arguments.rounds)
        compare_transfer(scratch, arguments.pictures, arguments.epochs)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
