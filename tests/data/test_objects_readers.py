"""Every layout says the same of the same pictures; their true sizes and turns decide on boxes."""

import shutil

import numpy as np
import pytest
from PIL import Image

from dltk.data.objects import holds_objects, read_objects
from dltk.data.objects.mend import turned as turned_boxes
from dltk.data.scene_files import write_scenes
from dltk.data.scenes import scene
from dltk.errors import UsageError
from tests.data.object_files import (
    PICTURES,
    coco,
    picture,
    voc_xml,
    write_coco,
    write_json,
    write_table,
    write_voc,
    write_yolo,
)

WRITERS = (write_coco, write_voc, write_yolo, write_table)


@pytest.mark.parametrize("write", WRITERS)
def test_all_layouts_say_the_same(tmp_path, write):
    where = write(tmp_path / "data")
    assert holds_objects(where)
    data = read_objects(where)
    assert data.where == str(where) and data.classes == ("cat", "dog") and not data.divided
    examples = data.splits["all"]
    assert [name.split("/")[-1] for name in examples.names] == list(PICTURES)
    for objects, (_, expected) in zip(examples.objects, PICTURES.values(), strict=True):
        corners = [list(row[1:5]) for row in expected]
        np.testing.assert_allclose(objects.boxes.reshape(-1), np.ravel(corners), atol=1e-4)
        assert objects.labels.tolist() == [data.classes.index(row[0]) for row in expected]
        if write is not write_yolo:  # which has no word for it
            assert objects.ignored.tolist() == [row[5] for row in expected]
    assert data.repairs == data.passed_over == ()


def test_made_scenes_come_back_as_they_were_made(tmp_path):
    list(write_scenes(tmp_path, 3, val=2, size=64))
    data = read_objects(tmp_path)
    assert {split: len(ex) for split, ex in data.splits.items()} == {"train": 3, "val": 2}
    for number, objects in enumerate(data.splits["train"].objects):
        made = scene(number, size=64).objects
        assert np.array_equal(objects.boxes, made.boxes)
        assert np.array_equal(objects.labels, made.labels)
        assert np.array_equal(objects.areas, made.areas)
    assert data.passed_over == data.repairs == ()


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_boxes_of_a_picture_lying_on_its_side_are_turned_with_it(tmp_path, orientation):
    """A marked corner is where the box is, whichever way the picture is stored."""
    marked = np.zeros((20, 40, 3), np.uint8)
    marked[2:6, 30:38] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(marked).save(tmp_path / "1.jpg", exif=exif, quality=95)
    content = coco([("1.jpg", 40, 20)], [(1, 10, (30, 2, 8, 4))])
    data = read_objects(write_json(tmp_path / "x.json", content))
    examples = data.splits["all"]
    left, top, right, bottom = examples.objects[0].boxes[0].astype(int).tolist()
    pixels = np.asarray(examples.decode(0).convert("L"), np.float32)
    assert pixels.shape == (40, 20) and (right - left, bottom - top) == (4, 8)
    assert pixels[top:bottom, left:right].min() > 200
    pixels[top:bottom, left:right] = 0
    assert pixels.max() < 100
    what = "annotated lying on its side: 1.jpg, boxes turned"
    assert data.repairs == (("x.json", what),)


def test_turning_boxes_four_times_changes_nothing():
    boxes = np.array([[1.0, 2, 5, 9], [0, 0, 30, 10]])
    quarter = Image.Transpose.ROTATE_270
    once = turned_boxes(boxes, (30, 10), quarter)
    assert once.tolist() == [[1, 1, 8, 5], [0, 0, 10, 30]]
    twice = turned_boxes(once, (10, 30), quarter)
    assert np.array_equal(
        turned_boxes(turned_boxes(twice, (30, 10), quarter), (10, 30), quarter), boxes
    )
    back = turned_boxes(once, (10, 30), Image.Transpose.ROTATE_90)
    assert np.array_equal(back, boxes)


@pytest.mark.parametrize(
    ("stated", "expected", "what"),
    [
        ((40, 20), [2, 4, 10, 8], None),
        ((0, 0), [2, 4, 10, 8], None),
        (None, [2, 4, 10, 8], None),
        (
            (80, 40),
            [1, 2, 5, 4],
            "annotated in another size: 1.png, 80 × 40, boxes scaled to 40 × 20",
        ),
        (
            (20, 10),
            [4, 8, 20, 16],
            "annotated in another size: 1.png, 20 × 10, boxes scaled to 40 × 20",
        ),
        ((20, 40), [2, 4, 10, 8], "width and height exchanged: 1.png is 40 × 20"),
    ],
)
def test_a_stated_size_tells_whether_boxes_are_of_another_copy(tmp_path, stated, expected, what):
    picture(tmp_path / "1.png", (40, 20))
    xml = voc_xml(stated, [("cat", 2, 4, 10, 8, False)])
    (tmp_path / "1.xml").write_text(xml)
    data = read_objects(tmp_path)
    assert data.splits["all"].objects[0].boxes.tolist() == [expected]
    assert data.repairs == ((("1.xml", what),) if what else ())


def test_a_size_that_nothing_explains_costs_the_picture(tmp_path):
    write_voc(tmp_path)
    path = tmp_path / "Annotations" / "a.xml"
    path.write_text(path.read_text().replace("<width>40", "<width>400"))
    assert read_objects(tmp_path).passed_over == (
        ("JPEGImages/a.png", "it is 40 × 30, and annotated as 400 × 30, with 2 objects"),
    )


def test_what_cannot_be_told_or_is_not_there(tmp_path, make):
    with pytest.raises(UsageError, match=r"^the name of the data is empty: wanted is a COCO"):
        read_objects("")
    write_coco(tmp_path / "x")
    with pytest.raises(UsageError, match=r'lables\.json\. Did you mean "labels.json"'):
        read_objects(tmp_path / "x" / "lables.json")
    classes = make("cat/1.png", "dog/1.png")
    (classes / "about.json").write_text('{"info": {"year": 2024}, "images": "two"}')
    (classes / "about.xml").write_text("<about/>")
    (classes / "about.yaml").write_text("name: pets")
    (classes / "about.txt").write_text("pets")
    assert not holds_objects(classes)
    with pytest.raises(UsageError, match="holds no pictures with objects; wanted is"):
        read_objects(classes)
    (classes / "about.yaml").rename(classes / "data.yaml")
    with pytest.raises(UsageError, match=r'; its data\.yaml has no "names" of classes; wanted'):
        read_objects(classes)
    (tmp_path / "x.txt").write_text("")
    with pytest.raises(UsageError, match=r"x\.txt is no data set of objects; wanted is"):
        read_objects(tmp_path / "x.txt")
    shutil.copytree(tmp_path / "x", tmp_path / "y" / "inner")
    with pytest.raises(UsageError, match=r"did you mean \S+/y/inner\?"):
        read_objects(tmp_path / "y")


def test_links_in_a_circle_end(tmp_path):
    write_yolo(tmp_path)
    (tmp_path / "images" / "round").symlink_to(tmp_path, target_is_directory=True)
    assert len(read_objects(tmp_path)) == 3
