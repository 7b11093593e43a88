"""Published segmenters against torchvision's own, side by side: seconds a picture, stage by stage.

`fcn-resnet50` with weights made by rule, on a picture of 520 × 520 pixels that is decoded already,
and on a JPEG of 640 × 480, each to its label map:
- dltk as `dltk segment` runs it, against torchvision in float32, in float32 with channels last,
  and in bfloat16 with channels last, in turns, each in a process of its own;
- the share of pixels whose class is that which dltk's network finds as it was built, in float32,
  and that which torchvision finds;
- the seconds of each stage, to see what is hot.

torchvision goes without its second head, which only training needs, and its label map of the JPEG
stays as large as its network made it, 693 × 520. It is no dependency of dltk: name a Python that
has it with --torch.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # for what tests make by rule
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

MODEL, PUBLISHED = "fcn-resnet50", "fcn_resnet50"
SIZE, PHOTO = (520, 520), (480, 640)
OURS, FORMS = "dltk", ("float32", "channels-last", "bfloat16")
WHAT = {"picture": f"{SIZE[1]} × {SIZE[0]} pixels", "photo": f"JPEG of {PHOTO[1]} × {PHOTO[0]}"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--torch", help="a Python that has PyTorch and torchvision")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=3, help="pictures timed in each round")
    parser.add_argument("--time", metavar="PHOTO", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.time:
        print(json.dumps(time_ours(chosen.precision, Path(chosen.time), chosen.repeats)))
        return
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DLTK_CACHE"] = folder
        write_made_weights()
        photo = Path(folder) / "photo.jpg"
        picture(*PHOTO).save(photo, quality=90)
        compare(chosen, photo)
        if chosen.precision == "float32":
            time_stages()


def write_made_weights() -> None:
    """Put weights made by rule where those that are downloaded go."""
    import numpy as np

    from dltk.models.catalog import lookup
    from tests.torchvision_peer import GOLDEN, write_weights

    path = lookup(MODEL).weights.path
    path.parent.mkdir(parents=True)
    with np.load(GOLDEN / f"{PUBLISHED}.npz") as arrays:
        write_weights(PUBLISHED, arrays, path)


def compare(chosen, photo: Path) -> None:
    """Print the seconds of a picture in each, in turns, their ratios, and how labels differ."""
    this = [sys.executable, "-W", "ignore", __file__, "--precision", chosen.precision]
    runs = {OURS: [*this, "--time", str(photo), "--repeats", str(chosen.repeats)]}
    for form in FORMS if chosen.torch else ():
        peer = [chosen.torch, "-W", "ignore", "-m", "scripts.time_torchvision", PUBLISHED]
        options = ["--repeats", str(chosen.repeats), "--form", form, "--photo", str(photo)]
        runs[f"torchvision, {form}"] = [*peer, "x".join(map(str, SIZE)), *options]
    answers: dict[str, list[dict]] = {name: [] for name in runs}
    for number in range(chosen.rounds):
        for name, command in runs.items():
            if number and answers[name][0]["picture"] > 5 * answers[OURS][0]["picture"]:
                continue  # without instructions for it, bfloat16 takes so long that once will do
            answers[name].append(printed_by(command))
    print(f"{MODEL}, dltk in {chosen.precision}, median of {chosen.rounds} rounds")
    for what, told in WHAT.items():
        print(f"  {told}, to its label map")
        for name, rounds in answers.items():
            print(f"    {name:26} {compared(rounds, answers[OURS], what)}")
    ours, others = answers[OURS][0]["mask"], {"dltk as built": mask_as_built()}
    others |= {name: rounds[0]["mask"] for name, rounds in answers.items() if name != OURS}
    print("  pixels with the class that dltk gives them, in")
    for name, mask in others.items():
        print(f"    {name:26} {alike(ours, mask)}")


def printed_by(command: list[str]) -> dict:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def compared(rounds: list[dict], ours: list[dict], what: str) -> str:
    """Say what a picture takes in some rounds, and how many times as long as ours in the same."""
    seconds = [answer[what] for answer in rounds]
    ratio = statistics.median(a / b[what] for a, b in zip(seconds, ours, strict=False))
    each = " ".join(f"{second:.2f}" for second in seconds)
    return f"{statistics.median(seconds):.2f} s   {ratio:.2f} × dltk's   ({each})"


def alike(mask, other) -> str:
    """Say for how many pixels two label maps have the same class, and of how many classes."""
    import numpy as np

    mask, other = np.asarray(mask), np.asarray(other)
    return f"{np.mean(mask == other):.3%}, of {len(np.unique(other))} classes"


def picture(height: int, width: int):
    from PIL import Image

    from tests.torchvision_rules import made_picture

    return Image.fromarray(made_picture(height, width))


def time_ours(precision: str, photo: Path, repeats: int) -> dict:
    """Run dltk's segmenter on a picture and on a file, once more than is timed."""
    from dltk.images import decode_sized
    from recipes._segmenters import find_segmenter, load_segmenter

    segmenter = load_segmenter(find_segmenter(MODEL), precision=precision)
    made = picture(*SIZE)

    def run(opened, size=None):
        (found,) = segmenter([segmenter.load(opened, "made", size)])
        return found.mask

    def run_file():
        return run(*decode_sized(photo, at_least=segmenter.at_least))

    seconds, mask = timed(lambda: run(made), repeats)
    return {"picture": seconds, "photo": timed(run_file, repeats)[0], "mask": mask.tolist()}


