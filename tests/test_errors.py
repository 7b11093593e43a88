"""What errors say."""

import pytest

from dltk.errors import nearest


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("crat", "crate"),
        ("Crates", "crate"),
        ("cat", "tiger cat"),  # and not "crate", which has more letters in common
        ("Egyptian", "Egyptian cat"),
        ("espreso", "espresso"),
    ],
)
def test_the_nearest_choice_is_suggested(word, hint):
    choices = ["crate", "Egyptian cat", "tiger cat", "espresso"]
    assert nearest(word, choices) == f' Did you mean "{hint}"?'


def test_nothing_is_suggested_where_nothing_is_near():
    assert nearest("zebra", ["crate", "tiger cat"]) == nearest("cat", []) == ""
