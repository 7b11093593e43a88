"""Vectors of real photographs, and what is found with them, from the command line."""

import csv
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from dltk.batch.shards import open_shards
from recipes.features import features


@pytest.fixture
def alike(photos):
    """The samples, and near-duplicates of two of them."""
    cat = Image.open(photos / "cat.jpg")
    cat.resize((300, 200)).save(photos / "cat small.png")
    cat.crop((20, 10, 440, 290)).save(photos / "cat crop.jpg", quality=60)
    Image.open(photos / "pagoda.jpg").save(photos / "pagoda rough.jpg", quality=20)
    return photos


def vectors(out):
    return np.concatenate(open_shards(out))


def test_vectors_from_python_are_those_in_the_shards(dltk, photos, tmp_path):
    dltk("features", photos, "-o", tmp_path / "out", "--shard-size", 3)
    here = np.stack([result.vector for result in features(photos)])
    assert here.shape == (7, 1280)
    assert (vectors(tmp_path / "out") == here).all()
    assert [len(shard) for shard in open_shards(tmp_path / "out")] == [3, 3, 1]


def test_the_index_says_which_row_is_whose(dltk, photos, tmp_path):
    (photos / "bad.jpg").write_text("no")
    out = tmp_path / "out"
    assert dltk("features", photos, "-o", out, "--shard-size", 3).code == 3
    rows = list(csv.DictReader((out / "index.csv").open()))
    assert [row["path"] for row in rows] == sorted(
        path.name for path in photos.iterdir() if path.name != "bad.jpg"
    )
    assert [(row["shard"], row["row"]) for row in rows][3:5] == [
        ("features-00001.npy", "0"), ("features-00001.npy", "1")
    ]  # fmt: skip
    espresso = next(row for row in rows if row["path"] == "espresso.jpg")
    stored = np.load(out / espresso["shard"])[int(espresso["row"])]
    assert (stored == next(features(photos / "espresso.jpg")).vector).all()


def test_new_pictures_are_added_behind_and_rows_stay(dltk, photos, tmp_path):
    out = tmp_path / "out"
    dltk("features", photos, "-o", out, "--shard-size", 4)
    before = vectors(out)
    shutil.copy(photos / "rocket.jpg", photos / "a first one.jpg")
    again = dltk("features", photos, "-o", out, "--shard-size", 4)
    assert "1 done, 7 done before" in again.err
    after = vectors(out)
    assert (after[:7] == before).all() and (after[7] == before[6]).all()
    rows = list(csv.DictReader((out / "index.csv").open()))
    assert rows[7]["path"] == "a first one.jpg"


def test_a_changed_picture_gets_a_new_row_and_the_old_one_no_name(dltk, photos, tmp_path):
    out = tmp_path / "out"
    dltk("features", photos, "-o", out)
    shutil.copy(photos / "rocket.jpg", photos / "cat.jpg")
    dltk("features", photos, "-o", out)
    rows = list(csv.DictReader((out / "index.csv").open()))
    assert len(vectors(out)) == 8 and len(rows) == 7
    assert next(row["row"] for row in rows if row["path"] == "cat.jpg") == "7"
    near = dltk("features", photos, "-o", out, "--query", photos / "rocket.jpg").out
    assert json.loads(near.splitlines()[0])["path"] == "cat.jpg"


def test_overwrite_begins_again(dltk, photos, tmp_path):
    out = tmp_path / "out"
    dltk("features", photos, "-o", out, "--shard-size", 2)
    dltk("features", photos, "-o", out, "--overwrite", "--limit", 3, "--l2")
    assert np.linalg.norm(vectors(out), axis=1) == pytest.approx([1, 1, 1])
    assert [path.name for path in sorted(out.glob("*.npy"))] == ["features-00000.npy"]


def test_a_missing_shard_is_said(dltk, photos, tmp_path):
    out = tmp_path / "out"
    dltk("features", photos, "-o", out)
    (out / "features-00000.npy").unlink()
    shutil.copy(photos / "cat.jpg", photos / "new.jpg")
    result = dltk("features", photos, "-o", out)
    assert result.code == 1 and "does not hold the vectors" in result.err


@pytest.mark.parametrize("metric", ["cosine", "l2", "l1"])
def test_the_most_similar_pictures_come_first(dltk, alike, metric):
    result = dltk("features", alike, "--query", alike / "cat.jpg", "--neighbors", 2,
                  "--metric", metric)  # fmt: skip
    rows = [json.loads(line) for line in result.out.splitlines()]
    assert [row["path"] for row in rows] == ["cat small.png", "cat crop.jpg"]
    assert rows[0]["distance"] < rows[1]["distance"]


