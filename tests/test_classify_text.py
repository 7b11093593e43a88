"""Labels of texts, and what words are worth to them, from Python and from the command line."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
import unicodedata

import keras
import numpy as np
import pytest

from dltk.batch.stream import StreamRecord
from dltk.errors import DltkError, UsageError
from dltk.modelfile import ModelCard, read_card, save_model
from dltk.text.encoder import padded
from dltk.text.tokenizer import Tokenizer
from dltk.text.tokens import tokens
from dltk.text.vocabulary import TOKENS, UNKNOWN, Vocabulary
from recipes.classify_text import classify_text, window_of
from tests.runs import killed_at
from tests.text_models import TASK, save_convolutional, save_linear

WEIGHTS = {"good": (0, 2), "bad": (1, 0), "film": (0, 0.25), "n't": (0.5, 0), "was": (0, 0)}
WORDS = [f"w{number}" for number in range(40)]


@pytest.fixture(scope="module")
def linear(tmp_path_factory):
    """A classifier that adds up the weights of words."""
    return save_linear(tmp_path_factory.mktemp("linear") / "linear.keras", WEIGHTS)


@pytest.fixture(scope="module")
def ordered(tmp_path_factory):
    """A classifier to which the order of words matters."""
    return save_convolutional(tmp_path_factory.mktemp("ordered") / "ordered.keras", WORDS)


def drawn(count, longest=30):
    """Return texts of words, some of which are not known, of many lengths."""
    random = np.random.default_rng(0)
    known = [*WORDS, "what", "else"]
    return [" ".join(random.choice(known, random.integers(1, longest))) for _ in range(count)]


def scores(result):
    return {label.name: label.score for label in result.labels}


def test_labels_are_what_the_network_says_of_each_text_alone(ordered):
    texts = drawn(150)
    network, vocabulary = keras.saving.load_model(ordered), Vocabulary(tuple(WORDS))
    results = list(classify_text(texts, model=ordered, batch_size=16))
    assert [result.text for result in results] == texts
    for text, result in zip(texts, results, strict=True):
        numbers = vocabulary.encode(tokens(text))
        own = network({TOKENS: np.array([numbers[:20]], np.int32)}).numpy()[0]
        found = scores(result)
        np.testing.assert_allclose([found[name] for name in "abc"], own, atol=2e-5)
        assert list(found.values()) == sorted(found.values(), reverse=True)
        assert result.tokens == min(20, len(numbers)) and result.cut == (len(numbers) > 20)
        assert result.unknown == numbers[:20].count(UNKNOWN)


@pytest.mark.parametrize("batch_size", [1, 5, 64])
def test_what_stands_beside_a_text_does_not_matter(ordered, batch_size):
    texts = drawn(60)
    together = [result.to_dict() for result in classify_text(texts, model=ordered)]
    for result, other in zip(
        classify_text(texts, model=ordered, batch_size=batch_size), together, strict=True
    ):
        assert [x["score"] for x in other["labels"]] == pytest.approx(
            list(scores(result).values()), abs=2e-5
        )


def test_two_replicas_say_the_same_as_one(ordered):
    texts = drawn(50)
    one = [scores(result) for result in classify_text(texts, model=ordered, batch_size=8)]
    two = classify_text(texts, model=ordered, batch_size=8, devices="cpu:2")
    for a, result in zip(one, two, strict=True):
        assert scores(result) == pytest.approx(a, abs=2e-5)


def test_the_network_is_traced_for_few_shapes(ordered):
    from recipes._text_classifiers import TextClassifier, find_text_classifier

    classifier = TextClassifier(find_text_classifier(ordered), batch_size=32)
    for count in (1, 3, 9, 20, 50):
        classifier.probabilities([classifier.read(text) for text in drawn(count)])
    assert classifier._network._step.experimental_get_tracing_count() <= 3


def test_texts_are_read_a_window_ahead_and_no_further(linear):
    taken = []

    def texts():
        for number in range(1000):
            taken.append(number)
            yield "good"

    results = classify_text(texts(), model=linear, batch_size=2)
    for number, _ in zip(range(50), results, strict=False):
        assert len(taken) <= (number // window_of(2) + 1) * window_of(2)
    assert len(taken) < 80


def test_failures_come_in_their_place(linear):
    results = list(classify_text(["good", " ", "bad", "\udce9"], model=linear))
    assert [result.error for result in results] == [
        None, "it is empty", None, "not UTF-8: byte 0xe9"
    ]  # fmt: skip
    assert [len(result.labels) for result in results] == [2, 0, 2, 0]
    assert not list(classify_text([], model=linear))
    assert [result.error for result in classify_text([""], model=linear)] == ["it is empty"]


def test_what_is_no_text_at_all_is_refused_and_not_passed_over(linear):
    with pytest.raises(UsageError, match="texts are strings or paths, not NoneType"):
        list(classify_text(["good", None, "bad"], model=linear))


def test_a_text_without_any_token_is_unknown(tmp_path):
    model = save_linear(tmp_path / "a.keras", {"good": (0, 2)}, unknown=(3, 0))
    [result] = classify_text("?! …", model=model)
    assert scores(result) == pytest.approx({"bad": 1 / (1 + np.exp(-3)), "good": 0.04743}, abs=1e-5)
    assert (result.tokens, result.unknown, result.cut) == (0, 0, False)


def test_few_labels_and_sure_ones_only_if_that_is_asked(ordered):
    texts = drawn(20)
    for result in classify_text(texts, model=ordered, top=1):
        assert len(result.labels) == 1
    for result in classify_text(texts, model=ordered, min_score=0.4, explain=True):
        assert all(label.score >= 0.4 for label in result.labels)
        assert (result.words is None) == (not result.labels)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"top": 0}, "--top is at least 1"),
        ({"top": 1.5}, "--top is a whole number"),
        ({"min_score": float("nan")}, "--min-score is a number from 0 to 1, not nan"),
        ({"min_score": 2}, "--min-score is a number from 0 to 1"),
        ({"batch_size": 0}, "--batch-size is at least 1"),
        ({"each": "lines"}, 'each is one of auto, line, file, not lines. Did you mean "line"'),
    ],
)
def test_what_cannot_be_is_refused(linear, options, why):
    with pytest.raises(UsageError, match=why.replace(".", r"\.")):
        next(classify_text("good", model=linear, **options))


def test_other_models_are_refused(tmp_path, linear):
    network, card = keras.saving.load_model(linear), read_card(linear)
    fields = {name: getattr(card, name) for name in ("labels", "words", "text")}
    save_model(network, tmp_path / "a.keras", ModelCard("detect", **fields, geometry=None))
    with pytest.raises(UsageError, match=r"a\.keras is a model to detect, not to classify texts"):
        next(classify_text("good", model=tmp_path / "a.keras"))
    for change, why in (
        ({"text": {"unit": "word"}}, "'lower'"),
        ({"text": card.text | {"unit": "letter"}}, "a token is one of"),
        ({"text": card.text | {"length": 0}}, "it looks at no tokens"),
        ({"labels": ("a", "b", "c")}, "3 class names"),
    ):
        damaged = ModelCard(TASK, **fields | change, geometry=None)
        save_model(network, tmp_path / "a.keras", damaged)
        with pytest.raises(DltkError, match=f"a.keras is damaged: .*{why}"):
            next(classify_text("good", model=tmp_path / "a.keras"))


def test_no_numbers_are_told(tmp_path):
    model = save_linear(tmp_path / "a.keras", {"good": (0, float("nan"))})
    with pytest.raises(DltkError, match="gives probabilities that are no numbers"):
        list(classify_text("good", model=model))


def test_each_word_is_worth_its_weight_and_spelled_as_it_stands(linear):
    text = unicodedata.normalize("NFD", "  Wasn’t the FILM  \n good, bad? É")
    [result] = classify_text(text, model=linear, explain=True)
    assert result.text == "Wasn’t the FILM  \n good, bad? É"
    spelled = [(result.text[a:b], worth) for a, b, worth in result.words]
    assert [word for word, _ in spelled] == ["Was", "n’t", "the", "FILM", "good", "bad", "É"]
    worth = [0, -0.5, 0, 0.25, 2, -1, 0]
    assert [value for _, value in spelled] == pytest.approx(worth, abs=1e-4)
    fields = result.to_dict()
    assert fields["text"] == result.text and fields["words"][3] == ["FILM", 0.25]


def test_only_what_the_network_looked_at_is_explained(linear):
    text = "good " * 30 + "bad"
    [result] = classify_text(text, model=linear, explain=True)
    assert result.tokens == 20 == len(result.words) and result.cut
    assert result.to_dict()["text"] == ("good " * 20).strip()
    assert sum(worth for *_, worth in result.words) == pytest.approx(40, rel=1e-3)


def test_a_letter_that_is_two_tokens_is_worth_both(tmp_path):
    weights = {"i": (0, 1), "\u0307": (0, 2), "x": (0, 4)}
    model = save_linear(tmp_path / "a.keras", weights, tokenizer=Tokenizer("character"))
    [result] = classify_text("xİ", model=model, explain=True)
    assert [(a, b) for a, b, _ in result.words] == [(0, 1), (1, 2)]
    assert [worth for *_, worth in result.words] == pytest.approx([4, 3], abs=1e-4)


def test_long_texts_are_taken_apart_as_far_as_they_are_looked_at(linear, monkeypatch):
    from recipes._text_classifiers import TextClassifier, find_text_classifier

    classifier = TextClassifier(find_text_classifier(linear), batch_size=8)
    longest = []
    whole = Tokenizer.__call__

    def watched(tokenizer, text):
        longest.append(len(text))
        return whole(tokenizer, text)

    monkeypatch.setattr(Tokenizer, "__call__", watched)
    for text in ("good bad " * 100_000, "x" * 5000 + " good " * 30, "film " * 19 + "y" * 5000):
        read = classifier.read(text)
        numbers = Vocabulary(tuple(WEIGHTS)).encode(tokens(text))
        assert read.numbers.tolist() == numbers[:20] and read.cut == (len(numbers) > 20)
    assert longest[0] < 2000 and max(longest[:2]) < 2000


def test_the_encoder_of_the_training_reads_the_same(linear):
    from recipes._text_classifiers import TextClassifier, encoder_of, find_text_classifier

    source = find_text_classifier(linear)
    classifier, encoder = TextClassifier(source, batch_size=8), encoder_of(source)
    for text in ["", "?", "a Good film", "it wasn't bad " * 20, *drawn(20)]:
        read, expected = classifier.read(text), encoder(text)
        assert read.numbers.tolist() == expected.numbers.tolist() and read[1:] == expected[1:]
    assert padded([encoder("good").numbers], 3).tolist() == [[4, 0, 0]]


# From the command line


@pytest.fixture
def lines(tmp_path):
    """Two files of one name in different folders, one with lines that are no texts."""
    for folder, content in (("a", b"good film\n\nbad\n"), ("b", b"good\ncaf\xe9\nit was n't bad")):
        (tmp_path / "in" / folder).mkdir(parents=True)
        (tmp_path / "in" / folder / "x.txt").write_bytes(content)
    return [tmp_path / "in/a/x.txt", tmp_path / "in/b/x.txt"]


def records(text):
    header, *rows = map(json.loads, text.splitlines())
    assert header["format"] == "dltk.text.classify" and header["version"] == 1
    return rows


def test_results_are_lines_of_json_in_order(dltk, lines, linear):
    result = dltk("text", "classify", *lines, "-m", linear)
    rows = records(result.out)
    assert result.code == 3
    assert [(row["path"], row["line"], row["status"]) for row in rows] == [
        ("a/x.txt", 1, "ok"), ("a/x.txt", 2, "failed"), ("a/x.txt", 3, "ok"),
        ("b/x.txt", 1, "ok"), ("b/x.txt", 2, "failed"), ("b/x.txt", 3, "ok"),
    ]  # fmt: skip
    assert rows[0] == {
        "path": "a/x.txt", "line": 1, "status": "ok",
        "labels": [{"label": "good", "score": 0.90465}, {"label": "bad", "score": 0.09535}],
        "tokens": 2, "unknown": 0,
    }  # fmt: skip
    assert rows[1]["error"] == "it is empty"
    assert rows[4]["error"] == "not UTF-8: byte 0xe9 at offset 8"
    assert rows[5]["tokens"] == 4 and rows[5]["unknown"] == 1
    told = "failed: a/x.txt:2: it is empty\nfailed: b/x.txt:2: not UTF-8: byte 0xe9 at offset 8\n"
    assert result.err.startswith(told + "4 done, 2 failed in ")


def test_a_table_shows_the_texts_and_a_csv_has_the_labels_beside_each_other(dltk, lines, linear):
    result = dltk("text", "classify", lines[0], "-m", linear, "--format", "table", "--explain")
    assert result.out.splitlines() == [
        "x.txt:1        good 90.5%                    bad 9.5%  good film",
        "    for: good +2.00, film +0.25",
        "x.txt:2        failed: it is empty",
        "x.txt:3        bad 73.1%                     good 26.9%  bad",
        "    for: bad +1.00",
    ]
    result = dltk("text", "classify", lines[0], "-m", linear, "--format", "csv", "--explain")
    rows = list(csv.DictReader(io.StringIO(result.out)))
    assert list(rows[0]) == [
        "path", "line", "status", "error", "label1", "score1", "label2", "score2", "tokens",
        "unknown", "cut", "text", "words",
    ]  # fmt: skip
    assert rows[0]["label1"] == "good" and rows[0]["words"] == '[["good", 2.0], ["film", 0.25]]'
    assert rows[1]["error"] == "it is empty" and rows[1]["label1"] == ""


def test_words_are_coloured_on_a_terminal_unless_it_may_have_no_colours(linear, monkeypatch):
    from dltk.cli import text_classify

    fields = {"text": "a \x1b[1m good,\nbad", "words": [["good", 2.0], ["bad", -1.0]]}
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert text_classify._explained(fields) == (
        "a \\x1b[1m \x1b[30m\x1b[48;2;255;120;105mgood\x1b[0m, "
        "\x1b[30m\x1b[48;2;166;198;255mbad\x1b[0m"
    )
    monkeypatch.setenv("NO_COLOR", "1")
    assert text_classify._explained(fields) == "for: good +2.00; against: bad -1.00"
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: False, raising=False)
    assert text_classify._explained(fields) == "for: good +2.00; against: bad -1.00"


def test_a_folder_has_the_record_the_table_and_pages(dltk, lines, linear, tmp_path):
    out = tmp_path / "out"
    command = ["text", "classify", *lines, "-m", linear, "-o", out, "--explain", "--format", "csv"]
    result = dltk(*command)
    assert result.code == 3 and result.out == ""
    assert sorted(path.name for path in out.iterdir()) == [
        "explanations.html", "results.csv", "results.jsonl"
    ]  # fmt: skip
    rows = records((out / "results.jsonl").read_text())
    assert [row["status"] for row in rows].count("ok") == 4
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    again = dltk(*command)
    assert again.code == 3 and "4 done before, 2 failed" in again.err
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    other = dltk(*command[:-3])
    assert other.code == 2 and "another run (explain was True, now False)" in other.err
    with lines[0].open("ab") as file:
        file.write(b"more\n")
    changed = dltk(*command)
    assert changed.code == 2 and "other texts, or some of these have changed" in changed.err
    assert dltk(*command[:-3], "--overwrite").code == 3
    assert sorted(path.name for path in out.iterdir()) == ["results.csv", "results.jsonl"]
    assert len(records((out / "results.jsonl").read_text())) == 7


def interrupted_after(line: int):
    """Return what stands for `StreamRecord.write`: Ctrl-C comes behind this line."""
    write = StreamRecord.write

    def interrupted(record, fields):
        write(record, fields)
        if fields.get("line") == line:
            raise KeyboardInterrupt

    return interrupted


def test_an_overwritten_run_that_stopped_leaves_nothing_old(dltk, linear, tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_text("good film\nbad film\n")
    command = ["text", "classify", tmp_path / "a.txt", "-m", linear, "-o", tmp_path / "out"]
    assert dltk(*command, "--explain", "--format", "csv").code == 0
    table = (tmp_path / "out" / "results.csv").read_text()
    with monkeypatch.context() as patch:
        patch.setattr(StreamRecord, "write", interrupted_after(1))
        assert dltk(*command, "--top", "1", "--overwrite").code == 130
    assert dltk(*command, "--top", "1").code == 0
    assert [path.name for path in sorted((tmp_path / "out").iterdir())] == [
        "results.csv", "results.jsonl"
    ]  # fmt: skip
    assert "label2" in table and "label2" not in (tmp_path / "out" / "results.csv").read_text()


def test_nothing_is_written_over_an_input_or_what_is_not_ours(dltk, linear, tmp_path):
    texts = tmp_path / "results.csv"
    texts.write_text("text\ngood\n")
    result = dltk("text", "classify", texts, "-m", linear, "-o", tmp_path)
    assert result.code == 2 and "is an input, and results would be written over it" in result.err
    (tmp_path / "a.txt").write_text("good\n")
    result = dltk("text", "classify", tmp_path / "a.txt", "-m", linear, "-o", tmp_path)
    assert result.code == 2 and "not known from an earlier run" in result.err
    assert texts.read_text() == "text\ngood\n"
    texts.unlink()
    assert dltk("text", "classify", tmp_path / "a.txt", "-m", linear, "-o", tmp_path).code == 0
    assert (tmp_path / "a.txt").read_text() == "good\n"


def test_wrong_use_ends_with_2_and_one_line(dltk, linear, lines, tmp_path):
    for arguments, why in (
        ((lines[0],), "Missing option '-m'"),
        (("none.txt", "-m", linear), "no such file or folder: none.txt"),
        ((lines[0], "-m", tmp_path / "none.keras"), "no such model file"),
        ((lines[0], "-m", linear, "--overwrite"), "--overwrite is about a folder"),
        ((lines[0], "-m", linear, "--min-score", "nan"), "not a number"),
        ((lines[0], "-m", linear, "--text-column", "a"), "--text-column is of tables"),
        ((lines[0], "-m", "efficientnet-lite0"), "is a model to classify, not to classify texts"),
    ):
        result = dltk("text", "classify", *arguments)
        assert result.code == 2 and why in result.err and not result.out, arguments


RUN = "import sys; from dltk.cli.main import run; sys.argv[0] = 'dltk'; run()"


def test_lines_that_come_in_get_their_results_at_once(linear):
    command = [sys.executable, "-c", RUN, "text", "classify", "-", "-m", os.fspath(linear), "-q"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as process:
        process.stdin.write("good\nbad\n")
        header, *rows = [json.loads(process.stdout.readline()) for _ in range(3)]
        assert header["format"] == "dltk.text.classify"
        assert [row["labels"][0]["label"] for row in rows] == ["good", "bad"]
        process.stdin.write("film\n")  # which waited for those before it
        row = json.loads(process.stdout.readline())
        assert (row["path"], row["line"]) == ("stdin", 3)
        process.stdin.close()
        assert process.stdout.read() == "" and process.wait() == 0


def test_a_killed_run_goes_on_to_the_same_bytes(ordered, tmp_path, dltk):
    (tmp_path / "texts.txt").write_text("\n".join(drawn(300)) + "\n")
    command = ["text", "classify", tmp_path / "texts.txt", "-m", ordered, "--batch-size", 4]
    assert dltk(*command, "-o", tmp_path / "whole", "--explain").code == 0
    code = (
        "import sys, dltk.batch.stream as stream; from dltk.cli.main import main\n"
        "write = stream.StreamRecord.write\n"
        "def told(record, fields):\n"
        "    write(record, fields); print(fields.get('line'), flush=True)\n"
        "stream.StreamRecord.write = told\n"
        "main(sys.argv[1:])"
    )
    killed_at(code, [*command, "-o", tmp_path / "out", "--explain"], "105")
    part = tmp_path / "out/results.jsonl.part"
    assert 106 <= len(part.read_bytes().splitlines()) < 301
    with part.open("ab") as file:
        file.write(b'{"path": "texts.txt", "li')  # a line that was torn
    result = dltk(*command, "-o", tmp_path / "out", "--explain")
    assert result.code == 0 and "done before" in result.err
    for name in ("results.jsonl", "explanations.html"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert not part.exists()


def test_interrupted_ends_with_130_and_says_how_to_go_on(dltk, ordered, tmp_path, monkeypatch):
    (tmp_path / "texts.txt").write_text("\n".join(drawn(20)) + "\n")
    command = ["text", "classify", tmp_path / "texts.txt", "-m", ordered, "-o", tmp_path / "out"]
    with monkeypatch.context() as patch:
        patch.setattr(StreamRecord, "write", interrupted_after(7))
        result = dltk(*command)
    assert result.code == 130
    assert "interrupted, finished work is kept; run the same command again to go on" in result.err
    result = dltk(*command)
    assert result.code == 0 and "13 done, 7 done before" in result.err


def test_what_came_through_a_pipe_is_kept_and_not_gone_on_with(dltk, linear, tmp_path, monkeypatch):
    (tmp_path / "texts.txt").write_text("good\nbad\n")

    def interrupted(record, fields):
        write(record, fields)
        raise KeyboardInterrupt

    write = StreamRecord.write
    command = ["text", "classify", "-m", linear, "-o", tmp_path / "out"]
    with (tmp_path / "texts.txt").open() as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        with monkeypatch.context() as patch:
            patch.setattr(StreamRecord, "write", interrupted)
            result = dltk(*command)
        assert result.code == 130
        assert "interrupted, finished work is kept in results.jsonl.part" in result.err
        assert len(records((tmp_path / "out/results.jsonl.part").read_text())) == 1
        result = dltk(*command)
        assert result.code == 2 and "through a pipe cannot be gone on with" in result.err
    with (tmp_path / "texts.txt").open() as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        assert dltk(*command, "--overwrite").code == 0
    assert len(records((tmp_path / "out/results.jsonl").read_text())) == 2


def test_nothing_named_is_standard_input_unless_that_is_a_terminal(dltk, linear, monkeypatch):
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    result = dltk("text", "classify", "-m", linear)
    assert result.code == 2 and "no texts were named" in result.err
