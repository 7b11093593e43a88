"""Objects in a CSV file."""

import pytest

from dltk.data.objects import holds_objects, read_objects
from dltk.errors import UsageError
from tests.data.object_files import picture

HEADER = "path,label,left,top,right,bottom"


@pytest.fixture
def read(tmp_path):
    """Write a CSV beside two pictures of 40 × 30 and read it: read(lines…) -> data."""

    def written(*lines):
        for name in ("1.png", "sub/2.png"):
            picture(tmp_path / name)
        (tmp_path / "boxes.csv").write_text("\n".join(lines) + "\n")
        return read_objects(tmp_path / "boxes.csv")

    return written


def boxes(data, index=0, split="all"):
    return data.splits[split].objects[index].boxes.tolist()


@pytest.mark.parametrize(
    "header",
    [
        HEADER,
        "path,label,xmin,ymin,xmax,ymax",
        "filename,class,x1,y1,x2,y2",
        " Path;LABEL;Left;top;right;bottom",
    ],
)
def test_a_row_is_an_object_and_an_empty_one_a_picture_without(read, header):
    mark = ";" if ";" in header else ","
    rows = ["1.png,dog,1,2,3.5,4", "1.png,cat,0,0,40,30", "", "sub/2.png,,,,,"]
    data = read(header, *(row.replace(",", mark) for row in rows))
    assert data.classes == ("cat", "dog") and data.splits["all"].names == ("1.png", "sub/2.png")
    assert boxes(data) == [[1, 2, 3.5, 4], [0, 0, 40, 30]] and boxes(data, 1) == []
    assert data.splits["all"].objects[0].labels.tolist() == [1, 0]
    assert data.repairs == data.passed_over == ()


def test_columns_for_more(read):
    data = read(
        "width,height,filename,class,xmin,ymin,xmax,ymax,difficult,split",
        "80,60,1.png,cat,2,4,6,8,1,valid",
        "40,30,sub/2.png,cat,2,4,6,8,0,train",
    )
    assert list(data.splits) == ["train"]  # ignored objects only: nothing to measure on
    data = read(
        "width,height,filename,class,xmin,ymin,xmax,ymax,difficult,split",
        "80,60,1.png,cat,2,4,6,8,1,valid",
        "80,60,1.png,cat,20,4,60,8,no,valid",
        "40,30,sub/2.png,cat,2,4,6,8,0,train",
    )
    assert boxes(data, split="val") == [[1, 2, 3, 4], [10, 2, 30, 4]]
    assert data.splits["val"].objects[0].ignored.tolist() == [True, False]
    assert "annotated in another size: 1.png, 80 × 60, boxes scaled to 40 × 30" in [
        what for _, what in data.repairs
    ]


def test_corners_in_shares_are_seen_to_be(read):
    data = read(HEADER, "1.png,cat,0,0.5,0.25,1")
    assert boxes(data) == [[0, 15, 10, 30]]
    what = "corners in shares: all are between 0 and 1, not in pixels"
    assert data.repairs == (("boxes.csv", what),)


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ("1.png,cat,30,10,50,20", "over the edge: (30, 10, 50, 20) of 40 × 30, cut"),
        ("1.png,cat,30,10,20,20", "corners exchanged: (30, 10, 20, 20), put right"),
        ("1.png,cat,x,10,,20", "coordinates that are no numbers: (x, 10, , 20), left out"),
        ("1.png,cat,,,,", "no box: left out"),
        ("1.png,,1,2,3,4", "no class: left out"),
        ("1.png,cat,5,5,9,5", "no area: (5, 5, 9, 5), left out"),
        ("1.png,cat,1,2,3,4", "the same again: (1, 2, 3, 4), left out"),
    ],
)
def test_bad_rows_are_mended_or_left_out_and_named(read, row, what):
    data = read(HEADER, "1.png,cat,1,2,3,4", row)
    assert data.repairs == (("boxes.csv, line 3", what),)


def test_missing_pictures_are_passed_over(read):
    data = read(HEADER, "1.png,cat,1,2,3,4", "gone.png,cat,1,2,3,4", "gone.png,cat,1,2,3,5")
    assert data.passed_over == data.damaged == (("gone.png", "no such file, with 2 objects"),)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["path,label,left,top,right", "1.png,cat,1,2,3"],
         'has no column "bottom" (or ymax, y2) in its first line. Its columns: path, label, left,'),
        ([HEADER], "has no rows below its header"),
        ([HEADER, "1.png,cat,1,2,3"], "line 2: 5 cells under 6 columns"),
        ([HEADER, ",cat,1,2,3,4"], "line 2: the path is empty"),
        ([HEADER + ",split", "1.png,cat,1,2,3,4,trian"], "line 2: the split \"trian\" is not"),
        ([HEADER + ",split", "1.png,cat,1,2,3,4,val", "1.png,cat,1,2,3,5,test"],
         "line 3: 1.png is in test, and further up in val"),
        ([HEADER, "gone.png,cat,1,2,3,4"],
         "no pictures that can be read; gone.png: no such file, with 1 object"),
        ([HEADER, "1.png,,,,,"], "has no objects in 1 pictures"),
    ],
)  # fmt: skip
def test_tables_that_cannot_be_used(read, lines, message):
    with pytest.raises(UsageError) as error:
        read(*lines)
    assert message in str(error.value) and "\n" not in str(error.value)


def test_a_table_of_classes_holds_no_objects(tmp_path):
    (tmp_path / "x.csv").write_text("path,label\n1.png,cat\n")
    (tmp_path / "y.csv").write_text(HEADER + "\n")
    assert not holds_objects(tmp_path / "x.csv") and holds_objects(tmp_path / "y.csv")
