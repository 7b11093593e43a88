"""Pascal VOC's layout: corners that count from 1, splits, and XML that is not to be trusted."""

import pytest

from dltk.data.objects import read_objects
from dltk.errors import UsageError
from tests.data.object_files import picture, voc_xml, write_voc

BOMB = """<?xml version="1.0"?>
<!DOCTYPE annotation [<!ENTITY a "aaaaaaaaaa">
<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>
<annotation><object><name>&c;</name></object></annotation>"""
THEFT = """<!DOCTYPE annotation [<!ENTITY a SYSTEM "file:///etc/passwd">]>
<annotation><object><name>&a;</name></object></annotation>"""


@pytest.fixture
def read(tmp_path):
    """Read a folder with a picture of 40 × 30 and its XML: read("<annotation>…") -> data."""

    def written(xml):
        picture(tmp_path / "1.png")
        (tmp_path / "1.xml").write_text(xml)
        return read_objects(tmp_path)

    return written


def box(*corners, more="", name="cat"):
    inner = "".join(
        f"<{key}>{value}</{key}>"
        for key, value in zip(("xmin", "ymin", "xmax", "ymax"), corners, strict=True)
    )
    return f"<object><name>{name}</name>{more}<bndbox>{inner}</bndbox></object>"


def annotation(*objects):
    return f"<annotation>{''.join(objects)}</annotation>"


def boxes(data, index=0, split="all"):
    return data.splits[split].objects[index].boxes.tolist()


def test_corners_become_half_open(read):
    data = read(
        annotation(
            box(1, 1, 40, 30),
            box(5, 7, 5, 7, more="<difficult>1</difficult><truncated>1</truncated>", name="dog"),
            box(2.5, 3, 4, 5, more="<difficult>0</difficult>"),
        )
    )
    assert boxes(data) == [[0, 0, 40, 30], [4, 6, 5, 7], [1.5, 2, 4, 5]]
    objects = data.splits["all"].objects[0]
    assert objects.ignored.tolist() == [False, True, False]
    assert objects.labels.tolist() == [0, 1, 0] and data.classes == ("cat", "dog")
    assert objects.areas.tolist() == [1200, 1, 7.5] and data.repairs == ()


def test_parts_of_objects_are_no_objects(read):
    part = "<part><name>head</name><bndbox><xmin>9</xmin></bndbox></part>"
    data = read(annotation(box(1, 2, 3, 4, more=part)))
    assert data.classes == ("cat",) and boxes(data) == [[0, 1, 3, 4]]


@pytest.mark.parametrize(
    ("sets", "expected"),
    [
        ({"train": "a", "val": "b  1\n", "test": "c"}, {"train": "a", "val": "b"}),
        ({"trainval": "a\nc", "test": "b"}, {"train": "ac", "test": "b"}),
        ({"trainval": "abc", "train": "a", "val": "b"}, {"train": "a", "val": "b"}),
        ({"train": "a\nb\nc", "cat_train": "a -1"}, {"all": "abc"}),
    ],
)
def test_splits_are_those_of_image_sets(tmp_path, sets, expected):
    write_voc(tmp_path)
    for name, text in sets.items():
        path = tmp_path / "ImageSets" / "Main" / f"{name}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    data = read_objects(tmp_path)
    found = {split: "".join(n[-5] for n in ex.names) for split, ex in data.splits.items()}
    assert found == expected
    left = dict(data.passed_over)
    if "test" in sets and "test" not in expected:
        assert left["test"] == "1 pictures without a single object to find"
    if "cat_train" not in sets and "test" not in sets:
        assert left["JPEGImages/c.png"] == "in no split"


def test_a_list_may_name_what_is_not_annotated_or_is_in_another(tmp_path):
    write_voc(tmp_path)
    sets = tmp_path / "ImageSets" / "Main"
    sets.mkdir(parents=True)
    (sets / "train.txt").write_text("a\nc\nz\ny")
    (sets / "val.txt").write_text("b\na")
    data = read_objects(tmp_path)
    main = "ImageSets/Main"
    why = "2 of its pictures are not annotated, such as z"
    assert data.passed_over == ((f"{main}/train.txt", why),)
    assert data.repairs == ((f"{main}/val.txt", "in two splits: a, taken as train"),)
    assert list(data.splits["val"].names) == ["JPEGImages/b.png"]


