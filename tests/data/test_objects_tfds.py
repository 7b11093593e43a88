"""Objects in data sets that TensorFlow Datasets has prepared."""

import numpy as np
import pytest

from dltk.data.objects import holds_objects, read_objects
from dltk.data.scenes import scene
from dltk.data.scenes_tfds import prepare_scenes
from dltk.errors import UsageError


@pytest.fixture(scope="module")
def prepared(prepare):
    """Two pictures of 40 × 20 and some without objects, with what COCO and VOC say of objects."""
    import tensorflow_datasets as tfds

    def example(*objects):
        keys = ("bbox", "label", "is_crowd", "is_difficult", "area")
        rows = [dict(zip(keys, each, strict=True)) for each in objects]
        return {"image": np.full((20, 40, 3), len(rows), np.uint8), "objects": rows}

    box = tfds.features.BBox
    return prepare(
        {
            "image": tfds.features.Image(),
            "objects": tfds.features.Sequence({
                "bbox": tfds.features.BBoxFeature(),
                "label": tfds.features.ClassLabel(names=["cat", "dog"]),
                "is_crowd": np.bool_,
                "is_difficult": np.bool_,
                "area": np.int64,
            }),
        },
        {
            "train": [
                example(
                    (box(ymin=0.1, xmin=0.25, ymax=0.6, xmax=0.5), 1, False, False, 70),
                    (box(ymin=0.0, xmin=0.0, ymax=1.0, xmax=1.0), 0, True, False, 800),
                ),
                example(),
            ],
            "validation": [
                example(
                    (box(ymin=0.5, xmin=0.5, ymax=1.0, xmax=1.0), 0, False, True, 10),
                    (box(ymin=0.5, xmin=0.5, ymax=1.0, xmax=0.75), 0, False, False, 10),
                    (box(ymin=0.5, xmin=0.5, ymax=0.5, xmax=0.75), 0, False, False, 10),
                    (box(ymin=0.5, xmin=0.5, ymax=1.0, xmax=0.75), -1, False, False, 10),
                )
            ],
            "test": [example(), example()],
            "extra": [example()],
        },
    )  # fmt: skip


def test_boxes_are_in_pixels_and_pictures_read_in_any_order(prepared):
    lines = []
    data = read_objects(f"tfds:{prepared}", report=lines.append)
    assert len(lines) == 3 and all(line.startswith("copying tiny/1.0.0, ") for line in lines)
    assert data.classes == ("cat", "dog") and list(data.splits) == ["train", "val"]
    train = data.splits["train"]
    assert train.names == ("train/00000", "train/00001")
    assert train.decode(1).getpixel((0, 0)) == (0, 0, 0) and train.decode(0).size == (40, 20)
    first = train.objects[0]
    np.testing.assert_allclose(first.boxes, [[10, 2, 20, 12], [0, 0, 40, 20]], atol=1e-5)
    assert first.labels.tolist() == [1, 0] and first.ignored.tolist() == [False, True]
    assert first.areas.tolist() == [70, 800] and len(train.objects[1]) == 0
    val = data.splits["val"].objects[0]
    assert val.boxes.tolist() == [[20, 10, 40, 20], [20, 10, 30, 20]]
    assert val.ignored.tolist() == [True, False]
    assert data.repairs == (
        ("validation/00000, object 4", "no class: left out"),
        ("validation/00000, object 3", "no area: (20, 10, 30, 10), left out"),
    )
    assert data.passed_over == (
        ("extra", "neither train, validation nor test"),
        ("test", "2 pictures without a single object to find"),
    )
    again = read_objects(prepared, report=lines.append)
    assert len(lines) == 3 and again.splits["train"].digests == train.digests
    assert len(set(train.take([1, 0]).digests)) == 2


def test_made_scenes_come_back_as_they_were_made(tmp_path):
    folder = prepare_scenes(tmp_path, 2, val=1, size=64)
    assert holds_objects(folder) and holds_objects(f"tfds:{folder}")
    data = read_objects(folder)
    for number, objects in enumerate(data.splits["train"].objects):
        made = scene(number, size=64).objects
        np.testing.assert_allclose(objects.boxes, made.boxes, atol=1e-4)
        assert np.array_equal(objects.labels, made.labels)
        assert np.array_equal(objects.areas, made.areas)


def test_features_of_another_kind_are_refused(prepare):
    import tensorflow_datasets as tfds

    picture = {"image": tfds.features.Image()}
    label = {"label": tfds.features.ClassLabel(num_classes=2)}
    example = {"image": np.zeros((4, 4, 3), np.uint8)}
    classified = prepare(picture | label, {"train": [example | {"label": 1}]})
    assert not holds_objects(classified) and not holds_objects(f"tfds:{classified}")
    with pytest.raises(UsageError, match=r"objects with bbox .* it has image \(Image\), label"):
        read_objects(classified)
    faces = tfds.features.Sequence({"bbox": tfds.features.BBoxFeature()})
    nameless = prepare(picture | {"objects": faces}, {"train": [example | {"objects": []}]})
    with pytest.raises(UsageError, match=r"it has bbox \(BBoxFeature\)$"):
        read_objects(nameless)
    assert holds_objects(nameless)  # it has nothing else
    assert not holds_objects(prepare(picture | label | {"objects": faces}, {"train": []}))
    boxes = tfds.features.BBoxFeature(bbox_format="XYXY")
    corners = tfds.features.Sequence({"bbox": boxes, **label})
    pixels = prepare(picture | {"objects": corners}, {"train": [example | {"objects": []}]})
    with pytest.raises(UsageError, match="has boxes in the format XYXY; wanted is REL_YXYX: top"):
        read_objects(pixels)
