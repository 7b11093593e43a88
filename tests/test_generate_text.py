"""Texts that a generator writes: the recipe, and `dltk text generate`."""

from __future__ import annotations

import inspect
import json
from dataclasses import replace

import click
import pytest
from click.testing import CliRunner

from dltk.cli.text_generate import generate as command
from dltk.errors import DltkError, UsageError
from dltk.modelfile import load_model, read_card, save_model
from recipes.generate_text import WrittenText, generate_text
from tests.text_generators import lines_file, text_generator  # noqa: F401


@pytest.fixture(scope="module")
def model(text_generator):  # noqa: F811
    return text_generator[0].model


def texts(model, **how) -> list[WrittenText]:
    return list(generate_text(model, **{"length": 40} | how))


def run(*arguments, stdin: str | bytes | None = None):
    return CliRunner().invoke(command, list(map(str, arguments)), input=stdin)


# The recipe


def test_a_prompt_is_gone_on_with(model):
    (text,) = texts(model, prompt="Ada likes ", temperature=0.5)
    assert text.prompt == "Ada likes " and text.text == text.prompt + text.written == str(text)
    assert text.tokens == len(text.written) == 40 and not text.ended
    line, *_ = text.text.split("\n")
    assert line in {f"Ada likes {name}." for name in ("Ada", "Ben", "Cleo", "Dan")}
    assert texts(model, prompt="Ada likes ", temperature=0.5) == [text]
    assert texts(model, prompt="Ada likes ", temperature=0.5, seed=1) != [text]


def test_texts_are_numbered_and_the_same_in_any_batch(model):
    five = texts(model, n=5, batch_size=2)
    assert [text.number for text in five] == [0, 1, 2, 3, 4]
    assert len({text.text for text in five}) == 5
    assert texts(model, n=3) == five[:3]


def test_without_a_prompt_a_line_begins(model):
    names = [text.text.split(" ")[0] for text in texts(model, n=10, temperature=0.5)]
    assert sum(name in ("Ada", "Ben", "Cleo", "Dan") for name in names) > 7


def test_a_text_may_end_in_front_of_something(model):
    for text in texts(model, n=4, prompt="Ben ", until="\n", temperature=0.7):
        assert text.ended and "\n" not in text.text and text.text.endswith(".")
        assert text.tokens == len(text.written)
    (endless,) = texts(model, until="never comes")
    assert not endless.ended and len(endless.written) == 40


def test_what_is_not_known_is_noted_and_read(model):
    lines = []
    (text,) = texts(model, prompt="É\x07é Ada", report=lines.append)
    note = 'note: the prompt has 3 characters that the network does not know: "É", "\\x07", "é"'
    assert note in lines and text.text.startswith("É\x07é Ada")
    many = []
    texts(model, prompt="0123456789", length=1, report=many.append)
    assert any(line.endswith('"7" and 2 more') for line in many)


def test_a_prompt_of_any_length_is_read(model):
    prompt = "Ada sees Ben.\n" * 2000 + "Cleo "
    (text,) = texts(model, prompt=prompt, temperature=0.5)
    assert text.written.split(" ")[0] in ("sees", "likes", "meets")


def test_temperature_zero_has_one_text_whatever_the_seed(model):
    greedy = texts(model, temperature=0.0)
    assert greedy == texts(model, temperature=0.0, seed=9) and len(greedy) == 1


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"temperature": 0.0, "n": 2}, "-n has no meaning here: --temperature 0 takes the likelie"),
        ({"temperature": 0.0, "top_k": 3}, "--top-k has no meaning here"),
        ({"temperature": 0.0, "top_p": 0.5}, "--top-p has no meaning here"),
        ({"temperature": float("nan")}, "--temperature is a number of at least 0"),
        ({"top_p": 0.0}, "--top-p is a number from 0 to 1, not 0"),
        ({"prompt": "caf\udce9"}, "--prompt is not UTF-8: byte 0xe9"),
        ({"n": 0}, "--n is at least 1"),
        ({"length": 0}, "--length is at least 1"),
        ({"until": ""}, "--until is some text"),
        ({"seed": -1}, "--seed is at least 0"),
        ({"devices": "gpu:9"}, "--devices gpu:9: TensorFlow sees"),
    ],
)
def test_options_that_cannot_work_are_told(model, how, message):
    with pytest.raises(UsageError, match=message):
        texts(model, **how)


def test_models_that_write_no_texts_are_refused(model, tmp_path):
    network, card = load_model(model), read_card(model)
    network.save(tmp_path / "plain.keras")
    for path, message in (
        (tmp_path / "plain.keras", "was saved by plain Keras, and does not say what its numbers"),
        (tmp_path / "none.keras", "no such model file"),
        ("efficientnet-lite0", "is a model to classify, and does not write texts; train one with"),
    ):
        with pytest.raises(UsageError, match=message):
            texts(path)
    save_model(network, tmp_path / "other.keras", replace(card, task="caption"))
    with pytest.raises(UsageError, match='says what is in pictures; it is for "dltk caption"'):
        texts(tmp_path / "other.keras")


