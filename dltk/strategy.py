"""Where a network runs: which devices, which tf.distribute strategy, which precision, and why."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path

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
    """

    strategy: object
    reason: str

    @property
    def replicas(self) -> int:
        """Number of copies of the network that share a batch."""
        return self.strategy.num_replicas_in_sync


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

    kind, count = _parse(devices)
    gpus = tf.config.list_physical_devices("GPU")
    if kind == "gpu" and len(gpus) < (count or 1):
        raise UsageError(f"--devices {devices}: TensorFlow sees {len(gpus)} GPUs here")
    if kind == "gpu" or (kind == "auto" and gpus):
        for gpu in gpus:
            tf.config.experimental.set_memory_growth(gpu, True)
        names = [f"GPU:{index}" for index in range(count or len(gpus))]
    else:
        if count:
            _split_cpu(count)
        names = [f"CPU:{index}" for index in range(count or 1)]
    if strategy == "mirrored" or (strategy == "auto" and len(names) > 1):
        chosen = tf.distribute.MirroredStrategy(names)
        return Placement(chosen, f"MirroredStrategy on {len(names)} devices ({', '.join(names)})")
    chosen = tf.distribute.OneDeviceStrategy(names[0])
    return Placement(chosen, f"one device ({names[0]})")


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


def apply_precision(model, precision: str) -> None:
    """Let a Keras model compute in `precision`, its weights staying float32.

    The layer that gives the output stays float32 too: bfloat16 probabilities have two digits.
    """
    if precision == "float32":
        return
    last = [output._keras_history.operation for output in model.outputs]
    for layer in model._flatten_layers(include_self=False):
        if layer not in last:
            layer.dtype_policy = _POLICIES[precision]
