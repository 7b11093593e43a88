"""What `dltk evaluate` prints of a generator of texts, and a training of one at its end."""

from __future__ import annotations

from dltk.cli.tables import new_table, text_console, text_of
from dltk.errors import printable


def text_generation_tables(evaluation) -> str:
    """Return the measures as text: in colours and as wide as the window on a terminal.

    Args:
        evaluation: a `recipes._text_generator_evaluation.TextGeneratorEvaluation`.
    """
    console = text_console()
    report = evaluation.report
    split = "" if evaluation.split == "all" else f", {evaluation.split}"
    console.print(
        f"{printable(evaluation.model)} on {printable(evaluation.data)}{split}: "
        f"{report.tokens:,} {report.unit}s, {report.unknown:.2%} of them not known",
        soft_wrap=True,
    )
    console.print(
        f"{report.bits:.3f} bits per {report.unit}  perplexity {report.perplexity:.2f}",
        style="bold",
        soft_wrap=True,
    )
    if evaluation.unigram:
        table = new_table("foretold by", f"bits per {report.unit}", "perplexity")
        for name, told in (
            ("the network", report),
            (f"how frequent {report.unit}s are", evaluation.unigram),
        ):
            table.add_row(name, f"{told.bits:.3f}", f"{told.perplexity:.2f}")
        console.print()
        console.print(table)
    return text_of(console)
