"""Where a network runs: which devices, which tf.distribute strategy, which precision, and why."""

from __future__ import annotations

import os
import platform
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from dltk.cluster import Cluster, find_cluster, slurm_addresses
from dltk.errors import DltkError, UsageError

_MAX_DEVICES = 64
_POLICIES = {"bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}


def cores() -> int:
    """Return how many CPU cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def accelerator_files() -> bool:
    """Return whether the operating system shows an accelerator TensorFlow might use.

    A cheap look at files, so that a machine without one need not import TensorFlow to know.
    """
    if os.environ.get("CUDA_VISIBLE_DEVICES", "unset").strip() in ("", "-1"):
        return False
    apple = platform.system() == "Darwin" and platform.machine() == "arm64"
    return not apple and any(map(os.path.exists, ("/dev/nvidia0", "/dev/kfd", "/dev/accel0")))


def has_amx_bf16() -> bool:
    """Return whether this CPU multiplies bfloat16 matrices in hardware (Linux only)."""
    try:
        return "amx_bf16" in Path("/proc/cpuinfo").read_text()
    except OSError:
        return False


@dataclass(frozen=True)
class Placement:
    """A chosen strategy.

    Attributes:
        strategy: a `tf.distribute.Strategy`, to build and call the network under.
        reason: the choice in one line, for the user.
        kind: of its devices: "cpu", "gpu" or "tpu".
        worker, workers: number of this process, from 0, and how many train together.
    """

    strategy: object
    reason: str
    kind: str = "cpu"
    worker: int = 0
    workers: int = 1

    @property
    def replicas(self) -> int:
        """Number of copies of the network that share a batch."""
        return self.strategy.num_replicas_in_sync

    @property
    def chief(self) -> bool:
        """Whether this process is the one that writes files."""
        return self.worker == 0


def place(devices: str = "auto", strategy: str = "auto") -> Placement:
    """Choose devices and strategy.

    Args:
        devices: "auto" (GPUs if there are any, else the CPU), "cpu", "gpu", or with a number
            how many of them: "gpu:2"; "cpu:2" splits this CPU into two logical devices, to try
            on any machine what happens on two.
        strategy: "auto" (mirrored over two or more devices), "one" or "mirrored".
    Raises:
        UsageError: no such devices here, or a form that is not one of these.
        DltkError: the CPU can no longer be split, TensorFlow being at work already.
    """
    import tensorflow as tf

    _keep_memory()
    kind, count = _parse(devices)
    if strategy not in ("auto", "one", "mirrored"):
        raise UsageError(f"--strategy is auto, one or mirrored, not {strategy}")
    gpus = tf.config.list_physical_devices("GPU")
    if kind == "gpu" and len(gpus) < (count or 1):
        raise UsageError(f"--devices {devices}: TensorFlow sees {len(gpus)} GPUs here")
    if kind == "gpu" or (kind == "auto" and gpus):
        _grow_memory(gpus)
        names = [f"GPU:{index}" for index in range(count or len(gpus))]
    else:
        if count:
            _split_cpu(count)
        names = [f"CPU:{index}" for index in range(count or 1)]
    if strategy == "mirrored" or (strategy == "auto" and len(names) > 1):
        chosen = _mirrored(tuple(names))
        reason = f"MirroredStrategy on {len(names)} devices ({', '.join(names)})"
        return Placement(chosen, reason, names[0][:3].lower())
    if count and count > 1:
        raise UsageError(f"--strategy one takes one device, not --devices {devices}")
    chosen = tf.distribute.OneDeviceStrategy(names[0])
    return Placement(chosen, f"one device ({names[0]})", names[0][:3].lower())


@cache
def _mirrored(names: tuple[str, ...]):
    """Return the one MirroredStrategy of these devices.

    Each numbers its collective operations from the same start; a second one in the process would
    meet what is left of the first.
    """
    import tensorflow as tf

    return tf.distribute.MirroredStrategy(list(names))


def _grow_memory(gpus) -> None:
    """Let TensorFlow take the GPUs' memory as it needs it."""
    import tensorflow as tf

    with suppress(RuntimeError):  # it has started, and keeps to what it was told
        for gpu in gpus:
            tf.config.experimental.set_memory_growth(gpu, True)


def _keep_memory() -> None:
    """Let TensorFlow keep the memory that CPU kernels are done with, if it has not started yet.

    Else it gives large buffers back to the system and gets the next ones page by page, all zeroed:
    a tenth to a third of the time of a network over large maps. It needs no more memory for it.
    """
    os.environ.setdefault("TF_CPU_ALLOCATOR_USE_BFC", "true")
    os.environ.setdefault("TF_CPU_BFC_MEM_LIMIT_IN_MB", str(1 << 20))  # none: the default is 64 GB


def place_training(devices: str = "auto", strategy: str = "auto", report=print) -> Placement:
    """Choose devices and strategy for training, which may be shared among processes.

    Args:
        devices: see `place`; in a cluster, those of each worker, GPUs if it has any.
        strategy: "auto" (as many workers as the environment describes, see `find_cluster`; a TPU
            if there is one; else what `place` does), "one", "mirrored", "multiworker" or "tpu".
        report: called with a line before waiting for other workers.
    Raises:
        UsageError: no cluster is described or no TPU is there, or the description is damaged.
    """
    _keep_memory()
    cluster = find_cluster()
    if (
        cluster is not None
        and strategy in ("auto", "multiworker")
        and (cluster.workers > 1 or strategy == "multiworker")
    ):
        return _join(cluster, devices, report)
    if strategy == "multiworker":
        raise UsageError(
            "--strategy multiworker: nothing describes the workers; set TF_CONFIG for each, or "
            "start them with Slurm's srun"
        )
    if strategy == "tpu" or (strategy == "auto" and "TPU_NAME" in os.environ):
        return _tpu()
    return place(devices, strategy)


def _join(cluster: Cluster, devices: str, report) -> Placement:
    import tensorflow as tf

    kind, count = _parse(devices)
    if count and count > 1:
        raise UsageError(f"--devices {devices}: workers of a cluster take all devices they see")
    if kind == "cpu":
        tf.config.set_visible_devices([], "GPU")
    gpus = tf.config.get_visible_devices("GPU")
    _grow_memory(gpus)
    report(f"worker {cluster.worker} of {cluster.workers} ({cluster.source}): waiting for all")
    resolver = None  # TF_CONFIG is read by TensorFlow itself
    if cluster.source == "Slurm":
        spec = tf.train.ClusterSpec({"worker": slurm_addresses()})
        resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
            spec, task_type="worker", task_id=cluster.worker, rpc_layer="grpc"
        )
    strategy = tf.distribute.MultiWorkerMirroredStrategy(cluster_resolver=resolver)
    reason = (
        f"MultiWorkerMirroredStrategy, worker {cluster.worker} of {cluster.workers}, "
        f"{strategy.num_replicas_in_sync} replicas in all"
    )
    kind = "gpu" if gpus else "cpu"
    return Placement(strategy, reason, kind, cluster.worker, cluster.workers)


