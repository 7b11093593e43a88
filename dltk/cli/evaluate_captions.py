"""What `dltk evaluate` prints of a captioner."""

from __future__ import annotations

from dltk.cli.tables import new_table, share, text_console, text_of
from dltk.errors import printable
from dltk.wording import amount

_SHOWN = 5  # captions of the best, and of the worst
_TOTALS = {
    "CIDEr-D": "cider_d",
    "BLEU-1": "bleu1",
    "BLEU-2": "bleu2",
    "BLEU-3": "bleu3",
    "BLEU-4": "bleu4",
    "ROUGE-L": "rouge_l",
}


def caption_tables(evaluation) -> str:
    """Return the measures as text: in colours and as wide as the window on a terminal.

    Args:
        evaluation: a `recipes._caption_evaluation.CaptionEvaluation`.
    """
    console = text_console()
    report = evaluation.report
    fields = report.to_dict()
    split = "" if evaluation.split == "all" else f", {evaluation.split}"
    console.print(
        f"{printable(evaluation.model)} on {printable(evaluation.data)}{split}: "
        f"{amount(report.pictures, 'picture')}",
        soft_wrap=True,
    )
    totals = "  ".join(f"{name} {share(fields[key])}" for name, key in _TOTALS.items())
    console.print(totals, style="bold", soft_wrap=True)
    copied = "" if report.copied is None else f"copied {share(report.copied)}  "
    console.print(
        f"distinct {share(report.distinct)}  {copied}{report.length:.1f} words a caption",
        soft_wrap=True,
    )
    console.print()
    console.print(_table(evaluation))
    return text_of(console)


def _table(evaluation):
    """Return a table of the captions that are best and worst by CIDEr-D."""
    from rich.text import Text

    measured = evaluation.report.cider_d_each
    order = sorted(range(len(measured)), key=lambda at: -measured[at])
    shown = order if len(order) <= 2 * _SHOWN else order[:_SHOWN] + order[-_SHOWN:]
    table = new_table("picture", "CIDEr-D", "caption")
    table.columns[2].justify, table.columns[2].no_wrap = "left", False
    for at in shown:
        name, said = (Text(printable(each[at])) for each in (evaluation.names, evaluation.captions))
        table.add_row(name, share(float(measured[at])), said)
    return table
