"""Labelled texts in folders: one for each class, or those below train/, val/ and test/."""

from __future__ import annotations

import os
from pathlib import Path

from dltk.data.folders import Sought, class_rows
from dltk.data.texts.files import text_in
from dltk.data.texts.gathered import GatheredTexts
from dltk.errors import InputError
from dltk.text.corpus import EXTENSIONS
from dltk.wording import amount

LAYOUT = (
    "wanted is a folder with a folder of .txt files for each class (ham/, spam/), or that below "
    "train/, val/ and test/; or a .csv, .tsv or .jsonl file with text and label, or a folder with "
    "train.csv"
)
_UNLABELLED = ("unsup", "unsupervised", "unlabeled", "unlabelled")


def is_text_name(name: str) -> bool:
    """Return whether a file is a text by its name: .txt, .text, .md, none or digits behind a dot.

    Newsgroups and IMDb have files such as "51060" and "0_9.txt".
    """
    ending = os.path.splitext(name)[1].lower()
    return not ending or ending in EXTENSIONS or ending[1:].isdecimal()


def gather_folder(root: Path, found: GatheredTexts) -> None:
    """Add the texts in class folders, each a file, to what was found.

    Folders of texts without a class, such as IMDb's unsup/, are passed over.

    Raises:
        UsageError: no class folders, no texts in them, or two folders of one split.
    """
    rows, passed_over = class_rows(root, Sought("texts", LAYOUT, _no_text))
    found.passed_over += passed_over
    unlabelled = [row for row in rows if row.label.casefold() in _UNLABELLED]
    if unlabelled:
        count = amount(len(unlabelled), "text")
        found.pass_over(f"{unlabelled[0].label}/", f"{count} without a class")
    for split, name, source, label in rows:
        if label.casefold() not in _UNLABELLED:
            found.open_file(name)
            try:
                found.add(split, 0, text_in(source), label)
            except InputError as error:
                found.damaged_row(0, str(error))


def _no_text(name: str) -> str | None:
    return None if is_text_name(name) else "not a text by its extension"