def test_damaged_models_are_told(model, tmp_path):
    network, card = load_model(model), read_card(model)
    for name, change, message in (
        ("few", {"words": card.words[:-1]}, "it knows 18 tokens, and 17 are named"),
        ("none", {"words": ()}, "it names no tokens"),
        ("twice", {"words": (*card.words[:-1], card.words[0])}, "has every word once"),
        ("unit", {"text": {"unit": "sentence"}}, "a token is one of"),
        ("strange", {"text": {"colour": "red"}}, "what is told of its tokens makes no sense"),
    ):
        path = tmp_path / f"{name}.keras"
        save_model(network, path, replace(card, **change))
        with pytest.raises(DltkError, match=message) as caught:
            texts(path)
        assert f"{name}.keras is damaged: " in str(caught.value)


def test_a_text_is_saved_as_it_is(tmp_path):
    WrittenText(3, "a\r\n", "é", 1, ended=True).save(tmp_path / "x.txt")
    assert (tmp_path / "x.txt").read_bytes() == "a\r\né\n".encode()


# The command


def test_options_and_parameters_of_the_recipe_are_the_same():
    parameters = inspect.signature(generate_text).parameters
    defaults = {p.name: p.default for p in parameters.values() if p.kind is p.KEYWORD_ONLY}
    del defaults["report"]
    chosen = command.make_context("generate", ["-m", "x"]).params
    own = {"model", "prompt_file", "output", "as_json", "verbose", "quiet"}
    assert {name: value for name, value in chosen.items() if name not in own} == defaults


def test_texts_go_to_standard_output_as_they_are(model):
    how = ["-m", model, "--length", 30, "--seed", 3]
    one = run(*how, "--prompt", "Dan ")
    (text,) = texts(model, prompt="Dan ", length=30, seed=3)
    assert one.exit_code == 0 and one.stdout == text.text + "\n" and one.stderr == ""
    two = run(*how, "-n", 2)
    assert two.stdout == "\n\n".join(t.text for t in texts(model, n=2, length=30, seed=3)) + "\n"


def test_lines_of_json_tell_more(model):
    done = run("-m", model, "--length", 30, "-n", 2, "--json", "--prompt", "Élan")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["number"] for row in rows] == [0, 1]
    assert set(rows[0]) == {"number", "prompt", "written", "tokens", "ended"}
    assert rows[0]["prompt"] == "Élan" and rows[0]["tokens"] == 30
    assert done.stderr.startswith("note: the prompt has 1 character that the network does not know")


def test_files_are_not_written_over(model, tmp_path):
    folder = tmp_path / "out"
    how = ["-m", model, "--length", 20, "-n", 2, "-o", folder]
    done = run(*how)
    assert done.exit_code == 0 and done.stdout == ""
    assert done.stderr == f"2 texts in {folder}\n"
    assert sorted(path.name for path in folder.iterdir()) == ["text0000.txt", "text0001.txt"]
    first, second = texts(model, n=2, length=20)
    assert (folder / "text0000.txt").read_text() == first.text + "\n"
    again = run(*how, "--seed", 1)
    assert isinstance(again.exception, UsageError)
    assert "text0000.txt is there already; choose another folder" in str(again.exception)
    assert (folder / "text0001.txt").read_text() == second.text + "\n"


def test_a_prompt_may_be_in_a_file_or_come_through_a_pipe(model, tmp_path):
    path, how = tmp_path / "prompt.txt", ["-m", model, "--length", 10]
    path.write_text("Ben sees Ada.\nCleo \n")
    found = run(*how, "--prompt-file", path)
    (text,) = texts(model, prompt="Ben sees Ada.\nCleo ", length=10)
    assert found.stdout == text.text + "\n"
    piped = run(*how, "--prompt-file", "-", stdin="Ben sees Ada.\nCleo \n")
    assert piped.stdout == found.stdout
    both = run(*how, "--prompt-file", path, "--prompt", "x")
    assert "--prompt and --prompt-file are both given" in str(both.exception)
    path.write_bytes(b"fine\n\xff")
    bad = run(*how, "--prompt-file", path)
    assert f"--prompt-file {path}, line 2 is not UTF-8: byte 0xff at offset 5" in str(bad.exception)
    missing = run(*how, "--prompt-file", tmp_path / "none")
    assert "none: cannot be read: No such file" in str(missing.exception)


def test_help_shows_examples_and_sections():
    done = run("--help")
    assert done.exit_code == 0
    for part in ("Text:", "Chance:", "Results:", "Examples:", "--until $'\\n'"):
        assert part in done.stdout
    assert isinstance(command, click.Command) and command.epilog.count("dltk text generate") == 4
