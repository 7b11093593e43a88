"""Names of classes: those of a network told apart, and found again under the names data give."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from dltk.errors import UsageError, nearest, printable
from dltk.models.catalog import Label

_NAMED = 3  # unknown classes in a message


def distinct_names(labels: Sequence[Label]) -> tuple[str, ...]:
    """Return the names of classes; those that several share with the number of the output."""
    often = Counter(label.name for label in labels)
    return tuple(
        label.name if often[label.name] == 1 else f"{label.name} (output {index})"
        for index, label in enumerate(labels)
    )


def find_outputs(
    classes: Sequence[str], labels: Sequence[Label], *, where: str, model: str
) -> list[int]:
    """Return the output of a network for each of `classes`, the names of a data set.

    They are looked for as `known_outputs` does.

    Args:
        labels: the network's, in the order of its outputs.
        where, model: what the data and the network are called in a message.
    Raises:
        UsageError: classes that the network does not know, or two that are one to it.
    """
    names = distinct_names(labels)
    found: dict[int, str] = {}  # in the order of `classes`
    unknown = []
    for name, output in zip(classes, known_outputs(classes, labels), strict=True):
        if output is None:
            unknown.append(f'"{printable(name)}".{nearest(name, names)}')
        elif output in found:
            raise UsageError(
                f"{printable(where)}: the classes {printable(found[output])} and "
                f"{printable(name)} are both {printable(names[output])} to {printable(model)}; "
                "make them one"
            )
        else:
            found[output] = name
    if unknown:
        more = f" And {len(unknown) - _NAMED} more." if len(unknown) > _NAMED else ""
        raise UsageError(
            f"{printable(where)}: {printable(model)} has no class "
            f"{' Nor '.join(unknown[:_NAMED])}{more} "
            "Classes of the data are named as the model's, or by their ids"
        )
    return list(found)


def known_outputs(classes: Sequence[str], labels: Sequence[Label]) -> list[int | None]:
    """Return the output of a network for each of `classes`, None for one that it does not know.

    Each is looked for among the names (see `distinct_names`) and ids of the network's classes,
    `labels`: first as it is spelled, then whatever the case and with "_" and "-" for spaces.
    """
    exact = {label.id: index for index, label in enumerate(labels) if label.id}
    exact |= {name: index for index, name in enumerate(distinct_names(labels))}
    spelled = Counter(map(folded_name, exact))
    folded = {folded_name(name): i for name, i in exact.items() if spelled[folded_name(name)] == 1}
    return [exact.get(name, folded.get(folded_name(name))) for name in classes]


def folded_name(name: str) -> str:
    """Return a name as it is compared: whatever its case, and with "_" and "-" for spaces."""
    return " ".join(name.casefold().replace("_", " ").replace("-", " ").split())
