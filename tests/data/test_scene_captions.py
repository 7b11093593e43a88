"""Captions of made scenes: hand-worked ones, and every claim of many held against the scene."""

import re
from collections import Counter

import numpy as np
import pytest

from dltk.data.scene_canvas import COLOURS
from dltk.data.scene_captions import NUMBERS, Thing, captions
from dltk.data.scenes import scene
from dltk.data.shapes import KINDS

SIZE = 160, 120  # width and height of the scenes held against their captions
NAME = rf"(large |small )?({'|'.join(COLOURS)}) ({'|'.join(KINDS)})"
RELATIONS = ("left of", "right of", "above", "below", "in front of", "behind", "near")
SINGULARS = {
    "circles": "circle",
    "crosses": "cross",
    "rings": "ring",
    "squares": "square",
    "stars": "star",
    "triangles": "triangle",
}
PLACES = {
    "at the top left": (0, 0),
    "at the top": (1, 0),
    "at the top right": (2, 0),
    "on the left": (0, 1),
    "in the middle": (1, 1),
    "on the right": (2, 1),
    "at the bottom left": (0, 2),
    "at the bottom": (1, 2),
    "at the bottom right": (2, 2),
}


def wordings(things, covers=()):
    """Return for each of the three references all that chance makes of it, at 100 × 100."""
    made = [
        captions(things, width=100, height=100, covers=covers, random=np.random.default_rng(seed))
        for seed in range(80)
    ]
    return [set(reference) for reference in zip(*made, strict=True)]


def square(left, top, side, colour="red", kind="square"):
    return Thing(kind, colour, (left, top, left + side, top + side), side * side)


def test_two_things_are_listed_compared_and_placed():
    things = [square(70, 40, 12, "orange"), square(5, 35, 40, "blue")]
    listed, compared, placed = wordings(things)
    both = "a blue square and an orange square"
    assert listed == {both, f"there is {both}"}
    assert compared == {
        "a large blue square left of a small orange square",
        "a large blue square to the left of a small orange square",
        "a small orange square right of a large blue square",
        "a small orange square to the right of a large blue square",
    }
    placed_both = "a blue square on the left and an orange square on the right"
    assert placed == {placed_both, f"there is {placed_both}"}


def test_many_things_are_counted():
    things = [
        square(0, 0, 20),
        square(60, 0, 30, kind="cross"),
        square(0, 60, 21),
        square(80, 80, 19, "white"),
    ]
    listed, compared, counted = wordings(things)
    assert "there is a red cross, two red squares and a white square" in listed
    assert compared >= {
        "a red cross right of a red square with two more shapes",
        "a red square to the left of a red cross with two more shapes",
    }
    assert counted == {"a cross and three squares", "there is a cross and three squares"}
    two = [square(0, 0, 20), square(60, 60, 20), square(60, 0, 20)]
    listed, compared, _ = wordings(two)
    assert listed == {"three red squares", "there are three red squares"}
    assert all(caption.endswith("with one more shape") for caption in compared)


def test_one_thing_and_none():
    listed, placed, only = wordings([square(2, 70, 15, "white", "cross")])
    assert listed == {"a white cross", "there is a white cross"}
    assert placed == {"a small white cross at the bottom left"}
    assert only == {"only a cross", "there is only a cross"}
    assert wordings([]) == [{"no shapes"}, {"there are no shapes"}, {"there is no shape"}]


@pytest.mark.parametrize(
    ("box", "covers", "relations"),
    [
        ((50, 20, 80, 50), (), {"left of", "to the left of", "right of", "to the right of"}),
        ((22, 62, 52, 92), (), {"above", "below"}),
        ((45, 60, 75, 90), (), {"above", "below"}),  # 5 beside, 20 below
        ((35, 35, 65, 65), [(0, 1)], {"in front of", "behind"}),
        ((35, 35, 65, 65), (), {"near"}),
    ],
)
def test_relations_go_by_the_widest_gap_or_by_what_hides_what(box, covers, relations):
    things = [Thing("star", "red", (10, 10, 40, 40), 900), Thing("ring", "blue", box, 899)]
    _, compared, _ = wordings(things, covers)
    first = {c.removeprefix("a red star ").removesuffix(" a blue ring") for c in compared}
    second = {c.removeprefix("a blue ring ").removesuffix(" a red star") for c in compared}
    assert {r for r in first | second if not r.startswith("a ")} == relations
    if covers:
        assert compared == {"a red star in front of a blue ring", "a blue ring behind a red star"}


