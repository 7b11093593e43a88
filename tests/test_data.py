"""Labelled pictures: reading them from wherever they are, dividing them, checking them."""

import json
import shutil
import zlib

import numpy as np
import pytest
from PIL import Image

from dltk.data import check_data, in_memory, read_data, split_data
from dltk.data.shapes import shape_pictures
from dltk.errors import DltkError, UsageError, WeightsError
from dltk.images import software_of


@pytest.fixture
def make(tmp_path, noise):
    """Write pictures, each different, to the paths given: make("a/1.png", …) -> the root."""
    root = tmp_path / "data"

    def write(*names):
        for name in names:
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            noise(zlib.crc32(name.encode()), (12, 8)).save(path)
        return root

    return write


def said(where, kind=UsageError):
    with pytest.raises(kind) as error:
        read_data(where)
    message = str(error.value)
    assert "\n" not in message
    return message


# Folders


def test_a_folder_for_each_class_in_natural_order(make):
    root = make("10/b.png", "2/z.png", "2/deep/er/a.png", "Cat/10.JPG", "cat/9.jpg", ".git/x/1.png")
    data = read_data(root)
    assert data.classes == ("2", "10", "Cat", "cat") and not data.divided
    examples = data.splits["all"]
    assert examples.names == ("2/z.png", "2/deep/er/a.png", "10/b.png", "Cat/10.JPG", "cat/9.jpg")
    assert examples.labels.tolist() == [0, 0, 1, 2, 3] and examples.labels.dtype == np.int64
    assert examples.decode(2).size == (12, 8)
    assert data.where == str(root) and data.passed_over == ()


def test_what_is_no_example_is_passed_over_with_a_reason(make):
    root = make("a/1.png", "b/1.png", "loose.png")
    (root / "readme.md").write_text("hello")
    (root / "a" / "notes.txt").write_text("hello")
    (root / "a" / ".hidden.png").write_text("hello")
    (root / "empty").mkdir()
    (root / "a" / "gone.png").symlink_to(root / "nowhere.png")
    assert dict(read_data(root).passed_over) == {
        "loose.png": "in no class folder",
        "readme.md": "not a picture by its extension",
        "a/notes.txt": "not a picture by its extension",
        "a/gone.png": "a link that leads nowhere",
        "empty/": "a class folder without pictures",
    }


def test_links_are_followed_but_not_in_circles(make):
    root = make("a/1.png", "b/1.png")
    (root / "a" / "up").symlink_to(root)
    (root / "b" / "self").symlink_to(root / "b")
    shutil.move(root / "a" / "1.png", root.parent / "1.png")
    (root / "a" / "there.png").symlink_to(root.parent / "1.png")
    data = read_data(root)
    assert data.splits["all"].names == ("a/there.png", "b/1.png")
    assert [name for name, _ in data.passed_over] == ["a/up/", "b/self/"]


@pytest.mark.parametrize("name", ["val", "validation", "Valid"])
def test_folders_of_splits_hold_the_classes(make, name):
    root = make("train/a/1.png", "train/b/2.png", f"{name}/b/3.png", "test/c/4.png", "test/a/5.png")
    data = read_data(root)
    assert data.classes == ("a", "b", "c") and data.divided
    assert list(data.splits) == ["train", "val", "test"]
    assert data.splits["val"].names == (f"{name}/b/3.png",)
    assert {split: ex.labels.tolist() for split, ex in data.splits.items()} == {
        "train": [0, 1], "val": [1], "test": [0, 2]
    }  # fmt: skip


def test_other_folders_beside_splits_are_passed_over(make):
    root = make("train/a/1.png", "train/b/2.png", "test/a/3.png", "docs/figure.png")
    data = read_data(root)
    assert list(data.splits) == ["train", "test"]
    assert data.passed_over == (("docs/", "neither train, val nor test"),)


def test_training_pictures_alone_are_not_divided(make):
    data = read_data(make("train/a/1.png", "train/b/2.png"))
    assert list(data.splits) == ["all"] and data.classes == ("a", "b")


def test_a_class_may_be_called_train(make):
    data = read_data(make("train/1.png", "car/1.png", "plane/1.png"))
    assert data.classes == ("car", "plane", "train") and not data.divided


