"""What `dltk evaluate` prints of a detector."""

from __future__ import annotations

from dltk.cli.tables import (
    MOST_PAIRS,
    class_table,
    new_table,
    pair_table,
    share,
    text_console,
    text_of,
)
from dltk.errors import printable
from dltk.wording import amount

_COLUMNS = {
    "pictures": "pictures",
    "objects": "objects",
    "AP": "ap",
    "AP@.5": "ap50",
    "precision": "precision",
    "recall": "recall",
    "F1": "f1",
    "at score": "score",
}
_BEST = {"precision": "precision", "recall": "recall", "F1": "f1"}


def detection_tables(evaluation) -> str:
    """Return the measures as text: in colours and as wide as the window on a terminal.

    Args:
        evaluation: a `recipes._detection_evaluation.DetectionEvaluation`.
    """
    console = text_console()
    report = evaluation.report
    fields = report.to_dict()
    split = "" if evaluation.split == "all" else f", {evaluation.split}"
    console.print(
        f"{printable(evaluation.model)} on {printable(evaluation.data)}{split}: "
        f"{amount(fields['pictures'], 'picture')} with {amount(fields['objects'], 'object')} "
        f"of {len(fields['classes'])} classes",
        soft_wrap=True,
    )
    for line, style in _lines(fields):
        console.print(line, style=style, soft_wrap=True)
    if fields["classes"]:
        console.print()
        console.print(class_table(fields["classes"], _COLUMNS, by="ap"))
    console.print()
    console.print(_mistake_table(fields["mistakes"]))
    pairs = report.most_confused(MOST_PAIRS)
    if pairs:
        console.print()
        console.print(pair_table(pairs, "objects"))
    return text_of(console)


def _lines(fields: dict) -> list[tuple[str, str | None]]:
    """Return the lines of totals, each with its style."""
    sizes = fields["sizes"].items()
    best = fields["best"]
    lines = [
        {"mAP@[.5:.95]": fields["map"], "mAP@.5": fields["map50"], "mAP@.75": fields["map75"]},
        {f"mAP of {name}": size["map"] for name, size in sizes if size["objects"]},
        {"AR@1": fields["ar1"], "AR@10": fields["ar10"], "AR@100": fields["ar100"]}
        | {"VOC2007 AP": fields["voc07"], "VOC2010 AP": fields["voc10"]},
    ]
    texts = ["  ".join(f"{name} {share(value)}" for name, value in line.items()) for line in lines]
    if best["score"] is not None:
        shares = "  ".join(f"{name} {share(best[key])}" for name, key in _BEST.items())
        texts.append(f"best at --score {best['score']:g}: {shares}")
    return [(text, None if at else "bold") for at, text in enumerate(texts) if text]


def _mistake_table(mistakes: dict):
    table = new_table(f"at score {mistakes['score']:.2f}", "count")
    for name, count in mistakes.items():
        if name != "score" and (count or name in ("right", "missed")):
            table.add_row(name.replace("_", " "), f"{count:,}")
    return table
