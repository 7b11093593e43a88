"""Pictures of seeds, films between them, sums of noise: the recipes, and `dltk generate`."""

from __future__ import annotations

import inspect
import json
import zipfile
from itertools import chain

import numpy as np
import pytest
from PIL import Image, ImageSequence

from dltk.cli.generate import generate as command
from dltk.engine.generator import Generator
from dltk.errors import DltkError, UsageError
from dltk.geometry import Geometry
from dltk.modelfile import ModelCard, load_model, save_model
from dltk.ops.interpolation import slerp
from recipes._generate_seeds import MOST, Term, parse_groups, parse_seeds, parse_sum
from recipes._generate_seeds import noise_of as noise_rows
from recipes._generate_sheets import check_grid, draw_grid
from recipes.generate import arithmetic, generate, interpolate
from tests.folders import digests, record, tree
from tests.generators import SIDE, colour_of, noise_of, save_dcgan, save_generator, save_plain

GROUPS = {"smiling": "3,17,22", "plain": "1,5", "man": [2, 8]}
"""Groups by what they are called in the paper."""


@pytest.fixture
def plain(tmp_path):
    return save_plain(tmp_path / "plain.keras")


@pytest.fixture
def conditional(tmp_path):
    return save_plain(tmp_path / "zoo.keras", ["tabby cat", "dog", "horse"])


@pytest.fixture
def run(dltk, plain, tmp_path, monkeypatch):
    """Run the command on the plain generator."""
    monkeypatch.chdir(tmp_path)
    return lambda *options, model=plain: dltk("generate", model, *options)


def assert_colour(picture, colour, off=0.5):
    pixels = np.asarray(picture.convert("RGB"), float)
    np.testing.assert_allclose(pixels, np.broadcast_to(colour, pixels.shape), atol=off)


def assert_alike(pictures, others):
    for one, other in zip(pictures, others, strict=True):
        assert np.abs(np.asarray(one, int) - np.asarray(other, int)).max() <= 1


# Pictures of seeds


def test_a_picture_is_what_the_generator_makes_of_the_seeds_noise(plain):
    results = list(generate(plain, seeds="7,0,4-5,7"))
    assert [result.seed for result in results] == [7, 0, 4, 5]
    assert [result.name for result in results[:2]] == ["seed0007.png", "seed0000.png"]
    for result in results:
        assert result.picture.size == (SIDE, SIDE) and result.picture.mode == "RGB"
        assert_colour(result.picture, colour_of(noise_of(result.seed)))


def test_sixteen_are_made_unless_told_otherwise(plain):
    assert [result.seed for result in generate(plain)] == list(range(16))
    assert [result.seed for result in generate(plain, n=2)] == [0, 1]


def test_truncation_keeps_noise_in_the_middle(plain):
    (result,) = generate(plain, seeds=[3], truncation=0.25)
    assert_colour(result.picture, colour_of(noise_of(3) / 4))


def test_a_seeds_picture_does_not_depend_on_what_else_is_made(tmp_path):
    model = save_dcgan(tmp_path / "digits.keras", ["0", "1"])
    many = [result.picture for result in generate(model, n=20)]
    alone = [next(generate(model, seeds=[seed])).picture for seed in (0, 7, 19)]
    assert alone == [many[0], many[7], many[19]]  # by every pixel: the steps are the same
    assert np.asarray(many).std(axis=0).min() > 0 and many[0].mode == "L"
    assert_alike([each.picture for each in generate(model, n=20, batch_size=3)], many)
    two = generate(model, n=20, devices="cpu:2", batch_size=5)
    assert_alike([each.picture for each in two], many)


def test_no_more_is_made_than_is_taken(plain, monkeypatch):
    make, sizes = Generator.__call__, []

    def count(self, noise, classes=None):
        sizes.append(len(noise))
        return make(self, noise, classes)

    monkeypatch.setattr(Generator, "__call__", count)
    results = generate(plain, n=MOST, batch_size=4)
    assert [next(results).seed for _ in range(6)] == list(range(6)) and sizes == [4, 4]


