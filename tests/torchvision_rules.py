"""Weights and pictures made by rule, on which our networks are compared with torchvision's.

Only NumPy is needed here: `tests/torchvision_reference.py`, which runs torchvision itself under
another Python, makes the same numbers with it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from tests.torch_files import made_tensors

# What keeps numbers of a random network within bounds, and its answers many and unsure. Factors
# of tensors, by what their names end in.
_FACTORS = {
    r"\.bn3\.(weight|bias)": 0.35,  # at 1, every block of a ResNet would double its input
    r"\.block\.\d\.0\.weight": 0.9,  # MobileNet's narrow layers have no ReLU to make up for
    r"\.inner_blocks\.\d\.0\.weight": 0.15,
    r"\.layer_blocks\.\d\.0\.weight": 0.6,
    r"\.head\.cls_logits\.weight": 0.5,
    r"\.head\.bbox_pred\.weight": 0.15,
    r"\.box_head\.5\.weight": 0.6,
    r"\.box_predictor\.bbox_pred\.weight": 0.5,
}
# Hidden units that are seldom on tell regions apart better.
_SELDOM_ON = r"\.box_head\.(fc6|fc7|5)\.bias"
_OLD_NAMES = {
    r"(inner|layer)_blocks\.(\d)\.0\.(weight|bias)$": r"\1_blocks.\2.\3",
    r"rpn\.head\.conv\.0\.0\.(weight|bias)$": r"rpn.head.conv.\1",
}


def made_weights(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """Return a tensor for each name and shape of a state dictionary of torchvision's, from 0.13 on.

    A detector with them finds boxes of a dozen classes with scores from 0.05 to 0.95 in any picture
    that is not all of one colour.
    """
    return {name: _tuned(name, values) for name, values in made_tensors(shapes).items()}


def published_name(name: str, model: str) -> str:
    """Return what a tensor is called in the file that torchvision publishes for a model.

    Those of detectors from before torchvision 0.13 have older names in the pyramid and in the
    head that proposes regions.
    """
    if model != "fasterrcnn_resnet50_fpn_v2":
        for new, old in _OLD_NAMES.items():
            name = re.sub(new, old, name)
    return name


def made_picture(height: int, width: int) -> np.ndarray:
    """Return a picture, uint8 (H, W, 3): rectangles of many sizes and colours, with grain."""
    random = np.random.RandomState(height * 10_000 + width)
    picture = np.full((height, width, 3), random.randint(256, size=3), np.float64)
    for share in np.linspace(0.8, 0.05, 30):
        top, left = random.randint(height), random.randint(width)
        rows, columns = (int(side * share * random.uniform(0.3, 1)) + 1 for side in (height, width))
        picture[top : top + rows, left : left + columns] = random.randint(256, size=3)
    picture += random.randint(-25, 26, picture.shape)
    return picture.clip(0, 255).astype(np.uint8)


def spread(values: np.ndarray, count: int | None) -> np.ndarray:
    """Return `count` numbers from all over an array, flat; the array as it is if None."""
    if count is None:
        return values
    kept = min(values.size, count)
    return values.ravel()[np.arange(kept) * values.size // max(kept, 1)]


def _tuned(name: str, values: np.ndarray) -> np.ndarray:
    for pattern, factor in _FACTORS.items():
        if re.search(f"(?:{pattern})$", name):
            values = (values * factor).astype(values.dtype)
    if re.search(f"{_SELDOM_ON}$", name):
        values = values - np.float32(0.5)
    return values
