"""What the tests of segmenters share: made scenes, a segmenter trained on them, and options."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from dltk.data.datasets import MaskData
from dltk.data.examples import MaskedExamples
from dltk.data.scene_files import write_scenes
from dltk.data.scenes import scene
from dltk.masks import counted
from recipes.train_segmenter import TrainedSegmenter, train_segmenter
from tests.detectors import KINDS, backbone  # noqa: F401

SIDE = 96
CLASSES = ("background", *KINDS)
TINY = {"size": SIDE, "batch_size": 4, "precision": "float32", "devices": "cpu"}


@pytest.fixture(scope="session")
def mask_scenes(tmp_path_factory) -> Path:
    """64 scenes of circles and stars to train on and 16 to measure on, in COCO's layout."""
    return _written(tmp_path_factory.getbasetemp() / "mask scenes")


@pytest.fixture(scope="session")
def segmenter(tmp_path_factory) -> TrainedSegmenter:
    """A segmenter that has learnt from `mask_scenes`."""
    base = tmp_path_factory.getbasetemp()
    return _trained(_written(base / "mask scenes"), base / "mask run")


def few_masks(count: int, *, val: int = 0, seed: int = 0, kinds=KINDS, **options) -> MaskData:
    """Return some scenes with their label maps, in memory; undivided without any to validate."""
    splits = {}
    for split, first, number in (("train", 0, count), ("val", count, val)):
        made = [
            scene(at, kinds=kinds, size=SIDE, seed=seed, **{"most": 3} | options)
            for at in range(first, first + number)
        ]
        if made:
            splits[split] = masked(
                [each.picture for each in made], [each.mask for each in made], kinds
            )
    if not val:
        splits = {"all": splits["train"]}
    return MaskData("made scenes", ("background", *kinds), splits)


def masked(pictures, masks, kinds=KINDS) -> MaskedExamples:
    """Return pictures with label maps of the ground and some kinds."""
    names = tuple(f"{at:03d}.png" for at in range(len(pictures)))
    counts = np.array([counted(mask, 1 + len(kinds)) for mask in masks])
    return MaskedExamples(
        names, tuple(pictures), tuple(lambda mask=mask: mask.copy() for mask in masks), counts
    )


@cache
def _written(folder: Path) -> Path:
    list(write_scenes(folder, 64, val=16, kinds=KINDS, size=SIDE, most=3))
    return folder


@cache
def _trained(folder: Path, run: Path) -> TrainedSegmenter:
    return train_segmenter(
        folder, size=192, epochs=6, batch_size=4, backbone_lr=1e-3, augment="none", devices="cpu",
        run_dir=run,
    )  # fmt: skip
