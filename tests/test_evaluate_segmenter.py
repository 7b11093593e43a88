"""Measuring a segmenter on pictures with label maps, from Python and from the command line."""

from __future__ import annotations

import csv
import hashlib
import json
import math
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dltk.data import in_memory
from dltk.data.datasets import MaskData
from dltk.data.examples import MaskedExamples
from dltk.errors import DltkError, UsageError
from dltk.masks import IGNORE, PALETTE, counted, index_picture
from recipes.evaluate import evaluate
from recipes.segment import segment
from tests.detectors import few_scenes
from tests.folders import digests
from tests.small_segmenters import (  # noqa: F401
    CLASSES,
    GREEN,
    GREEN_BOX,
    GROUND,
    RED,
    RED_BOX,
    chance,
    colours,
    painted,
    save_colours,
    truth_of,
)

FILES = ["confusion.png", "evaluation.json", "iou.png", "mistakes.png", "pictures.csv"]
SIZE = 64, 48


def half_wrong() -> tuple[Image.Image, np.ndarray]:
    """A picture with 512 red pixels, half of which are green in truth; 128 of the ground do not
    count."""
    picture = painted(SIZE, red=[RED_BOX])
    truth = truth_of(picture)
    truth[8:40, 8:16] = GREEN
    truth[46:] = IGNORE
    return picture, truth


def all_right() -> tuple[Image.Image, np.ndarray]:
    """A picture with 672 green pixels, and its label map."""
    picture = painted(SIZE, green=[GREEN_BOX])
    return picture, truth_of(picture)


def columns_of(path: Path, label: int) -> np.ndarray:
    """Return where on a sheet something red has the colour of a class, from the left."""
    mixed = np.rint((np.float32([255, 0, 0]) + PALETTE[label]) / 2)
    with Image.open(path) as drawn:
        return np.nonzero((np.asarray(drawn.convert("RGB")) == mixed).all(axis=2))[1]


def data_of(*pairs, classes=CLASSES, split="all", order=range(3)) -> MaskData:
    """Return pictures with label maps, whose classes are those of the segmenter, reordered.

    Args:
        order: the segmenter's class for each of `classes`.
    """
    numbers = np.full(256, IGNORE, np.uint8)
    for at, number in enumerate(order):
        numbers[number] = at
    masks = [numbers[truth] for _, truth in pairs]
    examples = MaskedExamples(
        tuple(f"{at}.png" for at in range(len(pairs))),
        tuple(
            picture if isinstance(picture, bytes) else np.asarray(picture) for picture, _ in pairs
        ),
        tuple(lambda mask=mask: mask for mask in masks),
        np.array([counted(mask, len(classes)) for mask in masks]),
    )
    return MaskData("made pictures", tuple(classes), {split: examples})


# What is measured


def test_measures_are_those_worked_out_by_hand(colours, first):  # noqa: F811
    """Ground 2432 + 2400 pixels, all right; red 256, all right; green 256 + 672, of which 256 are
    taken for red."""
    result, _ = first
    report = result.report
    assert report.confusion.tolist() == [[4832, 0, 0, 0], [0, 256, 0, 0], [0, 256, 672, 0]]
    iou = [1, 256 / 512, 672 / 928]
    np.testing.assert_allclose(report.iou, iou)
    assert report.mean_iou == pytest.approx(sum(iou) / 3)
    assert report.pixel_accuracy == pytest.approx(5760 / 6016)
    assert report.mean_accuracy == pytest.approx((1 + 1 + 672 / 928) / 3)
    weighted = (4832 + 256 * iou[1] + 928 * iou[2]) / 6016
    assert report.frequency_weighted_iou == pytest.approx(weighted)
    assert report.most_confused(9) == [("green", "red one", 256)]
    assert 0 < report.boundary_f < 1 and report.pictures == 2
    assert result.names == ("0.png", "1.png") and result.pixels.tolist() == [2944, 3072]
    assert result.accuracies.tolist() == pytest.approx([2688 / 2944, 1])
    ((worst, found),) = result.worst
    np.testing.assert_array_equal(found, truth_of(half_wrong()[0]))
    assert worst == 0 and result.classes == CLASSES and result.seen_in_training is None
    assert (result.model, result.data, result.split) == (colours, "made pictures", "all")


