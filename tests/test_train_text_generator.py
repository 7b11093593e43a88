"""Training a generator of texts: that it learns, resumes, distributes, and leaves a file that
writes."""

from __future__ import annotations

import csv
import json
import math
import shutil

import numpy as np
import pytest

from dltk.errors import UsageError
from dltk.modelfile import load_model, read_card
from dltk.text.corpus import Corpus
from dltk.text.language import Language
from recipes._evaluate_text_generator import evaluate_text_generator
from recipes._text_generators import find_text_generator
from recipes.generate_text import generate_text
from recipes.train_text_generator import resume_train_text_generator, train_text_generator
from tests.runs import history_of, killed_at, weights_of
from tests.text_generators import TINY, few_lines, lines_file, text_generator  # noqa: F401

A_LINE = (2 * math.log2(4) + math.log2(3)) / 15.25
"""Bits per character of the lines, if all that can be known of them is: four names, then three
verbs, then four names again, in 15.25 characters on average."""


# That it learns


def test_all_that_can_be_known_of_the_lines_is_learnt(text_generator):  # noqa: F811
    done, _ = text_generator
    report = done.evaluation.report
    assert report.tokens == 92 and report.unknown == 0 and report.unit == "character"
    assert 0.8 * A_LINE < report.bits < 1.25 * A_LINE < 0.5 * done.evaluation.unigram.bits
    rows = history_of(done.run)
    assert float(rows[0]["loss"]) > 1.5 and float(rows[-1]["loss"]) < 0.4
    for row in rows:
        nats = float(row["val_loss"])
        assert float(row["val_bits_per_character"]) == pytest.approx(nats / math.log(2))
        assert float(row["val_perplexity"]) == pytest.approx(math.exp(nats))
    best = min(rows, key=lambda row: float(row["val_loss"]))
    assert done.chosen == {"best epoch": int(best["epoch"])}


def test_a_run_folder_tells_the_whole_story(text_generator, lines_file):  # noqa: F811
    done, told = text_generator
    assert {path.name for path in done.run.iterdir()} == {
        "best.keras", "checkpoint", "config.json", "curves.png", "evaluation.json", "history.csv",
        "log.txt", "report.md", "samples", "split.csv",
    }  # fmt: skip
    epochs = len(history_of(done.run))
    names = sorted(path.name for path in (done.run / "samples").iterdir())
    assert names == [f"{epoch:03d}.txt" for epoch in range(1, epochs + 1)]
    assert "1,646 train, 92 val, 92 test characters; 18 of them are distinct" in told
    report = (done.run / "report.md").read_text()
    assert f"Trained on {lines_file} (1,646 train, 92 val, 92 test characters" in report
    assert f"dltk text generate -m '{done.model}'" in report
    assert f"| **the network** | **{done.evaluation.report.bits:.3f}** |" in report
    sample = done.run / "samples" / f"{done.chosen['best epoch']:03d}.txt"
    assert sample.read_text().rstrip() in report and "![Curves" in report
    with (done.run / "split.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["split"], row["label"]) for row in rows] == [
        ("train", "1,646 characters"), ("val", "92 characters"), ("test", "92 characters"),
    ]  # fmt: skip
    told = json.loads((done.run / "evaluation.json").read_text())
    assert told["task"] == "generate texts" and told["split"] == "test"
    assert told["unigram"]["bits_per_character"] > told["bits_per_character"]


def test_the_file_says_what_it_is_and_writes_what_was_shown(text_generator):  # noqa: F811
    done, _ = text_generator
    card = read_card(done.model)
    assert card.task == "generate texts" and card.labels == () and card.geometry is None
    assert len(card.words) == done.tokens == 18 and card.words[0] == "e"
    assert card.text == {
        "unit": "character", "lower": False, "marks": False, "breaks": False, "texts": 1
    }  # fmt: skip
    assert card.metrics["bits_per_character"] == pytest.approx(done.evaluation.report.bits, 1e-5)
    assert card.training["characters"] == {"train": 1646, "val": 92, "test": 92}
    assert set(load_model(done.model).input) == {"tokens", "state0", "cell0", "state1", "cell1"}
    (text,) = generate_text(done.model, prompt="Ada ", length=600, temperature=0.8)
    shown = (done.run / "samples" / f"{done.chosen['best epoch']:03d}.txt").read_text()
    assert text.text + "\n" == shown


