"""Words that numbers take."""

from dltk.wording import amount


def test_numbers_take_their_words():
    assert amount(1, "picture") == "1 picture" and amount(0, "picture") == "0 pictures"
    assert amount(2000, "picture") == "2,000 pictures"
    assert (
        amount(1, "class", "classes") == "1 class" and amount(3, "class", "classes") == "3 classes"
    )
