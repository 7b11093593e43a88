"""What `dltk evaluate` prints of a generator."""

from __future__ import annotations

from dltk.cli.tables import new_table, share, text_console, text_of
from dltk.errors import printable


def generation_tables(evaluation) -> str:
    """Return the measures as text: in colours and as wide as the window on a terminal.

    Args:
        evaluation: a `recipes._generation_evaluation.GenerationEvaluation`.
    """
    console = text_console()
    likeness, copying = evaluation.likeness, evaluation.copying
    split = "" if evaluation.split == "all" else f", {evaluation.split}"
    console.print(
        f"{printable(evaluation.model)} on {printable(evaluation.data)}{split}: "
        f"{likeness.count:,} made pictures, {likeness.real:,} real ones",
        soft_wrap=True,
    )
    console.print(
        f"FID{evaluation.suffix} {likeness.fid:.2f}  KID{evaluation.suffix} {_kid(likeness)}  "
        f"precision {share(likeness.precision)}  recall {share(likeness.recall)}",
        style="bold",
        soft_wrap=True,
    )
    console.print()
    console.print(_table(evaluation))
    console.print()
    of_split = "" if evaluation.known == "all" else f" of {evaluation.known}"
    console.print(
        f"median distance from the nearest of {copying.known:,} real pictures{of_split}: "
        f"made ones {copying.made_median:.2f}, {evaluation.of_held} {copying.held_median:.2f}; "
        f"made ones are nearer {copying.closer:.0%} of the time",
        soft_wrap=True,
    )
    for note in evaluation.notes:
        console.print(printable(note), soft_wrap=True)
    return text_of(console)


def _table(evaluation):
    """Return a table of the measures beside what they are like at best, and of no generator."""
    table = new_table(
        "compared with real pictures",
        "pictures",
        f"FID{evaluation.suffix}",
        f"KID{evaluation.suffix}",
        "precision",
        "recall",
    )
    for name, likeness in (
        ("made pictures", evaluation.likeness),
        ("one half, with the other", evaluation.halves),
        ("a Gaussian of their pixels", evaluation.gaussian),
    ):
        table.add_row(
            name,
            f"{likeness.count:,}",
            f"{likeness.fid:.2f}",
            _kid(likeness),
            share(likeness.precision),
            share(likeness.recall),
        )
    return table


def _kid(likeness) -> str:
    deviation = f" ± {likeness.kid_deviation:.4f}" if likeness.kid_deviation else ""
    return f"{likeness.kid:.4f}{deviation}"
