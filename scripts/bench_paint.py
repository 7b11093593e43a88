"""Painting against plain loops, side by side: seconds per step, losses, whole commands.

- a step of `recipes.stylize` at 384 × 512 against a plain PyTorch loop over the same layers of
  VGG-16 in float32, in turns, each in a process of its own; and against our own float32;
- the loss after 200 steps, in the precision that "auto" chooses and in float32;
- `dltk stylize` and `dltk dream` with their defaults on one photo, from a cold start.

PyTorch is no dependency of dltk: name a Python that has it with --torch.
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

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

OURS = """
import json, sys
import numpy as np
from PIL import Image
from dltk.samples import FOLDER
from recipes.stylize import stylize
precision, steps, out = sys.argv[1], int(sys.argv[2]), sys.argv[3]
photo = Image.open(FOLDER / "astronaut.jpg").resize((512, 512)).crop((0, 0, 512, 384))
(done,) = stylize(photo, style="brush-strokes", steps=steps, min_scale=512, precision=precision)
done.image.save(out)
seconds = np.diff([row["seconds"] for row in done.trace])[4:]
print(json.dumps({"step": float(np.median(seconds)), "loss": done.trace[-1]["loss"]}))
"""

TORCH = """
import json, sys, time
import torch
from torch import nn
steps = int(sys.argv[1])
layers, channels = [], 3
for width, repeats in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 1)):
    for _ in range(repeats):
        layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(inplace=False)]
        channels = width
    layers.append(nn.MaxPool2d(2))
network = nn.Sequential(*layers[:-1]).eval().requires_grad_(False)
style_at, content_at = {1, 6, 11, 18, 25}, 20  # relu1_1 to relu5_1, relu4_2
def look(x):
    seen = {}
    for number, layer in enumerate(network):
        x = layer(x)
        if number in style_at or number == content_at:
            seen[number] = x
    return seen
def gram(features):
    rows = features.flatten(2)[0]
    return rows @ rows.T / rows.shape[1]
torch.manual_seed(0)
photo, style = torch.rand(1, 3, 384, 512) * 255, torch.rand(1, 3, 512, 512) * 255
with torch.no_grad():
    content = look(photo)[content_at]
    grams = {n: gram(f) for n, f in look(style).items() if n in style_at}
picture = photo.clone().requires_grad_(True)
adam = torch.optim.Adam([picture], lr=10.0)
took = []
for _ in range(steps):
    began = time.perf_counter()
    adam.zero_grad()
    seen = look(picture)
    loss = nn.functional.mse_loss(seen[content_at], content)
    for n, target in grams.items():
        loss = loss + nn.functional.mse_loss(gram(seen[n]), target) / target.shape[0] ** 2
    loss.backward()
    adam.step()
    with torch.no_grad():
        picture.clamp_(0, 255)
    float(loss)
    took.append(time.perf_counter() - began)
print(json.dumps({"step": sorted(took[2:])[len(took[2:]) // 2]}))
"""


def answer(python: str, code: str, *arguments) -> dict:
    """Run code in a fresh process; return what it prints last, as JSON."""
    done = subprocess.run(
        [python, "-W", "ignore", "-c", code, *map(str, arguments)], capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def compare_steps(scratch: Path, torch: str | None, rounds: int) -> None:
    """Print the seconds of a step in each, in turns, and their ratios."""
    took: dict[str, list[float]] = {}
    for _ in range(rounds):
        runs = {
            "dltk": answer(sys.executable, OURS, "auto", 25, scratch / "step.png"),
            "dltk, float32": answer(sys.executable, OURS, "float32", 12, scratch / "step.png"),
        }
        if torch:
            runs["PyTorch, float32"] = answer(torch, TORCH, 12)
        for name, run in runs.items():
            took.setdefault(name, []).append(run["step"])
    print(f"a step of stylize at 384 × 512, median of {rounds} rounds")
    for name, seconds in took.items():
        ratio = statistics.median(a / b for a, b in zip(seconds, took["dltk"], strict=True))
        each = " ".join(f"{second:.3f}" for second in seconds)
        print(f"  {name:17} {statistics.median(seconds):.3f} s   {ratio:.2f} × dltk's   ({each})")


def compare_losses(scratch: Path, steps: int) -> None:
    """Print how far the loss comes in the chosen precision and in float32."""
    import numpy as np
    from PIL import Image

    losses, pictures = [], []
    for precision in ("auto", "float32"):
        path = scratch / f"{precision}.png"
        losses.append(answer(sys.executable, OURS, precision, steps, path)["loss"])
        pictures.append(np.asarray(Image.open(path), float))
    difference = np.abs(pictures[0] - pictures[1]).mean()
    if losses[0] == losses[1] and not difference:
        print("losses not compared: this machine paints in float32 anyway")
        return
    print(
        f"loss after {steps} steps: {losses[0]:.1f}, in float32 {losses[1]:.1f}: "
        f"{losses[0] / losses[1] - 1:+.1%}; pictures differ by {difference:.1f} of 255 on average"
    )


def time_command(scratch: Path, *arguments: str) -> None:
    """Print how long a command takes from a cold start."""
    from PIL import Image

    from dltk.samples import FOLDER

    photo = scratch / "photo.jpg"
    Image.open(FOLDER / "pagoda.jpg").convert("RGB").save(photo)
    command = [sys.executable, "-c", "from dltk.cli.main import run; run()", arguments[0]]
    began = time.perf_counter()
    subprocess.run(
        [*command, str(photo), *arguments[1:], "-q", "-o", str(scratch / arguments[0])], check=True
    )
    took = time.perf_counter() - began
    size = " × ".join(map(str, Image.open(photo).size))
    print(f"dltk {' '.join(arguments)}, a photo of {size}: {took:.1f} s, cold start")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--torch", metavar="PYTHON", help="a Python that has PyTorch")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=200, help="of the comparison of losses")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-paint-") as folder:
        scratch = Path(folder)
        compare_steps(scratch, arguments.torch, arguments.rounds)
        compare_losses(scratch, arguments.steps)
        time_command(scratch, "stylize", "--style", "stained-glass")
        time_command(scratch, "dream")


if __name__ == "__main__":
    main()
