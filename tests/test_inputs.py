"""What a source means: files, folders, patterns, lists, standard input, things in memory."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from weakref import ref

import numpy as np
import pytest
from PIL import Image

from dltk.batch.inputs import Item, find_inputs, gather
from dltk.batch.products import Products, plan_products
from dltk.errors import DltkError, InputError, UsageError
from dltk.images import encodable

SIZE = (4, 3)


def png() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", SIZE, "red").save(buffer, "PNG")
    return buffer.getvalue()


def put(folder: Path, *names: str) -> Path:
    """Write a picture, whatever the extension, under each of the names."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png())
    return folder


def names(sources, **options) -> list[str]:
    if not isinstance(sources, list):
        sources = [sources]
    return [item.name for item in find_inputs(sources, **options)]


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """An empty folder, which is the current one."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def stdin(monkeypatch):
    """Lay bytes on standard input."""

    def lay(content: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(content)))

    return lay


# Folders


def test_a_folder_is_searched_to_the_bottom_and_sorted(here):
    put(here, "b.jpg", "a.png", "sub/deep/c.webp", "sub/a.tif", "z/a.bmp")
    assert names(here) == ["a.png", "b.jpg", "sub/a.tif", "sub/deep/c.webp", "z/a.bmp"]


def test_the_sources_of_a_folder_can_be_read_from_anywhere(here, tmp_path, monkeypatch):
    put(here, "sub/a.png")
    inputs = find_inputs(["."])
    monkeypatch.chdir(tmp_path)
    assert [item.decode().size for item in inputs] == [SIZE]
    assert inputs.root == here


def test_extensions_in_capitals_are_pictures(here):
    assert names(put(here, "A.JPG", "B.Png")) == ["A.JPG", "B.Png"]


def test_other_files_are_counted_by_extension(here):
    put(here, "a.jpg", "a.txt", "sub/b.TXT", "c.mp4", "plain")
    inputs = find_inputs([here])
    assert len(inputs) == 1
    assert inputs.passed_over == {".txt": 2, ".mp4": 1, "no extension": 1}
    assert inputs.describe_passed_over() == (
        "4 other files passed over (.txt ×2, .mp4 ×1, no extension ×1)"  # then as found
    )


def test_one_other_file_is_told_of_in_the_singular(here):
    inputs = find_inputs([put(here, "a.jpg", "a.txt")])
    assert inputs.describe_passed_over() == "1 other file passed over (.txt ×1)"


def test_no_other_files_are_not_told_of(here):
    assert find_inputs([put(here, "a.jpg")]).describe_passed_over() == ""


def test_many_kinds_of_other_files_are_cut_short(here):
    inputs = find_inputs([put(here, "a.jpg", *(f"a.x{number}" for number in range(7)))])
    assert inputs.describe_passed_over().startswith("7 other files passed over (.x0 ×1")
    assert inputs.describe_passed_over().endswith("×1, …)")


def test_hidden_files_and_folders_are_left_out(here):
    inputs = find_inputs([put(here, "a.jpg", ".b.jpg", ".cache/c.jpg", "sub/.d.jpg", ".e.txt")])
    assert [item.name for item in inputs] == ["a.jpg"]
    assert not inputs.passed_over


def test_a_hidden_file_or_folder_by_name_is_an_input(here):
    put(here, ".a.jpg", ".cache/b.jpg")
    assert names([here / ".a.jpg", here / ".cache"]) == [".a.jpg", ".cache/b.jpg"]


def test_a_pipe_in_a_folder_is_not_opened(here):
    put(here, "a.jpg")
    os.mkfifo(here / "x.jpg")
    assert names(here) == ["a.jpg"]


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_a_folder_that_may_not_be_read_fails_alone(here):
    put(here, "a.jpg", "locked/b.jpg", "z.jpg")
    (here / "locked").chmod(0)
    try:
        first, locked, last = find_inputs([here])
    finally:
        (here / "locked").chmod(0o700)
    assert [first.name, locked.name, last.name] == ["a.jpg", "locked", "z.jpg"]
    assert first.decode().size == last.decode().size == SIZE
    with pytest.raises(InputError, match="the folder cannot be read: Permission denied"):
        locked.decode()


# Links


def test_a_loop_of_links_ends(here):
    put(here, "a.jpg", "sub/b.jpg")
    (here / "sub" / "up").symlink_to(here)
    assert names(here) == ["a.jpg", "sub/b.jpg"]


def test_a_folder_reached_by_two_paths_gives_its_pictures_on_each(here):
    put(here, "one/a.jpg")
    (here / "two").symlink_to(here / "one")
    assert names(here) == ["one/a.jpg", "two/a.jpg"]


def test_a_link_to_a_picture_is_a_picture(here, tmp_path):
    put(tmp_path, "elsewhere/a.jpg")
    (here / "b.jpg").symlink_to(tmp_path / "elsewhere" / "a.jpg")
    (item,) = find_inputs([here])
    assert item.name == "b.jpg"
    assert item.decode().size == SIZE


@pytest.mark.parametrize("target", ["missing.jpg", "b.jpg"], ids=["dangling", "to itself"])
def test_a_link_that_leads_nowhere_fails_alone(here, target):
    put(here, "a.jpg", "c.jpg")
    (here / "b.jpg").symlink_to(target)
    before, broken, after = find_inputs([here])
    assert [before.name, broken.name, after.name] == ["a.jpg", "b.jpg", "c.jpg"]
    assert before.decode().size == after.decode().size == SIZE
    with pytest.raises(InputError, match=r"No such file|Too many levels"):
        broken.decode()


# Folders left out


def test_an_excluded_folder_is_not_searched(here):
    put(here, "a.jpg", "out/a.jpg", "sub/out/b.jpg")
    assert names(here, exclude=[None, here / "out"]) == ["a.jpg", "sub/out/b.jpg"]


def test_an_excluded_folder_is_known_by_any_of_its_names(here):
    put(here, "a.jpg", "out/a.jpg")
    (here / "link").symlink_to(here / "out")
    assert names(".", exclude=["./sub/../out"]) == ["a.jpg"]


def test_the_root_itself_is_searched_also_when_excluded(here):
    put(here, "a.jpg", "sub/b.jpg")
    assert names(here, exclude=[here]) == ["a.jpg", "sub/b.jpg"]


@pytest.mark.parametrize("pattern", ["*", "**", "**/*.jpg"])
def test_a_pattern_does_not_search_an_excluded_folder(here, pattern):
    put(here, "a.jpg", "out/a.jpg", "out/deep/b.jpg")
    assert names(pattern, exclude=[here / "out"]) == ["a.jpg"]


# Files, and what names are relative to


def test_a_file_by_name_is_an_input_whatever_its_name(here):
    put(here, "a.dat", "noextension")
    inputs = find_inputs([here / "noextension", here / "a.dat"])
    assert [item.name for item in inputs] == ["noextension", "a.dat"]
    assert [item.decode().size for item in inputs] == [SIZE, SIZE]


def test_names_are_relative_to_the_deepest_common_folder(here):
    put(here, "x/one/a.jpg", "x/two/b.jpg")
    inputs = find_inputs(["x/two", "x/one/a.jpg"])
    assert [item.name for item in inputs] == ["two/b.jpg", "one/a.jpg"]
    assert inputs.root == here / "x"


def test_one_file_is_named_without_its_folder(here):
    put(here, "x/one/a.jpg")
    assert names("x/one/a.jpg") == ["a.jpg"]


def test_what_is_given_twice_appears_once(here):
    put(here, "a.jpg", "b.jpg")
    assert names(["b.jpg", here, "./a.jpg", "*.jpg", here / "b.jpg"]) == ["b.jpg", "a.jpg"]


def test_the_limit_keeps_the_first(here):
    put(here, "a.jpg", "b.jpg", "c.jpg")
    assert names(here, limit=2) == ["a.jpg", "b.jpg"]
    assert names(here, limit=9) == ["a.jpg", "b.jpg", "c.jpg"]


@pytest.mark.parametrize(
    "name",
    [
        "a[1].jpg",
        "[ab].jpg",
        "what?.jpg",
        "a b  c.jpg",
        "a\nb.jpg",
        "a\tb.jpg",
        "-x.jpg",
        "--help",
        "@list.jpg",
        "~a.jpg",
        "$HOME.jpg",
        "é.jpg",
    ],
)
def test_a_name_that_exists_is_taken_as_it_is(here, name):
    put(here, name, "a1.jpg", "a.jpg", "whats.jpg")
    (item,) = find_inputs([name])
    assert item.name == name
    assert item.path == here / name
    assert item.decode().size == SIZE


def test_a_leading_dash_may_be_hidden_behind_a_dot(here):
    put(here, "-x.jpg")
    assert names("./-x.jpg") == ["-x.jpg"]


def test_a_name_that_is_not_utf_8_is_found_and_read(here):
    (here / os.fsdecode(b"\xff.jpg")).write_bytes(png())
    (item,) = find_inputs([here])
    assert os.fsencode(item.name) == b"\xff.jpg"
    assert item.decode().size == SIZE


# Patterns


def test_a_pattern_gives_its_matches_sorted(here):
    put(here, "b2.jpg", "b1.jpg", "a.jpg")
    assert names("b*.jpg") == ["b1.jpg", "b2.jpg"]


def test_a_pattern_with_an_extension_means_it(here):
    put(here, "a.dat", "b.dat", "c.jpg")
    inputs = find_inputs(["*.dat"])
    assert [item.name for item in inputs] == ["a.dat", "b.dat"]
    assert not inputs.passed_over


def test_a_pattern_without_an_extension_means_pictures(here):
    put(here, "a.jpg", "a.txt", "b.png")
    inputs = find_inputs(["*"])
    assert [item.name for item in inputs] == ["a.jpg", "b.png"]
    assert inputs.passed_over == {".txt": 1}


def test_a_pattern_in_the_extension_means_pictures(here):
    put(here, "a.jpg", "a.jxx")
    assert names("a.j*") == ["a.jpg"]


def test_a_pattern_searches_the_folders_it_matches(here):
    put(here, "y1/a.jpg", "y1/deep/b.jpg", "y2/c.jpg", "z/d.jpg")
    assert names("y*") == ["y1/a.jpg", "y1/deep/b.jpg", "y2/c.jpg"]


def test_two_stars_search_to_the_bottom(here):
    put(here, "a.jpg", "x/b.jpg", "x/y/c.jpg", "x/y/c.txt")
    assert names("**/*.jpg") == ["a.jpg", "x/b.jpg", "x/y/c.jpg"]
    assert names("x/**") == ["b.jpg", "y/c.jpg"]
    assert names("**/y/*.txt") == ["c.txt"]


# Lists


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\0"], ids=["LF", "CRLF", "NUL"])
@pytest.mark.parametrize("last", [True, False], ids=["ended", "open"])
def test_a_list_names_files_and_folders(here, end, last):
    put(here, "a b.jpg", "c.dat", "sub/d.jpg")
    content = end.join([b"c.dat", b"a b.jpg", b"sub"]) + end * last
    (here / "list.txt").write_bytes(content)
    assert names("@list.txt") == ["c.dat", "a b.jpg", "sub/d.jpg"]


def test_empty_lines_of_a_list_are_skipped(here):
    put(here, "a.jpg", "b.jpg")
    (here / "list").write_bytes(b"\na.jpg\n\n\r\nb.jpg\n\n")
    assert names("@list") == ["a.jpg", "b.jpg"]


def test_a_list_with_nul_bytes_takes_names_with_newlines(here):
    put(here, "a\nb.jpg", "c\r.jpg")
    (here / "list").write_bytes(b"a\nb.jpg\0c\r.jpg\0")
    assert names("@list") == ["a\nb.jpg", "c\r.jpg"]


def test_a_list_takes_names_literally_and_not_utf_8(here):
    (here / os.fsdecode(b"\xff[1]*.jpg")).write_bytes(png())
    (here / "list").write_bytes(b"\xff[1]*.jpg\n")
    (item,) = find_inputs(["@list"])
    assert item.decode().size == SIZE


def test_a_missing_file_of_a_list_fails_alone_and_later(here):
    put(here, "a.jpg", "c.jpg")
    (here / "list").write_text("a.jpg\nmissing.jpg\nc.jpg\n")
    first, missing, last = find_inputs(["@list"])
    assert first.decode().size == last.decode().size == SIZE
    assert missing.name == "missing.jpg"
    with pytest.raises(InputError, match="No such file or directory"):
        missing.decode()


def test_a_list_that_is_missing_is_an_error_of_use(here):
    with pytest.raises(UsageError, match="cannot read the list nowhere: No such file"):
        find_inputs(["@nowhere"])


def test_a_list_that_is_a_folder_is_an_error_of_use(here):
    (here / "sub").mkdir()
    with pytest.raises(UsageError, match="cannot read the list sub: Is a directory"):
        find_inputs(["@sub"])


# Standard input


def test_a_picture_on_standard_input_is_one_item(here, stdin):
    stdin(png())
    (item,) = find_inputs(["-"])
    assert item.name == "stdin"
    assert item.path is None
    assert item.decode().size == SIZE


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\0"], ids=["LF", "CRLF", "NUL"])
def test_a_list_on_standard_input_names_files(here, stdin, end):
    put(here, "a.jpg", "é b.jpg")
    stdin("é b.jpg".encode() + end + b"a.jpg" + end)
    assert names("-") == ["é b.jpg", "a.jpg"]


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_a_truncated_picture_on_standard_input_is_one_item_that_fails(here, stdin, form, noise):
    buffer = io.BytesIO()
    noise().save(buffer, form)
    stdin(buffer.getvalue()[: len(buffer.getvalue()) // 2])
    inputs = find_inputs(["-"])
    assert [item.name for item in inputs] == ["stdin"]
    with pytest.raises(InputError, match=r"(?i)truncated"):
        inputs.items[0].decode()


def test_nothing_on_standard_input_is_an_error(here, stdin):
    stdin(b"")
    with pytest.raises(DltkError, match="- names no pictures: the list is empty"):
        find_inputs(["-"])


def test_standard_input_goes_with_other_sources(here, stdin):
    put(here, "a.jpg")
    stdin(png())
    assert names(["a.jpg", "-"]) == ["stdin", "a.jpg"]


# Nothing found


def test_an_empty_folder_is_an_error(here):
    with pytest.raises(DltkError, match=r"no pictures found in .*here: looked for \.jpg") as caught:
        find_inputs([here])
    assert caught.value.exit_code == 1
    assert "passed over" not in str(caught.value)


def test_a_folder_without_pictures_tells_what_it_holds(here):
    put(here, "a.txt", "b.mp4", "c.txt")
    with pytest.raises(DltkError, match=r"; 3 other files passed over \(\.txt ×2, \.mp4 ×1\)$"):
        find_inputs([here])


@pytest.mark.parametrize("source", ["missing.jpg", "sub/missing", ""])
def test_a_missing_path_is_an_error_of_use(here, source):
    with pytest.raises(UsageError, match=f"no such file or folder: {source}") as caught:
        find_inputs([source])
    assert caught.value.exit_code == 2


def test_a_pattern_without_a_match_is_an_error_of_use(here):
    put(here, "a.jpg")
    with pytest.raises(UsageError, match=r"no file matches \*\.png") as caught:
        find_inputs(["*.png"])
    assert caught.value.exit_code == 2


def test_a_name_in_a_message_stays_on_its_line(here):
    with pytest.raises(UsageError) as caught:
        find_inputs(["a\nb\x1b[31m.jpg"])
    assert str(caught.value).isprintable()


# Items


def test_an_item_of_a_file_is_stamped_with_its_size_and_time(here):
    put(here, "a.jpg")
    os.utime(here / "a.jpg", ns=(5, 7))
    assert Item("a.jpg", here / "a.jpg").stamp() == {"bytes": len(png()), "mtime_ns": 7}


def test_an_item_without_a_file_has_no_stamp(here):
    assert Item("a", png()).stamp() == {}
    assert Item("a", here / "missing.jpg").stamp() == {}


# Gather


def test_gather_takes_a_file_a_folder_and_a_pattern(here):
    put(here, "a.jpg", "b.jpg")
    assert [item.name for item in gather("a.jpg")] == ["a.jpg"]
    assert [item.name for item in gather(here)] == ["a.jpg", "b.jpg"]
    assert [item.name for item in gather("b*.jpg")] == ["b.jpg"]


@pytest.mark.parametrize(
    "image",
    [
        Image.new("RGB", SIZE),
        np.zeros((3, 4), np.uint8),
        np.zeros((3, 4, 3), np.float32),
        png(),
    ],
    ids=["image", "grey array", "array", "bytes"],
)
def test_gather_takes_one_picture_in_memory(image):
    (item,) = gather(image)
    assert item.name == "000000"
    assert item.path is None
    assert item.decode().size == SIZE


def test_gather_takes_a_stack_of_arrays():
    items = list(gather(np.zeros((2, 3, 4, 3), np.uint8)))
    assert [item.name for item in items] == ["000000", "000001"]
    assert [item.decode().size for item in items] == [SIZE, SIZE]


def test_gather_takes_a_mixture_and_names_pictures_by_their_position(here):
    put(here, "sub/a.jpg")
    mixture = [Image.new("RGB", SIZE), "sub/a.jpg", Path("sub") / "a.jpg", png(), Item("own", b"")]
    items = list(gather(mixture))
    assert [item.name for item in items] == ["000000", "a.jpg", "a.jpg", "000003", "own"]
    assert [item.decode().size for item in items[:4]] == [SIZE] * 4


def test_gather_takes_one_item():
    item = Item("own", png())
    assert list(gather(item)) == [item]


def test_gather_gives_inputs_back(here):
    inputs = find_inputs([put(here, "a.jpg")])
    assert gather(inputs) is inputs


def test_gather_does_not_read_ahead():
    taken = []

    def pictures():
        for number in range(3):
            taken.append(number)
            yield Image.new("RGB", SIZE)

    items = iter(gather(pictures()))
    assert taken == []
    next(items)
    assert taken == [0]
    assert next(items).name == "000001"
    assert taken == [0, 1]


def test_gather_of_nothing_is_nothing():
    assert list(gather([])) == []


# Products


def test_products_that_do_not_meet_are_fine(here):
    items = find_inputs([put(here, "a.jpg", "sub/a.jpg", "a.gif")])
    assert plan_products(items, here.parent / "out", encodable) is None  # and raised nothing
    pictures = gather(iter([Image.new("RGB", SIZE)] * 2))
    assert plan_products(pictures, here, encodable) is None


def test_what_products_are_for_is_not_kept_but_remembered(here):
    products = Products(here, lambda name: {"product": name})
    item = Item("a.png", Image.new("RGB", SIZE))
    assert products.of(item) == products.of(item) == {"product": here / "a.png"}
    there = ref(item)
    del item
    assert there() is None
    with pytest.raises(UsageError, match=r"a\.png and a\.png would both be written"):
        products.of(Item("a.png", Image.new("RGB", SIZE)))


def test_two_items_for_one_product_are_an_error(here):
    items = find_inputs([put(here, "a.gif", "a.gif.png")])
    with pytest.raises(UsageError, match=r"a\.gif and a\.gif\.png would both be written to .*out"):
        plan_products(items, here.parent / "out", encodable)


def test_the_same_name_twice_is_an_error(here):
    put(here, "a.jpg")
    with pytest.raises(UsageError, match="would both be written"):
        plan_products(gather(["a.jpg", "a.jpg"]), here.parent / "out", encodable)


def test_products_never_go_over_inputs(here):
    items = find_inputs([put(here, "sub/a.jpg")])
    for folder in (here, here / "sub", Path(), Path("sub/../sub")):
        with pytest.raises(UsageError, match="is an input and lies in"):
            plan_products(items, folder, encodable)


def test_products_never_go_over_inputs_by_way_of_a_link(here):
    put(here, "real/a.jpg")
    (here / "link").symlink_to(here / "real")
    with pytest.raises(UsageError, match="is an input and lies in"):
        plan_products(find_inputs([here / "link"]), here / "real", encodable)


def test_a_folder_with_the_same_beginning_is_another_folder(here):
    items = find_inputs([put(here, "photos2/a.jpg")])
    assert plan_products(items, here / "photos", encodable) is None  # and raised nothing
