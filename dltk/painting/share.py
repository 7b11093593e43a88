"""Pictures shared out over the replicas of a strategy: each is one replica's own affair."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from numbers import Integral
from queue import SimpleQueue
from typing import TypeVar

import tensorflow as tf

from dltk.errors import UsageError
from dltk.painting.watch import Stop
from dltk.strategy import Placement

In = TypeVar("In")
Out = TypeVar("Out")

_PATIENCE = 0.5  # seconds
_HELD = 4  # results on each replica that wait for a slower one before them, at most


def share_out(
    paint: Callable[[In, str], Out],
    inputs: Iterable[In],
    placement: Placement,
    *,
    stop: Stop,
    at_once: int | None = None,
) -> Iterator[Out]:
    """Yield `paint(x, device)` for each x of `inputs`, in their order.

    A replica takes the next picture as soon as it is free, so pictures may differ in size and
    number of steps; no values pass between replicas, so that a picture does not depend on how many
    there are. Ctrl-C sets `stop`, at which `paint` must soon return what it has: that is yielded
    too, for every picture that was begun, before KeyboardInterrupt goes on. If results are no
    longer taken, for an error or at the caller's will, what is under way is abandoned.

    Args:
        paint: called on threads, under `tf.device(device)`.
        at_once: pictures under way at a time, over all replicas; None for one on each.
    Raises:
        UsageError: `at_once` is no number of pictures.
    """
    devices = devices_of(placement, at_once)
    count = at_once or len(devices)
    free: SimpleQueue = SimpleQueue()
    for index in range(count):
        free.put(devices[index % len(devices)])

    def work(each: In) -> Out:
        device = free.get()
        try:
            with tf.device(device):
                return paint(each, device)
        finally:
            free.put(device)

    def begin_more() -> None:
        free_now = count - sum(not each.done() for each in begun)
        for each in islice(inputs, max(0, min(free_now, _HELD * count - len(begun)))):
            begun.append(future := Future())  # before it can run, so that Ctrl-C loses none
            pool.submit(_fulfil, future, work, each)

    inputs = iter(inputs)
    pool = ThreadPoolExecutor(count)
    begun: deque[Future] = deque()
    try:
        while True:
            try:
                begin_more()
                if not begun:
                    return
                if not begun[0].done():
                    # Not for ever: a Ctrl-C right before the wait would not end it.
                    running = [each for each in begun if not each.done()]
                    wait(running, timeout=_PATIENCE, return_when=FIRST_COMPLETED)
                    continue
                result = begun[0].result()
            except KeyboardInterrupt:
                stop.set()
                kept = [each for each in begun if not each.cancel()]
                wait(kept)
                yield from (each.result() for each in kept if each.exception() is None)
                raise
            begun.popleft()
            yield result
    finally:
        stop.abandon()
        pool.shutdown(wait=True, cancel_futures=True)


def devices_of(placement: Placement, at_once: int | None) -> tuple[str, ...]:
    """Return the devices that pictures are painted on, if so many are under way at a time.

    Raises:
        UsageError: `at_once` is no number of pictures.
    """
    if at_once is not None and (not isinstance(at_once, Integral) or at_once < 1):
        raise UsageError(f"--batch-size is at least 1, not {at_once}")
    return placement.strategy.extended.worker_devices[:at_once]


def _fulfil(future: Future, work: Callable, each) -> None:
    if future.set_running_or_notify_cancel():
        try:
            future.set_result(work(each))
        except BaseException as error:
            future.set_exception(error)
