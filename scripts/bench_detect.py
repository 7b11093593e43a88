"""Published detectors against torchvision's own, side by side: seconds a picture, stage by stage.

`faster-rcnn-resnet50-fpn` on a picture of 800 × 1066 pixels, with weights made by rule:
- dltk as `dltk detect` runs it, against torchvision in float32, in turns, each in a process of its
  own, both from a decoded picture to boxes in its pixels;
- how far dltk's answers are from those of its network as it was built, in float32, and from
  torchvision's;
- the seconds of each stage, to see what is hot.

torchvision is no dependency of dltk: name a Python that has it with --torch.
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

MODEL, PUBLISHED = "faster-rcnn-resnet50-fpn", "fasterrcnn_resnet50_fpn"
SIZE = (800, 1066)
SCORE = 0.05  # torchvision's own threshold


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--torch", help="a Python that has PyTorch and torchvision")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=3, help="pictures timed in each round")
    parser.add_argument("--time", metavar="PRECISION", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.time:
        print(json.dumps(time_ours(chosen.time, chosen.repeats)))
        return
    with tempfile.TemporaryDirectory() as cache:
        os.environ["DLTK_CACHE"] = cache
        write_made_weights()
        compare(chosen)
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


def compare(chosen) -> None:
    """Print the seconds of a picture in each, in turns, their ratios, and how answers differ."""
    this = [sys.executable, "-W", "ignore", __file__, "--repeats", str(chosen.repeats), "--time"]
    runs = {"dltk, float32": [*this, "float32"]}
    if "amx_bf16" in Path("/proc/cpuinfo").read_text():
        runs["dltk, bfloat16"] = [*this, "bfloat16"]
    if chosen.torch:
        peer = [chosen.torch, "-W", "ignore", "-m", "scripts.time_torchvision", PUBLISHED]
        runs["torchvision"] = [*peer, "x".join(map(str, SIZE)), "--repeats", str(chosen.repeats)]
    took: dict[str, list[float]] = {name: [] for name in runs}
    answers = {}
    for _ in range(chosen.rounds):
        for name, command in runs.items():
            answers[name] = printed_by(command)
            took[name].append(answers[name]["seconds"])
    print(f"{MODEL}, {SIZE[1]} × {SIZE[0]} pixels, median of {chosen.rounds} rounds")
    for name, seconds in took.items():
        ratio = statistics.median(
            a / b for a, b in zip(seconds, took["dltk, float32"], strict=True)
        )
        each = " ".join(f"{second:.2f}" for second in seconds)
        print(f"  {name:15} {statistics.median(seconds):.2f} s   {ratio:.2f} × dltk's   ({each})")
    if answers.get("torchvision", {}).get("stood in"):
        print("  (torchvision without its NMS and RoIAlign, which do not load here)")
    answers["dltk as built"] = answers_as_built()
    for name in answers.keys() - {"dltk as built"}:
        print(f"  {name} from dltk as built: {difference(answers[name], answers['dltk as built'])}")


def printed_by(command: list[str]) -> dict:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def picture():
    from PIL import Image

    from tests.torchvision_rules import made_picture

    return Image.fromarray(made_picture(*SIZE))


def canvas_of(picture):
    from dltk.canvas import fit_sides
    from dltk.models.catalog import lookup

    geometry = lookup(MODEL).geometry
    return fit_sides(picture, geometry.height, geometry.width)


def time_ours(precision: str, repeats: int) -> dict:
    """Run dltk's detector on a picture, once more than is timed."""
    from recipes._detectors import find_detector, load_detector

    detector = load_detector(find_detector(MODEL), score=SCORE, precision=precision)
    made, took = picture(), []
    for _ in range(repeats + 1):
        began = time.perf_counter()
        (found,) = detector([detector.load(made, "made")])
        took.append(time.perf_counter() - began)
    return {"seconds": statistics.median(took[1:]), **listed(found)}


def listed(found) -> dict:
    """Return detections as torchvision's answers are: labels are COCO's, from 1."""
    return {
        "boxes": found.boxes.tolist(),
        "labels": (found.labels + 1).tolist(),
        "scores": found.scores.tolist(),
    }


def answers_as_built() -> dict:
    """Return what the network finds before anything in it is made faster."""
    from dltk.engine.boxes import BoxNetwork
    from dltk.models.find import find_model
    from dltk.models.rcnn.detector import adjusted
    from dltk.models.rcnn.load import load_rcnn
    from dltk.strategy import place

    strategy = place("cpu").strategy
    detector = adjusted(load_rcnn(find_model(MODEL)), score=SCORE)
    network = BoxNetwork(detector, strategy, 1)
    (found,) = network([canvas_of(picture())])
    return listed(found)


def difference(ours: dict, theirs: dict) -> str:
    """Say how far detections are from others, each from the nearest of its label."""
    import numpy as np

    far = []
    for box, label, score in zip(ours["boxes"], ours["labels"], ours["scores"], strict=True):
        same = [at for at, other in enumerate(theirs["labels"]) if other == label]
        boxes = np.abs(np.array(theirs["boxes"])[same] - box).max(axis=1, initial=0)
        scores = np.abs(np.array(theirs["scores"])[same] - score)
        nearest = np.argmin(boxes + 100 * scores)
        far.append((boxes[nearest], scores[nearest]))
    boxes, scores = np.array(far).T
    count = f"{len(far)} boxes for {len(theirs['labels'])}"
    return f"{count}, within {boxes.max():.3f} px and {scores.max():.5f} in score"


def time_stages() -> None:
    """Print the seconds of each stage, each a compiled function of its own."""
    import numpy as np
    import tensorflow as tf

    from dltk.models.find import find_model
    from dltk.models.fixed import fix_kernels, fixed
    from dltk.models.rcnn.detector import Parts
    from dltk.models.rcnn.load import load_rcnn

    detector = fixed(load_rcnn(find_model(MODEL)))
    fix_kernels(detector)
    parts, canvas = Parts.of(detector), canvas_of(picture())
    pixels = tf.constant(canvas.pixels[None], tf.float32)
    extent = tf.constant(np.array([canvas.size]), tf.float32)
    took = {}

    def run(stage, function, *arguments):
        step = tf.function(function, autograph=False)
        seconds = []
        for _ in range(6):
            began = time.perf_counter()
            result = step(*arguments)
            tf.nest.map_structure(lambda tensor: tensor.numpy().ravel()[0], result)
            seconds.append(time.perf_counter() - began)
        took[stage] = statistics.median(seconds[1:])
        return result

    filled = run("normalise, pad", parts.fill_outside, pixels, extent)
    body = run("trunk", lambda x: parts.backbone(x, training=False), filled)
    maps = run("pyramid", lambda *x: parts.pyramid(list(x), training=False), *body)
    answers = run("RPN head", lambda *x: parts.answers(list(x)), *maps)
    regions = run("proposals, NMS", lambda *x: parts.proposals(pixels, extent, *x), *answers)
    levels = parts.levels(maps)
    features = run("RoIAlign", lambda x, *y: parts.region_features(list(y), x), regions, *levels)
    logits, deltas = run("box head", lambda x: parts.box_head(x, training=False), features)
    run("final boxes, NMS", parts.final_boxes, extent, regions, logits, deltas)
    print("stages, each alone")
    for stage, seconds in sorted(took.items(), key=lambda item: -item[1]):
        print(f"  {stage:17} {seconds:.3f} s   {seconds / sum(took.values()):5.1%}")


if __name__ == "__main__":
    main()
