"""Made texts: what tells their classes apart, and what does not."""

from __future__ import annotations

import csv
from collections import Counter
from itertools import islice

import pytest

from dltk.text.grammar import TASKS, opinions, split_of, who_acts, write_texts


def test_order_alone_tells_who_acts():
    rows = list(islice(who_acts(), 600))
    for one, other in zip(rows[::2], rows[1::2], strict=True):
        assert (one.label, other.label) == ("dog", "cat") and one.text != other.text
        assert Counter(one.text.split()) == Counter(other.text.split())
    counts = {
        label: Counter(word for row in rows if row.label == label for word in row.text.split())
        for label in ("dog", "cat")
    }
    assert counts["dog"] == counts["cat"] and len(counts["dog"]) > 90
    assert len({row.text for row in rows}) == 600


def test_the_animal_that_is_named_first_is_not_always_the_one_that_acts():
    first = Counter()
    for row in islice(who_acts(seed=1), 400):
        passive = " by the " in row.text and " is " in row.text
        first[passive] += 1
    assert 140 < first[True] < 260


def test_denied_words_say_the_opposite():
    rows = list(islice(opinions(), 1000))
    assert [row.label for row in rows[:4]] == ["positive", "negative"] * 2
    assert len({row.text for row in rows}) == 1000
    good = Counter(row.label for row in rows if "brilliant" in row.text.split())
    assert good["positive"] > 1.3 * good["negative"] > 0
    nots = Counter(row.label for row in rows if "not" in row.text.split())
    assert nots["positive"] == pytest.approx(nots["negative"], rel=0.25)


@pytest.mark.parametrize("make", TASKS.values())
def test_a_seed_tells_all(make):
    first, again, other = (list(islice(make(seed), 20)) for seed in (0, 0, 1))
    assert first == again != other


def test_files_have_splits_that_keep_pairs_together(tmp_path):
    paths = list(write_texts(tmp_path / "made", 60))
    assert [path.name for path in paths] == ["who-acts.csv", "opinions.csv"]
    with paths[0].open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert Counter(row["split"] for row in rows) == {"train": 48, "val": 6, "test": 6}
    assert [row["split"] for row in rows[:6]] == ["val", "val", "test", "test", "train", "train"]
    assert [row["text"] for row in rows] == [made.text for made in islice(who_acts(), 60)]
    assert all(split_of(at) == split_of(at + 1) for at in range(0, 100, 2))
    paths[0].write_text("mine")
    assert list(write_texts(tmp_path / "made", 60)) == paths and paths[0].read_text() == "mine"
