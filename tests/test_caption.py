"""What is in pictures, from Python: captions, and the files that are made of them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from dltk.batch import gather
from dltk.errors import DltkError, InputError, UsageError
from dltk.geometry import Geometry
from dltk.modelfile import ModelCard, save_model
from dltk.models.captioner.load import load_captioner
from dltk.models.captioner.network import WORDS as WORD_INPUT
from dltk.models.find import find_model
from dltk.objects import PIXELS
from dltk.text.vocabulary import END, START, Vocabulary
from recipes._caption_copies import Copies
from recipes._caption_results import Sentence
from recipes.caption import caption
from tests.captioners import (  # noqa: F401
    SIDE,
    WORDS,
    backbone,
    chance,
    chance_captioner,
    chance_without,
    save_chance,
)
from tests.folders import tree

KNOWN = Vocabulary(WORDS)
LONGEST = 8
SMALL_GRID = (6, 6)  # places of pictures of SIDE pixels, at a stride of 16


def noisy(seed: int, size=(90, 120)) -> np.ndarray:
    """Return a picture of large squares in colours of chance, (H, W, 3)."""
    random = np.random.default_rng(seed)
    squares = Image.fromarray(random.integers(0, 256, (5, 5, 3), np.uint8))
    return np.asarray(squares.resize(size[::-1], Image.Resampling.NEAREST))


PICTURES = [noisy(seed) for seed in range(5)]


@pytest.fixture
def say(chance):  # noqa: F811
    """Caption pictures, with any options of the recipe."""
    defaults = {"model": chance, "devices": "cpu", "longest": LONGEST}
    return lambda images=PICTURES, **options: list(caption(images, **defaults | options))


@pytest.fixture(scope="module")
def three(chance):  # noqa: F811
    """Three captions of each of the pictures."""
    options = {"model": chance, "devices": "cpu", "longest": LONGEST, "shortest": 3}
    return list(caption(PICTURES, best=3, **options))


@pytest.fixture
def folder(tmp_path):
    """Two pictures, one of them deeper, and one that cannot be read."""
    root = tmp_path / "in"
    (root / "deep er").mkdir(parents=True)
    Image.fromarray(PICTURES[0]).save(root / "a.png")
    Image.fromarray(PICTURES[1]).save(root / "deep er/b [1].png")
    (root / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return root


def told(results) -> list[list[str]]:
    return [[sentence.text for sentence in result.sentences] for result in results]


# Captions


def test_scores_are_what_the_network_says_of_all_words_and_the_end(chance, three):  # noqa: F811
    network = load_captioner(find_model(chance))
    geometry = Geometry(SIDE, SIDE, fit="squash")
    for picture, result in zip(PICTURES, three, strict=True):
        pixels = geometry.apply(Image.fromarray(picture))[None]
        assert len({sentence.text for sentence in result.sentences}) == 3
        scores = [sentence.score for sentence in result.sentences if sentence.ended]
        assert scores == sorted(scores, reverse=True)
        for sentence in result.sentences:
            numbers = [*KNOWN.encode(sentence.words), *[END] * sentence.ended]
            before = np.int32([[START, *numbers][: len(numbers)]])
            scores, weights = network({PIXELS: pixels, WORD_INPUT: before})
            scores = scores[0].numpy().astype(np.float64)
            chances = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
            chances = chances[np.arange(len(numbers)), numbers]
            count = len(sentence.words)
            np.testing.assert_allclose(sentence.chances, chances[:count], rtol=1e-3)
            assert sentence.score == pytest.approx(np.log(chances).sum(), abs=1e-3)
            assert sentence.attention.shape == (count, *SMALL_GRID)
            seen = weights[0, :count].numpy().reshape(sentence.attention.shape)
            np.testing.assert_allclose(sentence.attention, seen, atol=1e-4)


def test_what_is_looked_at_adds_up_to_one(three):
    for result in three:
        for sentence in result.sentences:
            np.testing.assert_allclose(sentence.attention.sum(axis=(1, 2)), 1, atol=1e-4)


def test_the_record_has_the_best_caption_and_the_others(three):
    fields = json.loads(json.dumps(three[0].to_dict()))
    names = [name for name in fields if name != "cut_off"]
    assert names == ["path", "status", "caption", "score", "others"]
    assert (fields["path"], fields["status"]) == ("000000", "ok")
    assert [fields["caption"], *(each["caption"] for each in fields["others"])] == [
        sentence.text for sentence in three[0].sentences
    ]
    assert three[0].text == fields["caption"] and three[0].path is None and three[0].error is None


def test_other_pictures_are_told_otherwise_and_neighbours_do_not_matter(say, three):
    assert len({result.text for result in three}) > 2
    options = {"best": 3, "shortest": 3}
    for how in ({"batch_size": 2}, {"batch_size": 1}, {"devices": "cpu:2", "batch_size": 4}):
        results = say(PICTURES[::-1], **options | how)[::-1]
        assert told(results) == told(three)
        for one, other in zip(results, three, strict=True):
            for first, second in zip(one.sentences, other.sentences, strict=True):
                assert first.score == pytest.approx(second.score, abs=1e-3)


def test_a_stream_is_read_as_results_are_taken(chance):  # noqa: F811
    taken = []

    def stream():
        for at in range(200):
            taken.append(at)
            yield PICTURES[at % 5]

    results = caption(stream(), model=chance, devices="cpu", batch_size=2, longest=3)
    assert next(results).name == "000000" and len(taken) < 50
    results.close()


def test_rules_are_kept_to(say):
    for result in say(shortest=5, longest=6, no_repeat=1, best=3):
        for sentence in result.sentences:
            assert 5 <= len(sentence.words) <= 6 and len(set(sentence.words)) == len(sentence.words)
    for result in say(prefix="There ARE, two", beams=1):
        assert result.sentences[0].words[:3] == ("there", "are", "two")


def test_captions_that_do_not_end_are_cut_off_and_say_so(say):
    cut = [result.to_dict().get("cut_off", False) for result in say(longest=3, beams=1)]
    ended = [result.sentences[0].ended for result in say(longest=3, beams=1)]
    assert cut == [not each for each in ended] and any(cut)
    for result in say(longest=4, shortest=4, no_repeat=1, beams=1, prefix="a red disc and"):
        assert result.text == "a red disc and"
    (short,) = say(PICTURES[:1], longest=1, prefix="a", shortest=1)
    assert short.text == "a"


def test_no_caption_comes_twice(say):
    """Three ways to end four words that are given, of which there is one."""
    for result in say(prefix="a red disc and", longest=4, best=3):
        assert [sentence.text for sentence in result.sentences] == ["a red disc and"]
    for result in say(longest=2, shortest=2, best=3):
        assert len({sentence.text for sentence in result.sentences}) == 3


def test_a_penalty_favours_long_captions(say):
    def length(results):
        return np.mean([len(result.sentences[0].words) for result in results])

    assert length(say(length_penalty=2.0, beams=5)) > length(say(beams=5))


def test_chance_depends_on_the_seed_and_the_name_alone(say):
    options = {"temperature": 1.5, "best": 2, "longest": 5}
    first = say(**options)
    assert told(say(**options)) == told(first) != told(say(seed=1, **options))
    items = gather(PICTURES)
    assert told(say(items[::-1], batch_size=2, **options))[::-1] == told(first)
    assert len({text for texts in told(first) for text in texts}) > 6
    for result in first:
        key = [(not sentence.ended, -sentence.score) for sentence in result.sentences]
        assert key == sorted(key)
    one, other = told(say([PICTURES[0]] * 2, **options))
    assert one != other


def test_the_likeliest_word_alone_is_no_chance(say):
    greedy = say(beams=1)
    assert told(say(temperature=1.0, top_k=1)) == told(greedy)
    assert told(say(temperature=2.0, top_p=1e-6)) == told(greedy)


def test_a_captioner_that_attends_to_nothing_speaks(chance_without, say):  # noqa: F811
    results = say(model=chance_without, best=2, shortest=2)
    assert all(sentence.attention is None for each in results for sentence in each.sentences)
    assert all(len(sentence.chances) >= 2 for each in results for sentence in each.sentences)
    for name in ("attention", "animation"):
        with pytest.raises(UsageError, match=f"--{name} has no meaning here: show-tell capt"):
            say(model=chance_without, **{name: "x"})


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_less_precision_says_much_the_same(say, precision):
    pairs = zip(say(beams=1, longest=3), say(beams=1, longest=3, precision=precision), strict=True)
    for one, other in pairs:
        assert one.sentences[0].chances[0] == pytest.approx(other.sentences[0].chances[0], rel=0.2)


def test_a_picture_that_cannot_be_read_costs_its_neighbours_nothing(say, folder):
    results = say(folder)
    assert [result.name for result in results] == ["a.png", "broken.png", "deep er/b [1].png"]
    assert [result.error is None for result in results] == [True, False, True]
    assert told([results[0], results[2]]) == told(say(PICTURES[:2]))
    fields = results[1].to_dict()
    assert list(fields) == ["path", "status", "error"] and results[1].text == ""
    with pytest.raises(InputError):
        results[1].save(folder / "x.png")
    results[0].save(folder / "said.png")
    assert Image.open(folder / "said.png").width >= 120


# Files


def test_sheets_and_animations_of_where_was_looked(say, folder, tmp_path):
    results = say(folder, attention=tmp_path / "seen", animation=tmp_path / "moving", shortest=2)
    assert tree(tmp_path / "seen") == ["a.png", "deep er/b [1].png"]
    assert tree(tmp_path / "moving") == ["a.gif", "deep er/b [1].gif"]
    assert set(results[0].files) == {"attention", "animation"} and results[1].files == {}
    with Image.open(results[0].files["animation"]) as moving:
        assert 1 < moving.n_frames <= len(results[0].sentences[0].words)
    with Image.open(results[0].files["attention"]) as sheet:
        assert sheet.width > 3 * 224


def test_a_caption_without_words_has_a_sheet_and_an_animation(tmp_path):
    item = gather([PICTURES[0]])[0]
    silent = Sentence((), -1.0, True, np.zeros(0), np.zeros((0, *SMALL_GRID), np.float32))
    files = Copies(tmp_path / "a", tmp_path / "b").write(item, [silent])
    assert Image.open(files["attention"]).width > 224 and Image.open(files["animation"]).n_frames


def test_texts_lie_beside_pictures_a_caption_a_line(say, folder):
    results = say(folder, sidecar=True, best=2)
    for result, name in zip((results[0], results[2]), ("a.txt", "deep er/b [1].txt"), strict=True):
        text = (folder / name).read_bytes().decode()
        assert text == "".join(f"{sentence.text}\n" for sentence in result.sentences)
        assert result.files == {"text": folder / name}
    assert not (folder / "broken.txt").exists()
    again = say(folder, sidecar=True, best=2)  # word for word the same: nothing to refuse
    assert [result.error for result in again] == [result.error for result in results]


def test_a_text_that_was_there_is_left_alone(say, folder, tmp_path):
    (folder / "a.txt").write_text("mine")
    (folder / "deep er/b [1].txt").symlink_to(folder / "nowhere")
    results = say(folder, sidecar=True, attention=tmp_path / "seen")
    assert results[0].error == "a.txt is beside it already; move that away"
    assert "b [1].txt is beside it already" in results[2].error and results[2].files == {}
    assert (folder / "a.txt").read_text() == "mine" and not (folder / "nowhere").exists()
    assert not (tmp_path / "seen").exists()


def test_words_in_any_script_are_written_as_they_are(backbone, tmp_path):  # noqa: F811
    model = save_chance(tmp_path / "m.keras", backbone, ("猫", "गाय", "قطة", "été", "แมว"))
    Image.fromarray(PICTURES[0]).save(tmp_path / "é.png")
    options = {"model": model, "devices": "cpu", "longest": 4, "shortest": 4, "sidecar": True}
    (result,) = caption(tmp_path / "é.png", **options)
    assert (tmp_path / "é.txt").read_text("utf-8") == result.text + "\n"
    assert len(result.sentences[0].words) == 4


def test_no_two_pictures_share_a_text(say, folder):
    Image.fromarray(PICTURES[0]).save(folder / "a.jpg")
    with pytest.raises(UsageError, match=r"--sidecar: a\.jpg and a\.png would both have their te"):
        say(folder, sidecar=True)
    assert not list(folder.rglob("*.txt"))
    with pytest.raises(UsageError, match="would both have their text"):
        say(iter([folder / "a.jpg", folder / "a.png"]), sidecar=True)
    with pytest.raises(UsageError, match=r"a\.jpg and a\.png would both be written"):
        say(folder, attention=folder.parent / "seen")


def test_no_text_can_lie_beside_a_picture_in_memory(say):
    with pytest.raises(UsageError, match="--sidecar: 000000 is a picture in memory, beside which"):
        say(sidecar=True)


# What is refused


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"best": 4}, "--best 4 is more than --beams 3, which finds as many"),
        ({"best": 2, "beams": 1}, "--best 2 is more than --beams 1"),
        ({"shortest": 9}, "--shortest 9 is more than --longest 8"),
        ({"top_k": 5}, "--top-k has no meaning here: words are not chosen by chance; see --temp"),
        ({"top_p": 0.5}, "--top-p has no meaning here: words are not chosen by chance; see"),
        ({"temperature": 1, "beams": 5}, "--beams has no meaning here: words are chosen by chance"),
        ({"temperature": 1, "length_penalty": 0.1}, "--length-penalty has no meaning here: words"),
        ({"beams": 1, "length_penalty": 0.1}, "--length-penalty has no meaning here: one beam"),
        ({"prefix": "a blu disc"}, 'does not know "blu". Did you mean "blue"?'),
        ({"prefix": "a " * 9}, "--prefix has 9 words, but --longest is 8"),
        ({"beams": 0}, "--beams is at least 1, not 0"),
        ({"beams": 101}, "--beams is at most 100, not 101"),
        ({"beams": 2.5}, "--beams is a whole number, not 2.5"),
        ({"longest": 0}, "--longest is at least 1, not 0"),
        ({"longest": 201}, "--longest is at most 200, not 201"),
        ({"shortest": -1}, "--shortest is at least 0, not -1"),
        ({"no_repeat": -1}, "--no-repeat is at least 0, not -1"),
        ({"temperature": -1}, "--temperature is a number from 0 to 100, not -1"),
        ({"temperature": 1, "top_p": 0}, "--top-p is a number from 0 to 1, not 0"),
        ({"length_penalty": float("nan")}, "--length-penalty is a number from 0 to 10, not nan"),
        ({"seed": -1}, "--seed is at least 0, not -1"),
        ({"model": None}, "there is none to download"),
        ({"model": "efficientnet-lite0"}, "efficientnet-lite0 is a model to classify, and no capt"),
        ({"model": "gone.keras"}, "gone.keras"),
        ({"devices": "tpu"}, 'devices "tpu" is not auto, cpu, gpu'),
    ],
)
def test_what_cannot_work_is_refused(say, asked, message):
    with pytest.raises(DltkError) as caught:
        say(**asked)
    assert message in str(caught.value) and "\n" not in str(caught.value)
    assert isinstance(caught.value, UsageError) or "gone" in message


def test_a_file_whose_words_are_not_those_of_its_network_is_damaged(backbone, tmp_path, say):  # noqa: F811
    for words, message in (
        (WORDS[:-1], f"is damaged: it knows {len(WORDS)} words, and {len(WORDS) - 1} are named"),
        ((*WORDS[:-1], "a"), r"is damaged: a vocabulary has every word once"),
    ):
        card = ModelCard("caption", words, Geometry(SIDE, SIDE, fit="squash"))
        save_model(chance_captioner(backbone), tmp_path / "model.keras", card)
        with pytest.raises(DltkError, match=message):
            say(model=tmp_path / "model.keras")


def test_a_file_that_only_says_it_is_a_captioner_is_refused(backbone, tmp_path, say):  # noqa: F811
    import keras

    card = ModelCard("caption", WORDS, Geometry(64, 64, fit="squash"))
    save_model(keras.saving.load_model(backbone), tmp_path / "model.keras", card)
    with pytest.raises(DltkError, match="says it is a captioner, but has not its layers"):
        say(model=tmp_path / "model.keras")
