"""Training word vectors: that they answer analogies, and that runs resume and distribute."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from dltk.errors import UsageError
from dltk.text.corpus import Corpus
from dltk.text.grammar_analogies import questions, sentences
from dltk.text.vectors import read_vectors
from recipes.analogy import evaluate_analogies
from recipes.train_vectors import resume_train_vectors, train_vectors
from tests.runs import history_of, killed_at

TRAIN = (
    "import sys, json; from recipes.train_vectors import train_vectors;"
    "train_vectors(sys.argv[1], run_dir=sys.argv[2], save_every=0,"
    "report=lambda line: print(line, flush=True), **json.loads(sys.argv[3]))"
)
TINY = {"size": 16, "epochs": 3, "batch_size": 640, "window": 3, "min_count": 2}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    path = tmp_path_factory.mktemp("corpus") / "made.txt"
    path.write_text("\n".join(sentences(8000)) + "\n")
    return path


@pytest.fixture(scope="module")
def trained(corpus, tmp_path_factory):
    run, told = tmp_path_factory.mktemp("vectors") / "run", []
    done = train_vectors(corpus, run_dir=run, report=told.append, text=True, **TINY)
    return done, told


def test_a_run_folder_tells_the_whole_story(trained, corpus):
    done, told = trained
    left = {path.name for path in done.run.iterdir()}
    assert left == {
        "checkpoint", "config.json", "curves.png", "history.csv", "log.txt", "map.png",
        "report.md", "split.csv", "vectors.bin", "vectors.txt",
    }  # fmt: skip
    assert done.model == done.run / "vectors.bin"
    found = read_vectors(done.model)
    assert len(found) == done.words == 216 and found.vectors.shape == (216, 16)
    assert found.words[:2] == ("the", "and") and np.isfinite(found.vectors).all()
    np.testing.assert_array_equal(read_vectors(done.run / "vectors.txt").vectors, found.vectors)
    report = (done.run / "report.md").read_text()
    assert (
        f"Trained on {corpus} (84,736 words" in report
        and "216 different ones known): skip-gram" in report
    )
    assert "| streets | " in report and "![Map: " in report
    with Image.open(done.run / "map.png") as picture:
        assert min(picture.size) > 700
    rows = history_of(done.run)
    losses = [float(row["loss"]) for row in rows]
    assert 6 * np.log(2) > losses[0] > losses[1] > losses[2] > 1
    rates = [float(row["learning_rate"]) for row in rows]
    np.testing.assert_allclose(rates, [0.025 * share for share in (5 / 6, 1 / 2, 1 / 6)], rtol=0.05)
    assert any(line.endswith("640 words a replica and step") for line in told)


@pytest.mark.parametrize("preset", ["skip-gram", "cbow"])
def test_planted_analogies_are_recovered(preset, corpus, tmp_path):
    how = {"size": 40, "epochs": 12, "batch_size": 1024, "preset": preset}
    done = train_vectors(corpus, run_dir=tmp_path / "run", **how)
    measured = evaluate_analogies(questions(), model=done.model)
    assert [section.unknown for section in measured.sections] == [0, 0, 0]
    assert measured.totals[-1].accuracy >= 0.9


def test_a_run_killed_ends_to_the_bit_like_one_never_stopped(trained, corpus, tmp_path):
    whole, _ = trained
    run = tmp_path / "a run"
    killed_at(TRAIN, [corpus, run, json.dumps(TINY)], "epoch 1")
    assert not (run / "vectors.bin").exists()
    again = resume_train_vectors(run)
    assert again.model.read_bytes() == whole.model.read_bytes()
    for one, other in zip(history_of(whole.run), history_of(run), strict=True):
        assert float(one["loss"]) == pytest.approx(float(other["loss"]))


def test_two_replicas_learn_what_one_does(trained, corpus, tmp_path):
    whole, _ = trained
    done = train_vectors(corpus, run_dir=tmp_path / "run", devices="cpu:2", **TINY)
    one, two = read_vectors(whole.model), read_vectors(done.model)
    assert one.words == two.words
    np.testing.assert_allclose(one.vectors, two.vectors, rtol=1e-4, atol=1e-5)
    assert "320 words a replica and step" in (done.run / "log.txt").read_text()


def test_a_run_on_short_text_goes_on_with_more_replicas(tmp_path):
    """Its 1,000 sentences are learnt from in steps of 64 words, whoever shares them."""
    text, run = tmp_path / "short.txt", tmp_path / "run"
    text.write_text("\n".join(sentences(1000)))
    one = train_vectors(text, run_dir=tmp_path / "one", **TINY)
    killed_at(TRAIN, [text, run, json.dumps(TINY)], "epoch 1")
    assert "64 words a replica and step" in (run / "log.txt").read_text()
    two = resume_train_vectors(run, devices="cpu:2")
    assert "32 words a replica and step" in (run / "log.txt").read_text()
    first, second = read_vectors(one.model), read_vectors(two.model)
    np.testing.assert_allclose(first.vectors, second.vectors, rtol=1e-4, atol=1e-5)
    few = Corpus.of("a b c d " * 20)
    with pytest.raises(UsageError, match="steps of 32 words are right, which 2 replicas cannot"):
        train_vectors(few, run_dir=tmp_path / "two", devices="cpu:2", **TINY)
    assert not (tmp_path / "two").exists()


def test_phrases_have_vectors(tmp_path):
    text = Corpus.of("\n".join(sentences(2000)).replace("the parliament", "the lower house"))
    how = TINY | {"epochs": 1, "phrases": 1, "phrase_threshold": 20.0, "size": 4}
    done = train_vectors(text, run_dir=tmp_path / "run", **how)
    assert "lower_house" in read_vectors(done.model)
    again = resume_train_vectors(done.run, data=text, text=True)  # which does nothing but write
    assert again.model == done.model and (done.run / "vectors.txt").exists()
    with pytest.raises(UsageError, match="the data changed since this run began"):
        resume_train_vectors(done.run, data=Corpus.of("a b a b a b"))


def test_short_text_is_learnt_from_in_small_steps(tmp_path):
    text = Corpus.of("\n".join(sentences(700)))
    done = train_vectors(text, run_dir=tmp_path / "run", **TINY | {"epochs": 1, "size": 4})
    log = (done.run / "log.txt").read_text()
    assert "64 words a replica and step" in log and "words are few; vectors want millions" in log


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"preset": "skipgram"}, "--preset is one of skip-gram, cbow, not skipgram. Did you mean"),
        ({"unit": "character"}, "--unit is one of word, space, not character"),
        ({"window": 0}, "--window is at least 1, not 0"),
        ({"window": 200}, "--window is at most 100, not 200"),
        ({"subsample": 2}, "--subsample is a number from 0 to 1, not 2"),
        ({"lr": float("nan")}, "--lr is a number above 0, not nan"),
        ({"vocabulary": 1}, "--vocabulary is at least 2"),
        ({"phrase_threshold": 50.0}, "--phrase-threshold has no meaning here: no phrases are"),
        ({"phrase_discount": 1.0}, "--phrase-discount has no meaning here"),
    ],
)
def test_options_that_cannot_work_are_told_before_text_is_read(options, message, tmp_path):
    with pytest.raises(UsageError, match=message):
        train_vectors(tmp_path / "nowhere", **TINY | options)


def test_steps_that_blocks_do_not_fill_are_told(tmp_path):
    with pytest.raises(UsageError, match=r"--batch-size 100: words are learnt .* 32 .*; take 96"):
        train_vectors(Corpus.of("a b " * 9), run_dir=tmp_path / "run", batch_size=100)
    assert not (tmp_path / "run").exists()


def test_the_command_trains_and_goes_on(dltk, corpus, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    short = ["--size", 8, "--epochs", 1, "--window", 2, "--preset", "cbow"]
    first = dltk("text", "vectors", corpus, *short)
    assert first.code == 0, first.err
    assert "model: runs/text-vectors/001-made-cbow/vectors.bin" in first.out
    assert "use it: dltk text analogy -m runs/text-vectors/001-made-cbow/vectors.bin" in first.err
    run = next((tmp_path / "runs/text-vectors").iterdir())
    again = dltk("text", "vectors", "--resume", run, "--json")
    assert json.loads(again.out)["words"] == 216
    other = dltk("text", "vectors", "--resume", run, "--size", 9)
    assert other.code == 2 and "began with other options: --size 8 then, 9 now" in other.err
    nothing = dltk("text", "vectors")
    assert nothing.code == 2 and "name the DATA to train on" in nothing.err
