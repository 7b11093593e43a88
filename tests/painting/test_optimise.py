"""Steps down a slope: how far they go, that they arrive, what is noted, and when they stop."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import tensorflow as tf

from dltk.painting import watch as watch_module
from dltk.painting.optimise import adam, lbfgs
from dltk.painting.watch import PaintingStoppedError, Stop, Watch, save_trace

RATE = 10.0


def picture(seed: int = 0, low=60, high=190, size=(4, 5)):
    random = np.random.default_rng(seed)
    return tf.constant(random.uniform(low, high, (1, *size, 3)), tf.float32)


def towards(target, *, stretched=False):
    """Return the slope of a bowl with its lowest point at `target`; a long valley if stretched."""
    weights = tf.reshape(
        tf.linspace(1.0, 100.0 if stretched else 1.0, target.shape[2]), (1, 1, -1, 1)
    )

    def descent(at):
        return (
            {"far": tf.reduce_sum(weights * (at - target) ** 2)},
            2 * weights * (at - target),
        )

    return descent


def noted():
    """Return what to give as on_step, and the losses and pictures it will note."""
    losses, pictures = [], []

    def on_step(terms, pixels):
        losses.append(sum(float(value) for value in terms.values()))
        pictures.append(pixels.numpy())

    return on_step, losses, pictures


def steady(slope: float):
    return lambda at: ({"steady": tf.reduce_sum(at)}, tf.fill(at.shape, slope))


# Adam


@pytest.mark.parametrize("slope", [0.01, 1.0, 1e6])
def test_the_first_step_moves_every_pixel_by_the_rate_however_steep(slope):
    start = picture()
    moved = adam(steady(slope), start, steps=1, rate=RATE, on_step=lambda *_: None) - start
    np.testing.assert_allclose(moved, np.full(moved.shape, -RATE), rtol=2e-3)


def test_on_a_real_slope_the_first_step_is_down_by_the_rate():
    start, target = picture(0), picture(1)
    moved = adam(towards(target), start, steps=1, rate=3.0, on_step=lambda *_: None) - start
    np.testing.assert_allclose(moved, 3 * np.sign(target - start), rtol=1e-4)


def test_the_rate_falls_along_a_cosine_to_a_twentieth():
    steps, (on_step, _, pictures) = 8, noted()
    end = adam(steady(1.0), picture(), steps=steps, rate=RATE, on_step=on_step)
    moved = [np.mean(a - b) for a, b in zip(pictures, [*pictures[1:], end], strict=True)]
    cosine = [0.5 * (1 + math.cos(math.pi * step / steps)) for step in range(steps)]
    assert moved == pytest.approx([RATE * (0.05 + 0.95 * c) for c in cosine], rel=1e-3)


def test_pixels_stay_within_0_and_255():
    for slope, edge in ((-1.0, 255.0), (1.0, 0.0)):
        end = adam(steady(slope), picture(), steps=40, rate=RATE, on_step=lambda *_: None)
        np.testing.assert_array_equal(end, np.full(end.shape, edge))


def test_adam_arrives_and_is_told_of_each_step_before_it():
    start, target, (on_step, losses, pictures) = picture(0), picture(1), noted()
    end = adam(towards(target), start, steps=100, rate=RATE, on_step=on_step)
    assert len(losses) == 100
    np.testing.assert_array_equal(pictures[0], start)
    assert losses[0] == pytest.approx(float(tf.reduce_sum((start - target) ** 2)), rel=1e-6)
    np.testing.assert_allclose(end, target, atol=1)


# L-BFGS


def test_lbfgs_finds_the_bottom_of_a_valley_sooner_than_adam():
    start, target = picture(0), picture(1)
    on_step, losses, _ = noted()
    end = lbfgs(towards(target, stretched=True), start, steps=30, on_step=on_step)
    np.testing.assert_allclose(end, target, atol=0.1)
    assert end.dtype == tf.float32 and end.shape == start.shape
    assert min(losses) < 1e-4 * losses[0] and len(losses) < 30
    other = adam(
        towards(target, stretched=True), start, steps=30, rate=RATE, on_step=lambda *_: None
    )
    assert np.abs(other - target).max() > 1


def test_lbfgs_keeps_to_its_number_of_steps_and_gives_the_best():
    def rough(at):  # a slope that does not fit its loss makes line searches long
        return {"rough": tf.reduce_sum(tf.sin(at))}, tf.cos(3 * at)

    on_step, losses, _ = noted()
    end = lbfgs(rough, picture(), steps=5, on_step=on_step)
    assert len(losses) == 5
    assert float(rough(end)[0]["rough"]) == pytest.approx(min(losses))


def test_lbfgs_stops_where_there_is_no_telling_which_way():
    on_step, losses, _ = noted()
    with pytest.raises(PaintingStoppedError, match="gradient is not finite at step 1 of 9"):
        lbfgs(
            lambda at: ({"x": tf.reduce_sum(at)}, at * math.nan),
            picture(),
            steps=9,
            on_step=on_step,
        )
    assert len(losses) == 1


def test_what_lbfgs_gives_lies_within_0_and_255():
    target = tf.concat([picture(0) + 300, picture(1) - 300], axis=2)
    end = lbfgs(towards(target), tf.fill(target.shape, 100.0), steps=20, on_step=lambda *_: None)
    np.testing.assert_allclose(end, np.clip(target, 0, 255), atol=1e-3)


# What is watched


def test_a_trace_has_a_line_for_each_step_over_all_sizes(tmp_path):
    watch = Watch("cat.jpg")
    watch.plan(2)
    watch.plan(1)
    for number, size in enumerate([(2, 3), (2, 3), (4, 6)], start=1):
        terms = {"content": tf.constant(0.5), "style": tf.constant(float(number))}
        watch.step(terms, picture(size=size))
    assert watch.planned == 3
    seconds = [line.pop("seconds") for line in watch.trace]
    assert seconds == sorted(seconds) and seconds[0] >= 0
    assert watch.trace == [
        {"step": 1, "size": [3, 2], "loss": 1.5, "content": 0.5, "style": 1.0},
        {"step": 2, "size": [3, 2], "loss": 2.5, "content": 0.5, "style": 2.0},
        {"step": 3, "size": [6, 4], "loss": 3.5, "content": 0.5, "style": 3.0},
    ]
    save_trace(watch.trace, tmp_path / "new" / "trace.jsonl")
    lines = (tmp_path / "new" / "trace.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == watch.trace
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["trace.jsonl"]


def test_snapshots_are_taken_after_every_so_many_steps():
    taken = []
    watch = Watch("x", snapshot_every=3, on_snapshot=lambda *snapshot: taken.append(snapshot))
    pictures = [picture(seed) for seed in range(7)]
    for each in pictures:
        watch.step({"loss": 0.0}, each)
    assert [number for number, _ in taken] == [3, 6]
    assert taken[0][1] is pictures[2] and taken[1][1] is pictures[5]


def test_it_tells_where_it_is_now_and_then(monkeypatch):
    said = []
    watch = Watch("cat.jpg", report=said.append)
    watch.plan(2)
    watch.step({"content": 0.5, "style": 1234567.0}, picture())
    assert said == []
    monkeypatch.setattr(watch_module, "_TELL_EVERY_SECS", -1)
    watch.step({"content": 0.5, "style": 1234567.0}, picture())
    (line,) = said
    assert line.startswith("cat.jpg: step 2 of 2, 5 × 4, content 0.5, style 1.235e+06, ")
    assert line.endswith(" s a step")


@pytest.mark.parametrize("descend", [adam, lbfgs])
def test_a_stop_ends_after_the_step_with_the_picture_as_it_is(descend):
    stop, on_step, reached = Stop(), *noted()[::2]
    watch = Watch("x", stop=stop)
    watch.plan(50)

    def stopping(terms, pixels):
        on_step(terms, pixels)
        if len(reached) == 3:
            stop.set()
        watch.step(terms, pixels)

    options = {"rate": RATE} if descend is adam else {}
    with pytest.raises(PaintingStoppedError, match=r"^stopped at step 3 of 50; the picture is as"):
        descend(
            towards(picture(1), stretched=True), picture(), steps=50, on_step=stopping, **options
        )
    assert len(watch.trace) == len(reached) == 3
    np.testing.assert_array_equal(watch.pixels, reached[-1])


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("descend", [adam, lbfgs])
def test_a_slope_that_is_not_finite_leaves_the_last_good_picture(descend, bad):
    watch, calls = Watch("x"), []
    watch.plan(9)
    bowl = towards(picture(1), stretched=True)

    def breaking(at):
        calls.append(at)
        terms, gradient = bowl(at)
        broken = len(calls) == 3
        if descend is lbfgs:  # which steps back from a gradient alone that leads nowhere
            terms = {"far": terms["far"] * bad} if broken else terms
        return terms, gradient * bad if broken else gradient

    options = {"rate": RATE} if descend is adam else {}
    with pytest.raises(PaintingStoppedError, match=r"far is (nan|inf) at step [34] of 9, 5 × 4"):
        descend(breaking, picture(), steps=9, on_step=watch.step, **options)
    good = calls[2] if descend is adam else calls[1]
    np.testing.assert_array_equal(watch.pixels, good)
    assert np.isfinite(watch.pixels).all() and np.isfinite(watch.trace[-1]["loss"])


def test_a_loss_that_is_not_finite_is_named():
    watch = Watch("x")
    watch.plan(2)
    watch.step({"content": 1.0, "style": 2.0}, picture(0))
    message = r"style is inf at step 2 of 2, 5 × 4 pixels; .* smaller steps may help"
    with pytest.raises(PaintingStoppedError, match=message):
        watch.step({"content": 1.0, "style": float("inf")}, picture(1))
    np.testing.assert_array_equal(watch.pixels, picture(0))
    assert len(watch.trace) == 1


def test_a_last_step_that_breaks_the_picture_is_found_too():
    watch = Watch("x")
    watch.plan(1)
    pixels = adam(steady(float("nan")), picture(), steps=1, rate=RATE, on_step=watch.step)
    with pytest.raises(PaintingStoppedError, match="pixels are not finite after step 1 of 1"):
        watch.finished(pixels)
    np.testing.assert_array_equal(watch.pixels, picture())


def test_lbfgs_stopped_on_its_way_has_the_best_so_far():
    def rough(at):  # a slope that does not fit its loss: trials get worse now and then
        return {"rough": tf.reduce_sum(tf.sin(at))}, tf.cos(3 * at)

    watch = Watch("x")
    watch.plan(4)
    lbfgs(rough, picture(), steps=4, on_step=watch.step)
    losses = [line["loss"] for line in watch.trace]
    assert losses[-1] > min(losses)
    assert float(rough(watch.pixels)[0]["rough"]) == pytest.approx(min(losses))
