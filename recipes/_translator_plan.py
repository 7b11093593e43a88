"""What the training of a translator was asked for, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

from dltk.data.datasets import LabelledData
from dltk.errors import UsageError, printable
from dltk.geometry import Geometry
from dltk.models.gan.cyclegan import MULTIPLE
from dltk.training.optimizers import SCHEDULES
from recipes._checks import check_choice, check_multiple, check_number, check_whole

SMALLEST, LARGEST = 32, 1024  # pixels of a side
_MOST_KEPT = 500  # made pictures of a domain: each step goes through all of them
_WORDS = {"schedule": SCHEDULES, "precision": ("auto", "float32", "bfloat16")}
_FEW_BLOCKS, _BLOCKS, _UP_TO = 6, 9, 128  # the paper, Sec. 7.2


@dataclass(frozen=True)
class TranslatorPlan:
    """What follows from the options of a translator's training.

    Attributes:
        size: pixels of a side of the pictures that are learnt from.
        blocks: of each generator.
    """

    size: int
    blocks: int

    @property
    def geometry(self) -> Geometry:
        """How a picture becomes a square of the size that is learnt from."""
        return Geometry(self.size, self.size, crop=1.0)


def plan_of(asked: SimpleNamespace) -> TranslatorPlan:
    """Return what follows from the options `asked`.

    Raises:
        UsageError: unknown words, numbers that cannot be, a run folder within the other data.
    """
    for name, choices in _WORDS.items():
        check_choice(name, getattr(asked, name), choices)
    check_multiple("size", asked.size, MULTIPLE, SMALLEST, LARGEST)
    for name in ("width", "epochs", "batch_size"):
        check_whole(name, getattr(asked, name), 1)
    check_whole("pool", asked.pool, 0, _MOST_KEPT)
    check_whole("seed", asked.seed, 0, 2**32 - 1)
    for name in ("cycle", "lr"):
        check_number(name, getattr(asked, name), above=True)
    for name in ("identity", "save_every"):
        check_number(name, getattr(asked, name))
    if asked.blocks is not None:
        check_whole("blocks", asked.blocks, 1)
    if asked.other is not None:
        _check_outside(asked)
    usual = _FEW_BLOCKS if asked.size <= _UP_TO else _BLOCKS
    return TranslatorPlan(asked.size, usual if asked.blocks is None else asked.blocks)


def check_domains(data: LabelledData) -> None:
    """Raise UsageError unless there are two domains with pictures to train on."""
    if len(data.classes) != 2:
        raise UsageError(f"a translator knows two domains, and the data have {len(data.classes)}")
    train = data.splits.get("train")
    for domain, name in enumerate(data.classes):
        if train is None or not (train.labels == domain).any():
            raise UsageError(f"no picture of {printable(name)} can be trained on")


def _check_outside(asked: SimpleNamespace) -> None:
    """Raise UsageError if the run folder would lie in the second domain's."""
    folder, other = Path(asked.run_dir or asked.resume or "runs").resolve(), Path(asked.other)
    if other.is_dir() and folder.is_relative_to(other.resolve()):
        raise UsageError(
            f"the run folder {printable(folder)} would lie in the data; "
            "name another place with --run-dir"
        )
