"""Running text to learn from: divided, numbered, and read on where it was left."""

import numpy as np
import pytest

from dltk.data.corpora import FEW, check_corpus, digest_of, encoded_corpus
from dltk.data.passages import Passages, windows_of
from dltk.errors import UsageError
from dltk.text.corpus import Corpus
from dltk.text.tokenizer import Tokenizer
from dltk.text.vocabulary import END, FIRST, UNKNOWN

LETTERS = Tokenizer("character", lower=False)
LENGTH, LANES = 5, 3


def corpus(*texts: str, **how):
    return encoded_corpus(Corpus.of(*texts), tokenizer=LETTERS, **how)


# Division


def test_the_end_is_held_out_and_nothing_is_lost():
    text = "abcdefghij" * 10
    data = corpus(text, val_share=0.2, test_share=0.1)
    assert list(data.splits) == ["train", "val", "test"]
    assert [len(part) for part in data.splits.values()] == [70, 20, 10]
    whole = np.concatenate(list(data.splits.values()))
    assert "".join(data.language.vocabulary.decode(whole)) == text
    assert all(part.dtype == np.int32 for part in data.splits.values())


def test_only_what_is_learnt_from_says_what_is_known():
    """ "x" is in the held-out part alone, and "b" too rare in the other."""
    data = corpus("aaaaaaab" + "xabx", val_share=1 / 3, test_share=0, min_count=2)
    assert data.language.vocabulary.words == ("a",)
    assert data.splits["train"].tolist() == [FIRST] * 7 + [UNKNOWN]
    assert data.splits["val"].tolist() == [UNKNOWN, FIRST, UNKNOWN, UNKNOWN]
    frequent = corpus("cabbaaab" * 5, most=2, val_share=0, test_share=0)
    assert frequent.language.vocabulary.words == ("a", "b") and list(frequent.splits) == ["train"]


def test_texts_have_an_end_between_them():
    data = corpus("ab", "", "ba", "a", "", val_share=0, test_share=0)
    a, b = FIRST, FIRST + 1
    assert data.splits["train"].tolist() == [a, b, END, b, a, END, a]
    assert data.language.texts == 3 and len(data.language.vocabulary) == FIRST + 2


def test_an_end_that_is_not_learnt_from_is_none():
    """The second text is held out, with the END in front of it."""
    data = corpus("ab" * 20, "ab", val_share=0.2, test_share=0)
    assert END in data.splits["val"] and END not in data.splits["train"]
    assert data.language.texts == 1 and not data.language.ends


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"val_share": 1.0}, r"--val-share 1\.0: a share is at least 0 and less than 1"),
        ({"val_share": 0.5, "test_share": 0.5}, "leave nothing to train on"),
        ({"min_count": 9}, "no character is in texts 9 times; take a smaller --min-count"),
    ],
)
def test_what_cannot_be_is_told(how, message):
    with pytest.raises(UsageError, match=message):
        corpus("abc" * 4, **how)


def test_little_and_unknown_text_is_noted():
    found = check_corpus(corpus("abcdefgh", val_share=0, min_count=1), decode=False, threads=1)
    assert len(found) == 1 and found.warnings[0].startswith("8 characters are few, which")
    data = corpus("a" * FEW + "".join(map(chr, range(0x4E00, 0x4E00 + FEW // 5))), min_count=2,
                  val_share=0, test_share=0)  # fmt: skip
    assert check_corpus(data, decode=False, threads=1).warnings == (
        "17% of the characters are not known; see --min-count, --vocabulary",
    )


def digest(data) -> str:
    return digest_of(data.language.vocabulary.words, data.splits["train"])


def test_a_digest_changes_with_the_text_and_what_is_known():
    first = corpus("abcabcabcd" * 4)
    assert digest(first) == digest(corpus("abcabcabcd" * 4))
    assert digest(first) != digest(corpus("abcabcabdc" * 4))
    other = corpus("AbcAbcAbcd" * 4)  # the same numbers of other characters
    np.testing.assert_array_equal(first.splits["train"], other.splits["train"])
    assert digest(first) != digest(other)


# Batches


@pytest.fixture
def batches():
    return Passages(np.arange(100, 150, dtype=np.int32), length=LENGTH, batch_size=LANES)


def test_every_lane_goes_on_where_it_was(batches):
    assert batches.steps_per_epoch == 3  # of 9 windows
    before = None
    for step in range(3):
        (tokens, goes_on), zeros = batches.share(step, 0, 1)
        assert tokens.shape == (LANES, LENGTH + 1) and tokens.dtype == np.int32
        assert zeros.shape == (LANES,) and not zeros.any()
        assert (goes_on == (step > 0)).all() and goes_on.dtype == np.float32
        assert (np.diff(tokens, axis=1) == 1).all()
        if before is not None:
            np.testing.assert_array_equal(tokens[:, 0], before[:, -1])
        before = tokens
    first = batches.share(0, 0, 1)[0][0]
    np.testing.assert_array_equal(np.diff(first[:, 0]), 3 * LENGTH)  # the lanes meet


def test_epochs_begin_at_places_of_their_own_and_all_of_them_fit(batches):
    begins = {int(batches.indices(3 * epoch)[0]) for epoch in range(40)}
    assert begins == set(range(5))  # of 49 that are foretold, 45 are in windows
    for step in range(120):
        (tokens, _), _ = batches.share(step, 0, 1)
        assert tokens.min() >= 100 and tokens.max() < 150


def test_replicas_share_a_step(batches):
    wide = Passages(np.arange(100, dtype=np.int32), length=LENGTH, batch_size=4, seed=3)
    for step in (0, 1, 9):
        (tokens, goes_on), _ = wide.share(step, 0, 1)
        parts = [wide.share(step, replica, 2) for replica in range(2)]
        np.testing.assert_array_equal(np.concatenate([p[0][0] for p in parts]), tokens)
        np.testing.assert_array_equal(np.concatenate([p[0][1] for p in parts]), goes_on)
    assert wide.describe(0, most=2).startswith("tokens from ")
    assert wide.describe(0, most=2).endswith(" and 2 more")


def test_a_text_that_is_too_short_for_a_window_is_refused():
    assert windows_of(np.zeros(11), 5) == 2
    with pytest.raises(UsageError, match="--length 5: there are 5 tokens to train on, and a window "
                       "takes 6"):  # fmt: skip
        windows_of(np.zeros(5), 5)
