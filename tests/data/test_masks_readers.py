"""Every layout of label maps says the same of the same pictures; names decide what is a mask."""

import shutil

import numpy as np
import pytest
from PIL import Image

from dltk.data.masks import holds_masks, read_masks
from dltk.data.objects import holds_objects
from dltk.data.scene_files import write_scenes
from dltk.data.scenes import SCENE_KINDS
from dltk.errors import UsageError
from dltk.masks import label_map
from tests.data.mask_files import (
    CLASSES,
    MASKS,
    blocks,
    write_coco_masks,
    write_mask_table,
    write_pair,
    write_pairs,
    write_voc_masks,
)
from tests.data.object_files import coco, picture, write_coco, write_json, write_yolo

WRITERS = (write_pairs, write_voc_masks, write_mask_table, write_coco_masks)


@pytest.mark.parametrize("write", WRITERS)
def test_all_layouts_say_the_same(tmp_path, write):
    where = write(tmp_path / "data")
    assert holds_masks(where)
    data = read_masks(where)
    assert data.where == str(where) and data.classes == CLASSES and not data.divided
    examples = data.splits["all"]
    assert [name.split("/")[-1] for name in examples.names] == list(MASKS)
    for at, parts in enumerate(MASKS.values()):
        expected = blocks(*parts)
        labels = examples.masks[at]()
        assert labels.dtype == np.uint8 and np.array_equal(labels, expected)
        assert examples.counts[at].tolist() == [(expected == label).sum() for label in range(3)]
    assert examples.counts.dtype == np.int64 and examples.decode(0).size == (8, 6)
    assert data.repairs == data.passed_over == data.damaged == ()


def test_made_scenes_have_the_masks_that_are_written_with_them(tmp_path):
    list(write_scenes(tmp_path, 6, val=2, size=64))
    data = read_masks(tmp_path)
    assert data.classes == ("background", *SCENE_KINDS)
    assert {split: len(ex) for split, ex in data.splits.items()} == {"train": 6, "val": 2}
    for examples in data.splits.values():
        for name, mask in zip(examples.names, examples.masks, strict=True):
            path = tmp_path / name.replace("images", "masks").replace(".jpg", ".png")
            assert np.array_equal(mask(), label_map(Image.open(path)))
    assert data.passed_over == data.repairs == ()


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("images/1.jpg", "masks/1.png"),
        ("Images/sub/1.jpg", "labels/sub/1.png"),
        ("images/1.jpg", "annotations/trimaps/1.png"),
        ("train_images/1.jpg", "train_masks/1_mask.png"),
        ("train/1.jpg", "train_masks/1_mask.png"),
        ("train/1.png", "trainannot/1.png"),
        ("CamVid/train/0001TP_1.png", "CamVid/train_labels/0001TP_1_L.png"),
        ("images/training/1.jpg", "annotations/training/1.png"),
        ("train/images/1.jpg", "train/gts/1.png"),
        ("leftImg8bit/train/ulm/u_1_leftImg8bit.png", "gtFine/train/ulm/u_1_gtFine_labelIds.png"),
        ("train2017/1.jpg", "stuffthingmaps/train2017/1.png"),
        ("train/1_sat.jpg", "train/1_mask.png"),
        ("1.jpg", "1_segmentation.png"),
        ("room/1_color.png", "room/1_label.png"),
        ("images/1_gt.jpg", "masks/1_gt.png"),
    ],
)
def test_pictures_and_masks_are_told_by_how_people_call_them(tmp_path, image, mask):
    write_pair(tmp_path, image, mask, blocks((1, 1, 1, 3, 3)))
    other = [
        part.replace("training", "validation").replace("train", "val").replace("1", "2")
        for part in (image, mask)
    ]
    write_pair(tmp_path, *other, blocks((2, 0, 0, 3, 3)))
    assert holds_masks(tmp_path)
    data = read_masks(tmp_path)
    assert data.passed_over == () and data.classes == ("0", "1", "2")
    splits = ("train", "val") if "train" in image else ("all",)
    names = [name for split in splits for name in data.splits[split].names]
    assert names == [image, other[0]] and tuple(data.splits) == splits
    assert data.splits[splits[0]].masks[0]().max() == 1


def test_the_better_of_two_masks_is_taken_and_those_of_another_kind_are_left_alone(tmp_path):
    for ending, label in (("labelIds", 7), ("labelTrainIds", 1), ("color", 9), ("instanceIds", 9)):
        name = f"gtFine/u_1_gtFine_{ending}.png"
        write_pair(tmp_path, "leftImg8bit/u_1_leftImg8bit.png", name, blocks((label, 0, 0, 2, 2)))
    write_pair(tmp_path, "images/2.jpg", "SegmentationObject/2.png", blocks())
    data = read_masks(tmp_path)
    assert data.splits["all"].names == ("leftImg8bit/u_1_leftImg8bit.png",)
    assert len(data.classes) == 2
    assert data.passed_over == (
        ("images/2.jpg", "without mask"),
        ("gtFine/u_1_gtFine_labelIds.png", "another mask of a picture"),
    )


def test_what_lacks_its_other_half_is_named_or_counted(tmp_path):
    write_pairs(tmp_path)
    picture(tmp_path / "images" / "a.jpg", (8, 6))
    for at in range(6):
        write_pair(tmp_path, f"images/more/{at}.png", f"masks/other/{at}.png", blocks())
    write_pair(tmp_path, "images/last.png", "masks/list.png", blocks())
    data = read_masks(tmp_path)
    assert data.passed_over == (
        ("images/a.png", "without mask"),
        ("images/last.png", "without mask"),
        ("images/more/", "6 pictures, such as 0.png: without mask"),
        ("masks/list.png", "there is no picture of its name"),
        ("masks/other/", "6 masks, such as 0.png: there is no picture of its name"),
    )
    assert data.damaged == data.passed_over[3:]
    assert len(data) == 3


