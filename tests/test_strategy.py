"""What the environment says of other workers, and the precision to train in."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from dltk.cluster import Cluster, find_cluster, slurm_addresses
from dltk.errors import UsageError
from dltk.strategy import (
    Placement,
    apply_precision,
    choose_training_precision,
    place_training,
    reset_precision,
)

WORKERS = ["a:1", "b:1", "c:1"]


@pytest.fixture(autouse=True)
def nothing_described(monkeypatch):
    for name in ("TF_CONFIG", "SLURM_STEP_NUM_TASKS", "SLURM_PROCID", "TPU_NAME"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def tf_config(monkeypatch):
    """Set TF_CONFIG, from text or what is to become JSON."""

    def put(config):
        text = config if isinstance(config, str) else json.dumps(config)
        monkeypatch.setenv("TF_CONFIG", text)

    return put


def config(kind, index, **cluster):
    return {"cluster": cluster, "task": {"type": kind, "index": index}}


@pytest.mark.parametrize(
    ("described", "worker", "workers"),
    [
        (config("worker", 0, worker=WORKERS), 0, 3),
        (config("worker", 2, worker=WORKERS), 2, 3),
        (config("worker", "1", worker=WORKERS), 1, 3),  # as a shell script may write it
        (config("worker", 0, worker=["a:1"]), 0, 1),
        (config("chief", 0, chief=["z:1"], worker=WORKERS), 0, 4),
        (config("worker", 0, worker=WORKERS, chief=["z:1"]), 1, 4),
    ],
)
def test_tf_config_numbers_the_workers_the_chief_first(tf_config, described, worker, workers):
    tf_config(described)
    assert find_cluster() == Cluster(worker, workers, "TF_CONFIG")


@pytest.mark.parametrize("described", ["", "  ", "{}", '{"cluster": {}}', '{"task": {}}'])
def test_without_a_cluster_there_is_none(tf_config, described):
    assert find_cluster() is None
    tf_config(described)
    assert find_cluster() is None


@pytest.mark.parametrize(
    "described",
    [
        "{",
        "[]",
        "3",
        '"worker"',
        {"cluster": {"worker": WORKERS}},
        {"cluster": {"worker": WORKERS}, "task": {"type": "worker"}},
        {"cluster": {"worker": 3}, "task": {"type": "worker", "index": 0}},
        {"cluster": ["a:1"], "task": {"type": "worker", "index": 0}},
        config("worker", "first", worker=WORKERS),
        config("worker", 3, worker=WORKERS),
        config("worker", -1, worker=WORKERS),
        config("chief", 0, worker=WORKERS),
        config("evaluator", 0, worker=WORKERS, evaluator=["e:1"]),
    ],
    ids=str,
)
def test_a_damaged_tf_config_is_said_in_one_line(tf_config, described):
    tf_config(described)
    with pytest.raises(UsageError, match=r"^TF_CONFIG is not of the form .* one of the workers$"):
        find_cluster()


@pytest.mark.parametrize("kind", ["worker", "ps"])
def test_parameter_servers_are_refused(tf_config, kind):
    tf_config(config(kind, 0, worker=WORKERS, ps=["p:1"]))
    with pytest.raises(UsageError, match="parameter servers, which Keras 3 does not support"):
        find_cluster()


def test_slurm_steps_of_several_tasks_are_a_cluster(monkeypatch, tf_config):
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "4")
    monkeypatch.setenv("SLURM_PROCID", "3")
    assert find_cluster() == Cluster(3, 4, "Slurm")
    tf_config(config("worker", 1, worker=WORKERS))
    assert find_cluster() == Cluster(1, 3, "TF_CONFIG")


@pytest.fixture
def scontrol(tmp_path, monkeypatch):
    """A stand-in for Slurm's scontrol that knows a list of three nodes."""
    script = tmp_path / "scontrol"
    script.write_text(
        '#!/bin/sh\n[ "$*" = "show hostnames n[9-11]" ] || exit 1\nprintf "n9\\nn10\\nn11\\n"\n'
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setenv("SLURM_STEP_NODELIST", "n[9-11]")
    monkeypatch.setenv("SLURM_JOB_ID", "190")
    monkeypatch.setenv("SLURM_STEP_ID", "1")


@pytest.mark.parametrize(
    ("tasks", "addresses"),
    [
        ("1(x3)", ["n9:20064", "n10:20064", "n11:20064"]),
        ("2(x2),1", ["n9:20064", "n9:20065", "n10:20064", "n10:20065", "n11:20064"]),
        ("1,2,1", ["n9:20064", "n10:20064", "n10:20065", "n11:20064"]),
    ],
)
def test_slurm_tasks_fill_node_after_node_in_slurms_order(monkeypatch, scontrol, tasks, addresses):
    monkeypatch.setenv("SLURM_STEP_TASKS_PER_NODE", tasks)
    assert slurm_addresses() == addresses


@pytest.mark.parametrize(
    ("nodes", "tasks"), [("n[9-11]", "1(x2)"), ("n[9-11]", "x"), ("other", "1"), (None, "1")]
)
def test_slurm_that_does_not_tell_is_a_usage_error(monkeypatch, scontrol, nodes, tasks):
    monkeypatch.setenv("SLURM_STEP_TASKS_PER_NODE", tasks)
    if nodes is None:
        monkeypatch.delenv("SLURM_STEP_NODELIST")
    else:
        monkeypatch.setenv("SLURM_STEP_NODELIST", nodes)
    with pytest.raises(UsageError, match="Slurm does not tell which nodes there are"):
        slurm_addresses()


@pytest.mark.parametrize("tasks", ["1", "", "0", "many"])
def test_slurm_steps_of_one_task_are_none(monkeypatch, tasks):
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", tasks)
    assert find_cluster() is None


def test_one_worker_alone_trains_like_anybody(tf_config):
    tf_config(config("worker", 0, worker=["localhost:12345"]))
    placement = place_training("cpu", "auto", report=pytest.fail)
    assert (placement.worker, placement.workers, placement.chief) == (0, 1, True)
    assert placement.replicas == 1 and "one device" in placement.reason


def test_several_workers_must_be_described(tf_config):
    with pytest.raises(UsageError, match="nothing describes the workers; set TF_CONFIG"):
        place_training("cpu", "multiworker")
    tf_config(config("worker", 1, worker=WORKERS))
    with pytest.raises(UsageError, match="--devices cpu:2: workers of a cluster take all"):
        place_training("cpu:2", "auto")


def test_other_strategies_stay_in_this_process(tf_config):
    tf_config(config("worker", 1, worker=WORKERS))
    assert place_training("cpu", "one").replicas == 1
    assert place_training("cpu:2", "mirrored").replicas == 2


# Precision


def convolutions(kind=keras.layers.Conv2D):
    inputs = keras.Input((8, 8, 3))
    x = kind(4, 3)(inputs) if kind is keras.layers.Conv2D else kind(3)(inputs)
    x = keras.layers.Conv2D(4, 1)(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(2)(x))


@pytest.fixture
def cpu():
    return Placement(tf.distribute.OneDeviceStrategy("CPU:0"), "one device (CPU:0)")


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_the_precision_asked_for_is_taken(cpu, precision):
    assert choose_training_precision(precision, convolutions(), cpu) == precision


@pytest.mark.parametrize(("amx", "chosen"), [(True, "bfloat16"), (False, "float32")])
def test_bfloat16_is_for_cpus_that_multiply_it(cpu, monkeypatch, amx, chosen):
    monkeypatch.setattr("dltk.strategy.has_amx_bf16", lambda: amx)
    assert choose_training_precision("auto", convolutions(), cpu) == chosen


def test_depthwise_networks_and_those_without_convolutions_train_in_float32(cpu, monkeypatch):
    monkeypatch.setattr("dltk.strategy.has_amx_bf16", lambda: True)
    depthwise = convolutions(keras.layers.DepthwiseConv2D)
    assert choose_training_precision("auto", depthwise, cpu) == "float32"
    whole = keras.Sequential([keras.Input((8, 8, 3)), depthwise])  # one inside another
    assert choose_training_precision("auto", whole, cpu) == "float32"
    dense = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    assert choose_training_precision("auto", dense, cpu) == "float32"


def test_a_network_computes_in_half_keeps_its_weights_and_comes_back():
    model = convolutions()
    pixels = np.random.default_rng(0).uniform(0, 1, (2, 8, 8, 3)).astype(np.float32)
    before = model(pixels).numpy()
    apply_precision(model, "bfloat16")
    half = model(pixels)
    assert half.dtype == tf.float32 and {str(w.dtype) for w in model.weights} == {"float32"}
    assert 0 < np.abs(half - before).max() < 0.05
    reset_precision(model)
    np.testing.assert_array_equal(model(pixels).numpy(), before)
