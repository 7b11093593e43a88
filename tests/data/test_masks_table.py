"""Label maps listed in a CSV file."""

import pytest

from dltk.data.masks import holds_masks, read_masks
from dltk.errors import UsageError
from tests.data.mask_files import blocks, write_pair


@pytest.fixture
def read(tmp_path):
    """Write a CSV beside two pictures and masks and read it: read(lines…) -> data."""

    def written(*lines):
        write_pair(tmp_path, "1.jpg", "m/1.png", blocks((1, 0, 0, 2, 2)))
        write_pair(tmp_path, "sub/2.jpg", "m/other.png", blocks((2, 0, 0, 2, 2)))
        (tmp_path / "masks.csv").write_text("\n".join(lines) + "\n")
        return read_masks(tmp_path / "masks.csv")

    return written


@pytest.mark.parametrize(
    "header", ["path,mask", "filename,label_map", " Image;SEGMENTATION", "mask,path"]
)
def test_a_row_is_a_picture(read, header, tmp_path):
    mark = ";" if ";" in header else ","
    rows = [["1.jpg", "m/1.png"], ["sub/2.jpg", "m/other.png"]]
    order = -1 if header.startswith("mask") else 1
    data = read(header, *(mark.join(row[::order]) for row in rows), "")
    assert holds_masks(tmp_path / "masks.csv")
    assert data.splits["all"].names == ("1.jpg", "sub/2.jpg") and data.classes == ("0", "1", "2")
    assert [mask().max() for mask in data.splits["all"].masks] == [1, 2]
    assert data.repairs == data.passed_over == ()


def test_splits_and_names_of_classes(read, tmp_path):
    (tmp_path / "labelmap.txt").write_text("a:0,0,0::\nb:128,0,0::\nc:0,128,0::\n")
    data = read("path,mask,split", "1.jpg,m/1.png,train", "sub/2.jpg,m/other.png,Validation")
    assert list(data.splits) == ["train", "val"] and data.classes == ("a", "b", "c")
    assert data.splits["val"].masks[0]().max() == 2


def test_what_is_missing_is_passed_over_and_named(read):
    rows = ["1.jpg,m/1.png", "sub/2.jpg,", "gone.jpg,m/1.png", "m/1.png,gone.png"]
    data = read("path,mask", *rows)
    assert data.passed_over == (
        ("sub/2.jpg", "without mask"),
        ("gone.jpg", "no such file"),
        ("m/1.png", "its mask gone.png: no such file"),
    )
    assert data.damaged == data.passed_over[1:] and data.splits["all"].names == ("1.jpg",)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["path,masks", "1.jpg,m/1.png"],
         'has no column "mask" (or label_map, segmentation) in its first line. Did you mean "mas'),
        (["path,mask"], "has no rows below its header"),
        (["path,mask", ",m/1.png"], "line 2: the path is empty"),
        (["path,mask,split", "1.jpg,m/1.png,trian"], 'line 2: the split "trian" is not train'),
        (["path,mask", "1.jpg,m/1.png", "1.jpg,m/other.png"], "line 3: 1.jpg is in line 2 already"),
        (["path,mask", "gone.jpg,m/1.png"],
         "has no pictures with masks that can be read; gone.jpg: no such file"),
    ],
)  # fmt: skip
def test_tables_that_cannot_be_used(read, lines, message):
    with pytest.raises(UsageError) as error:
        read(*lines)
    assert message in str(error.value) and "\n" not in str(error.value)


def test_a_table_of_classes_or_boxes_holds_no_masks(tmp_path):
    (tmp_path / "x.csv").write_text("path,label\n1.png,cat\n")
    (tmp_path / "y.csv").write_text("path,label,left,top,right,bottom\n")
    assert not holds_masks(tmp_path / "x.csv") and not holds_masks(tmp_path / "y.csv")
