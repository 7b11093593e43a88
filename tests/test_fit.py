"""Training that is killed, interrupted and gone on with, and ends as if it had never been."""

from __future__ import annotations

import csv
import os
import signal
from functools import partial

import keras
import numpy as np
import pytest
import tensorflow as tf

from dltk.data.pipeline import Batches
from dltk.errors import DltkError
from dltk.strategy import Placement
from dltk.training.classification import balancing_weights, penalise, train_classifier
from dltk.training.fit import fit
from dltk.training.model import TrainingModel
from dltk.training.optimizers import Schedule, build_optimizer
from dltk.training.run import RunFolder
from dltk.training.stage import Regime

STEPS, EPOCHS = 3, 2  # steps in an epoch


class Killed(BaseException):
    """Stands for SIGKILL: nothing in the package knows it."""


class MortalRun(RunFolder):
    """A run whose process dies right after its state is saved for the n-th time."""

    lives = 10**9

    def save(self, stage, arrays, facts):
        super().save(stage, arrays, facts)
        self.lives -= 1
        if not self.lives and not facts["done"]:
            raise Killed


@pytest.fixture
def strategy():
    return tf.distribute.OneDeviceStrategy("CPU:0")


@pytest.fixture(autouse=True)
def every_save(monkeypatch):
    """Save after every step where `save_every` is 0, however long a save takes."""
    monkeypatch.setattr("dltk.training.fit._SAVE_COST", 0)


def points(count=2 * STEPS):
    """Two classes in the plane, with targets."""
    random = np.random.default_rng(0)
    labels = np.arange(count) % 2
    rows = random.normal(labels[:, None] * 2.0 - 1.0, 1.0, (count, 2)).astype(np.float32)
    return rows, labels


def batches_of(rows, labels, **options):
    options = {"batch_size": 2, "seed": 4} | options
    return Batches(lambda indices, epoch: rows[indices], labels, 2, **options)


def network(strategy, *, dropout=0.0, batches=STEPS, learning_rate=None, **options):
    """A compiled linear classifier of two numbers, always with the same weights."""
    with strategy.scope():
        inputs = keras.Input((2,))
        x = keras.layers.Dense(4, kernel_initializer=keras.initializers.GlorotUniform(seed=1))(
            inputs
        )
        if dropout:
            x = keras.layers.Dropout(dropout, seed=5)(x)
        x = keras.layers.Dense(2, kernel_initializer=keras.initializers.GlorotUniform(seed=2))(x)
        model = TrainingModel(inputs, x)
        rate = learning_rate or Schedule(0.1, shape="cosine", steps=EPOCHS * batches, warmup=2)
        optimizer = build_optimizer(options.pop("optimizer", "adam"), rate, **options)
        optimizer.build(model.trainable_variables)
        model.compile(
            optimizer,
            keras.losses.CategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
            jit_compile=False,
        )
    return model


def measured(model, rows, labels) -> dict:
    logits = model(rows).numpy()
    return {"val_accuracy": float((logits.argmax(axis=1) == labels).mean())}


def train(strategy, run, *, kind, **options):
    """Train the network of `kind` in `run` from its initial weights; return it and the rows."""
    rows, labels = points()
    model = network(strategy, **kind)
    options = {"epochs": EPOCHS, "save_every": 0.0, "seed": 3} | options
    progress = fit(
        model,
        batches_of(rows, labels),
        strategy=strategy,
        run=run,
        stage="head",
        measure=partial(measured, model, rows, labels),
        **options,
    )
    return model.get_weights(), progress.rows


def same_rows(rows, expected):
    """Whether histories agree; sums of floats may be off by their last digit, times differ."""
    assert [list(row) for row in rows] == [list(row) for row in expected]
    for row, other in zip(rows, expected, strict=True):
        for name in row.keys() - {"seconds"}:
            assert row[name] == pytest.approx(other[name], rel=1e-6), name


def kept_in(run) -> dict[int, list[np.ndarray]]:
    """Return the weights that a run keeps, by epoch."""
    return {epoch: run.load_weights("head", epoch) for epoch in run.kept_weights()["head"]}


def same_weights(one, other) -> bool:
    return len(one) == len(other) and all(map(np.array_equal, one, other))