def test_a_query_from_elsewhere_finds_its_original_also_in_components(dltk, alike, tmp_path):
    shutil.move(alike / "cat crop.jpg", tmp_path / "query.jpg")
    out = tmp_path / "out"
    result = dltk("features", alike, "-o", out, "--query", tmp_path / "query.jpg", "--pca", 5,
                  "--format", "table")  # fmt: skip
    nearest = result.out.splitlines()[0]
    assert "cat" in nearest.split("  ", 1)[1]
    assert np.load(out / "pca-00000.npy").shape == (9, 5)
    assert (out / "neighbors.csv").exists()


def test_near_duplicates_are_grouped(dltk, alike):
    result = dltk("features", alike, "--dedupe")
    rows = [json.loads(line) for line in result.out.splitlines()]
    assert [(row["group"], row["path"]) for row in rows] == [
        (1, "cat crop.jpg"), (1, "cat small.png"), (1, "cat.jpg"),
        (2, "pagoda rough.jpg"), (2, "pagoda.jpg"),
    ]  # fmt: skip


def test_the_map_shows_every_picture(dltk, alike, tmp_path):
    assert dltk("features", alike, "--plot", tmp_path / "map.png").code == 0
    sheet = Image.open(tmp_path / "map.png")
    pixels = np.asarray(sheet.convert("RGB"), int)
    white = (pixels == 255).all(axis=2)
    assert min(sheet.size) > 500 and 0.2 < white.mean() < 0.9


def test_unpooled_features_keep_their_shape(dltk, photos, tmp_path):
    dltk("features", photos, "-o", tmp_path, "--pool", "none", "--limit", 2)
    assert vectors(tmp_path).shape == (2, 7, 7, 1280)


def test_vectors_go_to_standard_output_without_an_output(dltk, photos):
    rows = [json.loads(line) for line in dltk("features", photos, "--limit", 1).out.splitlines()]
    assert rows[0]["format"] == "dltk.features" and len(rows[1]["vector"]) == 1280


def test_questions_that_cannot_be_answered_are_refused(dltk, photos, tmp_path):
    assert "say where with --output" in dltk("features", photos, "--pca", 3).err
    many = dltk("features", photos, "-o", tmp_path / "out", "--pca", 300)
    assert many.code == 2 and "have at most 7 components" in many.err
    (tmp_path / "q.jpg").write_text("no")
    bad = dltk("features", photos, "--query", tmp_path / "q.jpg")
    assert bad.code == 2 and "not a picture" in bad.err
    layer = dltk("features", photos, "--layer", "block5c_ad")
    assert layer.code == 2 and 'Did you mean "block5c_add"?' in layer.err


def test_a_shard_that_a_killed_run_did_not_name_is_named_by_the_next(dltk, photos, tmp_path):
    dltk("features", photos, "-o", tmp_path)
    shard = tmp_path / "features-00000.npy"
    whole = shard.read_bytes()
    shard.rename(tmp_path / "features-00000.npy.part")
    assert dltk("features", photos, "-o", tmp_path).code == 0
    assert shard.read_bytes() == whole


@pytest.mark.parametrize("damage", [b"", b"garbage" * 100])
def test_damaged_shards_are_said(dltk, photos, tmp_path, damage):
    dltk("features", photos, "-o", tmp_path)
    (tmp_path / "features-00000.npy").write_bytes(damage)
    result = dltk("features", photos, "-o", tmp_path, "--query", photos / "cat.jpg")
    assert result.code == 1 and "features-00000.npy" in result.err
    assert "internal" not in result.err
    assert dltk("features", photos, "-o", tmp_path, "--overwrite").code == 0
    assert vectors(tmp_path).shape == (7, 1280)


def test_files_of_others_are_left_alone(dltk, photos, tmp_path):
    for name in ("features-train.npy", "pca-mine.npy"):
        (tmp_path / name).write_text("mine")
    assert dltk("features", photos, "-o", tmp_path, "--overwrite").code == 0
    assert (tmp_path / "features-train.npy").read_text() == "mine"
    assert (tmp_path / "pca-mine.npy").read_text() == "mine"