def timed(function, repeats: int):
    """Return the median of the seconds that a function takes after a first time, and its result."""
    took = []
    for _ in range(repeats + 1):
        began = time.perf_counter()
        result = function()
        took.append(time.perf_counter() - began)
    return statistics.median(took[1:]), result


def mask_as_built():
    """Return what the network finds before anything in it is made faster."""
    import numpy as np

    from dltk.canvas import Canvas
    from dltk.engine.masks import MaskNetwork
    from dltk.models.fcn.load import load_fcn
    from dltk.models.find import find_model
    from dltk.strategy import place

    network = MaskNetwork(load_fcn(find_model(MODEL)), place("cpu").strategy, 1)
    (found,) = network([Canvas(np.asarray(picture(*SIZE)), SIZE, (0, 0, *SIZE[::-1]), False)])
    return found.argmax(axis=2)


def time_stages() -> None:
    """Print the seconds of each stage, each a compiled function of its own."""
    import keras
    import numpy as np
    import tensorflow as tf

    from dltk.masks import likeliest
    from dltk.models.fcn.load import load_fcn
    from dltk.models.fcn.segmenter import Parts
    from dltk.models.find import find_model
    from dltk.models.fixed import fix_kernels, fixed

    segmenter = fixed(load_fcn(find_model(MODEL)))
    fix_kernels(segmenter)
    parts = Parts.of(segmenter)
    pixels = tf.constant(np.asarray(picture(*SIZE))[None], tf.float32)
    took = {}

    def run(stage, function, *arguments):
        step = tf.function(function, autograph=False)

        def once():
            result = step(*arguments)
            tf.nest.map_structure(lambda tensor: tensor.numpy().ravel()[0], result)
            return result

        took[stage], result = timed(once, 5)
        return result

    filled = run("surround", parts.fill_outside, pixels, tf.constant([SIZE], tf.float32))
    for stage, trunk in stages_of(parts.backbone):
        filled = run(stage, lambda x, trunk=trunk: trunk(x, training=False), filled)
    maps = [filled] * len(parts.backbone.outputs)  # the head looks at the last one
    scores = run("head", lambda *x: parts.head(list(x), training=False), *maps)
    whole = run("enlarge", parts.enlarge, scores, pixels)
    found = run("softmax", keras.layers.Softmax(), whole)
    took["label map"], _ = timed(lambda: likeliest(found.numpy()[0], SIZE[::-1]), 5)
    print("stages, each alone")
    for stage, seconds in sorted(took.items(), key=lambda item: -item[1]):
        print(f"  {stage:17} {seconds:.3f} s   {seconds / sum(took.values()):5.1%}")


def stages_of(backbone):
    """Yield the trunk's stages by name, each a model from what the one before gives."""
    import keras

    nodes = [node for level in backbone._nodes_by_depth.values() for node in level]
    outputs = {node.operation.name: node.output_tensors[0] for node in nodes}
    before = backbone.inputs[0]
    for stage, last in {
        "stem": "maxpool", "layer1": "layer1_2", "layer2": "layer2_3", "layer3": "layer3_5",
        "layer4": "layer4_2",
    }.items():  # fmt: skip
        yield stage, keras.Model(before, outputs[last])
        before = outputs[last]


if __name__ == "__main__":
    main()
