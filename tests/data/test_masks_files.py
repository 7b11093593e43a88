"""Masks in files: what numbers and colours mean, which fit their pictures, and what is damaged."""

import io

import numpy as np
import pytest
from PIL import Image

from dltk.data.masks import read_masks
from dltk.errors import InputError, UsageError
from dltk.masks import IGNORE, PALETTE
from tests.data.mask_files import blocks, write_mask, write_pair
from tests.data.object_files import picture

LABELS = blocks((1, 1, 1, 5, 4), (2, 3, 2, 7, 3))


@pytest.fixture
def read(tmp_path):
    """Save a mask beside others and read it: read(picture, "x.png", classes, labelmap) -> data.

    The others are 1.png, whose classes are 0, 1 and 2, and the picture is of 8 × 6.
    """

    def written(mask, name="x.png", *, classes=None, labelmap=None, **options):
        write_pair(tmp_path, "images/1.png", "masks/1.png", LABELS)
        picture(tmp_path / "images" / "x.jpg", (8, 6))
        mask.save(tmp_path / "masks" / name, **options)
        for file, lines in (("classes.txt", classes), ("labelmap.txt", labelmap)):
            if lines is not None:
                (tmp_path / "masks" / file).write_text(lines)
        return read_masks(tmp_path)

    return written


def label_map_of(data, index=1):
    return data.splits["all"].masks[index]()


def in_colours(labels, mode="RGB"):
    picture = Image.fromarray(PALETTE[labels])
    return picture.quantize(8) if mode == "P" else picture.convert(mode)


@pytest.mark.parametrize("mode", ["L", "I;16", "I", "P", "tRNS", "1"])
def test_numbers_may_be_saved_in_every_way(read, mode):
    labels = LABELS > 0 if mode == "1" else LABELS
    dtype = {"I;16": np.uint16, "I": np.int32}.get(mode, labels.dtype)
    mask, options = Image.fromarray(labels.astype(dtype)), {}
    if mode in ("P", "tRNS"):
        mask.putpalette(PALETTE.tobytes())
    if mode == "tRNS":
        options = {"transparency": bytes([0, 100, 255])}
    data = read(mask, "x.tif" if mode == "I" else "x.png", **options)
    assert np.array_equal(label_map_of(data), labels) and data.repairs == ()
    assert data.classes == ("0", "1", "2")


def test_greys_saved_as_colours_are_numbers(read):
    for mode in ("RGB", "RGBA", "LA"):
        data = read(Image.fromarray(LABELS).convert(mode))
        assert np.array_equal(label_map_of(data), LABELS)
        what = "greys saved as colours: taken for numbers"
        assert data.repairs == (("masks/x.png", what),)
    half = Image.fromarray(LABELS).convert("RGBA")
    half.putalpha(100)
    assert "its pixels are colours (RGBA)" in read(half).damaged[0][1]


LABELMAP = """# label:color_rgb:parts:actions
void:0,0,0::

cat : 128, 0,0:head,tail:
dog:0,128,0::
"""


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "numbers"])
def test_colours_stand_for_the_classes_of_a_labelmap(read, mode):
    labels = LABELS.copy()
    labels[5, 7] = IGNORE  # the light grey of VOC's borders
    mask = Image.fromarray(labels) if mode == "numbers" else in_colours(labels, mode)
    data = read(mask, labelmap=LABELMAP)
    assert data.classes == ("void", "cat", "dog") and data.repairs == data.damaged == ()
    assert np.array_equal(label_map_of(data), labels)
    assert np.array_equal(label_map_of(data, 0), LABELS)  # a palette, of the same colours