def test_voc_has_lists_of_splits_and_names_of_its_own(tmp_path):
    for at in range(5):
        labels = blocks((15, 0, 0, 4, 4), (255, 4, 0, 5, 4))
        write_pair(tmp_path, f"JPEGImages/{at}.jpg", f"SegmentationClass/{at}.png", labels)
        write_pair(tmp_path, f"JPEGImages/{at}.jpg", f"SegmentationObject/{at}.png", labels)
    for at in range(5, 17):
        picture(tmp_path / "JPEGImages" / f"{at}.jpg")
    data = read_masks(tmp_path)
    assert len(data.splits["all"]) == 5 and data.classes[15] == "person" and len(data.classes) == 21
    assert data.passed_over == (("JPEGImages/", "12 pictures, such as 5.jpg: without mask"),)
    lists = tmp_path / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    (lists / "trainval.txt").write_text("0\n1\n2\n")
    (lists / "test.txt").write_text("3\n16\n")
    data = read_masks(tmp_path)
    assert {split: ex.names for split, ex in data.splits.items()} == {
        "train": tuple(f"JPEGImages/{at}.jpg" for at in range(3)), "test": ("JPEGImages/3.jpg",)
    }  # fmt: skip
    assert data.passed_over[1:] == (
        ("ImageSets/Segmentation/test.txt", "1 of its pictures are not annotated, such as 16"),
        ("JPEGImages/4.jpg", "in no list of ImageSets/Segmentation"),
    )
    (lists / "train.txt").write_text("0\n")
    (lists / "val.txt").write_text("1\n")
    assert list(read_masks(tmp_path).splits) == ["train", "val", "test"]
    write_pair(tmp_path, "JPEGImages/0.jpg", "SegmentationClass/0.png", blocks((22, 0, 0, 1, 1)))
    assert read_masks(tmp_path).classes == tuple(map(str, range(23)))


def test_what_holds_no_masks(tmp_path, make):
    """Folders of classes, boxes, and files of both kinds that are not of one another."""
    classes = make("mask/1.png", "no_mask/1.png", "no_mask/2.png", "image/3.png", "1_mask.png")
    assert not holds_masks(classes)
    with pytest.raises(UsageError, match=r"masks: none of their names agree, such as image/3"):
        read_masks(classes)
    with pytest.raises(UsageError, match=r"holds no pictures with masks; wanted is a folder with"):
        read_masks(classes / "no_mask")
    boxes = write_coco(tmp_path / "coco")
    assert not holds_masks(boxes) and holds_objects(boxes)
    with pytest.raises(UsageError, match=r"labels.json has boxes of objects only, no outlines"):
        read_masks(boxes)
    yolo = write_yolo(tmp_path / "yolo")
    assert not holds_masks(yolo) and holds_objects(yolo)


def test_endings_alone_tell_masks_where_most_pictures_have_one(tmp_path):
    for at in range(4):
        picture(tmp_path / "cat" / f"{at}.png", (8, 6))
    write_pair(tmp_path, "cat/0.png", "cat/0_mask.png", blocks((1, 0, 0, 1, 1)))
    assert not holds_masks(tmp_path)
    assert len(read_masks(tmp_path)) == 1  # as it was asked for
    for at in range(3):
        write_pair(tmp_path, f"cat/{at}.png", f"cat/{at}_mask.png", blocks((1, 0, 0, 1, 1)))
    assert holds_masks(tmp_path)


def test_masks_in_a_folder_called_labels_are_no_boxes(tmp_path):
    write_pairs(tmp_path)
    (tmp_path / "masks").rename(tmp_path / "labels")
    assert holds_masks(tmp_path) and not holds_objects(tmp_path)
    (tmp_path / "labels" / "a.txt").write_text("0 0.5 0.5 1 1\n")
    assert holds_objects(tmp_path)


def test_a_folder_with_boxes_and_masks_is_read_by_its_masks(tmp_path):
    write_pairs(tmp_path)
    content = coco([(name, 8, 6) for name in MASKS], [(1, 10, (1, 1, 4, 3))])
    write_json(tmp_path / "annotations" / "instances.json", content)
    assert holds_masks(tmp_path) and holds_objects(tmp_path)
    assert read_masks(tmp_path).splits["all"].counts[1].tolist() == [23, 0, 16]
    shutil.rmtree(tmp_path / "masks")
    assert not holds_masks(tmp_path)
    with pytest.raises(UsageError, match="has boxes of objects only"):
        read_masks(tmp_path)


def test_what_cannot_be_told_or_is_not_there(tmp_path):
    with pytest.raises(UsageError, match=r"^the name of the data is empty: wanted is a folder"):
        read_masks("")
    assert not holds_masks("") and not holds_masks(tmp_path / "none")
    path = write_mask_table(tmp_path / "data")
    with pytest.raises(UsageError, match=r'mask\.csv\. Did you mean "masks.csv"'):
        read_masks(path.parent / "mask.csv")
    (tmp_path / "x.txt").write_text("")
    assert not holds_masks(tmp_path / "x.txt")
    with pytest.raises(UsageError, match=r"x\.txt is no data set of masks; wanted is"):
        read_masks(tmp_path / "x.txt")
    shutil.move(tmp_path / "data" / "masks", tmp_path / "data" / "elsewhere")
    with pytest.raises(UsageError, match=r"did you mean \S+/data/masks\.csv\?"):
        read_masks(tmp_path / "data")
