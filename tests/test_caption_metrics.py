"""Measures of captions, against values worked by hand and against pycocoevalcap."""

import json
import math

import numpy as np
import pytest
from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.rouge.rouge import Rouge

from dltk.errors import UsageError
from dltk.metrics.captions import measure_captions

# Papineni et al. 2002, example 1.
PARTY = (
    "It is a guide to action that ensures that the military will forever heed Party commands.",
    "It is the guiding principle which guarantees the military forces always being under the "
    "command of the Party.",
    "It is the practical guide for the army always to heed the directions of the party.",
)
# Only "a" is in both pictures, so it weighs nothing, and all else log(2).
PETS = (("a red dog runs",), ("a blue cat sleeps",))


def made(seed=0, pictures=80, most=14):
    """Captions and references of made pictures, some long, some of fewer words than 4.

    Words are drawn as in speech, few of them often, and a caption is a changed reference, so
    that n-grams of all lengths are shared; words that no reference has are among them.
    """
    random = np.random.default_rng(seed)
    words = np.array([f"word{index}" for index in range(60)])
    often = 1 / np.arange(1, 61)
    found, references = [], []
    for _ in range(pictures):
        texts = [
            random.choice(words, random.integers(1, most), p=often / often.sum())
            for _ in range(random.integers(1, 6))
        ]
        texts[0] = np.concatenate([texts[0], texts[-1][: random.integers(0, 9)]])
        caption = texts[random.integers(len(texts))].copy()
        changed = random.random(len(caption)) < 0.2
        caption[changed] = random.choice([*words, "new"], changed.sum())
        found.append(" ".join(caption[: random.integers(1, most)]))
        references.append([" ".join(text) for text in texts])
    return found, references


def peers(found, references):
    """Return what pycocoevalcap says: BLEU, and ROUGE-L and CIDEr-D of each picture."""
    results = {index: [caption] for index, caption in enumerate(found)}
    truth = dict(enumerate(references))
    bleu = Bleu(4).compute_score(truth, results, verbose=0)[0]
    return bleu, Rouge().compute_score(truth, results)[1], Cider().compute_score(truth, results)[1]


@pytest.mark.parametrize("seed", range(4))
def test_all_are_as_pycocoevalcap_says(seed):
    found, references = made(seed)
    report = measure_captions(found, references)
    bleu, rouge, cider = peers(found, references)
    assert 0.1 < bleu[3] < bleu[0] < 1 and 0.5 < cider.mean() < 10  # nothing is 0 or full
    np.testing.assert_allclose(report.bleu, bleu, rtol=0, atol=1e-8)  # it adds 1e-9
    np.testing.assert_allclose(report.rouge_l_each, rouge, rtol=0, atol=1e-12)
    np.testing.assert_allclose(report.cider_d_each, cider, rtol=0, atol=1e-12)


def test_texts_of_many_words_are_as_pycocoevalcap_says():
    found, references = made(5, pictures=8, most=200)
    report = measure_captions(found, references)
    bleu, rouge, cider = peers(found, references)
    np.testing.assert_allclose(report.bleu, bleu, rtol=0, atol=1e-8)
    np.testing.assert_allclose(report.rouge_l_each, rouge, rtol=0, atol=1e-12)
    np.testing.assert_allclose(report.cider_d_each, cider, rtol=0, atol=1e-12)


def test_a_picture_with_one_reference_and_a_caption_of_one_word_is_as_pycocoevalcap_says():
    found, references = ["dog", "a cat on a mat"], [["a dog"], ["a cat on a mat", "cat"]]
    report = measure_captions(found, references)
    bleu, rouge, cider = peers(found, references)
    np.testing.assert_allclose(report.bleu, bleu, rtol=0, atol=1e-8)
    np.testing.assert_allclose(report.rouge_l_each, rouge, rtol=0, atol=1e-12)
    np.testing.assert_allclose(report.cider_d_each, cider, rtol=0, atol=1e-12)


def test_bleu_of_the_example_of_its_paper():
    caption = (
        "It is a guide to action which ensures that the military always obeys the commands of "
        "the party."
    )
    report = measure_captions([caption], [PARTY])
    # Of 18 words all but "obeys" are right, and of 17 pairs 10; a reference has 18 words too.
    assert report.bleu[0] == pytest.approx(17 / 18)
    assert report.bleu[1] == pytest.approx(math.sqrt(17 / 18 * 10 / 17))


def test_bleu_is_less_for_captions_that_are_shorter_than_their_references():
    caption = "It is to insure the troops forever hearing the activity guidebook that party direct."
    report = measure_captions([caption], [PARTY])
    # Of 14 words 8 are right, and of 13 pairs 1; the closest references have 16 words.
    assert report.bleu[0] == pytest.approx(math.exp(1 - 16 / 14) * 8 / 14)
    assert report.bleu[1] == pytest.approx(math.exp(1 - 16 / 14) * math.sqrt(8 / 14 / 13))
    assert report.bleu[2:] == (0, 0)  # no three words are right


