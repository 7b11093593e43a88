"""Questions about made scenes: every answer is worked out anew, and none is worth guessing."""

import re
from collections import Counter, defaultdict

import numpy as np
import pytest

from dltk.data.scene_canvas import COLOURS
from dltk.data.scene_captions import Thing
from dltk.data.scene_questions import questions
from dltk.data.scenes import SCENE_KINDS, VALIDATION, scene, scene_questions_data
from dltk.data.shapes import KINDS

SIZE = 160, 120  # width and height of the scenes held against their questions
PLURALS = {f"{kind}es" if kind == "cross" else f"{kind}s": kind for kind in KINDS}
COLOUR, KIND = "|".join(COLOURS), "|".join(KINDS)
NAME = rf"(?:({COLOUR}) )?({KIND}|shape)"
ASKED = {
    "colour": rf"wh(?:at|ich) (?:colou?r is|colour does|is the colour of) the {NAME}(?: have)?\?",
    "count": rf"how many (?:({COLOUR}) )?({'|'.join(PLURALS)}|shapes) "
    r"(?:are there|can you see|are in the picture)\?",
    "where": rf"where (?:is|in the picture is|can you see) the {NAME}\?",
    "yes/no": rf"(?:is there|can you see|does the picture have) (an?) {NAME}\?",
    "shape": rf"(?:what is the ({COLOUR}) shape|what kind of shape is the ({COLOUR}) one|"
    rf"which shape is ({COLOUR}))\?",
}
PLACES = (
    ("top left", "top", "top right"),
    ("left", "middle", "right"),
    ("bottom left", "bottom", "bottom right"),
)


@pytest.fixture(scope="module")
def many():
    """Four hundred scenes of a fourth of the usual size."""
    return [scene(index, size=64) for index in range(400)]


def such(made, kinds, colour, kind):
    """Return the indices of the objects of a colour and a kind, or of any where there is none."""
    kind = None if kind == "shape" else kind
    return [
        index
        for index, label in enumerate(made.objects.labels)
        if colour in (None, made.colours[index]) and kind in (None, kinds[label])
    ]


def answered(question, made, kinds, size):
    """Return the answer to a question, by what is in the scene."""
    match = re.fullmatch(ASKED[question.kind], question.text)
    assert match, question
    if question.kind == "count":
        return str(len(such(made, kinds, match[1], PLURALS.get(match[2]))))
    if question.kind == "yes/no":
        article, colour, kind = match.groups()
        assert (article == "an") == ((colour or kind)[0] in "aeiou")
        return "yes" if such(made, kinds, colour, kind) else "no"
    if question.kind == "shape":
        (index,) = such(made, kinds, next(filter(None, match.groups())), None)
        return kinds[made.objects.labels[index]]
    (index,) = such(made, kinds, *match.groups())  # it is the only one
    if question.kind == "colour":
        assert match[1] is None
        return made.colours[index]
    x, y = made.objects.boxes[index].reshape(2, 2).mean(0) / size * 3
    assert min(abs(x - 1), abs(x - 2), abs(y - 1), abs(y - 2)) >= 0.199  # well inside its ninth
    return PLACES[int(y)][int(x)]


@pytest.mark.parametrize("seed", range(3))
def test_every_answer_is_the_right_one(seed):
    for index in range(120):
        made = scene(index, kinds=KINDS, size=SIZE, seed=seed, least=0, most=8)
        for question in made.questions:
            assert question.answers == (answered(question, made, KINDS, SIZE),)


def test_several_things_are_asked_about_a_scene_and_none_twice(many):
    numbers = [len(made.questions) for made in many]
    assert min(numbers) >= 4 and max(numbers) == 9 and 7 < np.mean(numbers) < 8
    order = ["colour", "count", "where", "yes/no", "shape"]
    for made in many:
        assert len({question.text for question in made.questions}) == len(made.questions)
        kinds = [question.kind for question in made.questions]
        assert kinds == sorted(kinds, key=order.index)
        assert max(Counter(kinds).values()) <= 2 and kinds.count("count") == 2
        assert kinds.count("shape") <= 1
    assert {question.kind for made in many for question in made.questions} == set(order)


def test_guessing_the_commonest_answer_is_seldom_right(many):
    answers = defaultdict(Counter)
    for made in many:
        for question in made.questions:
            answers[question.kind][question.answers[0]] += 1
    share = {kind: max(of.values()) / of.total() for kind, of in answers.items()}
    assert share["colour"] < 0.2 and share["where"] < 0.2 and share["shape"] < 0.28
    assert share["count"] < 0.3 and share["yes/no"] < 0.55
    assert answers["count"]["2"] > 1.1 * answers["count"]["0"]  # though fewer are there twice
    assert set(answers["colour"]) == set(COLOURS) and set(answers["shape"]) == set(SCENE_KINDS)
    assert set(answers["where"]) == {place for row in PLACES for place in row}
    assert set(answers["count"]) == set("0123456") and set(answers["yes/no"]) == {"yes", "no"}
    assert min(answers["where"].values()) > 0.05 * answers["where"].total()