def test_components_are_found_again_when_a_vector_is_new(dltk, photos, tmp_path):
    kept = (photos / "rocket.jpg").read_bytes()
    (photos / "rocket.jpg").write_text("no")
    dltk("features", photos, "-o", tmp_path, "--pca", 3)
    before = np.load(tmp_path / "pca-00000.npy")
    (photos / "rocket.jpg").write_bytes(kept)
    dltk("features", photos, "-o", tmp_path, "--pca", 3)
    after = np.load(tmp_path / "pca-00000.npy")
    assert before.shape == (6, 3) and after.shape == (7, 3)
    assert np.abs(before - after[:6]).max() > 0.01


def test_the_map_never_replaces_a_picture(dltk, photos, tmp_path):
    before = (photos / "cat.jpg").read_bytes()
    result = dltk("features", photos, "--plot", photos / "cat.jpg")
    assert result.code == 2 and "is an input; write the map somewhere else" in result.err
    assert (photos / "cat.jpg").read_bytes() == before
    assert "name a picture file" in dltk("features", photos, "--plot", tmp_path / "map.xyz").err


@pytest.mark.parametrize("option", [["--neighbors", 3], ["--threshold", 0.5], ["--seed", 1]])
def test_options_about_a_question_that_is_not_asked_are_refused(dltk, photos, option):
    result = dltk("features", photos, *option)
    assert result.code == 2 and f"{option[0]} is about --" in result.err


def test_a_table_with_an_output_says_where_the_vectors_are(dltk, photos, tmp_path):
    result = dltk("features", photos, "-o", tmp_path, "--format", "table")
    assert result.code == 0 and "row 6 of features-00000.npy" in result.out


def test_csv_without_an_output_has_the_numbers(dltk, photos):
    rows = list(csv.DictReader(dltk("features", photos, "--format", "csv").out.splitlines()))
    assert len(rows) == 7 and len(rows[0]["vector"].split()) == 1280


def test_the_map_replaces_an_earlier_map_and_nothing_else(dltk, photos, tmp_path):
    before = (photos / "cat.jpg").read_bytes()
    hidden = dltk("features", photos, "--limit", 1, "--plot", photos / "cat.jpg")
    assert hidden.code == 2 and "lies in a folder of inputs" in hidden.err
    pattern = dltk("features", f"{photos}/a*.jpg", "--plot", photos / "cat.jpg")
    assert pattern.code == 2 and "is there already and no map" in pattern.err
    assert (photos / "cat.jpg").read_bytes() == before
    for name in ("map.png", "map.jpg", "map.webp"):
        for _ in range(2):
            assert dltk("features", photos, "--plot", tmp_path / name).code == 0


def test_vectors_of_the_users_own_stay(dltk, photos, tmp_path):
    for name in ("features-00000.npy", "pca.npz", "index.csv"):
        (tmp_path / name).write_text("mine")
        result = dltk("features", photos, "-o", tmp_path)
        assert result.code == 2 and f"{name} is there already" in result.err
        assert (tmp_path / name).read_text() == "mine"
        (tmp_path / name).unlink()


def test_a_stored_picture_is_not_its_own_neighbor_whatever_is_asked_for(dltk, photos, tmp_path):
    dltk("features", photos, "-o", tmp_path)
    result = dltk("features", photos, "-o", tmp_path, "--limit", 2, "--query",
                  photos / "rocket.jpg")  # fmt: skip
    rows = [json.loads(line) for line in result.out.splitlines()]
    assert len(rows) == 5 and all(row["path"] != "rocket.jpg" for row in rows)


def test_layers_may_be_numbers(photos):
    path = photos / "cat.jpg"
    by_number, by_name = (
        next(features(path, layer=layer, engine="keras")).vector for layer in (-1, "predictions")
    )
    assert (by_number == by_name).all() and by_number.shape == (1000,)


def test_components_do_not_depend_on_what_pictures_were_before(dltk, photos, tmp_path):
    old, fresh = tmp_path / "old", tmp_path / "fresh"
    kept = (photos / "rocket.jpg").read_bytes()
    shutil.copy(photos / "cat.jpg", photos / "rocket.jpg")
    dltk("features", photos, "-o", old, "--pca", 3)
    (photos / "rocket.jpg").write_bytes(kept)
    for folder in (old, fresh):
        dltk("features", photos, "-o", folder, "--pca", 3)
    components = [np.load(folder / "pca.npz")["components"] for folder in (old, fresh)]
    assert len(np.load(old / "pca-00000.npy")) == 8
    np.testing.assert_allclose(*map(np.abs, components), atol=1e-4)