def test_the_palette_of_a_mask_decides_where_a_labelmap_has_another_order(read):
    mask = Image.fromarray(LABELS)
    mask.putpalette(PALETTE.tobytes())
    data = read(mask, labelmap="void:0,0,0::\ndog:0,128,0::\ncat:128,0,0::\n")
    assert label_map_of(data)[1, 1] == 2 and label_map_of(data)[2, 4] == 1


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda mask: mask.resize((4, 3)), "it is 8 × 6, and its mask masks/x.png is 4 × 3"),
        (lambda mask: mask.resize((8, 5)), "it is 8 × 6, and its mask masks/x.png is 8 × 5"),
        (lambda mask: mask.transpose(Image.Transpose.ROTATE_90),
         "it is 8 × 6, and its mask masks/x.png is 6 × 8"),
        (lambda mask: in_colours(LABELS),
         "its mask masks/x.png: its pixels are colours (RGB), not numbers of classes; save it"),
        (lambda mask: Image.fromarray(np.full((6, 8), 300, np.uint16)),
         "its mask masks/x.png: it has the class 300; 254 is the last there can be"),
    ],
)  # fmt: skip
def test_masks_that_cannot_be_used_are_damaged_and_named(read, spoil, said):
    data = read(spoil(Image.fromarray(LABELS)))
    assert data.splits["all"].names == ("images/1.png",) and data.passed_over == data.damaged
    ((name, why),) = data.damaged
    assert name == "images/x.jpg" and why.startswith(said)


def test_colours_beyond_the_labelmap_and_classes_beyond_the_names(read):
    labels = LABELS.copy()
    labels[0, 0] = 3
    data = read(in_colours(labels), labelmap=LABELMAP)
    why = "its mask masks/x.png: the colour (128, 128, 0) stands for no class"
    assert data.damaged == (("images/x.jpg", why),)
    data = read(Image.fromarray(labels), labelmap="a\nb\nc")
    why = "its mask masks/x.png: it has the class 3, and there are 3: 0 to 2"
    assert data.damaged == data.passed_over == (("images/x.jpg", why),)
    assert data.classes == ("a", "b", "c")


@pytest.mark.parametrize("name", ["x.jpg", "x.png"])
def test_jpeg_damages_values_whatever_the_file_is_called(read, name):
    data = read(Image.fromarray(LABELS * 20), name, format="JPEG")
    why = f"its mask masks/{name}: its values are damaged by JPEG; save masks as PNG"
    assert data.damaged == (("images/x.jpg", why),)


def test_damaged_files_are_named(read, tmp_path):
    data = read(Image.fromarray(LABELS))
    path = tmp_path / "masks" / "x.png"
    path.write_bytes(path.read_bytes()[:-25])
    ((name, why),) = read_masks(tmp_path).damaged
    assert name == "images/x.jpg" and why.startswith("its mask masks/x.png: ")
    with pytest.raises(InputError, match=r"^its mask masks/x\.png: "):
        label_map_of(data)
    path.unlink()
    with pytest.raises(InputError, match=r"^its mask masks/x\.png: No such file"):
        label_map_of(data)
    write_mask(path, blocks(size=(9, 6)))
    with pytest.raises(InputError, match=r"it was 8 × 6, and its mask masks/x\.png is now 9 × 6"):
        label_map_of(data)
    write_mask(path, blocks((7, 0, 0, 1, 1)))
    with pytest.raises(InputError, match=r"masks/x\.png: it has the class 7, and there are 3"):
        label_map_of(data)
    (tmp_path / "images" / "x.jpg").write_bytes(b"no")
    assert read_masks(tmp_path).damaged[0][1].startswith("not a picture")


def test_ignored_pixels_are_not_counted_and_nothing_else_is_no_example(read):
    labels = LABELS.copy()
    labels[3:] = IGNORE
    data = read(Image.fromarray(labels))
    assert data.splits["all"].counts.tolist() == [[34, 10, 4], [14, 6, 4]]
    assert data.classes == ("0", "1", "2")
    data = read(Image.fromarray(np.full((6, 8), IGNORE, np.uint8)))
    why = "all pixels of its mask are ignored"
    assert data.passed_over == (("images/x.jpg", why),) and data.damaged == ()