def test_seeds_take_turns_with_the_classes(conditional):
    names = ["tabby cat", "dog", "horse"]
    for result in generate(conditional, seeds="0-4,9"):
        assert result.label == names[result.seed % 3]
        share = (result.seed % 3) / 3
        assert_colour(result.picture, share * 127.5 * (1 + noise_of(result.seed)), off=0.51)
    some = generate(conditional, n=4, classes="horse,dog")
    assert [result.label for result in some] == ["horse", "dog"] * 2
    some = generate(conditional, n=2, classes=["Tabby_cat"])
    assert [result.label for result in some] == ["tabby cat"] * 2


def test_unknown_classes_are_refused(plain, conditional):
    with pytest.raises(UsageError, match=r'no class "dgo". Did you mean "dog"'):
        next(generate(conditional, classes="dgo"))
    with pytest.raises(UsageError, match=r"plain.keras was trained without classes"):
        next(generate(plain, classes="dog"))


def test_lower_precision_changes_little(tmp_path):
    model = save_dcgan(tmp_path / "faces.keras", size=32, channels=3)
    full, half = (
        np.stack([each.picture for each in generate(model, n=4, precision=precision)])
        for precision in ("float32", "bfloat16")
    )
    assert 0 < np.abs(full.astype(int) - half).mean() < 3


@pytest.mark.parametrize(
    ("seeds", "meant"),
    [("3", [3]), ("0,4-6", [0, 4, 5, 6]), (" 2 , 1-1,2 ", [2, 1, 2]), (5, [5]), ([9, 1], [9, 1])],
)
def test_seeds_are_read(seeds, meant):
    assert parse_seeds(seeds) == meant


@pytest.mark.parametrize(
    ("seeds", "told"),
    [
        ("1,4-x,7", '"4-x" is neither a seed'),
        ("1,,2", '"" is neither'),
        ("", '"" is neither'),
        ("9-4", 'range "9-4" goes down; take 4-9'),
        ("-4", '"-4" is negative'),
        ([-1], '"-1" is negative'),
        ([1.5], '"1.5" is neither'),
        ("٣", "neither a seed"),
        ([], "names no seeds"),
        ("0-100000", "100,001 seeds are more than 100,000"),
        ("0-99999999999999999999", "too large; seeds go up to 4294967295"),
        ("4294967296", "too large"),
        ("1" * 5000, "too large"),
    ],
)
def test_what_are_no_seeds_is_told(seeds, told):
    with pytest.raises(UsageError, match=f"--seeds.*{told}"):
        parse_seeds(seeds)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"n": 3, "seeds": "1"}, "give one of the two"),
        ({"n": 0}, "at least 1, not 0"),
        ({"n": MOST + 1}, "at most 100000"),
        ({"truncation": 0}, "--truncation is a number"),
        ({"truncation": float("nan")}, "--truncation is a number"),
        ({"truncation": 1.5}, "--truncation is a number"),
        ({"batch_size": 0}, "--batch-size is at least 1"),
    ],
)
def test_options_that_cannot_work_are_refused(plain, options, told):
    with pytest.raises(UsageError, match=told):
        next(generate(plain, **options))


# Models


def test_models_for_something_else_are_refused_with_what_they_are_for(plain, tmp_path):
    network, path = load_model(plain), tmp_path / "other.keras"
    for task, use in (
        ("classify", '"dltk classify"'),
        ("mask", '"dltk segment --instances"'),
        ("answer", '"dltk caption --question"'),
        ("unheard-of", '"dltk train gan"'),
    ):
        save_model(network, path, ModelCard(task, ("a", "b"), Geometry(16, 16)))
        with pytest.raises(
            UsageError, match=f"is a model to {task}, not to generate pictures; .*{use}"
        ):
            next(generate(path))
    network.save(path)
    with pytest.raises(UsageError, match="saved by plain Keras"):
        next(generate(path))
    with pytest.raises(UsageError, match="no such model file"):
        next(generate(tmp_path / "none.keras"))
    with pytest.raises(UsageError, match='is for "dltk classify"'):
        next(generate("efficientnet-lite0"))


@pytest.mark.parametrize("name", ["features", "dream"])
def test_generators_are_refused_where_classifiers_are_wanted(dltk, plain, photos, tmp_path, name):
    result = dltk(name, photos, "-m", plain, "-o", tmp_path / "out")
    assert result.code == 2 and result.err.count("\n") == 1
    assert 'plain.keras makes pictures; it is for "dltk generate"' in result.err