KINDS = {
    "dropout": {"dropout": 0.5},
    "averages": {"ema": 0.5, "optimizer": "momentum", "weight_decay": 0.1, "clip": 0.5},
    "float16": {"float16": True},
}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_run_killed_after_every_step_ends_like_one_never_killed(strategy, tmp_path, kind):
    whole = RunFolder.create("finetune", "", {}, path=tmp_path / "whole")
    weights, rows = train(strategy, whole, kind=kind, keep="all")
    killed = RunFolder.create("finetune", "", {}, path=tmp_path / "killed")
    deaths = 0
    while True:
        run = MortalRun(killed.path, "finetune", {})
        run.lives = 1
        try:
            again, again_rows = train(strategy, run, kind=kind, keep="all")
            break
        except Killed:
            deaths += 1
            assert deaths < 20
    assert deaths == STEPS * EPOCHS - 1  # the last step is saved as the finished stage
    for ours, theirs in zip(again, weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    same_rows(again_rows, rows)
    kept, expected = kept_in(killed), kept_in(whole)
    assert list(kept) == list(expected) == list(range(EPOCHS + 1))
    assert all(same_weights(kept[epoch], expected[epoch]) for epoch in kept)


@pytest.mark.parametrize("step", [2, 3, 4])
def test_a_run_killed_long_after_its_last_save_repeats_those_steps(strategy, tmp_path, step):
    """Saved once, after `step`, and lost at the end of the epoch under way."""
    kind = {"dropout": 0.5}
    whole = RunFolder.create("finetune", "", {}, path=tmp_path / "whole")
    weights, rows = train(strategy, whole, kind=kind)

    class SavedOnce(RunFolder):
        def save(self, stage, arrays, facts):
            if facts["step"] == step:
                super().save(stage, arrays, facts)

    def die(line):
        if line.startswith(f"epoch {(step - 1) // STEPS + 1} "):
            raise Killed

    killed = RunFolder.create("finetune", "", {}, path=tmp_path / "killed").path
    with pytest.raises(Killed):
        train(strategy, SavedOnce(killed, "finetune", {}), kind=kind, report=die)
    again, again_rows = train(strategy, RunFolder(killed, "finetune", {}), kind=kind)
    for ours, theirs in zip(again, weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    same_rows(again_rows, rows)


@pytest.mark.parametrize(
    ("kind", "keep", "kept"),
    [
        ("dropout", "doubling", [0, 1, 2, 4, 5]),
        ("averages", "all", [0, 1, 2, 3, 4, 5]),
        ("dropout", "none", []),
    ],
)
def test_weights_are_kept_as_they_are_measured(strategy, tmp_path, kind, keep, kept):
    run, seen = RunFolder.create("finetune", "", {}, path=tmp_path / "run"), []
    rows, labels = points()
    model = network(strategy, **KINDS[kind])
    seen.append(model.get_weights())
    fit(
        model, batches_of(rows, labels), strategy=strategy, epochs=5, run=run, stage="head",
        measure=lambda: seen.append(model.get_weights()) or {"accuracy": 0.0}, keep=keep,
    )  # fmt: skip
    files = sorted(path.name for path in (tmp_path / "run").rglob("head-*.npz"))
    assert files == [f"head-{epoch:04d}.npz" for epoch in kept]
    assert run.kept_weights() == ({"head": kept} if kept else {})
    for epoch in kept:
        assert same_weights(run.load_weights("head", epoch), seen[epoch])


def test_a_stage_that_stops_early_keeps_its_last_epoch(strategy, tmp_path):
    run = RunFolder.create("finetune", "", {}, path=tmp_path / "run")
    _, rows = train(
        strategy, run, kind={}, epochs=9, patience=2, keep="doubling", score=lambda _: [0]
    )
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    assert run.kept_weights() == {"head": [0, 1, 2, 3]}


def test_weights_that_were_not_kept_are_told(tmp_path):
    run = RunFolder.create("finetune", "", {}, path=tmp_path / "run")
    with pytest.raises(DltkError, match=r"no weights in .*head-0003.npz"):
        run.load_weights("head", 3)


def interrupting(strategy, run, at: int):
    """Train as `train` does, but with Ctrl-C during the step number `at`."""
    rows, labels = points()
    model = network(strategy, dropout=0.5)

    class Interrupting(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if int(model.optimizer.iterations.numpy()) == at:
                os.kill(os.getpid(), signal.SIGINT)

    plain = model.fit
    model.fit = lambda *args, callbacks, **more: plain(
        *args, callbacks=[Interrupting(), *callbacks], **more
    )
    progress = fit(
        model, batches_of(rows, labels), strategy=strategy, epochs=EPOCHS, run=run,
        stage="head", measure=partial(measured, model, rows, labels), seed=3,
    )  # fmt: skip
    return model.get_weights(), progress.rows


@pytest.mark.parametrize("at", [0, 2, 3])
def test_ctrl_c_finishes_the_step_saves_and_goes_on_from_there(strategy, tmp_path, at):
    """In the middle of an epoch, in its last step, and in the first of the next."""
    whole = RunFolder.create("finetune", "", {}, path=tmp_path / "whole")
    weights, rows = train(strategy, whole, kind={"dropout": 0.5})
    run = RunFolder.create("finetune", "", {}, path=tmp_path / "run")
    with pytest.raises(KeyboardInterrupt):
        interrupting(strategy, run, at)
    assert run.load("head")[1]["step"] == at + 1
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    again, again_rows = train(strategy, run, kind={"dropout": 0.5})
    for ours, theirs in zip(again, weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    same_rows(again_rows, rows)


def test_ctrl_c_in_the_last_step_of_a_stage_is_not_lost(strategy, tmp_path):
    """Another stage may follow, and the user has asked for the end."""
    run = RunFolder.create("finetune", "", {}, path=tmp_path / "run")
    with pytest.raises(KeyboardInterrupt):
        interrupting(strategy, run, STEPS * EPOCHS - 1)
    assert run.load("head")[1]["done"]


def test_a_finished_stage_is_not_trained_again(strategy, tmp_path):
    run = RunFolder.create("finetune", "", {}, path=tmp_path / "run")
    weights, rows = train(strategy, run, kind={})
    again = RunFolder.open(run.path, "finetune")
    told = []
    same, same_again = train(strategy, again, kind={}, report=told.append)
    assert told == [] and same_again == rows and again.rows == {"head": rows}
    for ours, theirs in zip(same, weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


# Epochs: which one counts


def scripted(strategy, run, accuracies, **options):
    """Train for as long as `accuracies` say, which stand for the measurements; None for none."""
    rows, labels = points()
    model = network(strategy, learning_rate=0.1)
    left, after = iter(accuracies), []

    def measure():
        after.append([weight.copy() for weight in model.get_weights()])
        measured = next(left)
        return {} if measured is None else {"val_accuracy": measured}

    def score(row):
        return [row["val_accuracy"]] if row else None

    progress = fit(
        model, batches_of(rows, labels), strategy=strategy, epochs=len(accuracies), run=run,
        stage="head", measure=measure, score=score, **options,
    )  # fmt: skip
    return model, progress, after


def test_the_weights_of_the_best_epoch_are_left_and_of_equals_the_first(strategy, tmp_path):
    run = RunFolder.create("finetune", "", {}, path=tmp_path / "run")
    model, progress, after = scripted(strategy, run, [0.5, 0.9, 0.9, 0.7])
    assert (progress.best_epoch, progress.best_score, len(progress.rows)) == (2, [0.9], 4)
    for left, best, last in zip(model.get_weights(), after[1], after[3], strict=True):
        np.testing.assert_array_equal(left, best)
        assert not np.array_equal(left, last)
    arrays, facts = run.load("head")
    assert facts["done"] and arrays.keys() == {"best"}


def test_epochs_without_a_score_are_passed_over(strategy, tmp_path):
    run = RunFolder.create("finetune", "", {}, path=tmp_path / "run")
    seen = []
    model, progress, after = scripted(
        strategy, run, [None, 0.6, None, 0.5], watch=lambda rows: seen.append(len(rows))
    )
    assert progress.best_epoch == 2 and seen == [1, 2, 3, 4]
    assert ["val_accuracy" in row for row in progress.rows] == [False, True, False, True]
    for left, best in zip(model.get_weights(), after[1], strict=True):
        np.testing.assert_array_equal(left, best)


@pytest.mark.parametrize(("patience", "epochs"), [(1, 3), (2, 6), (0, 7)])
def test_patience_counts_the_epochs_since_the_best(strategy, tmp_path, patience, epochs):
    accuracies = [0.5, 0.6, 0.6, 0.7, 0.1, 0.2, 0.3]
    run = RunFolder.create("finetune", "", {}, path=tmp_path / "run")
    _, progress, _ = scripted(strategy, run, accuracies, patience=patience)
    assert len(progress.rows) == epochs
    assert progress.best_epoch == (2 if epochs == 3 else 4)


def test_without_a_score_the_last_epoch_counts(strategy, tmp_path):
    run = RunFolder.create("finetune", "", {}, path=tmp_path / "run")
    rows, labels = points()
    model = network(strategy)
    progress = fit(model, batches_of(rows, labels), strategy=strategy, epochs=2, run=run,
                   stage="head", patience=1)  # fmt: skip
    assert progress.best_epoch == 2
    assert list(progress.rows[0]) == ["epoch", "accuracy", "loss", "learning_rate", "seconds"]


def test_with_averages_those_are_measured_and_kept(strategy, tmp_path):
    """Momentum 0.5 over three steps of a rate so small that they hardly bend."""
    rows, labels = points()
    model = network(strategy, optimizer="sgd", learning_rate=1e-3, ema=0.5)
    path = []  # the kernel after each step

    class Noting(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            path.append(model.get_weights()[0])

    plain = model.fit
    model.fit = lambda *args, callbacks, **more: plain(
        *args, callbacks=[Noting(), *callbacks], **more
    )
    seen = []

    def measure():
        seen.append(model.get_weights()[0])
        return {}

    run = RunFolder.create("finetune", "", {}, path=tmp_path / "run")
    fit(model, batches_of(rows, labels), strategy=strategy, epochs=1, run=run, stage="head",
        measure=measure)  # fmt: skip
    expected = 0.25 * path[0] + 0.25 * path[1] + 0.5 * path[2]
    np.testing.assert_allclose(seen[0], expected, rtol=1e-5)
    np.testing.assert_array_equal(model.get_weights()[0], seen[0])
    assert np.abs(path[2] - expected).max() > 1e-6


def test_with_averages_what_a_stage_begins_with_is_measured_as_it_is(strategy, tmp_path):
    rows, labels = points()
    model, seen = network(strategy, optimizer="sgd", learning_rate=1e-3, ema=0.5), []
    before = model.get_weights()[0]

    def measure():
        seen.append(model.get_weights()[0])
        return {"val_score": -len(seen)}  # it only becomes worse

    run = RunFolder.create("finetune", "", {}, path=tmp_path / "run")
    fit(model, batches_of(rows, labels), strategy=strategy, epochs=1, run=run, stage="tune",
        measure=measure, score=lambda row: [row["val_score"]], from_start=True)  # fmt: skip
    assert np.abs(before).max() > 0.01
    np.testing.assert_array_equal(seen[0], before)
    np.testing.assert_array_equal(model.get_weights()[0], before)


def test_the_history_has_means_over_the_epoch_and_the_rate_in_its_middle(strategy, tmp_path):
    run = RunFolder.create("finetune", "", {}, path=tmp_path / "run")
    _, rows = train(strategy, run, kind={})
    with (run.path / "history.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [row["stage"] for row in table] == ["head", "head"]
    assert [float(row["loss"]) for row in table] == [row["loss"] for row in rows]
    # Six steps, two of warm-up: the second is at the top, the fifth half-way down the cosine.
    rates = [float(row["learning_rate"]) for row in table]
    assert rates == pytest.approx([0.1, 0.05], abs=1e-8)


def test_the_loss_of_the_history_is_that_of_the_steps(strategy, tmp_path):
    """With a rate of nothing, the mean loss of an epoch is that of all its examples."""
    rows, labels = points()
    model = network(strategy, learning_rate=1e-30, optimizer="sgd")
    logits = model(rows).numpy()
    losses = keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
    run = RunFolder.create("finetune", "", {}, path=tmp_path / "run")
    progress = fit(model, batches_of(rows, labels), strategy=strategy, epochs=2, run=run,
                   stage="head")  # fmt: skip
    expected = float(np.mean(losses))
    assert [row["loss"] for row in progress.rows] == pytest.approx([expected] * 2, rel=1e-5)
    accuracy = float((logits.argmax(axis=1) == labels).mean())
    assert [row["accuracy"] for row in progress.rows] == pytest.approx([accuracy] * 2)


# What ends a training


def test_a_loss_that_is_no_number_names_its_batch(strategy, tmp_path):
    rows, labels = points()
    rows[3] = np.nan
    names = [f"{number}.jpg" for number in range(6)]
    batches = batches_of(rows, labels, names=names)
    place = next(step for step in range(STEPS) if 3 in batches.indices(step))
    run = RunFolder.create("finetune", "", {}, path=tmp_path / "run")
    with pytest.raises(DltkError) as caught:
        fit(network(strategy), batches, strategy=strategy, epochs=1, run=run, stage="head")
    pair = ", ".join(names[index] for index in batches.indices(place))
    assert str(caught.value) == (
        f"the loss is no longer a number in epoch 1, batch {place + 1} ({pair}); "
        "try a smaller --lr, or --clip 1"
    )
    assert run.load("head") is None  # nothing of it is kept


def test_what_cannot_be_saved_ends_the_training_and_says_so(strategy, tmp_path):
    run = RunFolder.create("finetune", "", {}, path=tmp_path / "run")

    def get_in_the_way(line):
        if line.startswith("epoch 1 "):
            (run.path / "checkpoint").write_text("")

    with pytest.raises(DltkError, match=r"^cannot write .*head\.npz: "):
        train(strategy, run, kind={}, save_every=1e9, report=get_in_the_way)


def test_only_the_chief_writes(strategy, tmp_path):
    run = RunFolder.create("finetune", "", {}, path=str(tmp_path / "none"), chief=False)
    train(strategy, run, kind={})
    assert not (tmp_path / "none").exists()


# The classifier's loss, score and weights


def test_classes_weigh_the_same_and_one_in_the_mean():
    labels = np.array([0, 0, 0, 2])
    weights = balancing_weights(labels, 4)  # two classes are there: 4 / (2 · 3) and 4 / (2 · 1)
    assert weights.dtype == np.float32
    np.testing.assert_allclose(weights, [2 / 3, 2 / 3, 2 / 3, 2.0])
    np.testing.assert_allclose(balancing_weights(np.array([1, 0, 1, 0]), 2), 1.0)


def test_the_penalty_is_that_of_the_kernels_and_is_taken_off_again():
    dense = keras.layers.Dense(2)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Rescaling(2.0), dense])
    dense.set_weights([np.array([[1.0, -2.0], [3.0, 0.0]]), np.array([100.0, 100.0])])
    penalise(model.layers, l1=0.1, l2=0.01)
    assert float(sum(model.losses)) == pytest.approx(0.1 * 6 + 0.01 * 14)
    penalise(model.layers, l1=0.0, l2=0.0)
    assert model.losses == []


def test_the_best_epoch_is_the_most_accurate_and_of_those_the_least_loss(strategy, tmp_path):
    """Held-out logits as they might come epoch by epoch, of two examples of class 0."""
    logits = iter([[[1, 0], [0, 1]], [[2, 0], [1, 0]], [[2, 0], [3, 0]], [[9, 0], [0, 9]]])
    rows, labels = points()
    run = RunFolder.create("finetune", "", {}, path=tmp_path / "run")
    progress = train_classifier(
        network(strategy),
        batches_of(rows, labels),
        held_logits=lambda: np.array(next(logits), np.float32),
        held_labels=np.array([0, 0]),
        stage="head",
        epochs=4,
        rate=0.1,
        regime=Regime(warmup=0.0),
        placement=Placement(strategy, "here"),
        run=run,
    )
    assert progress.best_epoch == 3
    assert [row["val_accuracy"] for row in progress.rows] == [0.5, 1.0, 1.0, 0.5]
    first = (np.log1p(np.exp(-1)) + np.log1p(np.exp(1))) / 2
    assert progress.rows[0]["val_loss"] == pytest.approx(first)


def test_smoothed_targets_cost_as_worked_by_hand(strategy, tmp_path):
    """Of two classes, 0.2 of the target spread: 0.9 and 0.1."""
    rows, labels = points()
    model = network(strategy)
    logs = np.log(np.exp(z := model(rows).numpy()) / np.exp(z).sum(axis=1, keepdims=True))
    right, wrong = logs[np.arange(6), labels], logs[np.arange(6), 1 - labels]
    progress = train_classifier(
        model,
        batches_of(rows, labels),
        held_logits=None,
        held_labels=None,
        label_smoothing=0.2,
        stage="head",
        epochs=1,
        rate=1e-30,
        regime=Regime(optimizer="sgd", warmup=0.0),
        placement=Placement(strategy, "here"),
        run=RunFolder.create("finetune", "", {}, path=tmp_path / "run"),
    )
    assert progress.rows[0]["loss"] == pytest.approx(-(0.9 * right + 0.1 * wrong).mean(), rel=1e-5)