def test_one_pixel_is_enough(tmp_path):
    for name in ("1", "2"):
        labels = blocks((1, 0, 0, 1, 1), size=(1, 1))
        write_pair(tmp_path, f"images/{name}.png", f"masks/{name}.png", labels)
    write_pair(tmp_path, "images/3.png", "masks/3.png", blocks(size=(1, 9)))
    data = read_masks(tmp_path)
    assert data.splits["all"].counts.tolist() == [[0, 1], [0, 1], [9, 0]]


def test_black_and_white_are_two_classes(tmp_path):
    labels = blocks((255, 1, 1, 4, 4))
    for name in ("1", "2"):
        write_pair(tmp_path, f"images/{name}.png", f"masks/{name}.png", labels)
    data = read_masks(tmp_path)
    assert data.classes == ("background", "object")
    assert np.array_equal(label_map_of(data), labels > 0)
    assert data.splits["all"].counts.tolist() == [[39, 9], [39, 9]]
    how = 'taken as "background" and "object", and no pixel as ignored'
    assert data.repairs == ((str(tmp_path), f"only 0 and 255 in all masks: {how}"),)
    (tmp_path / "classes.txt").write_text("sea\nland\n")
    assert read_masks(tmp_path).classes == ("sea", "land")
    (tmp_path / "classes.txt").write_text("sea\nland\nice")
    data = read_masks(tmp_path)
    assert data.splits["all"].counts.tolist() == [[39, 0, 0], [39, 0, 0]]
    how = "only 0 and 255 in all masks: 255 taken as ignored, as it may be any of 2 classes"
    assert data.repairs == ((str(tmp_path), how),)
    (tmp_path / "classes.txt").unlink()
    write_mask(tmp_path / "masks" / "3.png", blocks((1, 0, 0, 1, 1)))
    picture(tmp_path / "images" / "3.png", (8, 6))
    assert read_masks(tmp_path).classes == ("0", "1")
    assert label_map_of(read_masks(tmp_path)).max() == IGNORE


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_masks_of_pictures_lying_on_their_side_are_turned_with_them(tmp_path, orientation):
    """A marked corner is where the mask is, whichever way the picture is stored."""
    labels = blocks((1, 30, 2, 38, 6), size=(40, 20))
    exif = Image.Exif()
    exif[0x0112] = orientation
    (tmp_path / "images").mkdir()
    shown = np.repeat(labels[..., None] * 255, 3, axis=2)
    Image.fromarray(shown).save(tmp_path / "images" / "1.jpg", exif=exif, quality=95)
    write_mask(tmp_path / "masks" / "1.png", labels)
    data = read_masks(tmp_path)
    upright = np.asarray(data.splits["all"].decode(0).convert("L"))
    assert np.array_equal(label_map_of(data, 0), upright > 127) and upright.shape == (40, 20)
    assert data.repairs == (("masks/1.png", "annotated lying on its side: images/1.jpg, turned"),)
    mask = Image.fromarray(labels)
    mask.save(tmp_path / "masks" / "1.png", exif=exif)  # as it is, it is upright too
    data = read_masks(tmp_path)
    assert np.array_equal(label_map_of(data, 0), upright > 127) and data.repairs == ()