def test_files_that_hold_something_else_or_no_numbers_are_told(plain, tmp_path):
    model = load_model(plain)
    save_generator(model, plain, ["a", "b"])  # which its network does not take
    with pytest.raises(DltkError, match=r"plain.keras is damaged"):
        next(generate(plain))
    broken = load_model(save_dcgan(tmp_path / "broken.keras"))
    broken.get_layer("paint").bias.assign([np.nan])
    save_generator(broken, plain)
    with pytest.raises(DltkError, match="pixels that are no numbers"):
        next(generate(plain))


# Films


def test_a_film_goes_through_the_pictures_of_its_seeds_and_back(plain):
    way = interpolate(plain, "3,17,8", frames=5, truncation=0.5, batch_size=4)
    pictures = list(way)
    assert len(pictures) == len(way) == 15
    ends = [noise_of(seed) / 2 for seed in (3, 17, 8, 3)]
    for at, picture in enumerate(pictures):
        leg, step = divmod(at, 5)
        assert_colour(picture, colour_of(slerp(*ends[leg : leg + 2], [step / 5])[0]), off=1)


def test_between_two_classes_a_picture_is_of_the_nearer_seeds(conditional):
    pictures = list(interpolate(conditional, [1, 2], frames=4))
    first, second = noise_of(1), noise_of(2)
    path = [*slerp(first, second, np.arange(4) / 4), *slerp(second, first, np.arange(4) / 4)]
    shares = np.array([1, 1, 2, 2, 2, 2, 1, 1]) / 3  # dog, and horse
    for picture, noise, share in zip(pictures, path, shares, strict=True):
        assert_colour(picture, share * 127.5 * (1 + noise), off=0.51)
    one = interpolate(conditional, [1, 2], frames=1, classes="dog")
    for picture, noise in zip(one, (first, second), strict=True):
        assert_colour(picture, 42.5 * (1 + noise), off=0.51)


@pytest.mark.parametrize("name", ["walk.gif", "walk.mp4"])
def test_a_film_is_written_large_enough_to_be_seen(plain, tmp_path, name):
    way = interpolate(plain, "3,17", frames=3)
    way.save(tmp_path / name)
    if name == "walk.gif":
        with Image.open(tmp_path / name) as film:
            assert film.info["loop"] == 0 and film.info["duration"] == 50
            frames = [frame.convert("RGB") for frame in ImageSequence.Iterator(film)]
    else:
        import av

        with av.open(tmp_path / name) as film:
            assert film.streams.video[0].average_rate == 20
            frames = [frame.to_image() for frame in film.decode(video=0)]
    assert [frame.size for frame in frames] == [(256, 256)] * 6
    for frame, picture in zip(frames, way, strict=True):
        assert_colour(frame, np.asarray(picture)[0, 0], off=6)


@pytest.mark.parametrize(
    ("seeds", "frames", "told"),
    [
        ("3", 5, "two seeds or more"),
        ("3,3", 5, "two seeds or more"),
        ("3,x", 5, '--interpolate: "x" is neither'),
        ("3,4", 0, "--frames is at least 1"),
        ("0-99", 51, "100 seeds of 51 --frames are more than 5000"),
    ],
)
def test_films_that_cannot_be_are_refused(plain, seeds, frames, told):
    with pytest.raises(UsageError, match=told):
        interpolate(plain, seeds, frames=frames)


def test_a_film_has_a_name_that_tells_what_it_is(plain, tmp_path):
    with pytest.raises(UsageError, match=r"ends in .gif or .mp4"):
        interpolate(plain, "3,17", frames=1).save(tmp_path / "walk.avi")
    assert not (tmp_path / "walk.avi").exists()


# Arithmetic


def test_means_of_noise_are_added_and_subtracted(plain, tmp_path):
    result = arithmetic(plain, "smiling - 0.5 * plain + man", groups=GROUPS)
    mean = {
        name: np.mean([noise_of(seed) for seed in seeds], axis=0)
        for name, seeds in parse_groups(GROUPS).items()
    }
    for name, seeds in parse_groups(GROUPS).items():
        assert_colour(result.means[name], colour_of(mean[name]), off=1)
        for seed, picture in zip(seeds, result.members[name], strict=True):
            assert_colour(picture, colour_of(noise_of(seed)), off=1)
    worked_out = mean["smiling"] - 0.5 * mean["plain"] + mean["man"]
    assert_colour(result.picture, colour_of(worked_out), off=1)
    colours = np.array([np.asarray(picture)[0, 0] for picture in result.results], int)
    assert len(np.unique(colours, axis=0)) == 9
    assert np.abs(colours - colours[4]).max() <= 0.25 * 127.5 + 1
    again = arithmetic(plain, "smiling - 0.5 * plain + man", groups=GROUPS)
    assert again.results == result.results