def test_a_text_of_its_own_is_measured_from_the_first_character(
    text_generator,  # noqa: F811
    lines_file,  # noqa: F811
    tmp_path,
):
    done, _ = text_generator
    (tmp_path / "like.txt").write_text(few_lines(200)[-1500:])
    (tmp_path / "other.txt").write_text("Zzz. Ada! " * 100)
    source, lines = find_text_generator(done.model), []
    about = {"name": "mine", "devices": "cpu", "strategy": "auto", "report": lines.append}
    like = evaluate_text_generator(source, tmp_path / "like.txt", **about)
    assert like.report.tokens == 1499 and like.split == "all" and like.unigram is None
    assert 0.8 * A_LINE < like.report.bits < 1.25 * A_LINE and like.seen_in_training == 0
    itself = evaluate_text_generator(source, lines_file, **about)
    card = read_card(done.model)
    assert itself.seen_in_training == card.training["characters"]["train"] < itself.report.tokens
    assert (itself.NOUN, len(itself.names)) == ("character", itself.report.tokens)
    other = evaluate_text_generator(source, tmp_path / "other.txt", **about)
    assert other.report.unknown == pytest.approx(0.4, abs=0.01) and other.report.bits > 3
    other.save(tmp_path / "out")
    assert json.loads((tmp_path / "out/evaluation.json").read_text())["unigram"] is None
    (tmp_path / "one.txt").write_text("A")
    with pytest.raises(UsageError, match=r"one\.txt has 1 character; a text of two at least"):
        evaluate_text_generator(source, tmp_path / "one.txt", **about)


# That it goes on and distributes


@pytest.fixture(scope="module")
def whole(lines_file, tmp_path_factory):  # noqa: F811
    """A short training with dropout that was not stopped."""
    run = tmp_path_factory.mktemp("whole generator") / "run"
    return train_text_generator(lines_file, run_dir=run, **TINY | {"dropout": 0.2})


def test_a_run_killed_ends_like_one_never_stopped(whole, lines_file, tmp_path):  # noqa: F811
    """It is killed within an epoch, so that the state of the lanes counts."""
    run, how = tmp_path / "a run", json.dumps(TINY | {"dropout": 0.2})
    code = (
        "import sys, json\n"
        "from dltk.training.run import RunFolder\n"
        "from recipes.train_text_generator import train_text_generator\n"
        "save, count = RunFolder.save, [0]\n"
        "def spied(self, *given):\n"
        "    save(self, *given)\n"
        "    count[0] += 1\n"
        "    print('saved', count[0], flush=True)\n"
        "RunFolder.save = spied\n"
        "train_text_generator(sys.argv[1], run_dir=sys.argv[2], save_every=0,"
        " **json.loads(sys.argv[3]))"
    )
    killed_at(code, [lines_file, run, how], "saved 27")
    assert not (run / "best.keras").exists()
    again = resume_train_text_generator(run)
    first, second = weights_of(whole.model), weights_of(again.model)
    assert first.keys() == second.keys()
    for name, values in first.items():
        np.testing.assert_array_equal(values, second[name], err_msg=name)
    for one, other in zip(history_of(whole.run), history_of(run), strict=True):
        assert one.keys() == other.keys()
        for name in set(one) - {"stage"}:
            assert float(one[name]) == pytest.approx(float(other[name]), rel=1e-5), name
    for sample in (whole.run / "samples").iterdir():
        assert (run / "samples" / sample.name).read_text() == sample.read_text()