def test_it_is_run_as_segment_runs_it(chance):  # noqa: F811
    """Against label maps that `segment` gave, all is right; and two replicas find the same."""
    random = np.random.default_rng(0)
    pictures = [
        Image.fromarray(random.integers(0, 256, (9, 7, 3), np.uint8)).resize(size)
        for size in ((200, 131), (77, 160), (300, 9))
    ]
    masks = [each.mask for each in segment(pictures, model=chance, devices="cpu")]
    data = data_of(*zip(pictures, masks, strict=True), classes=tuple("abcd"), order=range(4))
    for devices in ("cpu", "cpu:2"):
        result = evaluate(chance, data, batch_size=2, devices=devices)
        assert result.report.pixel_accuracy > 0.999 and result.report.mean_iou > 0.995
        assert result.report.pixels.sum() == sum(mask.size for mask in masks)


@pytest.fixture(scope="module")
def first(colours, tmp_path_factory):  # noqa: F811
    """The evaluation of two pictures whose classes are the segmenter's, and its folder."""
    evaluation = evaluate(colours, data_of(half_wrong(), all_right()))
    folder = tmp_path_factory.mktemp("first")
    evaluation.save(folder)
    return evaluation, folder


@pytest.mark.parametrize(
    ("classes", "order"),
    [
        (("green", "background", "red one"), (GREEN, GROUND, RED)),
        (("Background", "RED-ONE", " green"), range(3)),
        (("void", "Red_One", "GREEN"), range(3)),  # its ground goes by another name
        (("unlabeled", "green", "moon", "red one"), (GROUND, GREEN, 3, RED)),  # there are no moons
    ],
)
def test_classes_are_found_by_name_whatever_order_and_spelling(
    colours, first, tmp_path, classes, order  # noqa: F811
):  # fmt: skip
    other = evaluate(colours, data_of(half_wrong(), all_right(), classes=classes, order=order))
    evaluation, folder = first
    assert other.report.to_dict() == evaluation.report.to_dict() and other.classes == CLASSES
    other.save(tmp_path)
    assert digests(tmp_path) == digests(folder)  # and so the pictures are
    assert sorted(os.listdir(tmp_path)) == FILES


def test_classes_that_the_segmenter_does_not_know_are_named(colours):  # noqa: F811
    pairs = half_wrong(), all_right()
    with pytest.raises(
        UsageError, match=r'colours.keras has no class "gren". Did you mean "green"'
    ):
        evaluate(colours, data_of(*pairs, classes=("background", "red one", "gren")))
    with pytest.raises(UsageError, match=r'colours.keras has no class "sky"'):  # no ground's name
        evaluate(colours, data_of(*pairs, classes=("sky", "red one", "green")))
    with pytest.raises(UsageError, match=r"Red One and red_one are both red one to colours.keras"):
        evaluate(colours, data_of(*pairs, classes=("background", "Red One", "red_one")))
    both = ("void", "background", "green")
    with pytest.raises(UsageError, match=r'colours.keras has no class "void"'):
        evaluate(colours, data_of(*pairs, classes=both))


def test_what_the_data_has_not_and_what_it_ignores(colours, tmp_path):  # noqa: F811
    """Red was never annotated: what is taken for it is wrong. Nor does it count where all is
    ignored."""
    picture, truth = half_wrong()
    truth[truth == RED] = IGNORE
    nothing = picture, np.full_like(truth, IGNORE)
    data = data_of(
        (picture, truth), nothing, classes=("background", "green"), order=(GROUND, GREEN)
    )
    result = evaluate(colours, data)
    assert result.report.confusion.tolist() == [[2432, 0, 0, 0], [0] * 4, [0, 256, 0, 0]]
    assert result.pixels.tolist() == [2688, 0] and math.isnan(result.accuracies[1])
    assert [index for index, _ in result.worst] == [0]
    empty = evaluate(colours, data_of(nothing))
    result.save(tmp_path)
    empty.save(tmp_path)
    assert sorted(os.listdir(tmp_path)) == ["evaluation.json", "iou.png", "pictures.csv"]
    assert math.isnan(empty.report.mean_iou) and empty.to_dict()["mean_iou"] is None


def test_the_worst_are_those_with_the_most_wrong_pixels(colours):  # noqa: F811
    """14 pictures, of which one is right and each other one is worse than the one before it."""
    pairs = []
    for wrong in range(14):
        picture, truth = all_right()
        truth[47, :wrong] = RED
        pairs.append((picture, truth))
    result = evaluate(colours, data_of(*pairs))
    assert [index for index, _ in result.worst] == list(range(13, 1, -1))
    assert result.accuracies.argmax() == 0 and result.accuracies[0] == 1


def test_no_readable_picture_is_an_error(colours):  # noqa: F811
    data = data_of((b"no", all_right()[1]), (b"", all_right()[1]))
    with pytest.raises(DltkError, match=r"no picture could be measured: 0\.png: not a picture"):
        evaluate(colours, data)


