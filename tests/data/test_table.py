"""Pictures listed in a CSV file."""

import pytest

from dltk.data import read_data


@pytest.fixture
def table(make):
    """Write a CSV beside four pictures."""
    root = make("1.png", "2.png", "sub/3.png", "4.png")

    def write(text, encoding="utf-8"):
        (root / "list.csv").write_text(text, encoding)
        return root / "list.csv"

    return write


def test_a_table_names_pictures_and_classes(table):
    path = table("Label,extra,path\ndog,x,1.png\n\ncat,,sub/3.png\ndog,,4.png\n", "utf-8-sig")
    data = read_data(path)
    assert data.classes == ("cat", "dog") and list(data.splits) == ["all"]
    assert data.splits["all"].names == ("1.png", "sub/3.png", "4.png")
    assert data.splits["all"].labels.tolist() == [1, 0, 1]
    assert data.splits["all"].decode(1).size == (12, 8)


def test_columns_that_are_not_looked_at_may_be_called_alike(table):
    assert read_data(table("path,label,x,,x,\n1.png,a,1,2,3,4\n2.png,b,1,2,3,4\n")).divided is False


def test_a_table_may_divide_and_be_separated_otherwise(table):
    path = table("path;label;split\n1.png;a;train\n2.png;b;train\nsub/3.png;a;Validation\n")
    data = read_data(path)
    assert {split: list(ex.names) for split, ex in data.splits.items()} == {
        "train": ["1.png", "2.png"],
        "val": ["sub/3.png"],
    }
    absolute = path.parent / "1.png"
    assert read_data(table(f"path,label\n{absolute},a\n2.png,b\n")).splits["all"].decode(0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", 'has no column "path" in its first line. Its columns: none'),
        ("path,lable\n1.png,a\n", 'has no column "label" in its first line. Did you mean "lable"?'),
        ("path,label, Label\n1.png,a,b\n", 'has 2 columns "label" in its first line; keep one'),
        ("split,path,label,split\ntrain,1.png,a,test\n", 'has 2 columns "split" in its first'),
        ("path,label\n", "has no rows below its header"),
        ("path,label\n1.png,a\n2.png, \n", "list.csv, line 3: the label is empty"),
        ("path,label\n,a\n", "line 2: the path is empty"),
        ("path,label\n1.png,a,b\n", "line 2: 3 cells under 2 columns"),
        ("path,label,split\n1.png,a,trian\n", 'line 2: the split "trian" is not train, val or '),
        ("path,label\n1.png,a\n2.png,a\n", "one class only"),
        ('path,label\n1.png,a\n"a\nb.png",b\nc.png,a\n', "line 4: no such file"),
        ('path,label\n1.png,a\n"a\nb.png",b\nc.png,a\n', "(2 of 3 files are missing); paths are"),
    ],
)
def test_what_is_wrong_with_a_table_is_said_with_its_line(table, text, message, said):
    assert message in said(table(text))


def test_a_table_must_be_utf8(table, said):
    assert "it is not UTF-8" in said(table("path,label\n1.png,käse\n2.png,a\n", "latin-1"))
