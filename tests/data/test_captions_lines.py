"""Captions in lines: Flickr's, tables, and text files beside pictures."""

import pytest

from dltk.data.captions import holds_captions, read_captions
from dltk.errors import UsageError
from tests.data.caption_files import (
    CAPTIONS,
    token_lines,
    write_pictures,
    write_texts,
    write_tokens,
)


def captions(data, split="all"):
    examples = data.splits[split]
    return dict(zip(examples.names, examples.captions, strict=True))


@pytest.fixture
def table(tmp_path):
    """Write a table beside three pictures and read it: table(text) -> data."""

    def written(text, name="x.csv"):
        write_pictures(tmp_path)
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_captions(tmp_path / name)

    return written


def test_flickrs_lists_are_its_splits(tmp_path):
    path = write_tokens(tmp_path)
    (path.parent / "Flickr_8k.trainImages.txt").write_text("a.png\nmore.png\n")
    (path.parent / "Flickr_8k.devImages.txt").write_text("b.png\na.png")
    data = read_captions(tmp_path)
    assert captions(data, "train") == {"Flicker8k_Dataset/a.png": CAPTIONS["a.png"]}
    assert captions(data, "val") == {"Flicker8k_Dataset/b.png": CAPTIONS["b.png"]}
    assert data.passed_over == (("Flicker8k_Dataset/c.png", "in no split"),)
    assert data.repairs == (
        ("Flickr_8k.devImages.txt, line 2", "a picture in two splits: a.png, taken for train"),
        (
            "Flickr8k_text/Flickr8k.token.txt, the list for train",
            "a picture without captions: more.png, left out",
        ),
    )


def test_lists_may_leave_out_extensions(tmp_path):
    path = write_tokens(tmp_path)
    for split, stem in (("train", "a"), ("val", "b"), ("test", "c")):
        (path.parent / f"{split}.txt").write_text(stem)
    data = read_captions(path)
    assert {split: len(ex) for split, ex in data.splits.items()} == {
        "train": 1,
        "val": 1,
        "test": 1,
    }


def test_what_is_amiss_in_flickrs_lines_is_named_and_the_rest_goes_on(tmp_path):
    write_pictures(tmp_path)
    lines = [
        "a.png#0\ta sign: we're #1 of all#2 .",
        "a.png#1",
        "gone.jpg.1#0\tpeople wait",
        "no caption",
        "",
        "a.png#2  parted by spaces",
    ]
    text = "\n".join(lines).encode() + b"\nb.png#0\tein B\xe4r\nb.png#1\tein Tier\x85 .\n"
    (tmp_path / "results.token").write_bytes(text)
    data = read_captions(tmp_path / "results.token")
    assert captions(data) == {"a.png": ("a sign: we're #1 of all#2 .", "parted by spaces")}
    first, second = text.index(b"\xe4"), text.index(b"\x85")
    assert data.repairs == (
        ("results.token, line 4", "no NAME#NUMBER and caption: 'no caption', left out"),
        ("results.token, line 7", f"not UTF-8: byte 0xe4 at offset {first}, left out"),
        ("results.token, line 8", f"not UTF-8: byte 0x85 at offset {second}, left out"),
        ("results.token, line 2", "an empty caption: of a.png, left out"),
    )
    assert data.damaged == (("gone.jpg.1", "no such file, with 1 caption"),)
    assert data.passed_over[1:] == (("b.png", "without a caption"), ("c.png", "without a caption"))


def test_a_table_may_divide(table):
    data = table("image;caption;split\na.png;one;train\nb.png;two;Validation\na.png;three;train\n")
    assert captions(data, "train") == {"a.png": ("one", "three")}
    assert captions(data, "val") == {"b.png": ("two",)}


def test_a_cell_may_have_several_captions(table):
    data = table('raw,filename,sentids\n"[""one"", ""two""]",a.png,"[0, 1]"\n[three],b.png,[2]\n')
    assert captions(data) == {"a.png": ("one", "two"), "b.png": ("[three]",)}


def test_captions_at_the_end_may_have_the_mark_that_parts_cells(table):
    data = table("image,caption\na.png,red, white and blue\n./a.png,a flag\n")
    assert captions(data) == {"a.png": ("red, white and blue", "a flag")}
    assert data.repairs == (
        ("x.csv, line 2", "more cells than columns: the last ones taken together"),
    )


