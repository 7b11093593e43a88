"""Questions to vectors of words: answers worked out by hand, files of questions, the command."""

import json

import numpy as np
import pytest
from PIL import Image

from dltk.errors import UsageError
from dltk.text.vectors import WordVectors, write_vectors
from recipes._analogies import Term, parse_terms, read_questions
from recipes.analogy import analogy, draw_word_map, evaluate_analogies

# Directions in the plane of sex and rank; lengths play no part.
PLANE = {
    "man": (2, 0, 1), "woman": (-2, 0, 1), "king": (1, 2, 1), "queen": (-1, 2, 1),
    "Paris": (0, -1, -3), "the": (0, -5, -1), "nothing": (0, 0, 0),
}  # fmt: skip
VECTORS = WordVectors(tuple(PLANE), np.float32(list(PLANE.values())))


@pytest.fixture
def file(tmp_path):
    write_vectors(tmp_path / "v.bin", VECTORS)
    return tmp_path / "v.bin"


def unit(word: str) -> np.ndarray:
    return np.float64(PLANE[word]) / max(np.linalg.norm(PLANE[word]), 1e-9)


def test_sums_of_directions_answer_as_worked_out_by_hand():
    found = analogy("king - man + woman", model=VECTORS)
    total = unit("king") - unit("man") + unit("woman")
    expected = {
        word: float(unit(word) @ total / np.linalg.norm(total))
        for word in PLANE if word not in ("king", "man", "woman")
    }  # fmt: skip
    assert found.answers[0].word == "queen"
    assert {near.word: near.score for near in found.answers} == pytest.approx(expected, abs=1e-6)
    scores = [near.score for near in found.answers]
    assert scores == sorted(scores, reverse=True)
    assert found.terms == (Term(1, "king"), Term(-1, "man"), Term(1, "woman"))


def test_products_of_cosines_answer_as_worked_out_by_hand():
    found = analogy(["king", "-", "man", "+", "woman"], model=VECTORS, method="mul")
    share = lambda one, other: (unit(one) @ unit(other) + 1) / 2  # noqa: E731
    expected = {
        word: share(word, "king") * share(word, "woman") / (share(word, "man") + 1e-3)
        for word in PLANE if word not in ("king", "man", "woman")
    }  # fmt: skip
    assert {near.word: near.score for near in found.answers} == pytest.approx(expected, rel=1e-5)
    assert found.answers[0].word == "queen"


def test_a_single_word_has_its_nearest():
    found = analogy("king", model=VECTORS, top=2)
    assert [near.word for near in found.answers] == ["queen", "man"]
    assert found.answers[0].score == pytest.approx(4 / 6)
    assert found.to_dict() == {
        "question": "king",
        "answers": [{"word": "queen", "score": 0.66667}, {"word": "man", "score": 0.54772}],
    }


def test_answers_are_among_frequent_words_if_asked():
    found = analogy("king", model=VECTORS, restrict=3)
    assert {near.word for near in found.answers} == {"man", "woman"}
    beyond = analogy("the - queen + king", model=VECTORS, restrict=2)  # its words may be rare
    assert {near.word for near in beyond.answers} == {"man", "woman"}


@pytest.mark.parametrize(
    ("asked", "terms"),
    [
        ("- man + king", [(-1, "man"), (1, "king")]),
        ("+ king", [(1, "king")]),
        (("king", "+", "queen", "-", "man"), [(1, "king"), (1, "queen"), (-1, "man")]),
        ("x-ray - king", [(1, "x-ray"), (-1, "king")]),
    ],
)
def test_questions_are_words_with_signs_between(asked, terms):
    assert list(parse_terms(asked)) == terms


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("king man", r"say \+ or - between king and man"),
        ("king -", "a question ends with a word, not with a sign"),
        ("king - + man", r"two signs side by side, in front of and behind no word: \+"),
        ("- man", "ask with a word or more, such as: king - man"),
        ("", "ask with a word or more"),
        ("king - mann", 'the word "mann" has no vector. Did you mean "man"?'),
        ("paris", 'the word "paris" has no vector. Did you mean "Paris"?'),
        ("king-man+woman", r'"king-man\+woman" has no vector.* \+ and - .* stand between spaces'),
        ("king - king", "nothing is left of the question: its words add up to no direction"),
        ("king + man - king - man", "nothing is left of the question"),
        ("nothing", "nothing is left of the question"),
    ],
)
def test_what_is_no_question_is_told(asked, message):
    with pytest.raises(UsageError, match=message):
        analogy(asked, model=VECTORS)


