"""Which models are maskers: known from a model file's card, without loading the network."""

from __future__ import annotations

from dltk.errors import UsageError, printable
from dltk.models.find import ModelSource


def check_task(source: ModelSource) -> None:
    """Raise UsageError unless `source` is a masker's file."""
    if source.task != "mask":
        raise UsageError(
            f"{printable(source.name)} is a model to {source.task}, and no masker; "
            'train one with "dltk train masker"'
        )
