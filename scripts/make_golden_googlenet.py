"""Write tests/golden/googlenet.npz with torchvision's own GoogLeNet, its weights made by rule.

    PYTHONPATH=. python3 scripts/make_golden_googlenet.py [OUT [COUNT]]

Needs torchvision, which dltk does not: Debian's python3-torchvision, or pip install torchvision.
Made with torchvision 0.14.1 and torch 1.13 (CPU). The file has the names and shapes of the weights
and, for each picture, all logits and COUNT numbers (200) from all over each map.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from torchvision.models.googlenet import GoogLeNet
from torchvision.transforms.functional import normalize

from tests.torch_files import made_pixels, made_tensors, write_pth

GOLDEN = Path(__file__).parent.parent / "tests" / "golden" / "googlenet.npz"
SIZES = ((224, 224), (231, 197), (15, 38))
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
MODULES = ("conv", "maxpool", "inception")


def made_network() -> GoogLeNet:
    """Return the network as `weights=...` sets it up, its weights read from a file by PyTorch."""
    network = GoogLeNet(transform_input=True, aux_logits=True, init_weights=False).eval()
    shapes = {name: tuple(values.shape) for name, values in network.state_dict().items()}
    with tempfile.TemporaryDirectory() as folder:
        write_pth(made_tensors(shapes), Path(folder) / "made.pth")
        network.load_state_dict(torch.load(Path(folder) / "made.pth"))
    return network


def outputs(network: GoogLeNet, height: int, width: int) -> dict[str, np.ndarray]:
    """Return the outputs of the modules for raw pixels, prepared as torchvision does: NHWC."""
    found = {}

    def keep(name):
        def hook(module, inputs, output):  # copied: what comes next may overwrite it
            found[name] = output.permute(0, 2, 3, 1).numpy().copy()

        return hook

    handles = [
        module.register_forward_hook(keep(name))
        for name, module in network.named_children()
        if name.startswith(MODULES)
    ]
    pixels = torch.from_numpy(made_pixels(height, width)).permute(0, 3, 1, 2)
    with torch.no_grad():
        found["fc"] = network(normalize(pixels / 255, MEAN, STD)).numpy()
    for handle in handles:
        handle.remove()
    return found


def main(out: str = str(GOLDEN), count: str = "200"):
    network = made_network()
    state = network.state_dict()
    arrays = {
        "names": np.array(list(state)),
        "shapes": np.array(["x".join(map(str, values.shape)) for values in state.values()]),
    }
    for height, width in SIZES:
        for name, values in outputs(network, height, width).items():
            kept = values.size if name == "fc" else min(values.size, int(count))
            places = np.arange(kept) * values.size // kept
            arrays[f"{height}x{width}/{name}"] = values.ravel()[places]
    np.savez_compressed(out, **arrays)


if __name__ == "__main__":
    main(*sys.argv[1:])
