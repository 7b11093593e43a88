"""What `dltk evaluate` prints of an answerer."""

from __future__ import annotations

from dltk.cli.tables import new_table, share, text_console, text_of
from dltk.errors import printable
from dltk.wording import amount


def answer_tables(evaluation) -> str:
    """Return the measures as text: in colours and as wide as the window on a terminal.

    Args:
        evaluation: a `recipes._answer_evaluation.AnswerEvaluation`.
    """
    console = text_console()
    report = evaluation.report
    split = "" if evaluation.split == "all" else f", {evaluation.split}"
    console.print(
        f"{printable(evaluation.model)} on {printable(evaluation.data)}{split}: "
        f"{amount(report.questions, 'question')} about "
        f"{amount(report.pictures, 'picture')}",
        soft_wrap=True,
    )
    console.print(
        f"accuracy {share(report.accuracy)}  of the commonest answers {share(report.commonest)}",
        style="bold",
        soft_wrap=True,
    )
    console.print()
    console.print(_table(report))
    return text_of(console)


def _table(report):
    """Return a table of the accuracy by kind of question."""
    from rich.text import Text

    table = new_table("kind", "accuracy", "questions", "commonest answer", "its accuracy")
    table.columns[3].justify = "left"
    for name, kind in report.kinds.items():
        table.add_row(
            Text(printable(name or "–")),
            share(kind.accuracy),
            f"{kind.questions:,}",
            Text(printable(kind.answer)),
            share(kind.commonest),
        )
    return table
