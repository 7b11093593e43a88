"""What `dltk evaluate` prints of a segmenter."""

from __future__ import annotations

from dltk.cli.tables import MOST_PAIRS, class_table, pair_table, share, text_console, text_of
from dltk.errors import printable
from dltk.wording import amount

_COLUMNS = {
    "pixels": "pixels",
    "IoU": "iou",
    "precision": "precision",
    "recall": "recall",
    "boundary F": "boundary_f",
}
_TOTALS = {
    "mean IoU": "mean_iou",
    "pixel accuracy": "pixel_accuracy",
    "mean accuracy": "mean_accuracy",
    "frequency-weighted IoU": "frequency_weighted_iou",
    "boundary F": "boundary_f",
}


def segmentation_tables(evaluation) -> str:
    """Return the measures as text: in colours and as wide as the window on a terminal.

    Args:
        evaluation: a `recipes._segmentation_evaluation.SegmentationEvaluation`.
    """
    console = text_console()
    report = evaluation.report
    fields = report.to_dict()
    split = "" if evaluation.split == "all" else f", {evaluation.split}"
    console.print(
        f"{printable(evaluation.model)} on {printable(evaluation.data)}{split}: "
        f"{amount(report.pictures, 'picture')} "
        f"of {len(fields['classes'])} classes",
        soft_wrap=True,
    )
    totals = "  ".join(f"{name} {share(fields[key])}" for name, key in _TOTALS.items())
    console.print(totals, style="bold", soft_wrap=True)
    if fields["classes"]:
        console.print()
        console.print(class_table(fields["classes"], _COLUMNS, by="iou"))
    if pairs := report.most_confused(MOST_PAIRS):
        console.print()
        console.print(pair_table(pairs, "pixels"))
    return text_of(console)
