"""Work ahead on threads, in order and bounded, so that memory does not grow with the folder."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

In = TypeVar("In")
Out = TypeVar("Out")


def ordered_map(
    work: Callable[[In], Out], inputs: Iterable[In], *, workers: int, ahead: int
) -> Iterator[Out]:
    """Yield `work(x)` for each x of `inputs` in their order, computed on `workers` threads.

    Args:
        ahead: how many inputs may be under way beyond the one that is waited for. `inputs` is
            read no further than that.

    An exception in `work` or `inputs` is raised here, in its place; closing the iterator drops
    what has not begun.
    """
    inputs = iter(inputs)
    pool = ThreadPoolExecutor(workers)
    waiting: deque = deque()
    problem: Exception | None = None

    def fill() -> None:
        nonlocal problem
        try:
            for item in islice(inputs, ahead + 1 - len(waiting) if problem is None else 0):
                waiting.append(pool.submit(work, item))
        except Exception as error:  # raised below, behind the results that come before it
            problem = error

    try:
        fill()
        while waiting:
            result = waiting.popleft().result()
            fill()
            yield result
        if problem is not None:
            raise problem
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def batched(inputs: Iterable[In], size: int) -> Iterator[list[In]]:
    """Yield `inputs` in lists of `size`, the last one perhaps shorter."""
    inputs = iter(inputs)
    while batch := list(islice(inputs, size)):
        yield batch
