"""Windows over running text: which words are near which, what is left out, and what is drawn."""

import numpy as np
import pytest
from scipy.stats import chisquare

from dltk.data import windows
from dltk.data.pipeline import SAMPLE, random_of
from dltk.data.windows import BLOCK, Windows, kept_share, noise_share, reaches
from dltk.text.vocabulary import END, FIRST, UNKNOWN
from dltk.text.windows import BEFORE, BEHIND, NOISE, WORDS

WORDS_KNOWN, WINDOW = 30, 4


def made_text(length: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return tokens, lines and unknown words among them, and the counts of words."""
    random = np.random.default_rng(seed)
    chances = 1 / np.arange(1, WORDS_KNOWN + 1)
    tokens = FIRST + random.choice(WORDS_KNOWN, length, p=chances / chances.sum())
    tokens[random.random(length) < 0.1] = END
    tokens[random.random(length) < 0.05] = UNKNOWN
    counts = np.bincount(tokens, minlength=FIRST + WORDS_KNOWN)[FIRST:]
    return tokens.astype(np.int32), counts


def made(length: int = 3000, subsample: float = 0.05, blocks: int = 8, **own) -> Windows:
    tokens, counts = made_text(length)
    how = {"window": WINDOW, "noise": 5, "seed": 0} | own
    return Windows(tokens, counts, subsample=subsample, blocks=blocks, **how)


def pairs_of(batch: dict) -> list[tuple[int, int]]:
    """Return the pairs of a word and one in its window that a batch has, in order."""
    pairs = []
    for words, before, behind in zip(batch[WORDS], batch[BEFORE], batch[BEHIND], strict=True):
        for at in range(BLOCK):
            middle = at + WINDOW
            for offset in range(-int(before[at]), int(behind[at]) + 1):
                if offset:
                    pairs.append((int(words[middle]), int(words[middle + offset])))
    return pairs


def listed(batches: Windows, step: int, subsample: float) -> list[tuple[int, int]]:
    """Return the pairs of a step as skip-gram lists them, word by word, with the same draws."""
    tokens, counts = made_text(3000)
    kept = kept_share(counts, subsample).astype(np.float32)
    random = random_of(0, SAMPLE, step)
    borders = batches._borders
    pieces = [tokens[borders[at] : borders[at + 1]] for at in batches.indices(step)]
    draws = iter(random.random(sum(map(len, pieces)), np.float32))
    lines, line = [], []
    for piece in pieces:
        for token in piece.tolist():
            drawn = next(draws)
            if token == END:
                lines.append(line)
                line = []
            elif token >= FIRST and drawn < kept[token - FIRST]:
                line.append(token - FIRST)
        lines.append(line)
        line = []
    sizes = iter(random.integers(1, WINDOW + 1, sum(map(len, lines))).tolist())
    pairs = []
    for line in lines:
        for at, word in enumerate(line):
            size = next(sizes)
            around = line[max(0, at - size) : at] + line[at + 1 : at + size + 1]
            pairs += [(word, other) for other in around]
    return pairs


@pytest.mark.parametrize("subsample", [0.0, 0.05])
def test_windows_have_the_pairs_of_skip_gram_word_by_word(subsample):
    batches = made(subsample=subsample)
    assert batches.steps_per_epoch > 3
    for step in (0, 1, batches.steps_per_epoch + 1):
        found = pairs_of(batches.share(step, 0, 1))
        assert found == listed(batches, step, subsample) and len(found) > 500


def test_reaches_end_at_the_ends_of_lines():
    lines = np.array([0, 0, 0, 2, 3, 3])
    before, behind = reaches(lines, np.array([1, 5, 1, 3, 2, 2]))
    assert before.tolist() == [0, 1, 1, 0, 0, 1]
    assert behind.tolist() == [1, 1, 0, 0, 1, 0]
    assert [part.tolist() for part in reaches(np.zeros(0, int), np.zeros(0, int))] == [[], []]


def test_an_epoch_has_every_word_once_where_none_is_left_out():
    batches = made(subsample=0)
    found = np.concatenate(
        [
            batches._drawn(batches.indices(step), random_of(0, SAMPLE, step))[0]
            for step in range(batches.steps_per_epoch)
        ]
    )
    _, counts = made_text(3000)
    np.testing.assert_array_equal(np.bincount(found, minlength=WORDS_KNOWN), counts)
    assert batches.words == counts.sum()


def test_batches_are_full_but_for_a_little():
    batches = made(20_000, blocks=16)
    filled = [
        int((batch[BEFORE] + batch[BEHIND] > 0).sum())
        for batch in (batches.share(step, 0, 1) for step in range(batches.steps_per_epoch))
    ]
    assert batches.batch_size == 16 * BLOCK
    assert np.mean(filled) > 0.75 * batches.batch_size  # a tenth of all words are alone in a line
    assert abs(batches.words / batches.steps_per_epoch - np.mean(filled)) < 0.15 * np.mean(filled)


def test_pieces_cover_the_text_wherever_it_is_looked_at(monkeypatch):
    whole = made(5000)
    monkeypatch.setattr(windows, "_LOOKED_AT", 7)
    np.testing.assert_array_equal(made(5000)._borders, whole._borders)
    assert whole._borders[0] == 0 and whole._borders[-1] == 5000
    assert (np.diff(whole._borders) > 0).all()
    order = np.concatenate([whole.indices(step) for step in range(whole.steps_per_epoch)])
    assert sorted(order) == list(range(len(whole._borders) - 1))
    again = np.concatenate(
        [whole.indices(whole.steps_per_epoch + step) for step in range(whole.steps_per_epoch)]
    )
    assert sorted(again) == sorted(order) and again.tolist() != order.tolist()


def test_replicas_share_out_what_one_would_see_and_a_step_is_the_same_every_time():
    first, second = made(), made()
    whole = first.share(7, 0, 1)
    assert {name: part.shape for name, part in whole.items()} == {
        WORDS: (8, BLOCK + 2 * WINDOW), BEFORE: (8, BLOCK), BEHIND: (8, BLOCK), NOISE: (8, 5),
    }  # fmt: skip
    halves = [second.share(7, replica, 2) for replica in range(2)]
    for name, part in whole.items():
        np.testing.assert_array_equal(np.concatenate([half[name] for half in halves]), part)
    other = made(seed=1).share(7, 0, 1)
    assert not np.array_equal(whole[WORDS], other[WORDS])
    assert first.describe(7).startswith("tokens from ")


def test_kept_shares_are_those_of_word2vec():
    counts = np.array([9000, 900, 100])
    f = counts / 10_000
    expected = np.minimum(1, (np.sqrt(f / 0.01) + 1) * 0.01 / f)
    np.testing.assert_allclose(kept_share(counts, 0.01), expected)
    assert kept_share(counts, 0.01)[2] == 1.0
    assert kept_share(counts, 0).tolist() == [1, 1, 1]


def test_words_are_left_out_as_often_as_they_should_be():
    """Chi-squared, over 40 draws of the same text."""
    tokens, counts = made_text(4000)
    batches = Windows(tokens, counts, window=1, subsample=0.02, noise=1, blocks=40)
    epochs = 40
    found = np.zeros(WORDS_KNOWN)
    for step in range(epochs * batches.steps_per_epoch):
        rows, _ = batches._drawn(batches.indices(step), random_of(0, SAMPLE, step))
        found += np.bincount(rows, minlength=WORDS_KNOWN)
    share = kept_share(counts, 0.02)
    expected = epochs * counts * share
    drawn = share < 1
    assert 3 < drawn.sum() < WORDS_KNOWN
    np.testing.assert_array_equal(found[~drawn], expected[~drawn])
    variance = (expected * (1 - share))[drawn]
    squared = ((found - expected)[drawn] ** 2 / variance).sum()
    assert squared < 2.5 * drawn.sum()


def test_noise_is_drawn_by_counts_to_the_power_of_three_quarters():
    tokens, counts = made_text(4000)
    np.testing.assert_allclose(noise_share(np.array([16, 1])), [8 / 9, 1 / 9])
    batches = Windows(tokens, counts, window=1, subsample=0, noise=200, blocks=8)
    drawn = np.concatenate([batches.share(step, 0, 1)[NOISE].ravel() for step in range(30)])
    found = np.bincount(drawn, minlength=WORDS_KNOWN)
    assert chisquare(found, noise_share(counts) * len(drawn)).pvalue > 0.01
    assert chisquare(found, counts / counts.sum() * len(drawn)).pvalue < 1e-6


def test_sizes_of_windows_are_even():
    counts = np.array([5000])
    batches = Windows(
        np.full(5000, FIRST, np.int32), counts, window=WINDOW, subsample=0, noise=1, blocks=20
    )
    batch = batches.share(0, 0, 1)
    inner = batch[BEFORE].ravel()[WINDOW : 500 - WINDOW]
    inner = inner[inner > 0]
    sizes = np.bincount(inner, minlength=WINDOW + 1)[1:]
    assert chisquare(sizes).pvalue > 0.01


@pytest.mark.parametrize("length", [1, 2, 40])
def test_a_very_short_text_has_a_batch_all_the_same(length):
    tokens = np.full(length, FIRST, np.int32)
    batches = Windows(tokens, np.array([length]), window=2, subsample=0, noise=3, blocks=2)
    assert batches.steps_per_epoch == 1
    batch = batches.share(5, 0, 1)
    assert int((batch[BEFORE] > 0).sum()) == length - 1