def test_folders_that_cannot_be_learnt_from(make, tmp_path):
    assert "one class only, \"a\"" in said(make("a/1.png"))  # fmt: skip
    (tmp_path / "nothing").mkdir()
    assert "no pictures found in" in said(tmp_path / "nothing")
    shutil.copytree(tmp_path / "data" / "a", tmp_path / "flat")
    assert "are in no class folder; wanted is a folder with a folder" in said(tmp_path / "flat")
    two = make("train/1.png", "test/1.png")
    shutil.rmtree(two / "a")
    assert "(train/, test/) are in no class folder" in said(two)
    make("train/a/1.png", "val/a/1.png", "valid/a/1.png")
    assert "val/ and valid/, which mean the same split; keep one" in said(two)


def test_a_path_that_is_not_there_suggests_one_that_is(make):
    root = make("a/1.png", "b/1.png")
    assert 'no such folder or file' in said(root.parent / "dta")  # fmt: skip
    assert 'Did you mean "data"?' in said(root.parent / "dta")
    assert "is no data set: name a folder, a .csv file or tfds:NAME" in said(root / "a/1.png")


# CSV


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
def test_what_is_wrong_with_a_table_is_said_with_its_line(table, text, message):
    assert message in said(table(text))


def test_a_table_must_be_utf8(table):
    assert "it is not UTF-8" in said(table("path,label\n1.png,käse\n2.png,a\n", "latin-1"))


