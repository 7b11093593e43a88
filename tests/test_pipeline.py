"""Working ahead in order, pictures through a network, and the shards that vectors go to."""

from __future__ import annotations

import random
import time
from contextlib import closing
from itertools import chain, islice

import numpy as np
import pytest

from dltk.batch.inputs import Item
from dltk.batch.pipeline import batched, ordered_map
from dltk.batch.predict import predict
from dltk.batch.shards import ShardWriter, open_shards, remove_shards, write_shards
from dltk.errors import DltkError, InputError

# ordered_map


def test_results_keep_the_order_of_the_inputs():
    durations = random.Random(0)

    def work(number):
        time.sleep(durations.random() * 0.003)
        return number * number

    results = list(ordered_map(work, range(40), workers=8, ahead=10))
    assert results == [number * number for number in range(40)]


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("ahead", [0, 1, 5])
def test_inputs_are_read_no_further_ahead_than_allowed(workers, ahead):
    taken = []

    def inputs():
        for number in range(20):
            taken.append(number)
            yield number

    results = ordered_map(str, inputs(), workers=workers, ahead=ahead)
    assert taken == []
    for position, _ in enumerate(results):
        # Waited for next is the one after `position`.
        assert len(taken) <= position + 2 + ahead
    assert len(taken) == 20


def test_no_inputs_give_no_results():
    assert list(ordered_map(str, [], workers=2, ahead=3)) == []


def test_fewer_inputs_than_may_be_read_ahead_are_fine():
    assert list(ordered_map(str, [1, 2], workers=4, ahead=100)) == ["1", "2"]


def until_error(results) -> list:
    """The results before a ZeroDivisionError, which has to come."""
    before = []
    with pytest.raises(ZeroDivisionError):
        for result in results:
            before.append(result)
    return before


def test_an_exception_of_the_work_appears_in_its_place():
    results = ordered_map(lambda number: 6 // (3 - number), range(9), workers=3, ahead=5)
    assert until_error(results) == [2, 3, 6]


def test_an_exception_of_the_inputs_appears_in_its_place():
    inputs = (6 // (3 - number) for number in range(9))
    assert until_error(ordered_map(abs, inputs, workers=3, ahead=5)) == [2, 3, 6]


def test_closing_drops_what_has_not_begun():
    begun = []

    def work(number):
        begun.append(number)
        time.sleep(0.005)
        return number

    with closing(ordered_map(work, range(300), workers=1, ahead=250)) as results:
        assert next(results) == 0
    at_close = len(begun)
    assert at_close < 250
    time.sleep(0.02)
    assert len(begun) == at_close


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (1, [[0], [1], [2], [3], [4]]),
        (2, [[0, 1], [2, 3], [4]]),
        (5, [[0, 1, 2, 3, 4]]),
        (9, [[0, 1, 2, 3, 4]]),
    ],
)
def test_batches_are_full_but_for_the_last(size, expected):
    assert list(batched(range(5), size)) == expected


def test_no_inputs_make_no_batches():
    assert list(batched([], 3)) == []


def test_batches_are_made_as_they_are_taken():
    numbers = iter(range(9))
    assert next(batched(numbers, 3)) == [0, 1, 2]
    assert next(numbers) == 3


# predict: a "network" that gives the colour of a picture, which is its number.


def picture(number: int) -> Item:
    return Item(f"{number}", np.full((2, 3, 3), number, np.uint8))


def broken(number: int) -> Item:
    return Item(f"{number}", b"no picture")


def load(item: Item) -> int:
    return int(np.asarray(item.decode())[0, 0, 0])


def outcomes(items, *, batch_size=4, run=list, load=load) -> list:
    results = predict(items, load, run, batch_size=batch_size, loaders=3, runners=2)
    return [(item.name, output, error and error[:13]) for item, output, error in results]


FAILURE = "not a picture"


@pytest.mark.parametrize("batch_size", range(1, 8))
def test_failures_keep_their_places_and_cost_no_neighbours(batch_size):
    bad = {0, 5, 6, 7, 8, 12}
    items = [broken(number) if number in bad else picture(number) for number in range(13)]
    expected = [
        (str(number), None, FAILURE) if number in bad else (str(number), number, None)
        for number in range(13)
    ]
    assert outcomes(items, batch_size=batch_size) == expected


@pytest.mark.parametrize("batch_size", range(1, 8))
def test_any_batch_size_gives_the_same_results(batch_size):
    expected = [(str(number), number + 1, None) for number in range(11)]

    def run(loaded):
        return [number + 1 for number in loaded]

    assert outcomes(map(picture, range(11)), batch_size=batch_size, run=run) == expected


