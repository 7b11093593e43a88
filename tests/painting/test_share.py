"""Pictures shared out over devices: in order, each once, and what was begun at the end."""

from __future__ import annotations

import signal
import sys
import time
from itertools import count
from threading import Barrier, Event, get_ident, main_thread

import pytest
import tensorflow as tf

from dltk.errors import DltkError, UsageError
from dltk.painting.share import share_out
from dltk.painting.watch import Stop
from dltk.strategy import place

PATIENCE = 60  # seconds, so that a test that would wait for ever fails instead


@pytest.fixture(params=["cpu", "cpu:2"])
def placement(request):
    return place(request.param)


def test_results_come_in_the_order_of_the_inputs_one_for_each(placement):
    done = {name: Event() for name in range(7)}

    def paint(name, device):
        if name % 2 == 0 and name + 1 in done and placement.replicas == 2:
            assert done[name + 1].wait(PATIENCE)  # the second of two is done first
        done[name].set()
        return name, -name

    found = list(share_out(paint, range(7), placement, stop=Stop()))
    assert found == [(name, -name) for name in range(7)]


def test_two_devices_paint_at_the_same_time_and_each_on_its_own():
    meeting = Barrier(2)

    def paint(_, device):
        meeting.wait(PATIENCE)
        where = (tf.ones(3) + 1).device
        assert where.endswith(device.rsplit("/", 1)[-1])
        return device, get_ident()

    found = list(share_out(paint, range(6), place("cpu:2"), stop=Stop()))
    assert len({device for device, _ in found}) == len({thread for _, thread in found}) == 2


def test_no_inputs_no_results(placement):
    assert list(share_out(lambda *_: None, [], placement, stop=Stop())) == []


@pytest.mark.parametrize(("at_once", "expected"), [(1, 1), (3, 3), (None, 2)])
def test_as_many_are_under_way_as_asked_for(at_once, expected):
    taken = count()
    results = share_out(
        lambda x, device: (x, device), taken, place("cpu:2"), stop=Stop(), at_once=at_once
    )
    found = [next(results) for _ in range(9)]
    assert [x for x, _ in found] == list(range(9))
    assert len({device for _, device in found}) <= min(2, expected)
    results.close()
    assert next(taken) <= 9 + 4 * expected  # of inputs without end no more were taken than that


def test_two_devices_give_what_one_gives():
    def paint(seed, device):
        picture = tf.random.stateless_uniform((20, 30, 3), [seed, 0])
        for _ in range(5):
            picture = tf.math.l2_normalize(tf.matmul(picture, picture, transpose_b=True), axis=-1)
        return picture.numpy().tobytes()

    one, two = (
        list(share_out(paint, range(5), place(devices), stop=Stop()))
        for devices in ("cpu", "cpu:2")
    )
    assert one == two and len(set(one)) == 5


def test_an_error_comes_in_its_place_and_ends_the_rest(placement):
    stop = Stop()

    def paint(name, device):
        if name == 2:
            raise DltkError("the disk is full")
        return name

    results = share_out(paint, count(), placement, stop=stop)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(DltkError, match="the disk is full"):
        next(results)
    assert stop.is_set()


def test_a_consumer_that_goes_away_stops_what_is_under_way(placement):
    stop, stopped = Stop(), []

    def paint(name, device):
        if name > 0:
            stopped.append(stop.wait(PATIENCE))
        return name

    results = share_out(paint, count(), placement, stop=stop)
    assert next(results) == 0
    results.close()
    assert all(stopped) and stop.abandoned


def waits(frame) -> bool:
    """Return whether a thread, known by its frame, waits for another one."""
    while frame is not None and frame.f_code.co_name != "wait":
        frame = frame.f_back
    return frame is not None


def test_ctrl_c_gives_what_was_begun_and_then_goes_on(placement):
    stop, all_begun = Stop(), Barrier(placement.replicas)

    def paint(name, device):
        all_begun.wait(PATIENCE)
        if name == 0:
            while not waits(sys._current_frames()[main_thread().ident]):
                time.sleep(0.01)
            signal.pthread_kill(main_thread().ident, signal.SIGINT)
        return name, stop.wait(PATIENCE)

    found, taken = [], count()
    with pytest.raises(KeyboardInterrupt):
        for result in share_out(paint, taken, placement, stop=stop):
            found.append(result)
    assert found == [(name, True) for name in range(placement.replicas)]
    assert next(taken) == placement.replicas  # nothing new was begun


def test_ctrl_c_while_inputs_are_read_gives_what_was_begun(placement):
    def inputs():
        yield 0
        raise KeyboardInterrupt

    found = []
    with pytest.raises(KeyboardInterrupt):
        for result in share_out(lambda x, device: x, inputs(), placement, stop=Stop()):
            found.append(result)
    assert found == [0]


def test_a_free_device_does_not_wait_for_a_slower_one():
    third, order = Event(), []

    def paint(name, device):
        if name == 0:
            assert third.wait(PATIENCE)
        if name == 3:
            third.set()
        order.append(name)
        return name

    assert list(share_out(paint, range(4), place("cpu:2"), stop=Stop())) == [0, 1, 2, 3]
    assert order == [1, 2, 3, 0]


@pytest.mark.parametrize("at_once", [0, -1, 1.5])
def test_no_number_of_pictures_is_refused(placement, at_once):
    with pytest.raises(UsageError, match="--batch-size is at least 1"):
        list(share_out(lambda x, device: x, [1], placement, stop=Stop(), at_once=at_once))