def _tpu() -> Placement:
    import tensorflow as tf

    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver()
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
    except (ValueError, tf.errors.OpError) as error:
        raise UsageError(f"no TPU can be reached: {str(error).splitlines()[0]}") from error
    strategy = tf.distribute.TPUStrategy(resolver)
    return Placement(strategy, f"TPUStrategy on {strategy.num_replicas_in_sync} cores", "tpu")


def check_devices(devices: str) -> None:
    """Raise UsageError unless `devices` has a form that `place` takes."""
    _parse(devices)


def _parse(devices: str) -> tuple[str, int | None]:
    kind, colon, count = devices.partition(":")
    if kind not in ("auto", "cpu", "gpu") or (colon and (kind == "auto" or not count.isdigit())):
        raise UsageError(f'devices "{devices}" is not auto, cpu, gpu, cpu:N or gpu:N')
    if colon and not 1 <= int(count) <= _MAX_DEVICES:
        raise UsageError(f'devices "{devices}": from 1 to {_MAX_DEVICES} are possible')
    return kind, int(count) if colon else None


def _split_cpu(count: int) -> None:
    import tensorflow as tf

    cpu = tf.config.list_physical_devices("CPU")[0]
    parts = [tf.config.LogicalDeviceConfiguration()] * count
    try:
        tf.config.set_logical_device_configuration(cpu, parts)
    except RuntimeError as error:  # TensorFlow has started: the devices are what they are
        if len(tf.config.list_logical_devices("CPU")) < count:
            raise DltkError(
                f"cannot split the CPU into {count}: TensorFlow is already at work in this process"
            ) from error


def choose_precision(precision: str = "auto") -> str:
    """Return "float32", "bfloat16" or "float16" for a prediction.

    "auto" is float32: a label should not depend on the machine it was found on.
    """
    return "float32" if precision == "auto" else precision


def choose_training_precision(precision: str, model, placement: Placement) -> str:
    """Return the precision to train `model` in.

    "auto" is what is fastest on the hardware and safe: bfloat16 on TPUs and on GPUs of compute
    capability 8 and up, and on CPUs with AMX if the network has no depthwise convolutions, which
    bfloat16 makes slower there; else float32. float16, whose range needs the loss scaled, is
    never chosen unasked.
    """
    import tensorflow as tf

    if precision != "auto":
        return precision
    if placement.kind == "tpu":
        return "bfloat16"
    if placement.kind == "gpu":
        gpu = tf.config.get_visible_devices("GPU")[0]
        capability = tf.config.experimental.get_device_details(gpu).get("compute_capability")
        return "bfloat16" if (capability or (0, 0)) >= (8, 0) else "float32"
    kinds = {type(layer).__name__ for layer in model._flatten_layers(include_self=False)}
    dense = "Conv2D" in kinds and not kinds & {"DepthwiseConv2D", "SeparableConv2D"}
    return "bfloat16" if dense and has_amx_bf16() else "float32"


def apply_precision(model, precision: str, *, exact: Collection[str] = ()) -> None:
    """Let a Keras model compute in `precision`, its weights staying float32.

    The layer that gives the output stays float32 too: bfloat16 probabilities have two digits.

    Args:
        exact: names of other layers that stay float32.
    """
    if precision == "float32":
        return
    last = [output._keras_history.operation for output in model.outputs]
    for layer in model._flatten_layers(include_self=False):
        if layer not in last and layer.name not in exact:
            layer.dtype_policy = _POLICIES[precision]


def reset_precision(model) -> None:
    """Let a Keras model compute in float32 again."""
    for layer in model._flatten_layers(include_self=False):
        layer.dtype_policy = "float32"
