"""Pictures shared out over the replicas of a strategy: each is one replica's own affair."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import islice
from queue import SimpleQueue
from threading import Event
from typing import TypeVar

import tensorflow as tf

from dltk.strategy import Placement

In = TypeVar("In")
Out = TypeVar("Out")

_PATIENCE = 0.5  # seconds


def share_out(
    paint: Callable[[In, str], Out],
    inputs: Iterable[In],
    placement: Placement,
    *,
    stop: Event,
    at_once: int | None = None,
) -> Iterator[Out]:
    """Yield `paint(x, device)` for each x of `inputs`, in their order.

    A replica takes the next picture as soon as it is free, so pictures may differ in size and
    number of steps; no values pass between replicas, so that a picture does not depend on how many
    there are. Ctrl-C sets `stop`, at which `paint` must soon return what it has: that is yielded
    too, for every picture that was begun, before KeyboardInterrupt goes on. A second Ctrl-C does
    not wait.

    Args:
        paint: called on threads, under `tf.device(device)`.
        at_once: pictures under way at a time, over all replicas; None for one on each.
    """
    devices = placement.strategy.extended.worker_devices
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

    def begin(each: In) -> None:
        begun.append(future := Future())  # before it can run, so that Ctrl-C loses none
        pool.submit(_fulfil, future, work, each)

    inputs = iter(inputs)
    pool = ThreadPoolExecutor(count)
    begun: deque[Future] = deque()
    try:
        while True:
            try:
                for each in islice(inputs, count - len(begun)):
                    begin(each)
                if not begun:
                    return
                while not wait([begun[0]], timeout=_PATIENCE).done:
                    pass  # a Ctrl-C right before the wait would not end it
                result = begun[0].result()
            except KeyboardInterrupt:
                stop.set()
                running = [each for each in begun if not each.cancel()]
                wait(running)
                yield from (each.result() for each in running)
                raise
            begun.popleft()
            yield result
    finally:
        stop.set()  # of what is still under way nobody wants the result
        pool.shutdown(wait=True, cancel_futures=True)


def _fulfil(future: Future, work: Callable, each) -> None:
    if future.set_running_or_notify_cancel():
        try:
            future.set_result(work(each))
        except BaseException as error:
            future.set_exception(error)