def test_the_figure_shows_means_members_and_results(plain, tmp_path):
    result = arithmetic(plain, "smiling - plain + man", groups=GROUPS)
    result.save(tmp_path)
    figure = Image.open(tmp_path / "arithmetic.png")
    found = {tuple(colour) for colour in np.asarray(figure).reshape(-1, 3)}
    shown = chain(result.means.values(), *result.members.values(), result.results)
    assert {picture.getpixel((0, 0)) for picture in shown} <= found
    assert_colour(Image.open(tmp_path / "arithmetic-result.png"), result.picture.getpixel((0, 0)))


def test_of_a_large_group_eight_are_shown_and_all_count(plain):
    result = arithmetic(plain, "many", groups=["many=0-29"])
    assert len(result.members["many"]) == 8
    mean = np.mean([noise_of(seed) for seed in range(30)], axis=0)
    assert_colour(result.picture, colour_of(mean), off=1)


def test_arithmetic_is_of_one_class(conditional):
    with pytest.raises(UsageError, match="one class for it with --classes"):
        arithmetic(conditional, "man", groups={"man": "2"})
    result = arithmetic(conditional, "man", groups={"man": "2"}, classes="dog")
    assert_colour(result.picture, 42.5 * (1 + noise_of(2)), off=0.51)


def test_sums_are_read():
    terms = parse_sum("- a+2*b -.5 * a", ["a", "b"])
    assert terms == [Term(-1, "a"), Term(2, "b"), Term(-0.5, "a")]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a - + b", 'a group\'s name is missing where "[+] b" begins'),
        ("a b", '[+] or - is missing where "b" begins'),
        ("a +", "a group's name is missing at the end"),
        ("", "a group's name is missing at the end"),
        ("a + 2 b", '"[*]" is missing where "b" begins'),
        ("a + b * 2", '[+] or - is missing where "[*] 2" begins'),
        ("1e5 * a", '"[*]" is missing where "e5'),
        ("a + bb", 'unknown group "bb". Did you mean "b"[?] Groups: a, b'),
        ("a", '--group b is not in --arithmetic "a"'),
        ("1000 * a + b", "from 0 to 100, not 1000"),
        ("9" * 400 + " * a + b", "not inf"),
    ],
)
def test_what_is_no_sum_is_told_with_its_place(text, told):
    with pytest.raises(UsageError, match=told):
        parse_sum(text, ["a", "b"])


@pytest.mark.parametrize(
    ("groups", "told"),
    [
        (["smiling"], '--group "smiling" is not NAME=SEEDS'),
        (["a-b=1"], 'name "a-b" is not of letters'),
        (["=1"], 'name "" is not'),
        (["a=1", "a=2"], 'two of the name "a"'),
        (["a=1-x"], '--group a: "1-x" is neither'),
    ],
)
def test_what_are_no_groups_is_told(groups, told):
    with pytest.raises(UsageError, match=told):
        parse_groups(groups)


# Sheets


def test_a_grid_enlarges_small_pictures_pixel_by_pixel():
    pictures = [Image.fromarray(np.uint8([[at, 255], [0, at]])) for at in range(10)]
    sheet = np.asarray(draw_grid(pictures, range(10), [None] * 10))
    assert sheet.shape[1] == 4 * 128 + 5 * 6  # four in a row, and gaps
    found = sheet[sheet.shape[0] - 6 - 128 : -6, 6 + 134 : 6 + 134 + 128]  # the last one
    expected = np.asarray(pictures[9]).repeat(64, 0).repeat(64, 1)
    np.testing.assert_array_equal(found, np.stack([expected] * 3, -1))


