"""Pictures through a network: loaded on threads, run in batches, results in input order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from typing import TypeVar

from dltk.batch.inputs import Item
from dltk.batch.pipeline import batched, ordered_map
from dltk.errors import InputError

Loaded = TypeVar("Loaded")
Output = TypeVar("Output")


def predict(
    items: Iterable[Item],
    load: Callable[[Item], Loaded],
    run: Callable[[list[Loaded]], Iterable[Output]],
    *,
    batch_size: int,
    loaders: int,
    runners: int,
) -> Iterator[tuple[Item, Output | None, str | None]]:
    """Yield (item, output, error) for each of `items`, in order; one of the last two is None.

    Args:
        load: makes of an item what the network takes; may raise InputError, which becomes the
            item's `error` and costs its neighbours nothing.
        run: gives one output for each loaded item of a batch.
        batch_size: items in one call of `run`.
        loaders, runners: threads that load, and threads that may call `run` at once.
    """

    def attempt(item):
        try:
            return item, load(item), None
        except InputError as error:
            return item, None, str(error)

    def step(batch):
        outputs = iter(run([loaded for _, loaded, error in batch if error is None]))
        return [(item, next(outputs) if error is None else None, error) for item, _, error in batch]

    ahead = 2 * batch_size + loaders
    with closing(ordered_map(attempt, items, workers=loaders, ahead=ahead)) as loaded:
        batches = batched(loaded, batch_size)
        with closing(ordered_map(step, batches, workers=runners, ahead=runners)) as done:
            for results in done:
                yield from results
