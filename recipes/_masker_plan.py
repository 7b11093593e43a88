"""What the training of a masker was asked for, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

from dltk.data.instances.batches import COLOURS
from dltk.errors import UsageError
from dltk.geometry import Geometry
from dltk.models.find import ModelSource
from dltk.models.masker.network import LARGEST, MULTIPLE, SMALLEST
from recipes._checks import check_multiple
from recipes._plans import check_options, check_unfrozen, network_of


@dataclass(frozen=True)
class MaskerPlan:
    """What follows from the options of a masker's training.

    Attributes:
        source: the network it grows from, a masker perhaps.
        patch: pixels of a patch's side.
    """

    source: ModelSource
    patch: int

    @property
    def is_new(self) -> bool:
        """Whether the masker is new, and does not go on from another."""
        return self.source.task != "mask"

    @property
    def geometry(self) -> Geometry:
        """How a picture becomes the input: a patch of it does."""
        return Geometry(self.patch, self.patch, fit="within")


def plan_of(asked: SimpleNamespace, defaults: dict) -> MaskerPlan:
    """Return what follows from the options `asked`.

    Raises:
        UsageError: unknown words, options that do not go together or do nothing.
    """
    check_options(asked, {"augment": tuple(COLOURS)}, {})
    check_unfrozen(asked, defaults)
    source = network_of(asked, "mask")
    if source.task != "mask":
        check_multiple("patch", asked.patch, MULTIPLE, SMALLEST, LARGEST)
        return MaskerPlan(source, asked.patch)
    if asked.patch not in (defaults["patch"], source.geometry.height):
        raise UsageError(
            f"--patch has no meaning here: {source.name} is a masker already, with patches of "
            f"{source.geometry.height} pixels"
        )
    return MaskerPlan(source, source.geometry.height)