def test_two_replicas_learn_as_one(lines_file, tmp_path):  # noqa: F811
    done, lines = [], []
    for devices in ("cpu", "cpu:2"):
        run = tmp_path / devices.replace(":", "")
        how = TINY | {"devices": devices, "epochs": 1, "optimizer": "momentum", "lr": 0.3}
        done.append(train_text_generator(lines_file, run_dir=run, report=lines.append, **how))
    assert any("(CPU:0, CPU:1), 4 windows a replica and step" in line for line in lines)
    first, second = (weights_of(each.model) for each in done)
    for name in first:
        np.testing.assert_allclose(first[name], second[name], atol=1e-5, err_msg=name)
    rows = [history_of(each.run)[0] for each in done]
    for name in ("loss", "val_loss"):
        assert float(rows[0][name]) == pytest.approx(float(rows[1][name]), rel=1e-4)


def test_few_windows_are_shared_alike_on_any_number_of_replicas(tmp_path):
    """13 windows: steps are of 8, whoever shares them, so that a run may go on elsewhere."""
    path, run = tmp_path / "short.txt", tmp_path / "run"
    path.write_text("abcab" * 23)
    how = TINY | {"length": 8, "epochs": 3, "val_share": 0, "test_share": 0, "batch_size": 64}
    how |= {"optimizer": "momentum", "lr": 0.3}
    one = train_text_generator(path, run_dir=tmp_path / "one", **how)
    code = (
        "import sys, json; from recipes.train_text_generator import train_text_generator;"
        "train_text_generator(sys.argv[1], run_dir=sys.argv[2], save_every=0,"
        "report=lambda line: print(line, flush=True), **json.loads(sys.argv[3]))"
    )
    killed_at(code, [path, run, json.dumps(how)], "epoch 1")
    assert "8 windows a replica and step" in (run / "log.txt").read_text()
    two = resume_train_text_generator(run, devices="cpu:2")
    assert "4 windows a replica and step" in (run / "log.txt").read_text()
    first, second = weights_of(one.model), weights_of(two.model)
    for name in first:
        np.testing.assert_allclose(first[name], second[name], atol=1e-5, err_msg=name)


def test_a_run_does_not_go_on_with_another_text_or_other_options(whole, tmp_path):
    run, other = tmp_path / "a run", tmp_path / "other.txt"
    shutil.copytree(whole.run, run)
    other.write_text(few_lines().replace("Dan", "Dad"))
    with pytest.raises(UsageError, match=r"the data changed since this run began: \d changed"):
        resume_train_text_generator(run, data=other)
    with pytest.raises(UsageError, match=r"--units 16 then, 32 now"):
        resume_train_text_generator(run, units=32)
    again = resume_train_text_generator(run)
    assert again.evaluation.report == whole.evaluation.report


# What it takes


@pytest.mark.parametrize("preset", ["gru", "rnn"])
def test_other_networks_learn_too(preset, lines_file, tmp_path):  # noqa: F811
    how = TINY | {"preset": preset, "units": 32, "lr": 0.01, "epochs": 3, "test_share": 0.0}
    done = train_text_generator(lines_file, run_dir=tmp_path / "run", **how)
    assert done.evaluation.split == "val" and done.evaluation.report.bits < 1.5
    assert "so the figures flatter a little" in (done.run / "report.md").read_text()
    assert set(load_model(done.model).input) == {"tokens", "state0", "state1"}


def test_words_are_learnt_and_put_together_again(lines_file, tmp_path):  # noqa: F811
    how = TINY | {"unit": "word", "epochs": 6, "lr": 0.03, "vocabulary": 6, "length": 6}
    done = train_text_generator(lines_file, run_dir=tmp_path / "run", prompt="Ada", **how)
    card = read_card(done.model)
    assert card.words[:2] == ("\n", ".") and len(card.words) == 6
    assert done.evaluation.report.unknown > 0.02  # there are nine different words
    assert "val_bits_per_character" not in history_of(done.run)[0]
    assert Language.of(card.words, card.text).tokenizer.breaks
    (text,) = generate_text(done.model, prompt="Ada", length=40, temperature=0.5)
    lines = text.text.split("\n")
    known = set(card.words)
    assert len(lines) > 5 and all(line.endswith(".") for line in lines[:-1])
    assert {word.strip(".") for line in lines for word in line.split()} - {"Ada", ""} <= known