def test_bleu_counts_a_word_no_more_often_than_one_reference_has_it():
    references = [["The cat is on the mat.", "There is a cat on the mat."]]
    report = measure_captions(["the the the the the the the"], references)
    assert report.bleu[0] == pytest.approx(2 / 7)  # Papineni et al. 2002, example 2
    assert report.bleu[1:] == (0, 0, 0)


def test_bleu_takes_the_shorter_of_two_references_that_are_as_close():
    # Lengths 3 and 5 are as close to 4, and with 3 the caption is not too short.
    report = measure_captions(["a b c d"], [["a b c d e", "a b c"]])
    assert report.bleu == pytest.approx((1, 1, 1, 1))


def test_bleu_sums_counts_before_it_divides():
    # 1 of 1 and 1 of 3 words are right: 2 of 4. A mean over captions would be 2/3.
    report = measure_captions(["dog", "a big cat"], [["dog"], ["one grey cat"]])
    assert report.bleu[0] == pytest.approx(1 / 2)


def test_rouge_of_the_example_of_its_paper():
    # Lin 2004, Sec. 3.1: "police the gunman" and "the gunman" are in order, 3 and 2 words of 4.
    references = [["police killed the gunman"]] * 2
    report = measure_captions(["police kill the gunman", "the gunman kill police"], references)
    np.testing.assert_allclose(report.rouge_l_each, [3 / 4, 2 / 4])
    assert report.rouge_l == pytest.approx(5 / 8)


def test_rouge_weighs_recall_more():
    # 2 words in order, of 3 and of 6.
    report = measure_captions(["the cat sat"], [["the cat lay on the mat"]])
    precision, recall = 2 / 3, 2 / 6
    wanted = 2.44 * precision * recall / (recall + 1.44 * precision)
    assert report.rouge_l == pytest.approx(wanted)


def test_rouge_takes_precision_and_recall_from_whichever_reference_has_more():
    # The first has 3 of the caption's 4 words, the second is wholly in it: 2.44 × 0.75 / 2.08.
    report = measure_captions(["a b c d"], [["a b c x y z", "d"]])
    assert report.rouge_l == pytest.approx(1.83 / 2.08)


def test_cider_of_two_pictures():
    report = measure_captions(["a red cat runs", "a blue cat sleeps"], PETS)
    # Words that weigh: "red", "runs" of 3 each, 2/3. Pairs: "a red" of 3 each, 1/3. No more.
    np.testing.assert_allclose(report.cider_d_each, [10 / 4 * (2 / 3 + 1 / 3), 10])
    assert report.cider_d == pytest.approx(6.25)


def test_cider_is_less_for_another_length():
    report = measure_captions(["red dog", "cat"], PETS)
    # 2 of 2 words are among 3 that weigh, 1 of 1 pair among 3; 2 words too short.
    wanted = 10 / 4 * (2 / math.sqrt(2 * 3) + 1 / math.sqrt(3)) * math.exp(-(2**2) / 72)
    # 1 word among 3; 3 words too short.
    np.testing.assert_allclose(
        report.cider_d_each, [wanted, 10 / 4 / math.sqrt(3) * math.exp(-(3**2) / 72)]
    )


def test_cider_does_not_count_what_a_reference_has_less_often():
    report = measure_captions(["red red red dog", ""], PETS)
    # Words: (3, 1) is cut to (1, 1) but keeps its length √10. Pairs: (2, 1), of which 1 is right.
    wanted = 10 / 4 * (2 / math.sqrt(10 * 3) + 1 / math.sqrt(5 * 3))
    np.testing.assert_allclose(report.cider_d_each, [wanted, 0])


def test_cider_is_the_mean_over_references():
    report = measure_captions(
        ["a red dog runs", "x"], [["a red dog runs", "big cats bark loudly"], ["a mouse"]]
    )
    assert report.cider_d_each[0] == pytest.approx((10 + 0) / 2)


def test_cider_of_copies_of_what_no_other_picture_has_is_10():
    texts = [" ".join(f"word{index}x{place}" for place in range(4 + index)) for index in range(9)]
    report = measure_captions(texts, [[text] for text in texts])
    np.testing.assert_allclose(report.cider_d_each, 10)
    assert report.bleu == pytest.approx((1, 1, 1, 1)) and report.rouge_l == pytest.approx(1)


def test_cider_of_copies_of_3_words_is_7_5():
    report = measure_captions(["one red dog", "a blue cat"], [["one red dog"], ["a blue cat"]])
    np.testing.assert_allclose(report.cider_d_each, 7.5)
    assert report.bleu == pytest.approx((1, 1, 1, 0))  # there are no 4 words to be right


def test_cider_of_a_single_picture_is_0():
    report = measure_captions(["a red dog runs"], [["a red dog runs"]])
    assert report.cider_d == 0 and report.bleu == pytest.approx((1, 1, 1, 1))


