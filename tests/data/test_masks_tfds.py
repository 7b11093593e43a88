"""Label maps in data sets that TensorFlow Datasets has prepared."""

import numpy as np
import pytest

from dltk.data.masks import holds_masks, read_masks
from dltk.data.objects import holds_objects
from dltk.data.scenes import SCENE_KINDS, VALIDATION, scene
from dltk.data.scenes_tfds import prepare_scenes
from dltk.errors import UsageError
from tests.data.mask_files import blocks


def test_made_scenes_come_back_as_they_were_made(tmp_path):
    folder = prepare_scenes(tmp_path, 2, val=1, size=64)
    assert holds_masks(folder) and holds_masks(f"tfds:{folder}")
    lines = []
    data = read_masks(folder, report=lines.append)
    assert len(lines) == 2 and lines[0].startswith("copying dltk_scenes/")
    assert data.classes == ("ground", *SCENE_KINDS) and list(data.splits) == ["train", "val"]
    for numbers, examples in ((range(2), "train"), ([VALIDATION], "val")):
        examples = data.splits[examples]
        for at, number in enumerate(numbers):
            made = scene(number, size=64)
            assert np.array_equal(examples.masks[at](), made.mask)
            assert examples.decode(at).size == (64, 64)
    read_masks(folder, report=lines.append)
    assert len(lines) == 2  # nothing is copied again
    assert data.splits["train"].names == ("train/00000", "train/00001")


def test_pets_have_numbers_and_a_label_beside_them(prepare):
    """As Oxford's have: a trimap of 1 to 3, and the breed."""
    import tensorflow_datasets as tfds

    trimap = blocks((2, 0, 0, 8, 6), (3, 1, 1, 6, 5), (1, 2, 2, 5, 4))
    example = {"image": np.zeros((6, 8, 3), np.uint8), "segmentation_mask": trimap[..., None]}
    features = {
        "image": tfds.features.Image(),
        "segmentation_mask": tfds.features.Image(shape=(None, None, 1)),
    }
    label = {"label": tfds.features.ClassLabel(num_classes=2)}
    folder = prepare(features | label, {"train": [example | {"label": 1}] * 3})
    assert not holds_masks(folder)  # but classes
    data = read_masks(folder)
    assert data.classes == ("0", "1", "2", "3") and list(data.splits) == ["all"]
    assert data.splits["all"].counts.tolist() == [[0, 6, 28, 14]] * 3
    assert np.array_equal(data.splits["all"].masks[2](), trimap)
    assert holds_masks(prepare(features, {"train": [example]}))


def test_features_of_another_kind_are_refused(prepare):
    import tensorflow_datasets as tfds

    features = {"image": tfds.features.Image(), "label": tfds.features.ClassLabel(num_classes=2)}
    example = {"image": np.zeros((4, 4, 3), np.uint8), "label": 0}
    folder = prepare(features, {"train": [example]})
    assert not holds_masks(folder) and not holds_objects(folder)
    with pytest.raises(UsageError, match=r"wanted are image \(Image\) and segmentation_mask .* it"):
        read_masks(f"tfds:{folder}")
