"""Run FID's Inception v3 in PyTorch, put together from torchvision's, and write what blocks give.

Called under a Python that has torchvision, such as Debian's with python3-torchvision, from the
root of the repository:

    /usr/bin/python3 -m tests.inception_reference OUT.npz [--numbers N] SIZE ...

A SIZE such as "40x60" is a picture made by rule of that height and width. The network differs from
torchvision's as pytorch-fid's does: 1008 classes, averages that do not count what pads the border,
and maxima in the pooling branch of the last block. Its weights are made by rule. OUT.npz gets the
"names" and "shapes" of its tensors, and float32 arrays SIZE/BLOCK, (1, H, W, C), and SIZE/features,
(1, 2048). `--numbers N` keeps N numbers of each array, from all over it, for a golden file.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from torch.nn import functional
from torchvision.models import Inception3
from torchvision.models.inception import InceptionA, InceptionC, InceptionE

from tests.torch_files import made_tensors
from tests.torchvision_rules import made_picture, spread

SIDE = 299


_averages = functional.avg_pool2d


class _Averaging(torch.nn.Module):
    def forward(self, x):
        return _averages(x, 3, stride=1, padding=1, count_include_pad=False)


def build() -> Inception3:
    """Return the network with weights made by rule, ready to predict."""
    network = Inception3(num_classes=1008, aux_logits=False, init_weights=False)
    for block in network.children():
        if isinstance(block, (InceptionA, InceptionC, InceptionE)):
            last = block is network.Mixed_7c
            pool = torch.nn.MaxPool2d(3, stride=1, padding=1) if last else _Averaging()
            block.branch_pool = torch.nn.Sequential(pool, block.branch_pool)
    state = network.state_dict()
    made = made_tensors({published(key): tuple(value.shape) for key, value in state.items()})
    network.load_state_dict({key: torch.from_numpy(made[published(key)]) for key in state})
    return network.eval()


def published(key: str) -> str:
    """Return the name in the weight file of a tensor of `build`'s network."""
    return key.replace("branch_pool.1.", "branch_pool.")


def stages(network: Inception3, picture: np.ndarray) -> dict[str, np.ndarray]:
    """Return what the blocks give for a picture (H, W, 3), 0-255, and the features."""
    found = {}

    def keep(name):
        def hook(_, inputs, output):
            found[name] = output.permute(0, 2, 3, 1).numpy().copy()

        return hook

    for name, block in network.named_children():
        if name.startswith(("Conv2d", "Mixed", "avgpool")):
            block.register_forward_hook(keep(name))
    # Averages over 3 x 3 in torchvision's own code count the border's padding too; here they pass
    # the map on, and the branch begins with the pooling that `build` put there.
    functional.avg_pool2d = lambda x, **_: x
    pixels = torch.from_numpy(picture.astype(np.float32)).permute(2, 0, 1)[None] / 255
    pixels = functional.interpolate(pixels, (SIDE, SIDE), mode="bilinear", align_corners=False)
    with torch.no_grad():
        network(2 * pixels - 1)
    functional.avg_pool2d = _averages
    found["features"] = found.pop("avgpool").reshape(1, -1)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out")
    parser.add_argument("sizes", nargs="+")
    parser.add_argument("--numbers", type=int)
    chosen = parser.parse_args()
    network = build()
    state = network.state_dict()
    arrays = {
        "names": np.array([published(key) for key in state]),
        "shapes": np.array(["x".join(map(str, values.shape)) for values in state.values()]),
    }
    for size in chosen.sizes:
        for name, values in stages(network, made_picture(*map(int, size.split("x")))).items():
            arrays[f"{size}/{name}"] = spread(values, chosen.numbers)
    (np.savez_compressed if chosen.numbers else np.savez)(chosen.out, **arrays)


if __name__ == "__main__":
    main()