def test_where_classes_take_turns_each_has_a_column():
    pictures = [Image.new("RGB", (64, 64), (40 * at, 0, 0)) for at in range(6)]
    sheet = np.asarray(draw_grid(pictures, range(6), ["a", "b", "c"] * 2))
    assert sheet.shape[1] == 3 * 128 + 4 * 6
    others = np.asarray(draw_grid(pictures, range(6), ["a", "b", "c", "a", "c", "b"]))
    assert others.shape[1] == sheet.shape[1] and others.shape[0] < sheet.shape[0]


def test_a_grid_that_no_sheet_has_room_for_is_refused():
    check_grid(1000, 64)
    with pytest.raises(UsageError, match=r"100,000 pictures of 64 pixels are too many.* 8,665 fit"):
        check_grid(100_000, 64)


# The command


def test_the_command_writes_pictures_and_a_record(run, tmp_path):
    result = run("--seeds", "4,100000,2-3")
    assert result.code == 0 and "4 done" in result.err and result.out == ""
    names = ["seed0004.png", "seed100000.png", "seed0002.png", "seed0003.png"]
    assert tree(tmp_path / "generated") == sorted([*names, "results.jsonl"])
    header, rows = record(tmp_path / "generated")
    assert header["format"] == "dltk.generate" and header["model"][0]["name"] == "plain.keras"
    assert [row["path"] for row in rows] == names
    assert rows[0] == {
        "path": "seed0004.png", "status": "ok", "seed": 4, "files": {"picture": "seed0004.png"}
    }  # fmt: skip
    assert_colour(Image.open(tmp_path / "generated/seed0004.png"), colour_of(noise_of(4)))


def test_json_lines_tell_the_classes(run, conditional):
    result = run("-n", 3, "--json", model=conditional)
    _, *rows = map(json.loads, result.out.splitlines())
    assert [(row["seed"], row["class"]) for row in rows] == [
        (0, "tabby cat"), (1, "dog"), (2, "horse")
    ]  # fmt: skip


def test_what_is_there_is_not_made_again(run, tmp_path):
    out = tmp_path / "generated"
    run("-n", 3)
    before = (out / "seed0001.png").stat().st_mtime_ns
    (out / "seed0002.png").unlink()
    result = run("-n", 4, "-v")
    assert "2 done, 2 done before" in result.err
    assert (out / "seed0001.png").stat().st_mtime_ns == before
    assert [row["seed"] for row in record(out)[1]] == [0, 1, 2, 3]
    result = run("--seeds", "1-2", "-v")
    assert "2 done before" in result.err and "on Keras" not in result.err  # nothing was loaded
    assert sorted(row["seed"] for row in record(out)[1]) == [0, 1, 2, 3]
    (out / "mine.png").write_bytes(b"a user's own")
    assert "2 done in" in run("--seeds", "1-2", "--overwrite").err
    left = sorted(path.name for path in out.iterdir() if not path.name.startswith("."))
    assert left == ["mine.png", "results.jsonl", "seed0001.png", "seed0002.png"]


def test_pictures_of_two_models_or_truncations_are_not_mixed(run, tmp_path):
    run("-n", 2)
    before = digests(tmp_path / "generated")
    other = save_dcgan(tmp_path / "other.keras")
    for options, told in (({"model": other}, "plain.keras, now other.keras"), ({}, "1.0, now 0.5")):
        result = run("-n", 3, *([] if options else ["--truncation", 0.5]), **options)
        assert result.code == 2 and told in result.err and result.err.count("\n") == 1
    assert digests(tmp_path / "generated") == before
    assert run("-n", 3, "--overwrite", model=other).code == 0
    assert record(tmp_path / "generated")[0]["model"][0]["name"] == "other.keras"


def test_files_of_the_users_own_are_left_alone(run, tmp_path):
    (tmp_path / "generated").mkdir()
    (tmp_path / "generated/seed0001.png").write_text("mine")
    result = run("-n", 2)
    assert result.code == 2 and "is there already" in result.err
    assert tree(tmp_path / "generated") == ["seed0001.png"]


def test_ctrl_c_keeps_what_is_finished(run, tmp_path, monkeypatch):
    make, calls = Generator.__call__, []

    def make_until_interrupted(self, noise, classes=None):
        calls.append(len(noise))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return make(self, noise, classes)

    monkeypatch.setattr(Generator, "__call__", make_until_interrupted)
    result = run("-n", 20, "--batch-size", 4, "--grid")
    assert result.code == 130 and "interrupted, finished work is kept" in result.err
    assert not (tmp_path / "generated/grid.png").exists()
    result = run("-n", 20, "--batch-size", 4, "--grid")
    assert result.code == 0 and "12 done, 8 done before" in result.err
    assert (tmp_path / "generated/grid.png").exists()


