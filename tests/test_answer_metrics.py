"""How right answers are: by hand, and in what form they are compared."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from dltk.metrics.answers import measure_answers, right_answers, vqa_accuracy
from dltk.text.answers import frequent_answers, plain_answer
from tests.answerers import question


@pytest.mark.parametrize(
    ("answer", "plain"),
    [
        ("Red", "red"), ("The red one.", "red 1"), (" two ", "2"), ("none", "0"), ("ten", "10"),
        ("A", "a"), ("top-left", "top left"), ("U.S.A.", "usa"),
        ("1.5", "1.5"), ("it's", "it's"), ("yes!", "yes"), ("?", "?"),
        ("猫", "猫"), ("an apple", "apple"),
    ],
)  # fmt: skip
def test_answers_are_compared_in_a_plain_form(answer, plain):
    assert plain_answer(answer) == plain == plain_answer(plain)


@pytest.mark.parametrize("matches", range(11))
def test_of_ten_people_all_sets_of_nine_are_asked(matches):
    """As Antol et al. 2015 tell it."""
    given = ["red"] * matches + ["blue"] * (10 - matches)
    sets = combinations(range(10), 9)
    expected = np.mean([min(sum(given[at] == "red" for at in each) / 3, 1) for each in sets])
    assert vqa_accuracy("Red", given) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("given", "accuracy"),
    [(["red"], 1), (["blue"], 0), (["red", "red"], 1), (["red", "blue"], 0.5),
     (["red", "red", "blue"], (2 * 0.5 + 1) / 3), (["red"] * 4, 1)],
)  # fmt: skip
def test_fewer_people_are_enough_where_there_are_no_more(given, accuracy):
    assert vqa_accuracy("the red", given) == pytest.approx(accuracy)


def test_each_answer_that_is_given_is_right_in_part():
    found = right_answers(("Red", "red", "a red", "blue"))
    assert found == pytest.approx({"red": (3 * 2 / 3 + 1) / 4, "blue": (0 + 3 / 3) / 4})


def test_answers_are_learnt_that_fit_most_questions():
    given = [("red", "red", "blue"), ("blue",), ("two", "2"), ("Green",), ("a green",)]
    assert frequent_answers(given, 3) == ("blue", "green", "2")
    assert frequent_answers(given, 9) == ("blue", "green", "2", "red")


def test_measures_of_kinds_and_of_the_commonest_answers():
    asked = [
        question("how many?", "2", kind="count"),
        question("how many?", "2", kind="count"),
        question("how many?", "3", kind="count"),
        question("what colour?", "red", "red", "blue", kind="colour"),
    ]
    report = measure_answers(["two", "1", "3", "blue"], asked, pictures=2)
    blue = 2 * 0.5 / 3
    np.testing.assert_allclose(report.each, [1, 0, 1, blue])
    assert (report.pictures, report.questions) == (2, 4)
    assert report.accuracy == pytest.approx((2 + blue) / 4)
    assert list(report.kinds) == ["colour", "count"]
    count, colour = report.kinds["count"], report.kinds["colour"]
    assert (count.questions, count.answer) == (3, "2")
    assert (count.accuracy, count.commonest) == pytest.approx((2 / 3, 2 / 3))
    assert (colour.answer, colour.commonest) == ("red", pytest.approx(2 / 3))
    assert report.commonest == pytest.approx((3 * 2 / 3 + 2 / 3) / 4)
    fields = report.to_dict()
    assert fields["kinds"]["count"] == {
        "questions": 3, "accuracy": 0.666667, "commonest": 0.666667, "answer": "2"
    }  # fmt: skip
