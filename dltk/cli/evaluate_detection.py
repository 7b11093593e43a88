"""What `dltk evaluate` prints of a detector."""

from __future__ import annotations

from dltk.cli.tables import new_table, text_console, text_of
from dltk.errors import printable

_MOST_ROWS = 20  # classes in the table
_MOST_PAIRS = 10
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
        f"{_counted(fields['pictures'], 'picture')} with {_counted(fields['objects'], 'object')} "
        f"of {len(fields['classes'])} classes",
        soft_wrap=True,
    )
    for line, style in _lines(fields):
        console.print(line, style=style, soft_wrap=True)
    if fields["classes"]:
        console.print()
        console.print(_class_table(fields["classes"]))
    console.print()
    console.print(_mistake_table(fields["mistakes"]))
    pairs = report.most_confused(_MOST_PAIRS)
    if pairs:
        console.print()
        console.print(_pair_table(pairs))
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
    texts = ["  ".join(f"{name} {_share(value)}" for name, value in line.items()) for line in lines]
    if best["score"] is not None:
        shares = "  ".join(f"{name} {_share(best[key])}" for name, key in _BEST.items())
        texts.append(f"best at --score {best['score']:g}: {shares}")
    return [(text, None if at else "bold") for at, text in enumerate(texts) if text]


def _class_table(classes: dict[str, dict]):
    """Return a table of the classes with objects; of many, those of the lowest AP."""
    from rich.text import Text

    rows = list(classes.items())
    table = new_table("class", *_COLUMNS)
    if len(rows) > _MOST_ROWS:
        table.caption = Text(f"the {_MOST_ROWS} worst of {len(rows)} classes; --json has all")
        table.caption_justify = "left"
        rows = sorted(rows, key=lambda row: row[1]["ap"])[:_MOST_ROWS]
    for name, row in rows:
        values = (row[key] for key in _COLUMNS.values())
        cells = (f"{each:,}" if isinstance(each, int) else _share(each) for each in values)
        table.add_row(Text(printable(name)), *cells)
    return table


def _mistake_table(mistakes: dict):
    table = new_table(f"at score {mistakes['score']:.2f}", "count")
    for name, count in mistakes.items():
        if name != "score" and (count or name in ("right", "missed")):
            table.add_row(name.replace("_", " "), f"{count:,}")
    return table


def _pair_table(pairs: list[tuple[str, str, int]]):
    from rich.text import Text

    table = new_table("most confused", "taken for", "objects")
    table.columns[1].justify = "left"
    for true, predicted, count in pairs:
        table.add_row(Text(printable(true)), Text(printable(predicted)), f"{count:,}")
    return table


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'s' * (count != 1)}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
