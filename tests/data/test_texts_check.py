"""Labelled texts looked over, divided, and read from TensorFlow Datasets."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from dltk.data.texts import check_texts, holds_texts, read_texts, split_texts, texts_in_memory
from dltk.errors import UsageError


def texts(*said: tuple[str, str]):
    """Return data of (text, class)."""
    classes = sorted({label for _, label in said})
    labels = [classes.index(label) for _, label in said]
    return texts_in_memory([text for text, _ in said], labels, classes)


def test_what_is_amiss_is_found():
    data = texts(
        *((f"good film number {at}", "pos") for at in range(30)), ("same", "pos"), ("same", "pos"),
        ("other", "pos"), ("other", "neg"), ("leak", "pos"), ("", "neg"), ("one two three", "Pos"),
    )  # fmt: skip
    every = data.splits["all"]
    train, test = every.take([*range(34), 35]), every.take([34])
    data = replace(data, splits={"train": train, "test": every.take([34, 34])})
    found = check_texts(data, decode=True, threads=2)
    assert found.counts == {
        "Pos": {"train": 1, "test": 0}, "neg": {"train": 1, "test": 0},
        "pos": {"train": 33, "test": 2},
    }  # fmt: skip
    assert [[name for _, name in group] for group in found.contradictions] == [
        ["text:33", "text:34"]
    ]
    assert found.errors == ["equal, but of different classes: text:33 (train) = text:34 (train)"]
    assert found.warnings == [
        "classes that differ in capitals only: Pos, pos",
        "classes of one text, used for training only: Pos, neg",
        "the largest class has 35 times the texts of the smallest",
        "2 needless copies, such as text:31 (train) = text:32 (train)",
        "repaired: an empty text: 1, such as text:36: left out",
    ]
    assert found.lengths == {"shortest": 1, "median": 4, "95 %": 4, "longest": 4}
    assert found.to_dict()["lengths"]["longest"] == 4 and found.sizes == {}
    leaking = check_texts(
        replace(data, splits={"train": every, "test": test}), decode=False, threads=1
    )
    assert "in several splits: text:35 (train) = text:35 (test)" in leaking.errors
    assert leaking.lengths == {}


def test_rows_that_are_damaged_are_errors(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"text,label\na,x\nb,y\n\xe9,x\nc,d,e\n")
    found = check_texts(read_texts(tmp_path / "a.csv"), decode=False, threads=1)
    assert found.errors == [
        "unreadable: a.csv:4: the text is not UTF-8: byte 0xe9",
        "unreadable: a.csv:5: 3 cells in a table of 2 columns",
    ]
    assert found.passed_over == ()


def test_the_command_counts_texts_and_ends_with_3_on_faults(dltk, tmp_path):
    rows = [f"a text {at},{'xy'[at % 2]}" for at in range(20)] + ["the same,x", "the same,y"]
    table = tmp_path / "two words.csv"
    table.write_text("\n".join(["text,label", *rows]) + "\n")
    result = dltk("data", "check", table)
    assert result.code == 3
    lines = [line.split() for line in result.out.splitlines()]
    assert [line[0] for line in lines[:4]] == ["class", "x", "y", "in"]
    assert lines[3] == ["in", "all", "18", "2", "2", "22"]
    assert "\nwords of a text: shortest 2, median 3, 95 % 3, longest 3\n" in result.out
    assert "error: equal, but of different classes: two words.csv:22 (" in result.out
    drawn = dltk("data", "show", table)
    assert drawn.code == 2 and "holds texts, which are not drawn; see dltk data check" in drawn.err
    assert dltk("data", "check", table, "--for", "texts", "--fast", "--quiet").code == 3


def test_columns_with_other_names_are_named(dltk, tmp_path):
    table = tmp_path / "odd.csv"
    table.write_text("mood,words\n" + "".join(f"{'ab'[at % 2]},text {at}\n" for at in range(40)))
    guessed = dltk("data", "check", table)
    assert guessed.code == 2 and 'no column "path"' in guessed.err
    assert "; if it holds other data, say what they are --for" in guessed.err
    how = ["--text-column", "words", "--label-column", "mood"]
    named = dltk("data", "check", table, *how, "--json")
    assert named.code == 0 and set(json.loads(named.out)["counts"]) == {"a", "b"}
    other = dltk("data", "check", table, *how, "--for", "detect")
    assert other.code == 2 and "--text-column is for texts, and not for data --for" in other.err


def test_data_of_which_nothing_is_to_be_trained_on_are_told(dltk, tmp_path):
    (tmp_path / "a.csv").write_text("text,label,split\none,a,test\ntwo,b,test\n")
    result = dltk("data", "check", tmp_path / "a.csv")
    assert result.code == 3 and "nothing to train on: a has texts, but none in train" in result.out


def test_every_class_is_divided_alike_and_copies_stay_together():
    said = [(f"text {at}", "ab"[at % 4 == 0]) for at in range(80)] + [("text 1", "a")] * 5
    data = split_texts(texts(*said), val_share=0.2, test_share=0.2, seed=3)
    sizes = {split: np.bincount(part.labels).tolist() for split, part in data.splits.items()}
    assert sizes == {"train": [39, 12], "val": [13, 4], "test": [13, 4]}
    digests = [set(part.digests) for part in data.splits.values()]
    assert not digests[0] & digests[1] and not digests[0] & digests[2]
    again = split_texts(texts(*said), val_share=0.2, test_share=0.2, seed=3)
    names = [[part.names[at] for at in range(len(part))] for part in data.splits.values()]
    assert names == [[p.names[at] for at in range(len(p))] for p in again.splits.values()]
    part = data.splits["test"]
    assert [part.text(at) for at in range(2)] == [
        said[int(part.names[at].split(":")[1]) - 1][0] for at in range(2)
    ]


# TensorFlow Datasets


def test_texts_of_tfds_as_glue_has_them(prepare):
    import tensorflow_datasets as tfds

    features = {
        "sentence": tfds.features.Text(), "idx": np.int32,
        "label": tfds.features.ClassLabel(names=["negative", "positive"]),
    }  # fmt: skip
    rows = [{"sentence": f"é {at}", "label": at % 2, "idx": at} for at in range(10)]
    bare = [{"sentence": "x", "label": -1, "idx": 0}] * 2
    empty = [{"sentence": "", "label": 1, "idx": 0}]
    folder = prepare(
        features,
        {"train": rows, "validation": rows[:3] + empty, "test": bare, "unsupervised": bare},
    )
    for where in (str(folder), f"tfds:{folder}"):
        data = read_texts(where)
        assert data.where == f"tfds:{folder}" and data.classes == ("negative", "positive")
        train = data.splits["train"]
        assert [train.text(at) for at in range(10)] == [f"é {at}" for at in range(10)]
        assert train.labels.tolist() == [0, 1] * 5 and train.names[9] == "train:10"
        assert set(data.splits) == {"train", "val"} and len(data.splits["val"]) == 3
        assert data.repairs == (("validation:4", "an empty text: left out"),)
        assert data.passed_over == (
            ("unsupervised", "neither train, validation nor test"),
            ("test", "2 texts without a class"),
        )
        assert holds_texts(where)


def test_features_are_chosen_by_kind_and_name(prepare):
    import tensorflow_datasets as tfds

    names = tfds.features.ClassLabel(names=["no", "yes"])
    row = {"premise": "a", "hypothesis": "b", "kind": 0, "label": 1}
    both = {"premise": tfds.features.Text(), "hypothesis": tfds.features.Text(), "kind": names,
            "label": names}  # fmt: skip
    folder = prepare(both, {"train": [row, row | {"label": 0, "kind": 1}]})
    data = read_texts(folder, text_column="hypothesis")
    assert data.splits["all"].text(0) == "b" and data.splits["all"].labels.tolist() == [1, 0]
    other = read_texts(folder, text_column="premise", label_column="kind")
    assert other.splits["all"].text(0) == "a" and other.splits["all"].labels.tolist() == [0, 1]
    for columns, why in (
        ({}, 'has no feature "text" or another usual .* Its features: hypothesis, premise, kind, '),
        ({"text_column": "premis"}, r'no feature "premis", .*Did you mean "premise"'),
        ({"text_column": "kind"}, "kind is no Text"),
    ):
        with pytest.raises(UsageError, match=why):
            read_texts(folder, **columns)
    odd = prepare({"words": tfds.features.Text(), "class": names}, {"train": [
        {"words": "a", "class": 0}, {"words": "b", "class": 1}]})  # fmt: skip
    assert read_texts(odd).splits["all"].text(1) == "b"


def test_a_data_set_of_pictures_is_refused(prepare):
    import tensorflow_datasets as tfds

    folder = prepare(
        {"image": tfds.features.Image(), "label": tfds.features.ClassLabel(num_classes=2)},
        {"train": [{"image": np.zeros((4, 4, 3), np.uint8), "label": 0}]},
    )
    assert not holds_texts(folder)
    why = r"holds no texts with a class: wanted are a Text and a ClassLabel, it has image \(Image\)"
    with pytest.raises(UsageError, match=why):
        read_texts(folder)
