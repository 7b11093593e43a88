"""Maskers: what they learn from, their two branches, patches alone and in pictures."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from dltk.data.instances import read_instances
from dltk.data.instances.batches import PatchBatches
from dltk.data.instances.patches import (
    Patch,
    centred,
    cut,
    elsewhere,
    is_apart,
    jittered,
)
from dltk.data.masks import read_masks
from dltk.data.scenes import scene
from dltk.errors import DltkError, UsageError
from dltk.geometry import Geometry
from dltk.masks import IGNORE, MASK, of_run_lengths, run_lengths
from dltk.modelfile import ModelCard, save_model
from dltk.models.find import find_model
from dltk.models.masker.learning import SHARE, Learner, mask_loss, score_loss
from dltk.models.masker.network import (
    MARGIN,
    MASKS,
    OUTSIDE,
    SCORES,
    STRIDE,
    Parts,
    load_masker,
    new_masker,
)
from dltk.objects import PIXELS
from tests.data.mask_files import outline
from tests.data.object_files import coco, turned, write_json
from tests.detectors import KINDS
from tests.maskers import (  # noqa: F401
    PATCH,
    SIDE,
    backbone,
    mask_objects,
)

WHOLE = PATCH + 2 * MARGIN


# Which patches have an object in their middle


def test_an_object_takes_four_sevenths_of_its_patch():
    patch = centred([10, 20, 74, 52])
    assert patch[:2] == (42, 36) and patch.side == pytest.approx(112)


def test_jitter_is_a_stride_of_the_paper_and_a_quarter_of_an_octave():
    middle, random = Patch(100, 200, 224), np.random.default_rng(0)
    made = [jittered(middle, random) for _ in range(500)]
    shifts = np.array([[each.x - 100, each.y - 200] for each in made]) / [
        [each.side] for each in made
    ]
    octaves = np.log2([each.side / 224 for each in made])
    assert np.abs(shifts).max(axis=0).min() > 0.95 * 16 / 224
    assert np.abs(shifts).max() <= 16 / 224
    assert 0.24 < np.abs(octaves).max() <= 0.25
    assert not any(is_apart(each, [middle]) for each in made)


@pytest.mark.parametrize(
    ("patch", "apart"),
    [
        (Patch(131.9, 131.9, 224), False),
        (Patch(132.1, 100, 224), True),
        (Patch(100, 67.9, 224), True),
        (Patch(100, 100, 440), False),
        (Patch(100, 100, 450), True),
        (Patch(100, 100, 114), False),
        (Patch(100, 100, 112), True),
    ],
)
def test_a_patch_without_the_object_is_32_of_224_off_or_twice_as_large(patch, apart):
    assert is_apart(patch, [Patch(100, 100, 224)]) is apart
    assert is_apart(patch, [Patch(900, 900, 224), Patch(100, 100, 224)]) is apart


def test_patches_elsewhere_have_no_object_in_their_middle():
    objects = [Patch(40, 40, 60), Patch(150, 80, 120), Patch(60, 120, 30)]
    crowd, random = np.array([[0, 0, 200, 30]], float), np.random.default_rng(1)
    made = [elsewhere(objects, crowd, (200, 160), random) for _ in range(400)]
    assert all(is_apart(each, objects) for each in made)
    assert all(0 <= each.x <= 200 and 30 < each.y <= 160 for each in made)
    near = [each for each in made if abs(each.x - 150) <= 60 and abs(each.y - 80) <= 60]
    assert 80 < len(near) < 320
    sides = [each.side for each in made]
    assert min(sides) < 30 and max(sides) > 150


def test_where_objects_leave_no_room_a_patch_is_too_small_for_all():
    crowded = [Patch(x, y, 300) for x in range(0, 60, 10) for y in range(0, 60, 10)]
    everywhere, random = np.array([[0, 0, 60, 60]], float), np.random.default_rng(0)
    patch = elsewhere(crowded, everywhere, (60, 60), random)
    assert patch.side == 150 and is_apart(patch, crowded)


def test_patches_are_cut_out_and_what_is_beyond_is_grey():
    pixels = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    picture = Image.fromarray(pixels)
    np.testing.assert_array_equal(cut(picture, Patch(2, 2, 4), 4, OUTSIDE, (4, 4)), pixels)
    beyond = cut(picture, Patch(0, 4, 4), 4, OUTSIDE, (4, 4))
    np.testing.assert_array_equal(beyond[:2, 2:], pixels[2:, :2])
    assert (beyond[2:] == OUTSIDE).all() and (beyond[:, :2] == OUTSIDE).all()
    # A picture that was decoded at half its size; the patch is drawn twice as large.
    half = cut(picture, Patch(4, 4, 4), 4, OUTSIDE, (8, 8))
    middle = cut(picture, Patch(2, 2, 2), 4, OUTSIDE, (4, 4))
    np.testing.assert_array_equal(half, middle)


# What is learnt from


def test_masks_and_boxes_are_those_of_the_scenes(mask_objects):  # noqa: F811
    data = read_instances(mask_objects)
    assert data.classes == KINDS and {k: len(v) for k, v in data.splits.items()} == {
        "train": 48, "val": 12,
    }  # fmt: skip
    part = data.splits["train"].take([5, 3])
    made = scene(5, kinds=KINDS, size=SIDE, most=2)
    np.testing.assert_array_equal(part.objects[0].boxes, made.objects.boxes)
    np.testing.assert_array_equal(part.objects[0].areas, made.objects.areas)
    for at, shape in enumerate(part.shapes[0]):
        np.testing.assert_array_equal(of_run_lengths(shape), made.instances == 1 + at)
    assert part.truths(1) == list(part.shapes[1])


def _annotated(folder, annotations, width=8, height=6):
    picture = Image.new("RGB", (width, height))
    picture.save(folder / "a.png")
    content = {
        "images": [{"id": 1, "file_name": "a.png", "width": width, "height": height}],
        "categories": [{"id": 1, "name": "dot"}],
        "annotations": [
            {"id": at, "image_id": 1, "category_id": 1} | each
            for at, each in enumerate(annotations, 1)
        ],
    }
    path = folder / "dots.json"
    path.write_text(json.dumps(content))
    return path


def test_crowds_and_objects_without_shapes_are_ignored(tmp_path):
    square = np.zeros((6, 8), bool)
    square[1:4, 2:6] = True
    runs = run_lengths(square)
    path = _annotated(
        tmp_path,
        [
            {"segmentation": [[2, 1, 6, 1, 6, 4, 2, 4]], "bbox": [0, 0, 1, 1]},
            {"segmentation": runs, "iscrowd": 1, "bbox": [2, 1, 4, 3]},
            {"bbox": [1, 2, 3, 3]},
            {"segmentation": {"size": [6, 8], "counts": [48]}, "bbox": [1, 2, 3, 3]},
        ],
    )
    data = read_instances(path)
    (part,) = data.splits.values()
    objects = part.objects[0]
    assert objects.boxes.tolist() == [[2, 1, 6, 4], [2, 1, 6, 4], [1, 2, 4, 5]]
    assert objects.ignored.tolist() == [False, True, True] and objects.areas.tolist() == [12, 12, 9]
    assert part.shapes[0] == (runs, runs, None) and part.truths(0) == [runs]
    told = [what for _, what in data.repairs]
    assert told == ["no outline: its box ignored", "an empty mask: left out"]


def test_what_is_drawn_on_a_picture_lying_on_its_side_is_turned(tmp_path):
    """Boxes of objects without a shape as well; as they are where label maps are read."""
    turned(tmp_path / "1.jpg", (12, 8), 6)  # a quarter to the right
    rows = [
        (1, 10, (0, 5, 4, 3), {"segmentation": [outline(0, 5, 4, 8)]}),
        (1, 20, (6, 1, 5, 2), {}),
    ]
    path = write_json(tmp_path / "x.json", coco([("1.jpg", 12, 8)], rows))
    data = read_instances(path)
    (part,) = data.splits.values()
    assert part.objects[0].boxes.tolist() == [[0, 0, 3, 4], [5, 6, 7, 11]]
    assert part.objects[0].ignored.tolist() == [False, True]
    assert part.objects[0].areas.tolist() == [12, 10]
    known, unknown = part.shapes[0]
    assert unknown is None and data.passed_over == ()
    assert data.repairs == (
        ("x.json", "annotated lying on its side: 1.jpg, masks turned"),
        ("x.json, annotation 2", "no outline: its box ignored"),
    )
    labels = read_masks(path).splits["all"].masks[0]()
    np.testing.assert_array_equal(of_run_lengths(known), labels == 1)
    left, top, right, bottom = part.objects[0].boxes[1].astype(int)
    assert (labels == IGNORE).sum() == 10 and (labels[top:bottom, left:right] == IGNORE).all()


def test_data_without_masks_of_objects_is_refused(tmp_path):
    path = _annotated(tmp_path, [{"bbox": [1, 2, 3, 3]}])
    with pytest.raises(UsageError, match="has boxes of objects only, no outlines and no run len"):
        read_instances(path)
    with pytest.raises(UsageError, match="holds no masks of single objects; wanted is a COCO"):
        read_instances(tmp_path / "a.png")
    with pytest.raises(UsageError, match="nowhere"):
        read_instances(tmp_path / "nowhere")


def _batches(folder, **options):
    data = read_instances(folder)
    about = {"patch": PATCH, "margin": MARGIN, "cell": 4, "outside": OUTSIDE, "losses": ("mask",)}
    return PatchBatches(data.splits["train"], **about | {"batch_size": 6, "seed": 3} | options)


def test_a_pair_is_an_object_in_the_middle_and_none(mask_objects):  # noqa: F811
    batches = _batches(mask_objects)
    data = read_instances(mask_objects).splits["train"]
    objects = sum(map(len, data.objects))
    assert batches.steps_per_epoch == objects // 6
    inputs, zeros = batches.share(0, 0, 1)
    assert inputs[PIXELS].shape == (6, 2, WHOLE, WHOLE, 3) and inputs[MASK].shape == (6, 16, 16)
    assert zeros.keys() == {"mask"} and not zeros["mask"].any()
    limits = 16 * 128 / 224 * 2**-0.25 - 1, 16 * 128 / 224 * 2**0.25 + 1
    for mask in inputs[MASK]:
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        sides = [np.ptp(rows) + 1, np.ptp(columns) + 1]
        assert limits[0] <= max(sides) <= limits[1]
        middles = (rows[0] + rows[-1] + 1) / 2, (columns[0] + columns[-1] + 1) / 2
        assert np.abs(np.subtract(middles, 8)).max() <= 16 * 16 / 224 + 0.5


def test_patches_depend_on_seed_epoch_and_object_alone(mask_objects):  # noqa: F811
    first, again = _batches(mask_objects), _batches(mask_objects, threads=2)
    step = first.steps_per_epoch + 1
    whole, _ = first.share(step, 0, 1)
    halves = [again.share(step, replica, 2)[0] for replica in (0, 1)]
    for name in (PIXELS, MASK):
        np.testing.assert_array_equal(whole[name], np.concatenate([half[name] for half in halves]))
    at = first.indices(step)[0]
    assert not np.array_equal(first._example(at, 0)[PIXELS], first._example(at, 1)[PIXELS])
    plain = _batches(mask_objects, augmentation="none", flip=False)._example(at, 0)
    light = _batches(mask_objects, augmentation="light", flip=False)._example(at, 0)
    np.testing.assert_array_equal(plain[MASK], light[MASK])
    beyond = plain[PIXELS] == OUTSIDE
    assert (light[PIXELS][beyond] == OUTSIDE).all() and (light[PIXELS] != plain[PIXELS]).any()


def test_losses_are_those_of_equation_1(backbone):  # noqa: F811
    masks = np.array([[[1, 0], [0, 0]]], np.uint8)
    logits = np.array([[[2.0, -1.0], [0.0, 3.0]]], np.float32)
    by_hand = [math.log(1 + math.exp(each)) for each in (-2.0, -1.0, 0.0, 3.0)]
    assert float(mask_loss(logits, masks)[0]) == pytest.approx(np.mean(by_hand), rel=1e-6)
    with_object, without = np.float32([0.5]), np.float32([-2.0])
    half = (math.log(1 + math.exp(-0.5)) + math.log(1 + math.exp(-2.0))) / 2
    assert float(score_loss(with_object, without)[0]) == pytest.approx(half, rel=1e-6)
    assert SHARE == 1 / 32
    masker = new_masker(find_model(backbone), PATCH)
    random = np.random.default_rng(0)
    pairs = random.uniform(0, 255, (3, 2, WHOLE, WHOLE, 3)).astype(np.float32)
    truths = random.integers(0, 2, (3, 16, 16)).astype(np.uint8)
    losses = Learner(masker)({PIXELS: pairs, MASK: truths}, training=False)
    found = [masker({PIXELS: pairs[:, at]}) for at in (0, 1)]
    own = mask_loss(tf.reshape(found[0][MASKS], (3, 16, 16)), truths)
    np.testing.assert_allclose(losses["mask"], own, rtol=1e-5)
    scores = [each[SCORES][:, 0, 0, 0] for each in found]
    np.testing.assert_allclose(losses["score"], score_loss(*scores) / 32, rtol=1e-5)


# One network for a patch and for a picture


def test_a_picture_is_answered_patch_by_patch(backbone):  # noqa: F811
    """The tiny backbone looks at 31 pixels: what a map puts around itself is cut off with the
    margin, and patches alone have the very answers that they have in a picture."""
    masker = new_masker(find_model(backbone), PATCH)
    pixels = np.random.default_rng(0).uniform(0, 255, (1, 144, 176, 3)).astype(np.float32)
    found = masker({PIXELS: pixels})
    assert found[MASKS].shape == (1, 4, 6, 256) and found[SCORES].shape == (1, 4, 6, 1)
    for y, x in np.ndindex(4, 6):
        top, left = y * STRIDE, x * STRIDE
        alone = masker({PIXELS: pixels[:, top : top + WHOLE, left : left + WHOLE]})
        for name in (MASKS, SCORES):
            assert alone[name].shape[1:3] == (1, 1)
            np.testing.assert_allclose(
                alone[name][0, 0, 0], found[name][0, y, x], atol=1e-5, err_msg=f"{name} {y} {x}"
            )


def test_a_deep_network_looks_beyond_the_margin_and_answers_alike():
    """efficientnet-lite0 looks farther than a patch: alone it answers alike, not the same."""
    masker = new_masker(find_model("efficientnet-lite0"), PATCH)
    made = scene(2, size=144)
    pixels = made.picture[None].astype(np.float32)
    whole = masker({PIXELS: pixels})[MASKS][0]
    places = [(y * STRIDE, x * STRIDE) for y, x in np.ndindex(4, 4)]
    patches = np.concatenate([pixels[:, y : y + WHOLE, x : x + WHOLE] for y, x in places])
    alone = masker({PIXELS: patches})[MASKS]
    alike = np.corrcoef(np.ravel(alone), np.ravel(whole))[0, 1]
    assert 0.85 < alike < 0.9999


def test_a_masker_is_saved_and_loaded(backbone, tmp_path):  # noqa: F811
    masker = new_masker(find_model(backbone), PATCH)
    card = ModelCard("mask", (), Geometry(PATCH, PATCH, fit="within"))
    save_model(masker, tmp_path / "m.keras", card)
    source = find_model(tmp_path / "m.keras")
    assert source.task == "mask" and source.geometry.height == PATCH and source.labels == ()
    pixels = np.random.default_rng(0).uniform(0, 255, (2, WHOLE, 112, 3)).astype(np.float32)
    again, before = load_masker(source)({PIXELS: pixels}), masker({PIXELS: pixels})
    for name in (MASKS, SCORES):
        np.testing.assert_array_equal(again[name], before[name])
    with pytest.raises(UsageError, match=r"tiny.keras is a model to classify, and no masker; trai"):
        load_masker(find_model(backbone))
    save_model(Parts.of(masker).backbone, tmp_path / "b.keras", card)
    with pytest.raises(DltkError, match="says it is a masker, but has not its layers"):
        load_masker(find_model(tmp_path / "b.keras"))


def test_patches_are_of_sizes_that_fit_the_network(backbone, tmp_path):  # noqa: F811
    with pytest.raises(ValueError, match="100 is not a multiple of 32 from 64 to 512"):
        new_masker(find_model(backbone), 100)
    masker = new_masker(find_model(backbone), PATCH)
    save_model(masker, tmp_path / "m.keras", ModelCard("mask", (), Geometry(48, 48, fit="within")))
    with pytest.raises(DltkError, match=r"m\.keras says it is a masker of patches of 48 pix"):
        load_masker(find_model(tmp_path / "m.keras"))
