"""Which vectors are near which, fewer numbers for the same vectors, and the map of pictures."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from sklearn.decomposition import PCA

from dltk.batch.inputs import Item
from dltk.batch.shards import open_shards, write_shards
from dltk.batch.vectors import (
    duplicates,
    index_of,
    neighbors,
    reduce_query,
    reduce_vectors,
    stored_rows,
    take_rows,
)
from dltk.errors import UsageError
from dltk.ops.similarity import METRICS, distances, near_duplicates, nearest_rows, normalised
from recipes.features import _cells, draw_map, map_rows


def split(rows: np.ndarray, seed: int) -> list[np.ndarray]:
    """Cut rows into blocks at random places; some blocks may be empty."""
    cuts = np.sort(np.random.default_rng(seed).integers(0, len(rows) + 1, 4))
    return np.split(rows, cuts)


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


# Distances


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        # To: itself made longer, a right angle, the opposite, nothing, and a cosine of 15 / 25.
        ("cosine", [0, 1, 2, 1, 0.4]),
        ("l2", [5, 5 * 2**0.5, 10, 5, 20**0.5]),
        ("l1", [7, 8, 14, 7, 6]),
    ],
)
def test_distances_are_those_worked_out_by_hand(metric, expected):
    rows = [[6, 8], [4, -3], [-3, -4], [0, 0], [5, 0]]
    assert distances([[3, 4]], rows, metric)[0] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("metric", METRICS)
def test_distances_are_one_row_a_query_in_float32(metric):
    far = distances(normal(2, 5), normal(7, 5, seed=1), metric)
    assert far.shape == (2, 7)
    assert far.dtype == np.float32


def test_vectors_of_zeros_are_at_cosine_distance_1_of_each_other():
    assert distances([[0, 0]], [[0, 0]]).tolist() == [[1]]


@pytest.mark.parametrize("metric", METRICS)
def test_a_long_vector_is_at_no_distance_from_itself(metric):
    vectors = np.random.default_rng(0).random((20, 1280)).astype(np.float32)
    assert np.diag(distances(vectors, vectors, metric)) == pytest.approx(0, abs=1e-3)


def test_an_unknown_metric_is_an_error():
    with pytest.raises(ValueError, match="metric='dot'"):
        distances([[1]], [[1]], "dot")


def test_normalised_rows_have_length_1_and_zeros_stay():
    assert normalised(np.array([[3.0, 4], [0, 0]])).tolist() == [[0.6, 0.8], [0, 0]]


# Nearest rows


def twin_nearest(queries, rows, count, metric):
    """All at once, in float64."""
    queries, rows = queries.astype(np.float64), rows.astype(np.float64)
    difference = queries[:, None] - rows[None]
    if metric == "cosine":
        lengths = np.linalg.norm(queries, axis=1)[:, None] * np.linalg.norm(rows, axis=1)
        far = 1 - queries @ rows.T / lengths
    else:
        far = np.linalg.norm(difference, ord=int(metric[1]), axis=2)
    order = np.argsort(far, axis=1, kind="stable")[:, :count]
    return order, np.take_along_axis(far, order, 1)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("seed", range(4))
def test_nearest_rows_are_those_of_a_search_all_at_once(metric, seed):
    rows, queries = normal(60, 6, seed=seed), normal(5, 6, seed=seed + 100)
    found, far = nearest_rows(queries, split(rows, seed), 9, metric)
    expected, expected_far = twin_nearest(queries, rows, 9, metric)
    assert np.array_equal(found, expected)
    assert far == pytest.approx(expected_far, abs=1e-5)


def test_nearest_rows_are_those_of_one_block_also_in_many_pieces(monkeypatch):
    rows, queries = normal(60, 6), normal(5, 6, seed=1)
    expected, _ = nearest_rows(queries, [rows], 9)
    monkeypatch.setattr("dltk.ops.similarity._MAX_CELLS", 35)  # seven rows at a time
    found, _ = nearest_rows(queries, [rows], 9)
    assert np.array_equal(found, expected)


@pytest.mark.parametrize("metric", METRICS)
def test_ties_are_in_the_order_of_the_rows(metric):
    one, other = [1, 0, 0, 0], [0, 1, 0, 0]
    blocks = [np.array([other, one]), np.array([one, other, one]), np.array([other])]
    found, _ = nearest_rows(np.array([one]), blocks, 6, metric)
    assert found.tolist() == [[1, 2, 4, 0, 3, 5]]


def test_a_count_larger_than_the_rows_gives_all_rows():
    found, far = nearest_rows(
        np.array([[0.0]]), [np.array([[3.0], [1]]), np.array([[2.0]])], 9, "l1"
    )
    assert found.tolist() == [[1, 2, 0]]
    assert far.tolist() == [[1, 2, 3]]


def test_no_rows_give_none():
    found, far = nearest_rows(np.array([[0.0]]), [], 3)
    assert found.shape == far.shape == (1, 0)


# Near-duplicates


def twin_groups(rows: np.ndarray, threshold: float) -> list[list[int]]:
    """Connected components, by walking from row to row."""
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    alike = unit @ unit.T >= threshold
    seen, groups = set(), []
    for start in range(len(rows)):
        group, waiting = set(), [start]
        while waiting:
            row = waiting.pop()
            if row not in seen:
                seen.add(row)
                group.add(row)
                waiting.extend(np.flatnonzero(alike[row]).tolist())
        if len(group) > 1:
            groups.append(sorted(group))
    return groups


@pytest.mark.parametrize("edge", [1, 7, 50, 2048])
@pytest.mark.parametrize("threshold", [0.92, 0.96])
@pytest.mark.parametrize("seed", range(3))
def test_groups_are_those_of_a_walk_from_row_to_row(seed, threshold, edge):
    rows = normal(120, 5, seed=seed)
    expected = twin_groups(rows, threshold)
    assert len(expected) > 1
    assert near_duplicates(split(rows, seed), threshold, edge) == expected


def at_angles(*degrees: float) -> np.ndarray:
    radians = np.radians(degrees)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1)


@pytest.mark.parametrize("edge", [1, 2, 2048])
def test_a_chain_is_one_group_though_its_ends_are_unlike(edge):
    # Neighbours are 10 degrees apart (cosine 0.985); the last row is far from all.
    rows = at_angles(20, 180, 0, 10, 30, 90)
    assert near_duplicates([rows], 0.98, edge) == [[0, 2, 3, 4]]


def test_two_groups_are_joined_by_a_later_row():
    assert near_duplicates([at_angles(0, 20, 1, 21, 10)], np.cos(np.radians(11))) == [
        [0, 1, 2, 3, 4]
    ]


def test_groups_are_in_the_order_of_their_first_rows():
    rows = at_angles(90, 0, 45, 1, 91, 0.5)
    assert near_duplicates([rows], 0.99) == [[0, 4], [1, 3, 5]]


def test_without_duplicates_there_are_no_groups():
    assert near_duplicates([np.eye(4)], 0.5) == []
    assert near_duplicates([], 0.5) == []


def test_vectors_of_zeros_are_no_duplicates():
    assert near_duplicates([np.zeros((3, 4))], 0.5) == []


def test_the_length_of_a_vector_does_not_matter():
    assert near_duplicates([np.array([[1.0, 2], [100, 200]])], 0.999) == [[0, 1]]


def test_identical_vectors_are_duplicates_at_the_highest_threshold():
    rows = np.random.default_rng(0).random((20, 1280)).astype(np.float32)
    groups = near_duplicates([np.concatenate([rows, rows])], 1.0)
    assert groups == [[row, row + 20] for row in range(20)]


# What the record tells of the rows


def ok(name: str, shard: int, row: int) -> dict:
    return {"path": name, "status": "ok", "shard": f"features-{shard:05d}.npy", "row": row}


FAILED = {"path": "bad.jpg", "status": "failed", "error": "the file is empty"}


def test_stored_rows_are_counted_through_all_shards():
    assert stored_rows([ok("a", 0, 0), FAILED, ok("b", 0, 1)], 4) == 2
    assert stored_rows([ok("a", 2, 1), ok("b", 0, 3)], 4) == 10


def test_without_records_no_rows_are_stored():
    assert stored_rows([], 4) == 0
    assert stored_rows([FAILED], 4) == 0


def test_index_of_gives_names_in_the_order_of_the_rows():
    records = [ok("c", 1, 2), FAILED, ok("a", 0, 0), ok("b", 0, 3)]
    assert list(index_of(records, 4).items()) == [(0, "a"), (3, "b"), (6, "c")]


# Neighbours by name


def test_neighbours_are_the_nearest_names():
    blocks = [np.array([[0.0, 0], [3, 0]]), np.array([[1.0, 0]])]
    names = {0: "a", 1: "b", 2: "c"}
    found = neighbors(np.array([0.5, 0]), blocks, names, count=2, metric="l1")
    assert found == [("a", 0.5), ("c", 0.5)]


def test_rows_without_a_name_do_not_count_as_neighbours():
    blocks = [np.array([[1.0], [2], [3]]), np.array([[4.0], [5]])]
    names = {2: "three", 4: "five"}
    found = neighbors(np.array([0.0]), blocks, names, count=2, metric="l2")
    assert [name for name, _ in found] == ["three", "five"]
    assert [distance for _, distance in found] == pytest.approx([3, 5])
    assert neighbors(np.array([0.0]), blocks, names, count=1, metric="l1") == [("three", 3)]


def test_neighbours_of_maps_are_those_of_their_numbers():
    blocks = [np.array([[[0.0, 0], [0, 0]], [[1, 1], [1, 1]]])]
    found = neighbors(np.ones((2, 2)), blocks, {0: "a", 1: "b"}, count=5, metric="l1")
    assert found == [("b", 0), ("a", 4)]


def test_duplicates_are_named_and_rows_without_a_name_do_not_count():
    rows = at_angles(0, 90, 0, 90, 180, 180)
    names = {0: "a", 1: "b", 2: "c", 3: "d", 4: "e"}
    assert duplicates([rows[:3], rows[3:]], names, threshold=0.9) == [["a", "c"], ["b", "d"]]


# Principal components


def store(folder, vectors: np.ndarray, shard_size: int) -> np.ndarray:
    write_shards(folder, [vectors], name="features", shape=vectors.shape[1:], shard_size=shard_size)
    return vectors


def reduced(folder) -> np.ndarray:
    return np.concatenate(open_shards(folder, "pca"))


def test_reduced_vectors_are_those_of_pca_up_to_sign(tmp_path):
    vectors = store(tmp_path, normal(30, 6) * [9, 6, 4, 1, 0.5, 0.1], 8)
    reduce_vectors(tmp_path, 3, shard_size=8)
    expected = PCA(3).fit_transform(vectors)
    assert [len(shard) for shard in open_shards(tmp_path, "pca")] == [8, 8, 8, 6]
    assert np.abs(reduced(tmp_path)) == pytest.approx(np.abs(expected), abs=1e-4)
    # One sign for a whole component.
    assert np.abs((reduced(tmp_path) * expected).sum(0)) == pytest.approx(
        (expected**2).sum(0), rel=1e-4
    )


def test_a_stored_vector_as_a_query_becomes_its_own_reduced_row(tmp_path):
    vectors = store(tmp_path, normal(30, 6), 8)
    reduce_vectors(tmp_path, 4, shard_size=8)
    assert reduce_query(tmp_path, vectors) == pytest.approx(reduced(tmp_path), abs=1e-5)
    assert reduce_query(tmp_path, vectors).dtype == np.float32


def test_maps_are_reduced_as_vectors_of_all_their_numbers(tmp_path):
    maps = store(tmp_path, normal(12, 2, 3), 5)
    reduce_vectors(tmp_path, 2, shard_size=5)
    expected = PCA(2).fit_transform(maps.reshape(12, 6))
    assert np.abs(reduced(tmp_path)) == pytest.approx(np.abs(expected), abs=1e-5)


@pytest.mark.parametrize("rows", [1000, 1001, 2050])
def test_all_components_of_many_vectors_keep_their_distances(tmp_path, rows):
    # More vectors than one step takes; with all components, PCA is a rotation.
    vectors = store(tmp_path, normal(rows, 3), 700)
    reduce_vectors(tmp_path, 3, shard_size=700)
    before, after = (np.linalg.norm(v[:-1] - v[1:], axis=1) for v in (vectors, reduced(tmp_path)))
    assert after == pytest.approx(before, abs=1e-4)


@pytest.mark.parametrize("count", [0, -1, 5, 7])
def test_more_components_than_there_can_be_are_an_error(tmp_path, count):
    store(tmp_path, normal(6, 4), 8)
    with pytest.raises(UsageError, match=f"--pca {count}: 6 vectors of 4 numbers have at most 4"):
        reduce_vectors(tmp_path, count, shard_size=8)
    assert open_shards(tmp_path, "pca") == []


def test_what_is_reduced_already_is_left_alone(tmp_path):
    store(tmp_path, normal(12, 4), 5)
    reduce_vectors(tmp_path, 2, shard_size=5)
    before = (tmp_path / "pca-00000.npy").stat().st_ino
    reduce_vectors(tmp_path, 2, shard_size=5)
    assert (tmp_path / "pca-00000.npy").stat().st_ino == before


def test_another_count_or_more_rows_are_reduced_again(tmp_path):
    vectors = store(tmp_path, normal(12, 4), 5)
    reduce_vectors(tmp_path, 2, shard_size=5)
    reduce_vectors(tmp_path, 3, shard_size=5)
    assert reduced(tmp_path).shape == (12, 3)
    store(tmp_path, np.concatenate([vectors, vectors]), 5)
    reduce_vectors(tmp_path, 3, shard_size=5)
    assert reduced(tmp_path).shape == (24, 3)


# The map


def test_a_map_shows_all_rows_of_a_few():
    assert map_rows([3, 5, 8]) == [3, 5, 8]
    assert map_rows([]) == []


def test_a_map_shows_an_even_share_of_many_rows():
    rows = map_rows(range(10, 10010))
    assert len(set(rows)) == 2000
    assert rows == sorted(rows)
    assert rows[0] == 10
    assert rows[-1] == 10009
    assert set(np.diff(rows)) <= {5, 6}


def test_rows_are_taken_through_all_blocks_in_the_order_asked_for():
    blocks = [np.array([[[0, 1]], [[2, 3]]]), np.array([[[4, 5]], [[6, 7]]]), np.array([[[8, 9]]])]
    assert take_rows(blocks, [4, 0, 3]).tolist() == [[8, 9], [0, 1], [6, 7]]


@pytest.mark.parametrize("count", [1, 2, 7, 16])
def test_every_place_has_a_cell_of_its_own(count):
    cells = _cells(normal(count, 2), 4)
    assert len(set(cells)) == count
    assert all(0 <= column < 4 and 0 <= row < 4 for column, row in cells)
    assert min(column for column, _ in cells) == min(row for _, row in cells) == 0


def test_places_that_are_the_same_have_different_cells():
    assert len(set(_cells(np.zeros((9, 2)), 3))) == 9


def test_places_that_are_a_grid_keep_it():
    places = np.array([[0.0, 0], [2, 0], [0, 2], [2, 2], [1, 1]])
    assert _cells(places, 3) == [(0, 0), (2, 0), (0, 2), (2, 2), (1, 1)]


COLOURS = [(250, 0, 0), (0, 250, 0), (0, 0, 250), (0, 0, 0), (250, 250, 0), (0, 250, 250)]


def coloured(count: int) -> list[Item]:
    return [Item(str(i), Image.new("RGB", (40, 30), COLOURS[i])) for i in range(count)]


def colours_in(picture: Image.Image) -> set:
    return {tuple(colour) for colour in np.unique(np.asarray(picture).reshape(-1, 3), axis=0)}


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6])
def test_a_map_shows_every_picture_on_white(count):
    sheet = draw_map(coloured(count), normal(count, 8), size=200)
    assert colours_in(sheet) == {*COLOURS[:count], (255, 255, 255)}
    assert max(sheet.size) <= 200 + 200 // 2


def test_a_map_is_the_same_every_time():
    one, other = (draw_map(coloured(6), normal(6, 8), size=200) for _ in range(2))
    assert one.tobytes() == other.tobytes()


def test_a_picture_that_can_no_longer_be_read_is_left_out_of_the_map():
    items = [*coloured(2), Item("gone", b"no picture")]
    assert colours_in(draw_map(items, normal(3, 8), size=200)) == {*COLOURS[:2], (255, 255, 255)}


@pytest.mark.parametrize("count", [2, 4, 6])
def test_a_map_of_vectors_that_are_all_the_same_shows_every_picture(count):
    sheet = draw_map(coloured(count), np.ones((count, 8), np.float32), size=200)
    assert colours_in(sheet) == {*COLOURS[:count], (255, 255, 255)}


@pytest.mark.parametrize("count", [3, 6])
def test_a_map_of_vectors_of_one_number_shows_every_picture(count):
    sheet = draw_map(coloured(count), normal(count, 1), size=200)
    assert colours_in(sheet) == {*COLOURS[:count], (255, 255, 255)}


def test_a_map_leaves_pictures_in_memory_as_they_are():
    pictures = [Image.new("RGB", (400, 300), colour) for colour in COLOURS[:3]]
    items = [Item(str(i), picture) for i, picture in enumerate(pictures)]
    draw_map(items, normal(3, 8), size=100)
    assert [picture.size for picture in pictures] == [(400, 300)] * 3
