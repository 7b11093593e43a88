"""Processes that train together, as TF_CONFIG or Slurm describe them. Standard library only."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass

from dltk.errors import UsageError, reason

_FIRST_PORT, _PORTS_APART, _STEPS_APART = 20_000, 64, 190  # below the ephemeral ports


@dataclass(frozen=True)
class Cluster:
    """Processes that train together, as the environment describes them.

    Attributes:
        worker, workers: the number of this process, from 0, and of all.
        source: "TF_CONFIG" or "Slurm".
    """

    worker: int
    workers: int
    source: str


def find_cluster() -> Cluster | None:
    """Return what TF_CONFIG or Slurm's srun say of the workers, or None. TF_CONFIG goes first.

    Raises:
        UsageError: TF_CONFIG is not what TensorFlow's guide to multi-worker training describes,
            or asks for parameter servers, which Keras 3 does not have.
    """
    text = os.environ.get("TF_CONFIG", "").strip()
    if text:
        return _from_tf_config(text)
    tasks = os.environ.get("SLURM_STEP_NUM_TASKS", "")
    if tasks.isdigit() and int(tasks) > 1:
        return Cluster(int(os.environ.get("SLURM_PROCID", 0)), int(tasks), "Slurm")
    return None


def _from_tf_config(text: str) -> Cluster | None:
    try:
        config = json.loads(text)
        addresses, task = config.get("cluster", {}), config.get("task", {})
        if not addresses:
            return None
        if "ps" in addresses or task["type"] == "ps":
            raise UsageError("TF_CONFIG has parameter servers, which Keras 3 does not support")
        kinds = [kind for kind in ("chief", "worker") if kind in addresses]
        members = [(kind, index) for kind in kinds for index in range(len(addresses[kind]))]
        return Cluster(members.index((task["type"], int(task["index"]))), len(members), "TF_CONFIG")
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UsageError(
            'TF_CONFIG is not of the form {"cluster": {"worker": ["host:port", ...]}, '
            '"task": {"type": "worker", "index": N}} with N one of the workers'
        ) from error


def slurm_addresses() -> list[str]:
    """Return "host:port" of each task of this Slurm step, by rank; tasks fill node after node.

    Ports go by the numbers of job and step, so that two on a node hardly meet. TensorFlow's own
    resolver for Slurm sorts nodes by name, which puts node10 before node9, and needs GPUs.

    Raises:
        UsageError: Slurm does not say which nodes there are.
    """
    try:
        nodes, tasks = os.environ["SLURM_STEP_NODELIST"], os.environ["SLURM_STEP_TASKS_PER_NODE"]
        if os.environ.get("SLURM_DISTRIBUTION", "block").startswith(("cyclic", "arbitrary")):
            raise ValueError("tasks are not distributed in blocks; use srun --distribution=block")
        step = 7 * int(os.environ.get("SLURM_JOB_ID", 0)) + int(os.environ.get("SLURM_STEP_ID", 0))
        first = _FIRST_PORT + _PORTS_APART * (step % _STEPS_APART)
        told = subprocess.run(
            ["scontrol", "show", "hostnames", nodes], capture_output=True, text=True, check=True
        )
        counts: list[int] = []
        for part in tasks.split(","):  # such as "2(x3),1"
            count, _, times = part.rstrip(")").partition("(x")
            counts += [int(count)] * int(times or 1)
        hosts = zip(told.stdout.split(), counts, strict=True)
        return [f"{host}:{first + task}" for host, count in hosts for task in range(count)]
    except (KeyError, ValueError, OSError, subprocess.CalledProcessError) as error:
        raise UsageError(f"Slurm does not tell which nodes there are: {reason(error)}") from error