# What the command prints and writes


@pytest.fixture
def pictures(tmp_path) -> Path:
    """Pictures and masks in two folders, divided; of those to test on, one is damaged."""
    root = tmp_path / "data"
    for split, names in (("train", "ab"), ("test", "cde")):
        for kind in ("images", "masks"):
            (root / split / kind).mkdir(parents=True)
        for at, name in enumerate(names):
            picture, truth = (half_wrong, all_right)[at % 2]()
            picture.save(root / split / f"images/{name}.png")
            index_picture(truth).save(root / split / f"masks/{name}.png")
    (root / "classes.txt").write_text("".join(f"{name}\n" for name in CLASSES))
    damaged = root / "test/images/e.png"
    damaged.write_bytes(damaged.read_bytes()[:-40])
    return root


def test_a_folder_gets_the_measures_and_damaged_pictures_are_listed(
    dltk, colours, pictures, tmp_path  # noqa: F811
):  # fmt: skip
    out = tmp_path / "out"
    result = dltk("evaluate", colours, pictures, "-o", out)
    assert result.code == 3, result.err
    lines = result.out.splitlines()
    assert lines[0] == f"{colours} on {pictures}, test: 2 pictures of 3 classes"
    assert lines[1].startswith("mean IoU 0.741  pixel accuracy 0.957  mean accuracy 0.908")
    assert any(line.split() == ["green", "red", "one", "256"] for line in lines)
    assert "failed: test/images/e.png: " in result.err and f"results in {out}" in result.err
    assert sorted(os.listdir(out)) == FILES
    fields = json.loads((out / "evaluation.json").read_text())
    assert (fields["task"], fields["split"], fields["pictures"]) == ("segment", "test", 2)
    assert fields["mean_iou"] == pytest.approx((1 + 0.5 + 672 / 928) / 3, abs=1e-6)
    assert fields["classes"]["green"]["pixels"] == 928 and fields["pixels"] == 6016
    assert fields["confusion"]["green"] == {"red one": 256, "green": 672}
    assert fields["most_confused"] == [{"true": "green", "predicted": "red one", "count": 256}]
    assert [each["path"] for each in fields["failed"]] == ["test/images/e.png"]
    rows = list(csv.DictReader((out / "pictures.csv").open()))
    assert rows == [
        {"path": "test/images/c.png", "pixels": "2944", "accuracy": f"{2688 / 2944:.6f}"},
        {"path": "test/images/d.png", "pixels": "3072", "accuracy": "1.000000"},
    ]
    for name in ("iou.png", "confusion.png"):
        with Image.open(out / name) as drawn:
            assert min(drawn.size) > 40
    greens, reds = (columns_of(out / "mistakes.png", over_red) for over_red in (GREEN, RED))
    wide, width = 320, 320 / SIZE[0] * (RED_BOX[2] - RED_BOX[0])
    assert np.ptp(greens) < width / 2  # the left half is green in truth, and nothing was found so
    assert greens.max() < reds.min() and reds.max() > greens.max() + wide
    found = reds[reds > greens.max() + wide / 2]
    assert width / 2 < np.ptp(found) < width
    again = dltk("evaluate", colours, pictures, "-o", out, "--json", "-q", "--split", "train")
    assert again.code == 0 and again.err == ""
    assert json.loads(again.out) == json.loads((out / "evaluation.json").read_text())


def test_where_all_is_right_there_are_no_mistakes_any_more(dltk, colours, pictures, tmp_path):  # noqa: F811
    out = tmp_path / "out"
    assert dltk("evaluate", colours, pictures, "-o", out, "--split", "train").code == 0
    assert sorted(os.listdir(out)) == FILES
    index_picture(truth_of(half_wrong()[0])).save(pictures / "train/masks/a.png")
    result = dltk("evaluate", colours, pictures, "-o", out, "--split", "train")
    assert result.code == 0 and "mean IoU 1.000" in result.out
    assert sorted(os.listdir(out)) == [name for name in FILES if name != "mistakes.png"]


@pytest.mark.parametrize("other", ["classify", "detect"])
def test_the_evaluation_of_another_task_stays(dltk, colours, pictures, tmp_path, other):  # noqa: F811
    out = tmp_path / "out"
    out.mkdir()
    (out / "evaluation.json").write_text(f'{{"format": "dltk.evaluate", "task": "{other}"}}')
    result = dltk("evaluate", colours, pictures, "-o", out)
    assert result.code == 2 and f"holds the evaluation of a model to {other}; choose" in result.err
    assert os.listdir(out) == ["evaluation.json"]
    inside = dltk("evaluate", colours, pictures, "-o", pictures / "train")
    assert inside.code == 2 and "lies in the data" in inside.err