def test_files_may_lie_beside_their_pictures_in_folders_of_splits(tmp_path):
    for split in ("train", "valid"):
        picture(tmp_path / split / "1.jpg")
        (tmp_path / split / "1.xml").write_text(voc_xml((40, 30), [("cat", 1, 2, 3, 4, False)]))
    data = read_objects(tmp_path)
    assert {s: ex.names for s, ex in data.splits.items()} == {
        "train": ("train/1.jpg",),
        "val": ("valid/1.jpg",),
    }


def test_a_picture_goes_by_its_own_name_then_by_the_one_in_the_file(tmp_path):
    for name in ("images/a.jpg", "images/b.png", "masks/a.png", "images/spare.jpg"):
        picture(tmp_path / name)
    folder = tmp_path / "annotations" / "xmls"
    folder.mkdir(parents=True)
    for name, called in (("a", "a.jpg"), ("1", "x/b.png"), ("2", "gone.png")):
        (folder / f"{name}.xml").write_text(voc_xml(None, [("cat", 1, 2, 3, 4, False)], called))
    (folder / "b.xml").write_text(voc_xml(None, [], "b.png"))
    data = read_objects(tmp_path)
    assert data.splits["all"].names == ("images/b.png", "images/a.jpg")
    assert dict(data.passed_over) == {
        "annotations/xmls/2.xml": 'there is no picture of its name, nor "gone.png"',
        "annotations/xmls/b.xml": "images/b.png is annotated by another file already",
        "images/spare.jpg": "without annotation",
    }


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        (box(20, 5, 50, 10), "over the edge: (19, 4, 50, 10) of 40 × 30, cut"),
        (box(0, 5, 9, 10), "over the edge: (-1, 4, 9, 10) of 40 × 30, cut"),
        (box(9, 5, 2, 10), "corners exchanged: (9, 5, 2, 10), put right"),
        (box(41, 5, 50, 10), "outside of the picture: (40, 4, 50, 10) of 40 × 30, left out"),
        (box("x", 5, 50, 10), "coordinates that are no numbers: (x, 5, 50, 10), left out"),
        ("<object><name>cat</name></object>", "no box: left out"),
        (box(1, 2, 3, 4, name=" "), "no class: left out"),
    ],
)
def test_bad_objects_are_mended_or_left_out_and_named(read, wrong, what):
    data = read(annotation(box(1, 1, 2, 2), wrong))
    assert data.repairs == (("1.xml, object 2", what),)
    cut = {"over": [[19, 4, 40, 10]], "corners": [[1, 4, 9, 10]]}
    expected = [[0, 4, 9, 10]] if "-1" in what else cut.get(what.split()[0], [])
    assert boxes(data) == [[0, 0, 2, 2], *expected]


@pytest.mark.parametrize("attack", [BOMB, THEFT])
def test_a_document_type_is_refused_in_one_line(read, attack):
    with pytest.raises(UsageError) as error:
        read(attack)
    assert str(error.value).endswith(
        "1.xml is refused: it declares a document type, which can hide entities that grow "
        "without end"
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("<annotation><obj", "damaged XML: unclosed token: line 1, column 12"),
        ("", "damaged XML: no element found: line 1, column 0"),
        ('<?xml version="1.0" encoding="klingon"?><a/>', "damaged XML: unknown encoding"),
        ("<annotation><name>&gone;</name></annotation>", "damaged XML: undefined entity"),
        ("<html></html>", "not an annotation of a picture, but <html>"),
    ],
)
def test_files_that_are_no_annotations_are_passed_over_and_named(tmp_path, text, why):
    write_voc(tmp_path)
    (tmp_path / "Annotations" / "a.xml").write_text(text)
    data = read_objects(tmp_path)
    name, said = data.passed_over[0]
    assert name == "Annotations/a.xml" and said.startswith(why)
    assert data.passed_over[1] == ("JPEGImages/a.png", "without annotation")
    assert len(data) == 2


def test_a_folder_of_such_folders_is_named(tmp_path):
    write_voc(tmp_path / "VOC2007")
    with pytest.raises(UsageError, match=r"did you mean \S+VOC2007\?"):
        read_objects(tmp_path)
