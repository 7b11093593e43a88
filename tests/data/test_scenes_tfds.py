"""Made scenes that TFDS has prepared: what it reads back is what was made."""

import numpy as np
import pytest

from dltk.data.scene_canvas import COLOURS
from dltk.data.scenes import SCENE_KINDS, VALIDATION, scene
from dltk.errors import DltkError, UsageError

KINDS = ("star", "ring", "cross")
MADE = {"kinds": KINDS, "size": (80, 64), "seed": 2, "least": 0, "most": 4}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    from dltk.data.scenes_tfds import prepare_scenes

    return prepare_scenes(tmp_path_factory.mktemp("tfds"), 9, val=3, **MADE)


def test_tfds_reads_the_scenes_without_their_builder(prepared):
    import tensorflow_datasets as tfds

    builder = tfds.builder_from_directory(prepared)
    assert list(builder.info.splits) == ["train", "validation"]
    objects = builder.info.features["objects"]
    assert objects["label"].names == list(KINDS) and objects["colour"].names == list(COLOURS)
    assert builder.info.features["mask"].names == ["ground", *KINDS]
    for split, start, count in (("train", 0, 9), ("validation", VALIDATION, 3)):
        examples = list(tfds.as_numpy(builder.as_dataset(split=split)))
        assert [example["image/id"] for example in examples] == list(range(start, start + count))
        for example in examples:
            check(example, scene(int(example["image/id"]), **MADE))


def check(example, made):
    """Check that an example is a scene, of 80 by 64 pixels."""
    objects = example["objects"]
    boxes = objects["bbox"][:, [1, 0, 3, 2]] * [80, 64, 80, 64]
    assert boxes.shape == (len(made.objects), 4)
    assert np.allclose(boxes, made.objects.boxes, atol=1e-4)
    assert (objects["label"] == made.objects.labels).all()
    assert (objects["area"] == made.objects.areas).all()
    assert [list(COLOURS)[colour] for colour in objects["colour"]] == list(made.colours)
    assert example["image"].shape == (64, 80, 3)
    assert np.abs(example["image"].astype(float) - made.picture).mean() < 8
    assert (example["mask"][..., 0] == made.mask).all()
    assert [caption.decode() for caption in example["captions"]] == list(made.captions)


def test_scenes_are_loaded_by_name(prepared):
    import tensorflow_datasets as tfds

    name = f"dltk_scenes/{prepared.parent.name}"
    where = prepared.parents[2]
    examples = tfds.load(name, split="validation", data_dir=where, download=False)
    assert [int(number) for number in examples.map(lambda e: e["image/id"])] == [
        VALIDATION,
        VALIDATION + 1,
        VALIDATION + 2,
    ]
    standard = tfds.builder("dltk_scenes/64", data_dir=where).builder_config
    assert (standard.size, standard.train, standard.val) == (64, 2000, 300)
    assert standard.kinds == SCENE_KINDS


def test_scenes_are_prepared_once_and_apart_from_others(prepared, capfd):
    from dltk.data.scenes_tfds import prepare_scenes

    where = prepared.parents[2]
    times = {path: path.stat().st_mtime_ns for path in prepared.iterdir()}
    capfd.readouterr()
    assert prepare_scenes(where, 9, val=3, **MADE) == prepared
    assert {path: path.stat().st_mtime_ns for path in prepared.iterdir()} == times
    other = prepare_scenes(where, 2, **MADE | {"seed": 3})
    assert other.parent.parent == prepared.parent.parent and other != prepared
    assert not list(other.glob("*validation*"))
    assert capfd.readouterr() == ("", "")


def test_what_cannot_be_prepared(tmp_path):
    from dltk.data.scenes_tfds import prepare_scenes

    with pytest.raises(UsageError, match="unknown shape"):
        prepare_scenes(tmp_path, 2, kinds=("sqare",))
    with pytest.raises(UsageError, match="0 scenes for training"):
        prepare_scenes(tmp_path, 0)
    (tmp_path / "file").write_text("")
    with pytest.raises(DltkError, match=r"cannot write to .*/file/here: Not a directory"):
        prepare_scenes(tmp_path / "file" / "here", 2)
