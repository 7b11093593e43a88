"""`dltk caption --question`, and the recipe behind it: answers, files, and what is refused."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from dltk.errors import DltkError, InputError, UsageError
from dltk.geometry import Geometry
from dltk.modelfile import ModelCard, load_model, save_model
from dltk.models.answerer.load import load_answerer
from dltk.models.answerer.network import WORDS as WORD_INPUT
from dltk.models.find import find_model
from dltk.objects import PIXELS
from dltk.text.vocabulary import Vocabulary
from recipes.caption import caption
from tests import captioners
from tests.answerers import (  # noqa: F401
    ANSWERS,
    SIDE,
    WORDS,
    backbone,
    chance,
    chance_answerer,
    save_chance,
)
from tests.folders import record, tree
from tests.test_caption import noisy

QUESTION = "What colour is the star?"
NAMES = ("a.png", "deep er/b [1].png", "c.bmp")
PICTURES = [noisy(seed) for seed in range(3)]


@pytest.fixture
def pictures(tmp_path):
    """Three pictures, one of them deeper."""
    folder = tmp_path / "in"
    (folder / "deep er").mkdir(parents=True)
    for picture, name in zip(PICTURES, NAMES, strict=True):
        Image.fromarray(picture).save(folder / name)
    return folder


@pytest.fixture
def run(dltk, pictures, chance):  # noqa: F811
    """Run the command on the pictures with an answerer of chance."""
    return lambda *options, question=QUESTION: dltk(
        "caption", pictures, "--question", question, "-m", chance, "--devices", "cpu", *options
    )


def ask(chance, images=PICTURES, question=QUESTION, **options):  # noqa: F811
    return list(caption(images, model=chance, question=question, devices="cpu", **options))


# Answers


def test_answers_are_those_of_the_network(chance):  # noqa: F811
    network, known = load_answerer(find_model(chance)), Vocabulary(WORDS)
    words = np.int32([[known.encode(["what", "colour", "is", "the", "star"])]])
    geometry = Geometry(SIDE, SIDE, fit="squash")
    for picture, result in zip(PICTURES, ask(chance, best=3), strict=True):
        pixels = geometry.apply(Image.fromarray(picture))[None]
        scores, looked, counted = (
            each.numpy()[0, 0] for each in network({PIXELS: pixels, WORD_INPUT: words})
        )
        chances = 1 / (1 + np.exp(-scores.astype(np.float64)))
        order = np.argsort(-chances)[:3]
        assert [answer.text for answer in result.answers] == [ANSWERS[at] for at in order]
        assert [answer.score for answer in result.answers] == pytest.approx(
            chances[order], abs=1e-3
        )
        assert result.looked.shape == result.counted.shape == (6, 6)
        np.testing.assert_allclose(result.looked.ravel(), looked, atol=1e-4)
        np.testing.assert_allclose(result.counted.ravel(), counted, atol=1e-3)
        assert result.text == result.answers[0].text and result.question == QUESTION


def test_the_record_has_the_question_the_answer_and_the_others(chance):  # noqa: F811
    (result,) = ask(chance, PICTURES[0], best=2)
    fields = json.loads(json.dumps(result.to_dict()))
    assert list(fields) == ["path", "status", "question", "answer", "score", "others"]
    assert fields["question"] == QUESTION and list(fields["others"][0]) == ["answer", "score"]
    (alone,) = ask(chance, PICTURES[0])
    assert "others" not in alone.to_dict() and alone.text == fields["answer"]
    assert len(ask(chance, PICTURES[0], best=100)[0].answers) == len(ANSWERS)


def test_neighbours_batches_and_replicas_do_not_matter(chance):  # noqa: F811
    expected = [result.to_dict()["score"] for result in ask(chance)]
    for options in ({"batch_size": 1}, {"devices": "cpu:2", "batch_size": 2}):
        found = list(
            caption(PICTURES, model=chance, question=QUESTION, **{"devices": "cpu"} | options)
        )
        assert [result.to_dict()["score"] for result in found] == pytest.approx(expected, abs=1e-3)


def test_a_copy_has_the_question_and_the_answer_on_it(chance, tmp_path):  # noqa: F811
    good, bad = ask(chance, [PICTURES[0], b"no picture"])
    good.save(tmp_path / "copy.png")
    with Image.open(tmp_path / "copy.png") as copy:
        assert not np.array_equal(np.asarray(copy), PICTURES[0])
    assert bad.error and bad.text == "" and bad.to_dict()["status"] == "failed"
    with pytest.raises(InputError, match="not a picture"):
        bad.save(tmp_path / "bad.png")


# The command


def test_json_lines_tell_every_picture_and_its_answer(run, pictures):
    (pictures / "broken.png").write_bytes(b"")
    result = run("--best", 2)
    header, *rows = map(json.loads, result.out.splitlines())
    assert result.code == 3 and "failed: broken.png: the file is empty" in result.err
    assert header["format"] == "dltk.caption" and header["model"][0]["name"] == "chance.keras"
    assert header["options"]["question"] == QUESTION and header["options"]["best"] == 2
    assert [row["path"] for row in rows] == ["a.png", "broken.png", "c.bmp", "deep er/b [1].png"]
    assert rows[1] == {"path": "broken.png", "status": "failed", "error": "the file is empty"}
    for row in (rows[0], *rows[2:]):
        assert row["answer"] in ANSWERS and 0 <= row["score"] <= 1 and len(row["others"]) == 1


def test_tables_have_answers_and_scores(run, pictures):
    (pictures / "broken.png").write_bytes(b"")
    shown = run("--format", "table", "--best", 2).out.splitlines()
    rows = [json.loads(line) for line in run("--best", 2).out.splitlines()[1:]]
    assert (
        shown[0].startswith("a.png ") and f"{rows[0]['answer']} {rows[0]['score']:.2f}" in shown[0]
    )
    assert shown[0].endswith(f"{rows[0]['others'][0]['score']:.2f}")
    table = list(csv.DictReader(io.StringIO(run("--format", "csv", "--best", 2).out)))
    assert list(table[0]) == ["path", "status", "error", "rank", "question", "answer", "score"]
    assert [row["rank"] for row in table] == ["1", "2", "", "1", "2", "1", "2"]
    assert [row["answer"] for row in table[:2]] == [
        rows[0]["answer"],
        rows[0]["others"][0]["answer"],
    ]
    assert table[0]["question"] == QUESTION and table[2]["question"] == ""


def test_sheets_of_where_was_looked_lie_where_they_should(run, tmp_path):
    out = tmp_path / "out"
    options = ["-o", out, "--attention", out / "seen"]
    result = run(*options)
    assert result.code == 0 and result.out == "", result.err
    assert tree(out) == sorted(
        ["results.jsonl", *(f"seen/{name.rsplit('.', 1)[0]}.png" for name in NAMES)]
    )
    header, rows = record(out)
    assert header["options"]["attention"] == "seen"
    assert rows[1]["files"] == {"attention": "seen/c.png"}
    with Image.open(out / "seen/c.png") as sheet:
        assert sheet.width > 3 * 120
    assert "0 done, 3 done before" in run(*options).err
    result = run(*options, question="how many are there?")
    assert result.code == 2 and "question was" in result.err, result.err


def test_words_that_are_not_known_are_told_and_do_not_matter(run, chance):  # noqa: F811
    result = run(question="what colour is the zebra starr?")
    assert result.code == 0, result.err
    assert 'note: the answerer does not know "zebra".\n' in result.err
    assert 'note: the answerer does not know "starr". Did you mean "star"?' in result.err
    assert "note" not in run("-q", question="what zebra?").err
    notes = []
    ask(chance, question="is the zebra red?", report=notes.append)
    assert 'note: the answerer does not know "zebra".' in notes


def test_words_behind_as_many_as_it_reads_are_told(chance, tmp_path):  # noqa: F811
    source, path = find_model(chance), tmp_path / "short.keras"
    card = replace(source.card, training={"options": {"longest": 3}})
    save_model(load_model(chance), path, card)
    notes = []
    (short,) = ask(path, PICTURES[0], question="what colour is the star", report=notes.append)
    (whole,) = ask(chance, PICTURES[0], question="what colour is")
    assert 'note: the answerer reads 3 words of a question, and not "the star"' in notes
    assert [each.score for each in short.answers] == [each.score for each in whole.answers]
    with pytest.raises(UsageError, match="knows no word of"):
        ask(path, PICTURES[0], question="zebras ahoy quickly star")


def test_an_answerer_that_gives_no_numbers_is_told(chance, tmp_path):  # noqa: F811
    answerer = load_model(chance)
    bias = answerer.get_layer("answering").scores.bias
    bias.assign(bias * np.nan)
    save_model(answerer, tmp_path / "nan.keras", find_model(chance).card)
    with pytest.raises(DltkError, match="the answerer gives no numbers; try --precision float32"):
        ask(tmp_path / "nan.keras", PICTURES[0])


# What is refused


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--beams", 2],
            "--beams has no meaning here: it is about captions, and --question asks f",
        ),
        (["--longest", 3], "--longest has no meaning here"),
        (["--length-penalty", 0.5], "--length-penalty has no meaning here"),
        (["--prefix", "the"], "--prefix has no meaning here"),
        (["--temperature", 0.5], "--temperature has no meaning here"),
        (["--top-k", 3], "--top-k has no meaning here"),
        (["--seed", 3], "--seed has no meaning here"),
        (["--sidecar"], "--sidecar has no meaning here"),
        (["--animation", "moving"], "--animation has no meaning here"),
        (["--best", 0], "is not in the range"),
        (["-m", "efficientnet-lite0"], "is a model to classify, and no answerer; train one with"),
        (["--question", ""], "--question has no words"),
        (["--question", "?!"], "--question has no words"),
        (["--question", "zebras ahoy"], 'the answerer knows no word of "zebras ahoy". It knows wh'),
        (["--question", "stra"], 'knows no word of "stra". Did you mean "star"? It knows what'),
    ],
)
def test_options_that_cannot_work_are_refused(run, tmp_path, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    result = run(*options, "-o", tmp_path / "out")
    assert result.code == 2 and message in result.err and result.out == "", result.err
    assert not (tmp_path / "out").exists()


def test_from_python_they_are_refused_too(chance):  # noqa: F811
    for options, message in (
        ({"no_repeat": 2}, "--no-repeat has no meaning here"),
        ({"best": 0}, "--best is at least 1, not 0"),
        ({"question": "zebra"}, "knows no word"),
    ):
        with pytest.raises(UsageError, match=message):
            ask(chance, **options)


def test_captioners_and_answerers_are_told_apart(run, dltk, pictures, chance, backbone, tmp_path):  # noqa: F811
    captioner = captioners.save_chance(tmp_path / "captioner.keras", backbone)
    result = run("-m", captioner)
    assert result.code == 2 and result.err.count("\n") == 1
    assert "captioner.keras is a captioner, which answers no --question; leave that" in result.err
    result = dltk("caption", pictures, "-m", chance)
    assert result.code == 2 and result.err.count("\n") == 1
    assert "chance.keras answers questions about pictures; ask one with --question" in result.err
    for command in ("classify", "detect", "segment"):
        result = dltk(command, pictures, "-m", chance)
        assert result.code == 2 and "chance.keras is a model to answer" in result.err
    result = dltk("features", pictures, "-m", chance)
    assert 'it is for "dltk caption --question"' in result.err
    assert json.loads(dltk("models", "info", chance, "--json").out)["task"] == "answer"


def test_without_an_answerer_it_is_said_how_to_make_one(dltk, pictures):
    result = dltk("caption", pictures, "--question", QUESTION)
    assert result.code == 2 and result.out == "" and result.err.count("\n") == 1
    for part in ("there is none to download", '"dltk samples scenes --scenes 3000"',
                 '"dltk train answerer scenes'):  # fmt: skip
        assert part in result.err


def test_damaged_files_are_told(backbone, tmp_path):  # noqa: F811
    geometry = Geometry(SIDE, SIDE, fit="squash")
    network = chance_answerer(backbone)
    for at, (answers, words, message) in enumerate(
        [
            (ANSWERS, (), "is damaged: it knows no word"),
            (ANSWERS, ("star", "star"), "is damaged: a vocabulary has every word once"),
            (ANSWERS, ("star",), "is damaged: it knows 12 words, and 1 are named"),
            (ANSWERS[:3], WORDS, "is damaged: it knows 8 answers, and 3 are named"),
        ]
    ):
        path = tmp_path / f"{at}.keras"
        save_model(network, path, ModelCard("answer", answers, geometry, words=words))
        with pytest.raises(DltkError, match=message):
            ask(path, PICTURES[0])
