"""Pictures of which nothing is known: read, divided, checked."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from dltk.data.plain import check_pictures, pictures_in_memory, read_pictures, split_pictures
from dltk.errors import UsageError


def draw(path, value: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), (value, value, value)).save(path)


def names_of(data) -> dict[str, tuple[str, ...]]:
    return {split: tuple(part.names) for split, part in data.splits.items()}


def test_a_folder_is_searched_to_the_bottom(tmp_path):
    for at, name in enumerate(("b.png", "a/10.png", "a/2.png", "a/deep [er]/1.png", ".hidden.png")):
        draw(tmp_path / name, at)
    (tmp_path / "notes.txt").write_text("no picture")
    data = read_pictures(tmp_path)
    assert names_of(data) == {"all": ("b.png", "a/2.png", "a/10.png", "a/deep [er]/1.png")}
    assert data.passed_over == (("notes.txt", "not a picture by its extension"),)
    assert data.splits["all"].decode(1).getpixel((0, 0)) == (2, 2, 2)


def test_folders_of_splits_are_splits(tmp_path):
    for name in ("train/1.png", "train/cats/2.png", "test/3.png"):
        draw(tmp_path / name, 1)
    data = read_pictures(tmp_path)
    assert names_of(data) == {"train": ("train/1.png", "train/cats/2.png"), "test": ("test/3.png",)}


def test_a_table_needs_paths_only(tmp_path):
    for at in range(3):
        draw(tmp_path / f"{at}.png", at)
    table = tmp_path / "some.csv"
    table.write_text("path\n0.png\n2.png\n")
    assert names_of(read_pictures(table)) == {"all": ("0.png", "2.png")}
    table.write_text("split,path\ntrain,0.png\ntest,2.png\n")
    assert names_of(read_pictures(table)) == {"train": ("0.png",), "test": ("2.png",)}
    table.write_text("path\n0.png\n7.png\n")
    with pytest.raises(UsageError, match=r"line 3: no such file: .*7\.png"):
        read_pictures(table)


def test_what_holds_no_pictures_is_named(tmp_path):
    with pytest.raises(UsageError, match="no pictures found in"):
        read_pictures(tmp_path)
    with pytest.raises(UsageError, match="no such folder or file"):
        read_pictures(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="the name of the data is empty"):
        read_pictures("")
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(UsageError, match="is no data set: name a folder of pictures"):
        read_pictures(tmp_path / "a.txt")


def test_all_are_trained_on_unless_a_share_is_asked_for():
    images = [np.full((4, 4, 3), at, np.uint8) for at in range(20)]
    data = pictures_in_memory(images)
    assert names_of(split_pictures(data)) == {"train": tuple(data.splits["all"].names)}
    divided = split_pictures(data, test_share=0.25)
    assert {name: len(part) for name, part in divided.splits.items()} == {"train": 15, "test": 5}
    assert names_of(divided) == names_of(split_pictures(data, test_share=0.25))
    assert names_of(divided) != names_of(split_pictures(data, test_share=0.25, seed=1))
    assert names_of(split_pictures(divided)) == names_of(divided)


def test_copies_go_to_the_same_split():
    images = [np.full((4, 4, 3), at // 2, np.uint8) for at in range(20)]
    divided = split_pictures(pictures_in_memory(images), test_share=0.3)
    test = set(divided.splits["test"].digests)
    assert len(divided.splits["test"]) == 2 * len(test) == 6
    assert not test & set(divided.splits["train"].digests)


def test_a_check_finds_damage_copies_and_leaks(tmp_path):
    for name in ("train/1.png", "train/2.png", "test/3.png"):
        draw(tmp_path / name, 7)
    draw(tmp_path / "train/4.png", 9)
    (tmp_path / "train/5.png").write_bytes(b"nothing")
    found = check_pictures(read_pictures(tmp_path), decode=True, threads=2)
    assert found.counts == {"pictures": {"train": 4, "test": 1}}
    assert [name for name, _ in found.unreadable] == ["train/5.png"]
    assert len(found.leaks) == 1 and not found.duplicates
    cannot, leaks = found.errors
    assert "train/5.png (not a picture" in cannot and leaks.startswith(
        "in several splits: train/1.png (train) = "
    )
    assert found.warnings[0] == "5 pictures: too few to learn more than these"
    assert found.sizes["largest"] == (8, 8)


def test_the_command_checks_and_shows_pictures_alone(dltk, tmp_path):
    for at in range(3):
        draw(tmp_path / "some" / f"{at}.png", 60 * at)
    checked = dltk("data", "check", tmp_path / "some", "--for", "pictures")
    assert checked.code == 0 and "pictures" in checked.out
    assert "sizes: smallest 8 × 8" in checked.out
    assert "warning: 3 pictures: too few to learn more than these" in checked.out
    sheet = tmp_path / "sheet.png"
    assert dltk("data", "show", tmp_path / "some", "--for", "pictures", "-o", sheet).code == 0
    with Image.open(sheet) as shown:
        assert (
            len({colour for _, colour in shown.getcolors(1 << 20)} & {(60,) * 3, (120,) * 3}) == 2
        )