@pytest.mark.parametrize("file", ["class_dict.csv", "codes.txt"])
def test_names_may_come_from_other_files(read, tmp_path, file):
    names = {
        "class_dict.csv": 'name, r, g, b\nground,0,0,0\nroad,128,0,0\n"sky, blue",0,128,0\n',
        "codes.txt": "ground\nroad\nsky, blue\n",
    }
    (tmp_path / file).write_text(names[file])
    write_mask(tmp_path / "masks" / "1.png", LABELS)
    data = read(in_colours(LABELS) if file == "class_dict.csv" else Image.fromarray(LABELS))
    assert data.classes == ("ground", "road", "sky, blue") and data.passed_over == ()
    assert np.array_equal(label_map_of(data), LABELS)


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("classes.txt", "a\n\nb\n", "has a class with an empty name; name it"),
        ("classes.txt", "a\nb\na\n", 'has two classes called "a"; name each its own'),
        ("classes.txt", "", "classes.txt has no names of classes"),
        ("classes.txt", b"\xff\xfe", "it is not UTF-8"),
        ("classes.txt", "a", 'has one class only, "a"; wanted are two or more'),
        ("classes.txt", "\n".join(map(str, range(256))), "has 256 classes; 255 are the most"),
        ("labelmap.txt", "# name:color\n", "labelmap.txt has no names of classes"),
        ("labelmap.txt", "a:0,0,0::\nb\n", 'line 2: "b" has no colour; wanted is name:red,green,'),
        ("labelmap.txt", "a:0,0,0::\nb:1,2,300::\n", 'line 2: "b:1,2,300::" has no colour; wanted'),
        ("labelmap.txt", "a:0,0,0::\nb:0,0,0::\n", 'line 2: the colour is that of "a" too'),
        ("class_dict.csv", "name,r,g,b\n", "class_dict.csv has no names of classes"),
        ("class_dict.csv", "name,colour\na,1\n", "has other columns than name, r, g, b"),
        ("class_dict.csv", "name,r,g,b\na,0,0,0\nb,1,2\n", 'line 3: "b" has no colour of numbers'),
        ("class_dict.csv", "name,r,g,b\na,0,0,0\nb,0,0,0\n", 'line 3: the colour is that of "a"'),
    ],
)
def test_names_that_cannot_be_used(tmp_path, file, text, said):
    write_pair(tmp_path, "images/1.png", "masks/1.png", LABELS)
    (tmp_path / file).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UsageError) as error:
        read_masks(tmp_path)
    assert said in str(error.value) and "\n" not in str(error.value)


def test_one_class_or_nothing_usable_is_refused_with_a_reason(tmp_path):
    write_pair(tmp_path, "images/1.png", "masks/1.png", blocks())
    with pytest.raises(UsageError, match='has one class only, "0"; wanted are two or more'):
        read_masks(tmp_path)
    write_pair(tmp_path, "images/1.png", "masks/1.png", blocks(size=(4, 4)), size=(8, 6))
    write_pair(tmp_path, "images/2.png", "masks/2.png", blocks(size=(4, 4)), size=(8, 6))
    with pytest.raises(UsageError) as error:
        read_masks(tmp_path)
    assert str(error.value) == (
        f"{tmp_path} has no pictures with masks that can be read; images/1.png: it is 8 × 6, "
        "and its mask masks/1.png is 4 × 4 (2 such findings)"
    )
    (tmp_path / "classes.txt").write_text("a\nb")
    labels = blocks((9, 0, 0, 1, 1))
    for name in ("1", "2"):
        write_pair(tmp_path, f"images/{name}.png", f"masks/{name}.png", labels)
    with pytest.raises(UsageError, match=r"masks that can be used; images/1.png: its mask masks/1"):
        read_masks(tmp_path)


def test_a_name_cannot_break_a_line(tmp_path):
    write_pair(tmp_path, "images/a\nb.png", "masks/a\nb.png", blocks(size=(4, 4)), size=(8, 6))
    with pytest.raises(UsageError) as error:
        read_masks(tmp_path)
    assert "images/a\\nb.png: it is 8 × 6" in str(error.value) and "\n" not in str(error.value)


def test_many_masks_are_announced(tmp_path, monkeypatch):
    from dltk.data.masks import assemble

    monkeypatch.setattr(assemble, "_MANY", 1)
    for name in ("1", "2"):
        write_pair(tmp_path, f"images/{name}.png", f"masks/{name}.png", LABELS)
    lines = []
    read_masks(tmp_path, report=lines.append)
    assert lines == [f"reading 2 masks of {tmp_path}"]


def test_gifs_are_masks_too(read):
    """Carvana's, of two colours."""
    file = io.BytesIO()
    Image.fromarray(LABELS > 0).save(file, "GIF")
    data = read(Image.open(file), "x.gif")
    assert np.array_equal(label_map_of(data), LABELS > 0)