def test_what_was_passed_over_is_told(dltk, colours, pictures):  # noqa: F811
    painted().save(pictures / "train/images/alone.png")
    said = dltk("evaluate", colours, pictures, "--split", "train").err
    assert "1 passed over in the data, such as train/images/alone.png: " in said


# What does not fit


def test_label_maps_are_for_no_other_kind_of_model():
    data = data_of(all_right())
    for model, message in (
        (
            "efficientnet-lite0",
            r"^made pictures holds pictures with label maps, .* but eff.* class",
        ),
        ("faster-rcnn-mobilenet-320", r"^faster.* finds objects, but made pictures has no boxes$"),
    ):
        with pytest.raises(UsageError, match=message):
            evaluate(model, data)


def test_data_for_another_kind_of_model_is_refused_in_a_line(colours, tmp_path, noise):  # noqa: F811
    with pytest.raises(
        UsageError, match=r"^colours.keras tells the class of every pixel, but made"
    ):
        evaluate(colours, few_scenes(1))
    with pytest.raises(UsageError, match=r"but arrays has no label maps$"):
        evaluate(colours, in_memory([noise()], [0], ["green"]))
    (tmp_path / "classes/green").mkdir(parents=True)
    noise().save(tmp_path / "classes/green/1.png")
    boxes = tmp_path / "boxes.csv"
    boxes.write_text("path,label,left,top,right,bottom\nclasses/green/1.png,green,1,1,9,9\n")
    coco = tmp_path / "boxes.json"
    coco.write_text(json.dumps({
        "images": [{"id": 1, "file_name": "classes/green/1.png", "width": 40, "height": 30}],
        "categories": [{"id": 1, "name": "green"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 9, 9]}],
    }))  # fmt: skip
    for data in (tmp_path / "classes", boxes, coco):
        with pytest.raises(UsageError) as caught:
            evaluate(colours, data)
        text = str(caught.value)
        assert text.startswith("colours.keras tells the class of every pixel, but ")
        assert str(data) in text and "\n" not in text
    with pytest.raises(UsageError, match=r"^no such folder or file: .*/boxs\.csv"):
        evaluate(colours, tmp_path / "boxs.csv")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--labels", "{names}"), "--labels is for classifiers; {model} has its own classes"),
        (("--pixel-range", "0..1"), "--pixel-range is for files of plain Keras; colours.keras"),
        (("--engine", "litert"), "segmenters run on the keras engine; leave --engine out"),
        (("--split", "val"), "has no split val: it has train, test; try --split all"),
        (("--regions", "r.json"), "--regions is for detectors; {model} is none"),
    ],
)
def test_options_that_mean_nothing_for_a_segmenter_are_refused(
    dltk, colours, pictures, tmp_path, options, message  # noqa: F811
):  # fmt: skip
    (tmp_path / "names.txt").write_text("a\nb\nc\n")
    known = {"names": tmp_path / "names.txt", "model": colours}
    result = dltk("evaluate", colours, pictures, *(word.format(**known) for word in options))
    assert result.code == 2 and message.format(**known) in result.err and result.out == ""
    assert result.err.splitlines()[-1].startswith("error: ")


def test_published_segmenters_know_the_classes_of_voc(monkeypatch):
    monkeypatch.setenv("DLTK_OFFLINE", "1")
    pairs = half_wrong(), all_right()
    with pytest.raises(DltkError) as caught:
        evaluate("fcn-resnet50", data_of(*pairs, classes=("void", "DiningTable", "cat")))
    assert caught.value.exit_code == 4  # all is well but for the weights
    with pytest.raises(UsageError, match=r'fcn-resnet50 has no class "red one"\. Nor "green"\.'):
        evaluate("fcn-resnet50", data_of(*pairs))


def test_pictures_that_were_trained_on_are_told(dltk, pictures, tmp_path):
    model = save_colours(tmp_path / "run/best.keras")
    content = (pictures / "train/images/a.png").read_bytes()
    digest = hashlib.sha256(content).hexdigest()[:32]
    (tmp_path / "run/split.csv").write_text(f"path,split,digest\na.png,train,{digest}\n")
    result = dltk("evaluate", model, pictures, "--split", "train")
    assert result.code == 0 and "1 of these 2 pictures were trained on" in result.err