def test_words_that_are_taken_away_again_leave_no_products_either():
    with pytest.raises(UsageError, match="nothing is left of the question"):
        analogy("king - king", model=VECTORS, method="mul")


def test_run_folders_and_models_of_other_tasks_are_told(file, tmp_path):
    file.rename(tmp_path / "vectors.bin")
    with pytest.raises(UsageError, match=r"is a run folder; take .*vectors\.bin"):
        analogy("king", model=tmp_path)
    with pytest.raises(UsageError, match=r"best\.keras is a model file; name a file of vectors"):
        analogy("king", model=tmp_path / "best.keras")


def test_words_that_a_file_has_twice_are_told(dltk, tmp_path):
    (tmp_path / "v.txt").write_text("a 1 0\nb 0 1\na 1 1\n")
    lines = []
    analogy("a", model=tmp_path / "v.txt", report=lines.append)
    assert lines[0] == "note: 1 vector passed over, of words that have one already"
    assert dltk("text", "analogy", "-m", tmp_path / "v.txt", "a").err == f"{lines[0]}\n"


def test_words_are_found_in_composed_form():
    vectors = WordVectors(("é", "b"), np.eye(2, dtype=np.float32))
    assert analogy("e\u0301", model=vectors).answers[0].word == "b"


# Files of questions

QUESTIONS = """: capital family
man woman king queen
King Queen MAN woman
man woman king emperor
: gram1 plural
man king woman queen
queen woman king the

"""


def test_sections_and_totals_are_scored(tmp_path):
    (tmp_path / "q.txt").write_text(QUESTIONS)
    measured = evaluate_analogies(tmp_path / "q.txt", model=VECTORS)
    told = [(s.name, s.right, s.asked, s.unknown) for s in measured.sections]
    assert told == [("capital family", 2, 2, 1), ("gram1 plural", 1, 2, 0)]
    totals = [(s.name, s.right, s.asked, s.unknown) for s in measured.totals]
    assert totals == [("semantic", 2, 2, 1), ("syntactic", 1, 2, 0), ("total", 3, 4, 1)]
    told = measured.to_dict()
    assert told["total"]["accuracy"] == 0.75 and told["words"] == 7
    fewer = evaluate_analogies(tmp_path / "q.txt", model=VECTORS, restrict=3)
    assert fewer.totals[-1].unknown == 5 and fewer.totals[-1].accuracy is None


def test_of_words_that_differ_in_case_the_most_frequent_one_stands_for_all():
    words = ("man", "MAN", "woman", "king", "queen", "Queen")
    values = [PLANE["man"], (0, 0, 1), *(PLANE[w] for w in ("woman", "king", "queen", "queen"))]
    vectors = WordVectors(words, np.float32(values))
    asked = {"": [("MAN", "WOMAN", "KING", "QUEEN")]}
    assert evaluate_analogies(asked, model=vectors).totals[-1].right == 1


@pytest.mark.parametrize(
    "question", [("man", "woman", "king"), ("man",) * 5, ("man", "woman", "king", 4), "kings", None]
)
def test_questions_in_memory_are_four_words(question):
    asked = {"family": [("man", "woman", "king", "queen"), question]}
    with pytest.raises(UsageError, match=r'^section "family": an analogy has four words, and '):
        evaluate_analogies(asked, model=VECTORS)


@pytest.mark.parametrize("method", ["add", "mul"])
def test_many_questions_are_answered_as_each_alone(method):
    random = np.random.default_rng(0)
    words = tuple(f"w{at}" for at in range(60))
    vectors = WordVectors(words, random.normal(size=(60, 5)).astype(np.float32))
    asked = [tuple(words[at] for at in random.choice(60, 3, replace=False)) for _ in range(600)]
    best = [
        analogy(f"{b} - {a} + {c}", model=vectors, method=method, top=1).answers[0].word
        for a, b, c in asked
    ]
    every = {"": [(*question, word) for question, word in zip(asked, best, strict=True)]}
    assert evaluate_analogies(every, model=vectors, method=method).totals[-1].right == 600


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (": family\nman woman king\n", "q.txt, line 2: an analogy has four words, not 3"),
        (": family\n", "q.txt has no questions"),
        ("a b c d\ncaf\xe9".encode("latin-1"), "q.txt, line 2: not UTF-8: byte 0xe9"),
    ],
)
def test_files_that_have_no_questions_are_told(tmp_path, content, message):
    content = content if isinstance(content, bytes) else content.encode()
    (tmp_path / "q.txt").write_bytes(content)
    with pytest.raises(UsageError, match=message):
        read_questions(tmp_path / "q.txt")