def test_words_are_few():
    words = set()
    for index in range(150):
        made = scene(index, size=32, kinds=KINDS, least=0, most=8)
        assert len(set(made.captions)) == 3
        words |= set(" ".join(made.captions).replace(",", "").split())
    assert 50 < len(words) < 60
    assert all(re.fullmatch("[a-z]+", word) for word in words)


@pytest.mark.parametrize("seed", range(3))
def test_every_claim_is_true(seed):
    for index in range(50):
        made = scene(index, kinds=KINDS, size=SIZE, seed=seed)
        bare = [caption.removeprefix("there is ") for caption in made.captions]
        bare = [caption.removeprefix("there are ") for caption in bare]
        names = [KINDS[label] for label in made.objects.labels]
        coloured = [f"{c} {name}" for c, name in zip(made.colours, names, strict=True)]
        assert counts_in(bare[0]) == Counter(coloured)
        if len(names) == 1:
            assert counts_in(bare[2].removeprefix("only ")) == Counter(names)
            check_places(bare[1], made, coloured)
        else:
            check_relation(bare[1], made, coloured)
            if len(names) <= 3:
                check_places(bare[2], made, coloured)
            else:
                assert counts_in(bare[2]) == Counter(names)


def counts_in(caption) -> Counter:
    """Return how many of each name a caption lists."""
    counts = Counter()
    for part in re.split(", | and ", caption):
        number, name = part.split(" ", 1)
        if number in ("a", "an"):
            assert (number == "an") == name.startswith("orange")
            counts[name] += 1
        else:
            *colour, plural = name.split()
            counts[" ".join([*colour, SINGULARS[plural]])] += NUMBERS.index(number)
    return counts


def check_places(caption, made, coloured):
    """Check that as many different objects are where they are said to be."""
    centres = made.objects.boxes.reshape(-1, 2, 2).mean(1)
    ninths = [tuple(ninth) for ninth in (centres * 3 / SIZE).astype(int).tolist()]
    parts = re.split(", | and ", caption)
    said = Counter()
    for part in parts:
        match = re.fullmatch(rf"an? {NAME} ({'|'.join(PLACES)})", part)
        said[f"{match[2]} {match[3]}", PLACES[match[4]]] += 1
    assert said == Counter(zip(coloured, ninths, strict=True))


def check_relation(caption, made, coloured):
    """Check that two objects are of those names and sizes and stand so, and the number of more."""
    relations = "|".join(RELATIONS)
    pattern = rf"an? {NAME} (?:to the )?({relations}) an? {NAME}(?: with (\w+) more shapes?)?"
    match = re.fullmatch(pattern, caption)
    assert len(coloured) - 2 == NUMBERS.index(match[8] or "no")
    one, other = f"{match[2]} {match[3]}", f"{match[6]} {match[7]}"
    assert any(
        coloured[i] == one
        and coloured[j] == other
        and size_is(match[1], made.objects.boxes[i])
        and size_is(match[5], made.objects.boxes[j])
        and stands(match[4], i, j, made)
        for i in range(len(coloured))
        for j in range(len(coloured))
        if i != j
    )


def size_is(size, box) -> bool:
    share = max(box[2] - box[0], box[3] - box[1]) / min(SIZE)
    return {"large ": share >= 0.38, "small ": share <= 0.18, None: 0.18 < share < 0.38}[size]


def stands(relation, i, j, made) -> bool:
    left, top, right, bottom = made.objects.boxes[i]
    x, y, x_end, y_end = made.objects.boxes[j]
    return {
        "left of": right <= x,
        "right of": left >= x_end,
        "above": bottom <= y,
        "below": top >= y_end,
        "in front of": (i, j) in made.covers,
        "behind": (j, i) in made.covers,
        "near": max(left, x) < min(right, x_end) and max(top, y) < min(bottom, y_end),
    }[relation]