def test_the_network_is_given_batches_of_the_size_asked_for():
    sizes = []

    def run(loaded):
        sizes.append(len(loaded))
        return loaded

    outcomes(map(picture, range(11)), batch_size=4, run=run)
    assert sorted(sizes) == [3, 4, 4]


def test_no_items_give_no_results():
    assert outcomes([]) == []


def test_all_items_may_fail():
    expected = [(str(number), None, FAILURE) for number in range(6)]
    assert outcomes(map(broken, range(6))) == expected


def test_a_failure_without_a_text_costs_its_neighbours_nothing():
    def load(item):
        if item.name == "1":
            raise InputError("")
        return int(item.name)

    results = predict(map(picture, range(4)), load, list, batch_size=4, loaders=1, runners=1)
    assert [output for _, output, _ in results] == [0, None, 2, 3]


def test_another_error_in_loading_is_raised():
    with pytest.raises(ZeroDivisionError):
        outcomes([picture(1)], load=lambda item: 1 // 0)


def test_an_error_of_the_network_is_raised():
    def run(loaded):
        raise DltkError("out of memory")

    with pytest.raises(DltkError, match="out of memory"):
        outcomes([picture(1)], run=run)


def test_results_come_before_all_items_are_read():
    taken = []

    def items():
        for number in range(1000):
            taken.append(number)
            yield picture(number)

    results = predict(items(), load, list, batch_size=2, loaders=2, runners=1)
    with closing(results):
        assert [output for _, output, _ in islice(results, 3)] == [0, 1, 2]
    assert len(taken) < 50


# Shards of four rows, each row three times its number.

SIZE = 4


def row(number: int, shape=(3,)) -> np.ndarray:
    return np.full(shape, number, np.float32)


def writer(folder, rows=0, shape=(3,)) -> ShardWriter:
    return ShardWriter(folder, shape, rows=rows, shard_size=SIZE)


def append(shards: ShardWriter, numbers, shape=(3,)) -> list:
    return [shards.append(row(number, shape)) for number in numbers]


def contents(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def stored_numbers(folder) -> list[list[float]]:
    """The numbers of the rows in each shard, as plain numpy reads them."""
    arrays = [np.load(path) for path in sorted(folder.glob("*.npy"))]
    assert all(array.dtype == np.float32 and array.shape[1:] == (3,) for array in arrays)
    assert all((array == array[:, :1]).all() for array in arrays)
    return [array[:, 0].tolist() for array in arrays]


def test_rows_go_to_shards_in_order(tmp_path):
    with writer(tmp_path) as shards:
        places = append(shards, range(10))
    assert stored_numbers(tmp_path) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert places[0] == ("features-00000.npy", 0)
    assert places[7] == ("features-00001.npy", 3)
    assert places[9] == ("features-00002.npy", 1)
    assert len(contents(tmp_path)) == 3


def test_full_shards_can_be_read_while_others_are_written(tmp_path):
    with writer(tmp_path) as shards:
        for number in range(9):
            append(shards, [number])
            full = (number + 1) // SIZE
            assert stored_numbers(tmp_path) == [
                [*range(SIZE * shard, SIZE * shard + SIZE)] for shard in range(full)
            ]


def test_a_writer_can_be_closed_and_reopened_after_every_row(tmp_path):
    for number in range(10):
        with writer(tmp_path, rows=number) as shards:
            append(shards, [number])
        assert list(chain(*stored_numbers(tmp_path))) == [*range(number + 1)]
    assert stored_numbers(tmp_path) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


def test_closing_twice_is_fine(tmp_path):
    shards = writer(tmp_path)
    append(shards, range(2))
    shards.close()
    shards.close()
    assert stored_numbers(tmp_path) == [[0, 1]]


def test_a_writer_without_rows_writes_nothing(tmp_path):
    with writer(tmp_path):
        pass
    assert contents(tmp_path) == {}


def test_a_closed_partial_shard_stays_readable_while_it_is_extended(tmp_path):
    with writer(tmp_path) as shards:
        append(shards, range(2))
    shards = writer(tmp_path, rows=2)
    append(shards, [2])
    assert stored_numbers(tmp_path) == [[0, 1]]
    shards.close()
    assert stored_numbers(tmp_path) == [[0, 1, 2]]


@pytest.mark.parametrize("written", [1, 3, 4, 6, 8, 9])
@pytest.mark.parametrize("lost", [0, 1, 2, 5])
def test_after_a_kill_the_shards_become_those_of_an_uninterrupted_run(tmp_path, written, lost):
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    killed.mkdir()
    whole.mkdir()
    append(writer(killed), range(written))  # never closed
    kept = max(0, written - lost)
    with writer(killed, rows=kept) as shards:
        append(shards, range(kept, 10))
    with writer(whole) as shards:
        append(shards, range(10))
    assert contents(killed) == contents(whole)


def test_a_kill_between_the_last_row_of_a_shard_and_its_renaming_loses_nothing(tmp_path):
    with writer(tmp_path) as shards:
        append(shards, range(4))
    before = contents(tmp_path)
    # So it is on disk before the header is set and the name given.
    path = tmp_path / "features-00000.npy"
    path.rename(tmp_path / "features-00000.npy.part")
    with writer(tmp_path, rows=4):
        pass
    assert contents(tmp_path) == before


def test_an_exception_keeps_the_rows_but_publishes_nothing(tmp_path):
    with pytest.raises(ZeroDivisionError), writer(tmp_path) as shards:
        append(shards, range(2))
        raise ZeroDivisionError
    assert stored_numbers(tmp_path) == []
    with writer(tmp_path, rows=2) as shards:
        append(shards, [2])
    assert stored_numbers(tmp_path) == [[0, 1, 2]]


@pytest.mark.parametrize("kept", [1, 3, 4, 5])
def test_rows_beyond_those_that_count_are_dropped(tmp_path, kept):
    append(writer(tmp_path), range(10))
    with writer(tmp_path, rows=kept):
        pass
    assert list(chain(*stored_numbers(tmp_path))) == [*range(kept)]


@pytest.mark.parametrize("rows", [1, 3, 4, 9])
def test_shards_that_are_missing_are_an_error(tmp_path, rows):
    with pytest.raises(DltkError, match=r"features-00000\.npy does not hold the vectors"):
        writer(tmp_path, rows=rows)


@pytest.mark.parametrize("rows", [7, 8, 9])
def test_a_shard_with_too_few_rows_is_an_error(tmp_path, rows):
    with writer(tmp_path) as shards:
        append(shards, range(6))
    with pytest.raises(DltkError, match=r"features-00001\.npy does not hold .* use --overwrite"):
        writer(tmp_path, rows=rows)


def test_a_folder_that_is_missing_is_an_error(tmp_path):
    shards = writer(tmp_path / "missing")
    with pytest.raises(DltkError, match=r"cannot write .*features-00000"):
        append(shards, [0])


@pytest.mark.parametrize("shape", [(1,), (2, 3), (2, 1, 5)])
def test_rows_may_have_any_shape(tmp_path, shape):
    append(writer(tmp_path, shape=shape), range(6), shape)
    with writer(tmp_path, rows=5, shape=shape) as shards:
        append(shards, [5], shape)
    first, second = open_shards(tmp_path)
    assert first.shape == (4, *shape)
    assert second.shape == (2, *shape)
    assert np.array_equal(second, [row(4, shape), row(5, shape)])


def test_rows_are_stored_as_float32_whatever_they_were(tmp_path):
    with writer(tmp_path) as shards:
        shards.append(np.array([1, 2, 3], np.int64))
        shards.append(np.array([0.5, 0.25, 0], np.float16))
        shards.append(np.arange(6, dtype=np.float64)[::2])
    assert np.load(tmp_path / "features-00000.npy").tolist() == [
        [1, 2, 3],
        [0.5, 0.25, 0],
        [0, 2, 4],
    ]


def test_open_shards_maps_only_those_of_the_name_in_order(tmp_path):
    write_shards(tmp_path, [np.eye(3)], name="pca", shape=(3,), shard_size=2)
    with writer(tmp_path) as shards:
        append(shards, range(5))
    opened = open_shards(tmp_path)
    assert all(isinstance(shard, np.memmap) for shard in opened)
    assert [len(shard) for shard in opened] == [4, 1]
    assert [len(shard) for shard in open_shards(tmp_path, "pca")] == [2, 1]


def test_open_shards_of_an_empty_folder_are_none(tmp_path):
    assert open_shards(tmp_path) == []


def test_remove_shards_deletes_only_those_of_the_name(tmp_path):
    write_shards(tmp_path, [np.eye(3)], name="pca", shape=(3,), shard_size=2)
    append(writer(tmp_path), range(6))  # leaves one that is not closed
    (tmp_path / "features.jsonl").touch()
    remove_shards(tmp_path)
    assert sorted(contents(tmp_path)) == ["features.jsonl", "pca-00000.npy", "pca-00001.npy"]


def test_write_shards_replaces_all_there_are(tmp_path):
    with writer(tmp_path) as shards:
        append(shards, range(10))
    blocks = [[row(7), row(8)], [row(9)], [], [row(10), row(11)]]
    write_shards(tmp_path, blocks, name="features", shape=(3,), shard_size=SIZE)
    assert stored_numbers(tmp_path) == [[7, 8, 9, 10], [11]]