def test_cider_of_what_all_pictures_have_is_0():
    # Logarithms must be exactly 0: what is left of rounding would be a cosine like any other.
    for pictures in (3, 7, 49, 1000):
        report = measure_captions(["a red dog"] * pictures, [["a red dog"]] * pictures)
        assert not report.cider_d_each.any()


def test_the_order_of_pictures_and_of_references_does_not_matter():
    found, references = made(6)
    report = measure_captions(found, references)
    order = np.random.default_rng(0).permutation(len(found))
    other = measure_captions(
        [found[index] for index in order], [references[index][::-1] for index in order]
    )
    assert other.bleu == pytest.approx(report.bleu, abs=1e-12)
    np.testing.assert_allclose(other.rouge_l_each, report.rouge_l_each[order])
    np.testing.assert_allclose(other.cider_d_each, report.cider_d_each[order], atol=1e-12)


def test_capitals_and_marks_do_not_matter():
    report = measure_captions(["A red dog runs!", "“A blue cat, sleeps”"], PETS)
    np.testing.assert_allclose(report.cider_d_each, 10)
    assert report.bleu == pytest.approx((1, 1, 1, 1))


def test_captions_that_are_alike_and_copied():
    found = ["A dog.", "a dog", "a cat runs", ""]
    training = iter(["A DOG!", "", "a dog runs", "the cat runs"])
    report = measure_captions(found, [["a dog"]] * 4, training=training)
    assert report.distinct == 3 / 4  # "a dog", "a cat runs" and nothing
    assert report.distinct_words == 4 / 7  # "a", "dog", "cat", "runs"
    assert report.length == 7 / 4
    assert report.copied == 2 / 4  # nothing is no copy
    assert measure_captions(found, [["a dog"]] * 4).copied is None
    assert measure_captions(found, [["a dog"]] * 4, training=[]).copied == 0


def test_captions_without_words_are_at_0():
    report = measure_captions(["", "…"], PETS)
    assert report.bleu == (0, 0, 0, 0) and report.length == report.distinct_words == 0
    assert not report.rouge_l_each.any() and not report.cider_d_each.any()


def test_references_without_words_are_left_out():
    found, references = made(7)
    report = measure_captions(found, references)
    other = measure_captions(found, [["", *texts, "?!"] for texts in references])
    assert other.to_dict() == report.to_dict()


def test_a_picture_all_of_whose_references_have_no_words_is_at_0():
    report = measure_captions(["a dog", "a blue cat sleeps"], [["…", ""], *PETS[1:]])
    np.testing.assert_allclose(report.cider_d_each, [0, 10])
    np.testing.assert_allclose(report.rouge_l_each, [0, 1])
    assert report.bleu[0] == pytest.approx(4 / 6)
    nothing = measure_captions([""], [[""]])
    assert nothing.bleu == (0, 0, 0, 0) and nothing.rouge_l == nothing.cider_d == 0


def test_texts_of_ten_thousand_words():
    words = [f"w{index}" for index in range(10_000)]
    others = [word if index % 2 else f"x{index}" for index, word in enumerate(words)]
    report = measure_captions([" ".join(words), "dog"], [[" ".join(others)], ["dog"]])
    # Every other word is the same, no two side by side: half of the words, a quarter of cosines.
    np.testing.assert_allclose(report.rouge_l_each, [1 / 2, 1])
    np.testing.assert_allclose(report.cider_d_each, [10 / 4 / 2, 10 / 4])
    again = measure_captions(["the " * 10_000, "dog"], [["the " * 9_000], ["dog"]])
    assert again.rouge_l_each[0] == pytest.approx(2.44 * 0.9 / (1 + 1.44 * 0.9))


def test_a_report_is_ready_for_json():
    found, references = made(8)
    report = measure_captions(found, references, training=found[:20])
    read = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert read == report.to_dict()
    assert list(read) == [
        *("pictures", "bleu1", "bleu2", "bleu3", "bleu4", "rouge_l", "cider_d"),
        *("distinct", "distinct_words", "copied", "length"),
    ]
    assert read["pictures"] == 80 == len(report.rouge_l_each) == len(report.cider_d_each)
    assert read["cider_d"] == round(report.cider_d_each.mean(), 6)
    json.dumps(measure_captions([""], [["a dog"]]).to_dict(), allow_nan=False)
    assert report.rouge_l_each.dtype == report.cider_d_each.dtype == np.float64


def test_what_does_not_fit_is_refused():
    with pytest.raises(UsageError, match="no pictures"):
        measure_captions([], [])
    with pytest.raises(ValueError, match="1 captions, references for 2"):
        measure_captions(["a dog"], PETS)
    with pytest.raises(ValueError, match=r"references\[1\]=\[\]"):
        measure_captions(["a dog", "a cat"], [["a dog"], []])
    with pytest.raises(ValueError, match=r"references\[0\]='a dog'"):
        measure_captions(["a dog"], ["a dog"])
