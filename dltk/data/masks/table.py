"""Label maps listed in a CSV file: a row for each picture, with the paths of both."""

from __future__ import annotations

import os
from pathlib import Path, PurePath

from dltk.data.datasets import MaskData
from dltk.data.masks.assemble import assemble
from dltk.data.masks.files import MaskFile
from dltk.data.masks.masked import GatheredMasks, Masked
from dltk.data.masks.names import class_names
from dltk.data.objects.files import is_file
from dltk.data.table import header_of, split_cell, table_rows
from dltk.errors import UsageError, printable
from dltk.weights import Report, silent

_COLUMNS = {
    "path": ("path", "filename", "file", "image"),
    "mask": ("mask", "label_map", "segmentation"),
    "split": ("split",),
}
_NEEDED = ("path", "mask")


def lists_masks(path: str | os.PathLike) -> bool:
    """Return whether a CSV file has a column for masks."""
    try:
        with open(path, encoding="utf-8-sig", errors="replace") as file:
            columns, _ = header_of(file.readline(10_000))
    except OSError:
        return False
    return any(name in columns for name in _COLUMNS["mask"])


def read_mask_table(path: Path, *, report: Report = silent) -> MaskData:
    """Return the pictures and masks listed in a CSV file (UTF-8; commas, semicolons or tabs).

    Its header names the columns "path" and "mask" (absolute, or relative to the CSV's folder),
    and maybe "split"; or other usual names of these, such as "filename" and "label_map". For names
    of classes see `class_names`; the file lies beside it.

    Raises:
        UsageError: a table that cannot be read (see `dltk.data.table.table_rows`), an empty path,
            a picture twice, with the line; or as `class_names` and `assemble` do.
    """
    names = class_names([path.parent])
    found = GatheredMasks(str(path), classes=names.classes, numbers=names.colours is None)
    lines: dict[str, int] = {}
    for line, fields in table_rows(path, _COLUMNS, needed=_NEEDED):
        where = f"{printable(path)}, line {line}"
        if not fields["path"]:
            raise UsageError(f"{where}: the path is empty")
        split = split_cell(fields["split"], where) if "split" in fields else None
        name, mask = (PurePath(fields[key]).as_posix() for key in _NEEDED)
        if lines.setdefault(name, line) != line:
            raise UsageError(f"{where}: {printable(name)} is in line {lines[name]} already")
        source, mask_source = (str(path.parent / fields[key]) for key in _NEEDED)
        if not fields["mask"]:
            found.pass_over(name, "without mask")
        elif not is_file(source):
            found.pass_damaged(name, "no such file")
        elif not is_file(mask_source):
            found.pass_damaged(name, f"its mask {mask}: no such file")
        else:
            file = MaskFile(file=mask, source=mask_source, colours=names.colours)
            found.pictures.append(Masked(split, name, source, file))
    return assemble(found, report=report)
