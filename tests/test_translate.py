"""Turning photos into pictures of another domain: the recipe, its engine and its command."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from PIL.ExifTags import Base

from dltk.engine.translator import Translator
from dltk.errors import DltkError, InputError, UsageError
from dltk.geometry import Geometry
from dltk.modelfile import ModelCard, load_model, save_model
from dltk.models.gan.cyclegan import new_generator
from dltk.objects import PIXELS
from recipes.translate import find_translator, translate
from tests.folders import digests, record, tree
from tests.translators import DOMAINS, plain_translator, random_translator, saved  # noqa: F401

HERE = {"batch_size": 4, "devices": "cpu", "strategy": "auto", "precision": "float32"}


def grain(seed: int, size: tuple[int, int] = (30, 21)) -> np.ndarray:
    """Return noise, uint8 (H, W, 3), of so many pixels across and down."""
    return np.random.default_rng(seed).integers(0, 256, (*size[::-1], 3)).astype(np.uint8)


# The recipe


def test_a_picture_becomes_one_of_the_domain_asked_for(plain_translator):  # noqa: F811
    picture = grain(0)
    (dark,) = translate(picture, model=plain_translator)
    (negative,) = translate(picture, model=plain_translator, to="negative")
    np.testing.assert_array_equal(np.asarray(dark.image), np.rint(picture / 2))
    np.testing.assert_array_equal(np.asarray(negative.image), 255 - picture)
    assert (dark.domain, negative.domain) == ("dark", "negative")


def test_results_come_in_order_whatever_their_sizes(plain_translator):  # noqa: F811
    sizes = [(30, 21), (30, 21), (16, 40), (30, 21), (17, 17), (17, 17)]
    pictures = [grain(at, size) for at, size in enumerate(sizes)]
    pictures.insert(2, np.zeros((0, 3, 3)))
    results = list(translate(pictures, model=plain_translator, to="negative", batch_size=3))
    assert [result.error is None for result in results] == [at != 2 for at in range(7)]
    del pictures[2], results[2]
    for result, picture in zip(results, pictures, strict=True):
        np.testing.assert_array_equal(np.asarray(result.image), 255 - picture)


def test_sides_that_the_network_cannot_take_are_filled_by_reflection(random_translator):  # noqa: F811
    picture = grain(3, (30, 21))
    (result,) = translate(picture, model=random_translator)
    filled = np.pad(picture, [(0, 3), (0, 2), (0, 0)], mode="reflect").astype(np.float32)
    whole = np.asarray(load_model(random_translator)({PIXELS: filled[None]})["dark"])[0]
    assert result.image.size == (30, 21)
    assert abs(np.asarray(result.image, float) - whole[:21, :30]).max() <= 0.51


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_half_the_digits_give_nearly_the_same(random_translator, precision):  # noqa: F811
    picture = grain(4)
    exact, near = (
        np.asarray(next(translate(picture, model=random_translator, precision=kind)).image, float)
        for kind in ("float32", precision)
    )
    assert abs(exact - near).max() > 0 and abs(exact - near).mean() < 2


def test_two_replicas_give_what_one_gives(random_translator):  # noqa: F811
    pictures = [grain(at) for at in range(3)]
    one, two = (
        [result.image for result in translate(pictures, model=random_translator, devices=devices)]
        for devices in ("cpu", "cpu:2")
    )
    for a, b in zip(one, two, strict=True):
        assert abs(np.asarray(a, int) - np.asarray(b, int)).max() <= 1


def test_large_photos_are_made_smaller_and_small_ones_are_not(plain_translator):  # noqa: F811
    def size_of(picture, **how) -> tuple[int, int]:
        return next(translate(picture, model=plain_translator, **how)).image.size

    assert size_of(grain(0, (60, 40)), size=30) == (30, 20)
    assert size_of(grain(0, (60, 40)), size=300) == (60, 40)
    assert size_of(grain(0, (2100, 21))) == (2048, 20)
    (tiny,) = translate(grain(0, (60, 12)), model=plain_translator)
    assert "too small: 60 × 12 pixels, and the network needs 16" in tiny.error
    with pytest.raises(InputError, match="was not translated: too small"):
        tiny.save("never.png")


def test_what_a_photo_says_of_itself_is_kept(plain_translator, tmp_path):  # noqa: F811
    exif = Image.Exif()
    exif[Base.Artist], exif[Base.Orientation] = "An author", 6
    Image.fromarray(grain(0, (40, 30))).save(tmp_path / "a.png", exif=exif.tobytes())
    (result,) = translate(tmp_path / "a.png", model=plain_translator, output=tmp_path / "out")
    assert result.files == {"picture": tmp_path / "out" / "a.png"}
    with Image.open(tmp_path / "out" / "a.png") as made:
        assert made.size == (30, 40)
        assert made.getexif()[Base.Artist] == "An author" and made.getexif()[Base.Orientation] == 1


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"to": "darkk"}, r"--to is negative or dark, not darkk\. Did you mean .dark.\?"),
        ({"size": 8}, "--size is keep, or pixels from 16 to 4096, not 8"),
        ({"size": "all"}, "--size is keep, or pixels from 16 to 4096, not 'all'"),
        ({"batch_size": 0}, "--batch-size is at least 1, not 0"),
        ({"model": "efficientnet-lite0"}, "is a model to classify, not to translate; train one wi"),
        ({"devices": "cpu:x"}, "is not auto, cpu, gpu"),
    ],
)
def test_what_cannot_work_is_refused(asked, message, plain_translator):  # noqa: F811
    with pytest.raises(UsageError, match=message):
        next(translate(grain(0), **{"model": plain_translator} | asked))


# The engine


def test_only_the_way_that_is_wanted_is_run(random_translator):  # noqa: F811
    source = find_translator(random_translator)
    names = ["to_first", "to_second"]
    for domain, own, other in zip(DOMAINS, names, names[::-1], strict=True):
        network = Translator(source, domain, **HERE)
        assert next(network([grain(0, (16, 16))])).shape == (16, 16, 3)
        (step,) = network._network._step._list_all_concrete_functions()
        run = " ".join(operation.name for operation in step.graph.get_operations())
        assert own in run and other not in run


def test_a_picture_too_large_for_the_memory_costs_only_itself(plain_translator, monkeypatch):  # noqa: F811
    network = Translator(find_translator(plain_translator), "dark", **HERE)
    run = network._network

    def short_of_memory(inputs, count):
        if inputs[PIXELS].mean() > 100:
            raise tf.errors.ResourceExhaustedError(None, None, "out of memory")
        return run(inputs, count)

    monkeypatch.setattr(network, "_network", short_of_memory)
    pictures = [np.full((16, 20, 3), value, np.uint8) for value in (20, 255, 255, 40)]
    made = list(network(pictures))
    assert [each.max() for each in (made[0], made[3])] == [10, 20]
    for each in made[1:3]:
        assert str(each) == "not enough memory for 20 × 16 pixels; ask for a smaller --size"


def test_pixels_that_are_no_numbers_are_told(tmp_path, random_translator):  # noqa: F811
    model = load_model(random_translator)
    model.set_weights([np.full_like(weight, np.nan) for weight in model.get_weights()])
    broken = saved(model, tmp_path / "broken.keras")
    with pytest.raises(DltkError, match=r"broken\.keras gives pixels that are no numbers: its tra"):
        list(translate(grain(0), model=broken))


def test_a_file_that_is_not_what_it_says_is_refused(tmp_path):
    path = tmp_path / "odd.keras"
    card = ModelCard("translate", ("a", "b"), Geometry(32, 32, crop=1.0))
    save_model(new_generator(2, 1, name="g"), path, card)
    with pytest.raises(DltkError, match=r"odd\.keras is damaged: it says that it translates"):
        list(translate(grain(0), model=path))
    new_generator(2, 1, name="g").save(path)
    with pytest.raises(UsageError, match="was saved by plain Keras, and does not say what it does"):
        list(translate(grain(0), model=path))


# The command


@pytest.fixture
def photos(tmp_path):
    """Photos of which one cannot be read."""
    root = tmp_path / "photos"
    (root / "deeper").mkdir(parents=True)
    Image.fromarray(grain(0)).save(root / "a.png")
    Image.fromarray(grain(1, (24, 40))).save(root / "deeper" / "b.bmp")
    Image.fromarray(grain(2)[..., 0]).save(root / "c.tif")
    (root / "d.jpg").write_bytes(b"none")
    return root


def test_a_folder_is_translated_under_the_same_names(plain_translator, photos, dltk, tmp_path):  # noqa: F811
    out = tmp_path / "out"
    given = ["translate", photos, "-m", plain_translator, "--to", "negative", "-o", out]
    done = dltk(*given)
    assert done.code == 3 and "failed: d.jpg: not a picture" in done.err
    assert tree(out) == ["a.png", "c.tif", "deeper/b.bmp", "results.jsonl"]
    header, rows = record(out)
    assert header["format"] == "dltk.translate"
    assert header["options"] == {"to": "negative", "size": "keep", "precision": "auto"}
    told = [(row["path"], row.get("width"), row.get("height"), row.get("files")) for row in rows]
    assert told == [
        ("a.png", 30, 21, {"picture": "a.png"}), ("c.tif", 30, 21, {"picture": "c.tif"}),
        ("d.jpg", None, None, None), ("deeper/b.bmp", 24, 40, {"picture": "deeper/b.bmp"}),
    ]  # fmt: skip
    assert "not a picture" in rows[2]["error"]
    for name, picture in (("a.png", grain(0)), ("deeper/b.bmp", grain(1, (24, 40)))):
        with Image.open(out / name) as made:
            np.testing.assert_array_equal(np.asarray(made), 255 - picture)
    before, times = digests(out), {name: (out / name).stat().st_mtime_ns for name in tree(out)}
    again = dltk(*given)
    assert again.code == 3 and "0 done, 3 done before, 1 failed" in again.err
    assert digests(out) == before
    assert times["a.png"] == (out / "a.png").stat().st_mtime_ns
    other = dltk(*given[:4], "--to", "dark", "-o", out)
    assert other.code == 2 and digests(out) == before
    done = dltk(*given[:4], "--to", "dark", "-o", out, "--overwrite", "--json")
    assert done.code == 3 and json.loads(done.out.splitlines()[0])["options"]["to"] == "dark"
    with Image.open(out / "a.png") as made:
        np.testing.assert_array_equal(np.asarray(made), np.rint(grain(0) / 2))


def test_what_would_be_hit_is_told_before_any_work(plain_translator, photos, dltk, tmp_path):  # noqa: F811
    given = ["translate", photos, "-m", plain_translator]
    done = dltk(*given, "-o", photos)
    assert done.code == 2 and "is an input and lies in" in done.err
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "a.png").write_bytes(b"mine")
    done = dltk(*given, "-o", tmp_path / "own")
    assert done.code == 2 and (tmp_path / "own" / "a.png").read_bytes() == b"mine"
    done = dltk(*given, "--to", "light")
    assert done.code == 2 and "--to is negative or dark, not light" in done.err
    done = dltk("translate", photos, "-m", tmp_path / "none.keras")
    assert done.code == 2 and "no such model file" in done.err