def test_what_is_amiss_in_a_table_is_named_and_the_rest_goes_on(table):
    text = "caption,path,split\n,a.png,train\n" + '"two\nlines",a.png,train\n'
    text += "x,a.png\nx,,train\nx,a.png,val\nx,b.png,trian\nx,gone.png,val\n\n"
    data = table(text.encode() + b"B\xe4r,c.png,val\nb,c.png,val\n")
    assert captions(data, "train") == {"a.png": ("two lines", "x")}
    assert captions(data, "val") == {"c.png": ("b",)}
    assert data.repairs == (
        (
            "x.csv, line 4",
            "a row over several lines: 2 lines, kept; is a quotation mark left open?",
        ),
        ("x.csv, line 5", "other cells than columns: 2 under 3, left out"),
        ("x.csv, line 6", "no picture is named: left out"),
        ("x.csv, line 7", "a picture in two splits: a.png, train and val, taken for train"),
        ("x.csv, line 11", f"not UTF-8: byte 0xe4 at offset {len(text) + 1}, left out"),
        ("x.csv, line 2", "an empty caption: of a.png, left out"),
    )
    assert data.passed_over == (
        ("b.png", 'in the split "trian", which is no train, val or test'),
        ("gone.png", "no such file, with 1 caption"),
    )
    assert data.damaged == data.passed_over[1:]


def test_names_of_one_picture(tmp_path, table):
    data = table(f"image,caption\na.png,one\n{tmp_path}/a.png,two\nC:\\old\\a.png,three\n")
    assert captions(data) == {"a.png": ("one", "two", "three")}
    assert data.repairs[0] == (
        f"x.csv, {tmp_path}/a.png", "a picture by two names: taken for a.png"
    )  # fmt: skip


def test_bars_as_flickr30k_has_them(table):
    """One of its lines lacks a bar."""
    text = (
        'image_name| comment_number| comment\na.png| 0| "a cat" , it says .\na.png| 4   A dog .\n'
    )
    data = table(text, "results.csv")
    assert captions(data) == {"a.png": ('"a cat" , it says .',)}
    assert data.repairs == (
        ("results.csv, line 3", "other cells than columns: 2 under 3, left out"),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,caption\n", "has no pictures with captions that can be used"),
        ("path,caption,caption\n", 'has 2 columns "caption" in its first line'),
        ("path,captoin\n", 'Did you mean "captoin"?'),
        (
            "path,caption\ngone.png,x\n",
            "x.csv: not one of its 1 pictures is there, such as gone.png",
        ),
    ],
)
def test_tables_that_cannot_be_used(table, text, message):
    with pytest.raises(UsageError) as error:
        table(text)
    assert message in str(error.value) and "\n" not in str(error.value)


def test_what_is_amiss_with_texts_is_named_and_the_rest_goes_on(tmp_path):
    write_texts(tmp_path)
    (tmp_path / "b.txt").write_bytes(b"\xef\xbb\xbfzwei Hunde\n\nein B\xe4r\n")
    (tmp_path / "c.txt").write_text("x", "utf-16")
    for name, text in (("README.txt", "about"), ("gone.txt", "a cat"), ("silent.txt", "\n")):
        (tmp_path / name).write_text(text)
    write_pictures(tmp_path, ["d.png", "silent.png"])
    assert holds_captions(tmp_path)
    data = read_captions(tmp_path)
    assert captions(data) == {"a.png": CAPTIONS["a.png"], "b.png": ("zwei Hunde",)}
    assert data.repairs == (("b.txt, line 3", "not UTF-8: byte 0xe4 at offset 20, left out"),)
    why = "cannot read c.txt: it is not UTF-8 but UTF-16; save it as UTF-8"
    assert data.damaged == (("c.png", why), ("gone.txt", "no picture of its name"))
    assert data.passed_over == (
        ("c.png", why),
        ("d.png", "without a caption"),
        ("gone.txt", "no picture of its name"),
        ("README.txt", "no picture of its name"),
        ("silent.png", "without a caption"),
    )


def test_captions_in_a_folder_of_their_own(tmp_path):
    write_pictures(tmp_path / "images" / "test")
    (tmp_path / "captions" / "test").mkdir(parents=True)
    (tmp_path / "captions" / "test" / "b.caption").write_text("two dogs")
    data = read_captions(tmp_path)
    assert captions(data, "test") == {"images/test/b.png": ("two dogs",)}
    assert not holds_captions(tmp_path)  # less than half of the pictures


def test_flickrs_pictures_without_a_caption_are_named(tmp_path):
    write_pictures(tmp_path / "images")
    (tmp_path / "x.token").write_text(token_lines({"a.png": ["a"]}))
    data = read_captions(tmp_path)
    assert [name for name, _ in data.passed_over] == ["images/b.png", "images/c.png"]


def test_pictures_of_other_data_beside_this_are_left_alone(tmp_path):
    write_pictures(tmp_path / "other" / "images")
    for folder in ("mine", "captions"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.csv").write_text("path,caption\na.png,one\n")
    with pytest.raises(UsageError, match=r"not one of its 1 pictures is there, such as a.png"):
        read_captions(tmp_path / "mine" / "x.csv")
    found = read_captions(tmp_path / "captions" / "x.csv")
    assert found.splits["all"].names == ("other/images/a.png",)