# TensorFlow Datasets


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A folder in which TFDS has prepared a data set of ten pictures, one without a label."""
    import tensorflow_datasets as tfds

    def write(where, features, splits):
        folder = where / "tiny" / "1.0.0"
        folder.mkdir(parents=True)
        info = tfds.core.DatasetInfo(
            builder=tfds.core.DatasetIdentity(
                name="tiny",
                version=tfds.core.Version("1.0.0"),
                data_dir=str(folder),
                module_name="",
            ),
            features=tfds.features.FeaturesDict(features),
        )
        writer = tfds.core.SequentialWriter(info, max_examples_per_shard=4)
        writer.initialize_splits(list(splits))
        writer.add_examples(splits)
        writer.close_all()
        return folder

    def some(numbers):
        return [
            {"image": np.full((4, 5, 3), n, np.uint8), "label": n % 2 if n else -1} for n in numbers
        ]

    label = tfds.features.ClassLabel(names=["even", "odd"])
    good = write(
        tmp_path_factory.mktemp("good"),
        {"image": tfds.features.Image(), "label": label},
        {"train": some(range(7)), "test": some([50, 51]), "extra": some([99])},
    )
    bare = write(
        tmp_path_factory.mktemp("bare"),
        {"image": tfds.features.Image()},
        {"train": [{"image": np.zeros((4, 4, 3), np.uint8)}]},
    )
    return good, bare


def test_a_prepared_data_set_is_copied_once_and_read_in_any_order(prepared, own_cache):
    folder = prepared[0]
    lines = []
    data = read_data(f"tfds:{folder}", report=lines.append)
    assert len(lines) == 2 and all(line.startswith("copying tiny/1.0.0, t") for line in lines)
    assert data.classes == ("even", "odd") and list(data.splits) == ["train", "test"]
    train = data.splits["train"]
    assert train.names[0] == "train/00001" and train.labels.tolist() == [1, 0, 1, 0, 1, 0]
    values = [train.decode(index).getpixel((0, 0))[0] for index in reversed(range(len(train)))]
    assert values == [6, 5, 4, 3, 2, 1]
    assert train.decode(0).size == (5, 4) and len(set(train.digests)) == 6
    assert dict(data.passed_over) == {
        "train": "1 without a label",
        "extra": "neither train, validation nor test",
    }
    again = read_data(folder, report=lines.append)
    assert len(lines) == 2 and again.splits["train"].digests == train.digests


def test_another_data_set_of_the_same_name_is_not_confused(prepared, tmp_path):
    folder = prepared[0]
    shutil.copytree(folder, tmp_path / "tiny" / "1.0.0")
    lines = []
    read_data(tmp_path / "tiny" / "1.0.0", report=lines.append)
    assert len(lines) == 2


def test_data_sets_that_are_none_of_pictures_or_not_there(prepared, tmp_path):
    message = said(f"tfds:{prepared[1]}")
    assert "wanted are image (Image) and label (ClassLabel), it has image (Image)" in message
    assert f"did you mean tfds:{prepared[0]}?" in said(f"tfds:{prepared[0].parents[1]}")
    assert "no such folder" in said(f"tfds:{tmp_path}/none")
    assert 'no data set "mnits". Did you mean "mnist"' in said("tfds:mnits")
    assert "TFDS cannot make tfds:mnist:9.9.9" in said("tfds:mnist:9.9.9")


def test_a_data_set_that_is_damaged(prepared, tmp_path, monkeypatch):
    monkeypatch.setenv("DLTK_CACHE", str(tmp_path / "cache"))
    copy = tmp_path / "tiny" / "1.0.0"
    shutil.copytree(prepared[0], copy)
    records = next(copy.glob("*train*record*"))
    content = bytearray(records.read_bytes())
    content[100] ^= 255
    records.write_bytes(content)
    assert "TFDS cannot read train in" in said(copy, DltkError)
    assert not list((tmp_path / "cache").rglob("*train*"))
    (copy / "features.json").write_text("{")
    assert f"TFDS cannot read {copy}" in said(copy, DltkError)


def test_nothing_is_downloaded_without_the_network(monkeypatch, tmp_path):
    monkeypatch.setenv("DLTK_OFFLINE", "1")
    message = said("tfds:mnist", WeightsError)
    assert "tfds:mnist is not here, and the network is switched off" in message
    assert "or name its folder: tfds:FOLDER" in message


# Splits


def shapes(count=60, **options):
    return in_memory(*shape_pictures(count, size=8, **options))


def members(data):
    return {split: set(examples.names) for split, examples in data.splits.items()}


def test_every_class_is_divided_alike():
    data = split_data(shapes(120), val_share=0.2, test_share=0.1)
    counts = {split: np.bincount(ex.labels).tolist() for split, ex in data.splits.items()}
    assert counts == {"train": [14] * 6, "val": [4] * 6, "test": [2] * 6}
    parts = list(members(data).values())
    assert set.union(*parts) == set(shapes(120).splits["all"].names) and sum(map(len, parts)) == 120
    for examples in data.splits.values():
        assert list(examples.names) == sorted(examples.names)


def test_the_seed_decides_and_the_order_of_the_examples_does_not():
    data = shapes(60)
    once, again, other = (split_data(data, seed=seed) for seed in (1, 1, 2))
    assert members(once) == members(again) != members(other)
    turned = data.splits["all"].take(reversed(range(60)))
    turned = type(data)(data.where, data.classes, {"all": turned})
    assert members(split_data(turned, seed=1)) == members(once)


def test_another_class_changes_nothing_for_the_others(make):
    root = make(*(f"{kind}/{n}.png" for kind in "ab" for n in range(12)))
    before = members(split_data(read_data(root)))
    make(*(f"_first/{n}.png" for n in range(5)))
    after = members(split_data(read_data(root)))
    assert all(before[split] <= after[split] for split in before)


@pytest.mark.parametrize(
    ("count", "expected"),
    [(1, (1, 0, 0)), (2, (2, 0, 0)), (3, (1, 1, 1)), (4, (2, 1, 1)), (20, (14, 3, 3))],
)
def test_small_classes_train_first(count, expected):
    images, labels, classes = shape_pictures(6 * count, size=8)
    data = split_data(in_memory(images, labels, classes))
    counts = [int((data.splits[s].labels == 0).sum()) if s in data.splits else 0
              for s in ("train", "val", "test")]  # fmt: skip
    assert tuple(counts) == expected


def test_without_a_test_share_two_pictures_make_a_validation():
    data = split_data(shapes(12), test_share=0)
    assert {split: len(ex) for split, ex in data.splits.items()} == {"train": 6, "val": 6}
    alone = split_data(shapes(12), val_share=0, test_share=0)
    assert {split: len(ex) for split, ex in alone.splits.items()} == {"train": 12}


def test_copies_stay_together():
    images, labels, classes = shape_pictures(36, size=8)
    images, labels = np.concatenate([images] * 3), np.concatenate([labels] * 3)
    for seed in range(5):
        data = split_data(in_memory(images, labels, classes), seed=seed)
        parts = [set(examples.digests) for examples in data.splits.values()]
        assert len(parts) == 3 and sum(map(len, parts)) == len(set.union(*parts)) == 36
        assert check_data(data, decode=False, threads=1).leaks == ()


def test_a_class_of_copies_only_is_trained_on():
    images, labels, classes = shape_pictures(2, size=8, kinds=("star", "ring"))
    data = split_data(in_memory(np.repeat(images, 9, 0), np.repeat(labels, 9), classes))
    assert {split: len(ex) for split, ex in data.splits.items()} == {"train": 18}


def test_given_splits_stay_and_validation_is_taken_from_training(make):
    names = [f"{n:02d}.png" for n in range(10)]
    root = make(*(f"train/{kind}/{name}" for kind in "ab" for name in names), "test/a/x.png")
    data = split_data(read_data(root), val_share=0.2)
    assert {split: len(ex) for split, ex in data.splits.items()} == {
        "train": 16, "val": 4, "test": 1
    }  # fmt: skip
    assert np.bincount(data.splits["val"].labels).tolist() == [2, 2]
    make("val/a/1.png", "val/b/1.png")
    assert members(split_data(read_data(root))) == members(read_data(root))
    shutil.rmtree(root / "test")
    assert list(split_data(read_data(root)).splits) == ["train", "val"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"val_share": -0.1}, "--val-share -0.1: a share is at least 0"),
        ({"test_share": float("nan")}, "--test-share nan"),
        ({"val_share": 0.5, "test_share": 0.5}, "leave nothing to train on"),
        ({"seed": -1}, "--seed -1"),
    ],
)
def test_impossible_divisions(options, message):
    with pytest.raises(UsageError, match=message):
        split_data(shapes(6), **options)


def test_nothing_to_train_on(table):
    data = read_data(table("path,label,split\n1.png,a,test\n2.png,b,test\n"))
    with pytest.raises(UsageError, match="nothing to train on: only test"):
        split_data(data)


# Checks


@pytest.fixture
def faulty(make):
    """Divided pictures with one fault of each kind."""
    root = make(*(f"train/a/{n}.png" for n in range(30)), "train/b/1.png", "train/b/2.png",
                "test/a/7.png", "test/c/1.png")  # fmt: skip
    shutil.copy(root / "train/a/1.png", root / "train/a/1 again.png")
    shutil.copy(root / "train/a/2.png", root / "test/a/2.png")
    shutil.copy(root / "train/a/3.png", root / "train/b/3.png")
    Image.new("RGB", (300, 200)).save(root / "train/a/large.png")
    (root / "train/a/bad.png").write_bytes((root / "train/a/large.png").read_bytes()[:90])
    (root / "train/a/readme.txt").write_text("hello")
    return root


def test_faults_are_found(faulty):
    findings = check_data(read_data(faulty), decode=True, threads=2)
    assert findings.counts == {
        "a": {"train": 33, "test": 2}, "b": {"train": 3, "test": 0}, "c": {"train": 0, "test": 1}
    }  # fmt: skip
    assert [name for name, _ in findings.unreadable] == ["train/a/bad.png"]
    copies = (("train", "train/a/1.png"), ("train", "train/a/1 again.png"))
    assert [set(group) for group in findings.duplicates] == [set(copies)]
    assert findings.leaks == ((("train", "train/a/2.png"), ("test", "test/a/2.png")),)
    assert findings.contradictions == ((("train", "train/a/3.png"), ("train", "train/b/3.png")),)
    assert findings.sizes == {"smallest": (12, 8), "median": (12, 8), "largest": (300, 200)}
    assert findings.imbalance == 35
    assert [line.split(":")[0] for line in findings.errors] == [
        "unreadable", "in several splits", "equal, but of different classes", "nothing to train on"
    ]  # fmt: skip
    warnings = "\n".join(findings.warnings)
    assert "classes of one picture, used for training only: c" in warnings
    assert "classes of less than 10 pictures: b" in warnings
    assert "the largest class has 35 times the pictures of the smallest" in warnings
    assert "1 needless copies" in warnings and "train/a/readme.txt" in warnings


def test_the_fast_check_compares_bytes_only(faulty):
    data = read_data(faulty)
    (faulty / "train/b/1.png").unlink()
    findings = check_data(data, decode=False, threads=1)
    assert findings.unreadable == (("train/b/1.png", "it cannot be opened"),)
    assert findings.sizes == {} and len(findings.leaks) == 1


def test_nothing_is_found_where_nothing_is():
    findings = check_data(split_data(shapes(96)), decode=True, threads=2)
    assert findings.errors == [] and findings.warnings == []
    assert findings.totals == dict.fromkeys(findings.counts, 16) and findings.imbalance == 1
    empty = in_memory(np.zeros((12, 4, 4), np.uint8), [0] * 12, ["a", "b"])
    assert "classes without pictures: b" in check_data(empty, decode=False, threads=1).warnings


def test_check_counts_and_ends_with_3_on_faults(dltk, faulty):
    result = dltk("data", "check", faulty)
    assert result.code == 3
    assert [line.split() for line in result.out.splitlines()[:5]] == [
        ["class", "train", "val", "test", "in", "all"],
        ["a", "28", "5", "2", "35"],
        ["b", "2", "1", "0", "3"],
        ["c", "0", "0", "1", "1"],
        ["in", "all", "30", "6", "3", "39"],
    ]
    assert "error: in several splits: train/a/2.png" in result.out
    assert "warning: " in result.out and "largest 300 × 200" in result.out
    fields = json.loads(dltk("data", "check", faulty, "--fast", "--json").out)
    assert fields["counts"]["c"] == {"train": 0, "val": 0, "test": 1}
    assert len(fields["errors"]) == 3 and fields["sizes"] == {}


def test_check_ends_with_0_where_all_is_well(dltk, make):
    root = make(*(f"{kind}/{n}.png" for kind in "ab" for n in range(12)))
    result = dltk("data", "check", root, "--val-share", 0.25, "--test-share", 0)
    assert result.code == 0 and result.out.endswith("nothing amiss\n") and result.err == ""
    assert result.out.split()[:5] == ["class", "train", "val", "in", "all"]
    assert dltk("data", "check", root, "--val-share", 0.6, "--test-share", 0.4).code == 2


def test_a_name_cannot_forge_a_line(dltk, make):
    root = make("a\nerror: b/1.png", "c/1.png", "c/2.png")
    result = dltk("data", "check", root)
    assert result.code == 0 and "a\\nerror: b" in result.out


# Sheets


def test_show_draws_pictures_and_views(dltk, make, tmp_path):
    root = make(*(f"{kind}/{n}.png" for kind in "abc" for n in range(3)))
    (root / "a" / "bad.png").write_text("no")
    out = tmp_path / "sheet.png"
    result = dltk("data", "show", root, "-o", out, "--count", 5, "--size", 64)
    assert result.code == 0 and "sheet.png" in result.err
    first = Image.open(out)
    assert first.size == (12 * 64, 3 * 64)
    assert dltk("data", "show", root, "-o", out, "--count", 5, "--size", 64).code == 0
    assert np.array_equal(np.asarray(first), np.asarray(Image.open(out)))
    dltk("data", "show", root, "-o", out, "--augment", "none", "--count", 50, "--size", 64, "-q")
    assert Image.open(out).size == (12 * 64, 2 * 64)  # nine can be read


def test_show_replaces_only_its_own(dltk, make, tmp_path, noise):
    root = make("a/1.png", "b/1.png")
    mine = tmp_path / "mine.png"
    noise().save(mine)
    before = mine.read_bytes()
    result = dltk("data", "show", root, "-o", mine)
    assert result.code == 2 and "is there already and no such sheet" in result.err
    assert mine.read_bytes() == before
    assert dltk("data", "show", root, "-o", mine, "--overwrite", "--count", 1).code == 0
    assert software_of(mine) == "examples of dltk data show"
    assert "lies in the data" in dltk("data", "show", root, "-o", root / "new.png").err
    assert "name a picture file" in dltk("data", "show", root, "-o", tmp_path / "x.txt").err