# Maps and the command


@pytest.mark.parametrize("count", [2, 6, 45])
def test_words_are_drawn_in_the_plane(tmp_path, count):
    vectors = VECTORS
    if count > len(PLANE):
        values = np.random.default_rng(0).normal(size=(count, 4)).astype(np.float32)
        vectors = WordVectors(tuple(f"w{at}" for at in range(count)), values)
    drawn = draw_word_map(tmp_path / "m.png", model=vectors, words=vectors.words[:count])
    assert drawn == count
    with Image.open(tmp_path / "m.png") as picture:
        assert min(picture.size) > 600 and len(picture.convert("L").getcolors()) > 10
    with pytest.raises(UsageError, match="a map has two words at least"):
        draw_word_map(tmp_path / "m.png", model=vectors, words=vectors.words[:1])


def test_the_command_answers(dltk, file):
    asked = dltk("text", "analogy", "-m", file, "king", "-", "man", "+", "woman", "--top", 1)
    assert (asked.code, asked.out, asked.err) == (0, "queen  0.8440\n", "")
    quoted = dltk("text", "analogy", "-m", file, "king - man + woman", "--top", 1)
    assert quoted.out == asked.out
    first = dltk("text", "analogy", "-m", file, "-", "man", "+", "king", "+", "woman", "--json")
    assert json.loads(first.out)["question"] == "- man + king + woman"
    assert json.loads(first.out)["answers"][0] == {"word": "queen", "score": 0.84403}
    unknown = dltk("text", "analogy", "-m", file, "kign")
    assert unknown.code == 2
    assert unknown.err == 'error: the word "kign" has no vector. Did you mean "king"?\n'
    gone = dltk("text", "analogy", "-m", "none.bin", "king")
    assert gone.code == 2 and "no such file of vectors: none.bin" in gone.err


def test_the_command_measures(dltk, file, tmp_path):
    (tmp_path / "q.txt").write_text(QUESTIONS)
    told = dltk("text", "analogy", "-m", file, "--questions", tmp_path / "q.txt")
    assert told.code == 0 and "7 words with 3 numbers each" in told.err
    assert told.out.splitlines()[1].split() == ["capital", "family", "100.0%", "2", "2", "1"]
    assert told.out.splitlines()[-1].split() == ["total", "75.0%", "3", "4", "1"]
    as_json = dltk("text", "analogy", "-m", file, "--questions", tmp_path / "q.txt", "--json")
    assert json.loads(as_json.out)["syntactic"]["accuracy"] == 0.5
    (tmp_path / "bad.bin").write_bytes(b"2 3\nking " + bytes(7))
    damaged = dltk("text", "analogy", "-m", tmp_path / "bad.bin", "king")
    assert damaged.code == 1 and "bad.bin: cut short: 0 of 2 words are whole" in damaged.err


def test_the_command_draws(dltk, file, tmp_path):
    words = "man", "woman", "king", "queen"
    told = dltk("text", "analogy", "-m", file, "--map", tmp_path / "m.png", *words)
    assert told.code == 0 and told.err.endswith(f"map of 4 words in {tmp_path}/m.png\n")
    assert (tmp_path / "m.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "name words, such as: king - man + woman; or --questions or --map"),
        (("king", "--questions", "q.txt"), "--questions are asked alone, without words and --map"),
        (("--questions", "q.txt", "--top", 3), "--top has no meaning beside --questions"),
        (("king", "--map", "m.png", "--method", "mul"), "--method has no meaning beside --map"),
        (("king", "--seed", 3), "--seed has no meaning beside an answer; it is about --map"),
        (("king", "--restrict", 1), "1 is not in the range x>=2"),
    ],
)
def test_options_that_do_nothing_are_told(dltk, file, arguments, message):
    told = dltk("text", "analogy", "-m", file, *arguments)
    assert told.code == 2 and message in told.err