def test_a_grid_shows_all_that_were_asked_for(run, tmp_path):
    run("-n", 2)
    assert run("--seeds", "1-4", "--grid").code == 0
    sheet = np.asarray(Image.open(tmp_path / "generated/grid.png"))
    found = {tuple(colour) for colour in sheet.reshape(-1, 3)}
    assert {tuple(colour_of(noise_of(seed)).astype(int)) for seed in range(1, 5)} <= found
    assert tuple(colour_of(noise_of(0)).astype(int)) not in found
    result = run("-n", 100_000, "--grid")
    assert result.code == 2 and "too many for one sheet" in result.err


def test_films_and_figures_go_beside_the_pictures(run, tmp_path):
    run("-n", 2)
    assert run("--interpolate", "3,1", "--frames", 2).code == 0
    groups = ["--group", "a=3,4", "--group", "b=1"]
    assert run(*groups, "--arithmetic", "a - b").code == 0
    out = tmp_path / "generated"
    assert tree(out) == [
        "arithmetic-result.png", "arithmetic.png", "interpolation.gif", "results.jsonl",
        "seed0000.png", "seed0001.png",
    ]  # fmt: skip
    before = digests(out)
    result = run("--interpolate", "3,1", "--frames", 2)
    assert "1 done before" in result.err
    result = run("--interpolate", "3,2", "--frames", 2)
    assert "1 done in" in result.err
    changed = {name for name, digest in digests(out).items() if before[name] != digest}
    assert changed == {"interpolation.gif", "results.jsonl"}
    rows = {row["path"]: row for row in record(out)[1]}
    assert rows["interpolation.gif"]["seeds"] == [3, 2]
    assert rows["arithmetic.png"]["groups"] == {"a": [3, 4], "b": [1]}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("-n", 2, "--seeds", 1), "give one of the two"),
        (("--frames", 3), "--frames is about --interpolate, which is not given"),
        (("--video", "gif"), "--video is about --interpolate"),
        (("--group", "a=1"), "--group is about --arithmetic"),
        (("--interpolate", "1,2", "-n", 3), "-n does not go with --interpolate"),
        (("--interpolate", "1,2", "--grid"), "--grid does not go with --interpolate"),
        (("--arithmetic", "a", "--group", "a=1", "--seeds", 3), "--seeds does not go with"),
        (("--arithmetic", "a", "--interpolate", "1,2"), "one at a time"),
        (("--arithmetic", "a"), 'unknown group "a". Name its seeds with --group'),
        (("--seeds", "4-x"), '"4-x" is neither'),
        (("--classes", "dog"), "was trained without classes"),
        (("--truncation", 0), "0<x<=1"),
        (("--truncation", "nan"), "is not a number"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_written(run, tmp_path, options, told):
    result = run(*options)
    assert result.code == 2 and told in result.err
    assert not (tmp_path / "generated").exists()


def test_options_of_films_and_figures_are_those_of_their_recipes():
    chosen = command.make_context("generate", ["x.keras"]).params
    for recipe in (interpolate, arithmetic):
        for name, parameter in inspect.signature(recipe).parameters.items():
            if (
                parameter.kind is parameter.KEYWORD_ONLY
                and parameter.default is not parameter.empty
            ):
                assert name == "report" or chosen[name] == parameter.default, name


def test_the_file_of_a_generator_is_described(dltk, plain):
    facts = json.loads(dltk("models", "info", plain, "--json").out)
    assert facts["task"] == "generate"
    with zipfile.ZipFile(plain) as archive:
        assert json.loads(archive.read("dltk.json"))["labels"] == []


def test_noise_is_even_from_minus_one_to_one():
    noise = noise_rows(range(200), 50)
    assert noise.dtype == np.float32 and noise.shape == (200, 50)
    assert -1 <= noise.min() < -0.99 and 0.99 < noise.max() <= 1
    assert abs(noise.mean()) < 0.01 and abs(noise.var() - 1 / 3) < 0.01