def test_words_of_a_question_do_not_tell_its_answer(many):
    """Nor what it asks about: "yes" is right as often for each form, and counts are of all."""
    yes, counts = defaultdict(list), defaultdict(Counter)
    for made in many:
        for question in made.questions:
            match = re.fullmatch(ASKED[question.kind], question.text)
            if question.kind == "yes/no":
                form = "colour" if match[3] == "shape" else "both" if match[2] else "kind"
                yes[form].append(question.answers[0] == "yes")
            elif question.kind == "count":
                form = match[2] if match[1] is None else "coloured"
                counts[form][question.answers[0]] += 1
    assert set(yes) == {"kind", "colour", "both"}
    for form in yes.values():
        assert len(form) > 200 and abs(np.mean(form) - 0.5) < 0.08
    assert set(counts) == {
        "shapes",
        "coloured",
        *(p for p, k in PLURALS.items() if k in SCENE_KINDS),
    }
    assert all(max(of.values()) < 0.5 * of.total() for of in counts.values())


def test_where_a_pair_is_not_there_one_of_it_is(many):
    for made in many:
        kinds = {SCENE_KINDS[label] for label in made.objects.labels}
        for question in made.questions:
            match = re.fullmatch(rf"[a-z ]+ an? ({COLOUR}) ({KIND})\?", question.text)
            if question.kind == "yes/no" and match:
                assert match[1] in made.colours or match[2] in kinds


def asked(*things, kinds=("star", "cross"), seeds=60, size=90):
    """Return all that chance asks about some things, with the answers, by kind."""
    every = defaultdict(dict)
    for seed in range(seeds):
        random = np.random.default_rng(seed)
        for text, (answer,), kind in questions(
            things, kinds=kinds, width=size, height=size, random=random
        ):
            assert every[kind].setdefault(text, answer) == answer
    return every


def thing(kind, colour, x, y, side=10):
    return Thing(kind, colour, (x - side / 2, y - side / 2, x + side / 2, y + side / 2), side**2)


def test_only_what_is_alone_of_its_name_is_asked_about():
    every = asked(
        thing("star", "red", 15, 15),
        thing("star", "blue", 45, 15),
        thing("cross", "red", 45, 45),
        thing("cross", "red", 15, 45),
    )
    assert not every["colour"]
    assert set(every["shape"].values()) == {"star"} and len(every["shape"]) == 3
    assert {text.partition(" the ")[2] for text in every["where"] if "picture" not in text} == {
        "red star?",
        "blue star?",
        "blue shape?",
    }
    assert every["count"]["how many red shapes are there?"] == "3"
    assert every["count"]["how many shapes can you see?"] == "4"


def test_what_is_near_a_border_of_ninths_is_not_asked_for():
    near = (25, 35, 55, 65)
    for at in near:
        assert not asked(thing("star", "red", at, 45))["where"]
        assert not asked(thing("star", "red", 10, at))["where"]
    assert set(asked(thing("star", "red", 23.5, 66.5))["where"].values()) == {"bottom left"}
    assert set(asked(thing("star", "red", 6, 45))["where"].values()) == {"left"}  # by the edge


def test_nothing_is_asked_that_can_have_one_answer_only():
    every = asked(thing("star", "red", 45, 45), kinds=("star",))
    assert not every["shape"] and "is there a star?" not in every["yes/no"]
    assert set(every["colour"].values()) == {"red"}
    nothing = asked()
    assert set(nothing) == {"count"} and set(nothing["count"].values()) == {"0"}
    assert "how many shapes are there?" in nothing["count"]


def test_words_are_few(many):
    texts = [question.text for made in many for question in made.questions]
    words = set(" ".join(texts).replace("?", "").split())
    assert 40 < len(words) < 50 and all(re.fullmatch("[a-z]+", word) for word in words)


def test_what_is_asked_comes_from_seed_and_number_alone():
    first = scene(3, size=64, seed=2).questions
    assert scene(3, size=64, seed=2).questions == first
    assert scene(4, size=64, seed=2).questions != first
    assert scene(3, size=64, seed=1).questions != first
    data = scene_questions_data(5, val=2, size=64, seed=2)
    assert list(data.splits) == ["train", "val"] and len(data) == 7
    assert data.splits["train"].questions[3] == first
    held = scene(VALIDATION + 1, size=64, seed=2).questions
    assert data.splits["val"].take([1]).questions == (held,)
    alone = scene_questions_data(4, size=64, seed=2)
    assert list(alone.splits) == ["all"] and alone.splits["all"].questions[3] == first
    assert alone.splits["all"].digests == data.splits["train"].take(range(4)).digests


def test_what_is_asked_about_the_first_scenes_stays_so():
    """Folders of scenes are gone on with by later releases."""
    held = [(q.text, q.answers[0]) for q in scene(0, size=64).questions]
    assert held == [
        ("what color is the star?", "black"),
        ("what color is the cross?", "red"),
        ("how many squares are there?", "0"),
        ("how many stars are in the picture?", "1"),
        ("where can you see the red shape?", "bottom right"),
        ("does the picture have a red cross?", "yes"),
        ("can you see a ring?", "no"),
        ("which shape is black?", "star"),
    ]