def test_several_texts_each_come_to_an_end(tmp_path):
    """They are found again when the run goes on, from wherever that is asked for."""
    folder = tmp_path / "texts"
    folder.mkdir()
    for at in range(150):
        (folder / f"{at:03d}.txt").write_text("abcde"[: 1 + at % 5])
    files = [folder / "000.txt", folder / "1[0-4]*.txt", folder]
    how = TINY | {"epochs": 12, "lr": 0.03, "length": 5, "min_count": 1, "val_share": 0.1}
    done = train_text_generator(files, run_dir=tmp_path / "run", **how)
    config = json.loads((done.run / "config.json").read_text())
    assert config["options"]["data"] == list(map(str, files))
    assert 120 < read_card(done.model).text["texts"] < 150  # some are held out
    texts = list(generate_text(done.model, n=30, length=20))
    right = [text.ended and "abcde".startswith(text.text) for text in texts]
    assert np.mean(right) > 0.8
    assert len({text.text for text in texts}) >= 4
    assert resume_train_text_generator(done.run).evaluation.report == done.evaluation.report


def test_a_text_in_memory_needs_to_be_given_again(tmp_path):
    how = TINY | {"epochs": 1, "layers": 1}
    done = train_text_generator(Corpus.of(few_lines()), run_dir=tmp_path / "run", **how)
    assert json.loads((done.run / "config.json").read_text())["options"]["data"] == "arrays"
    again = resume_train_text_generator(done.run, data=Corpus.of(few_lines()))
    assert again.evaluation.report == done.evaluation.report


def test_nothing_need_be_held_out(lines_file, tmp_path):  # noqa: F811
    how = TINY | {"epochs": 1, "val_share": 0.0, "test_share": 0.0}
    done = train_text_generator(lines_file, run_dir=tmp_path / "run", **how)
    assert done.evaluation is None and done.chosen == {}
    assert list(history_of(done.run)[0])[:3] == ["stage", "epoch", "loss"]
    assert "No text was held out." in (done.run / "report.md").read_text()
    assert (done.run / "samples/001.txt").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"preset": "ltsm"}, r'--preset is one of lstm, gru, rnn, not ltsm\. Did you mean "lstm"'),
        ({"unit": "space"}, "--unit is one of character, word, not space"),
        ({"length": 0}, "--length is at least 1, not 0"),
        ({"prompt": "\udce9"}, "--prompt is not UTF-8: byte 0xe9"),
        ({"lr": float("nan")}, "--lr is a number above 0"),
        ({"dropout": 1.0}, "--dropout is a number from 0 to 0.95"),
        ({"vocabulary": 0}, "--vocabulary is at least 1"),
        ({"layers": 1.5}, "--layers is a whole number"),
    ],
)
def test_options_that_cannot_work_are_told_before_text_is_read(options, message, tmp_path):
    with pytest.raises(UsageError, match=message):
        train_text_generator(tmp_path / "nowhere", **TINY | options)


def test_texts_that_cannot_be_learnt_from_are_told_before_there_is_a_folder(tmp_path):
    run, path = tmp_path / "run", tmp_path / "a.txt"
    for content, message in (
        ("too short", "--length 10: there are 9 tokens to train on, and a window takes 11"),
        ("abcdefghijklmn", "no character is in .*a.txt 2 times; take a smaller --min-count"),
        ("\0", "not a text: byte 0x00 at offset 0"),
    ):
        path.write_text(content)
        with pytest.raises(UsageError, match=message):
            train_text_generator(path, run_dir=run, **TINY)
    path.write_text("aabbcc" * 3)
    with pytest.raises(UsageError, match="there are 1 windows of so many tokens to train on, and "):
        train_text_generator(path, run_dir=run, devices="cpu:2", **TINY)
    with pytest.raises(UsageError, match=r"the run folder .* would lie in the data"):
        train_text_generator(tmp_path, run_dir=run, **TINY)
    assert not run.exists()
