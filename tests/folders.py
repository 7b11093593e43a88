"""What is in a folder that a command has written."""

from __future__ import annotations

import json
from hashlib import sha256


def tree(folder) -> list[str]:
    """Return the files in a folder, hidden ones left out."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    names = (path.relative_to(folder).as_posix() for path in paths)
    return sorted(name for name in names if not name.startswith("."))


def record(folder, name="results.jsonl"):
    """Return the header of a record and its rows."""
    header, *rows = map(json.loads, (folder / name).read_text().splitlines())
    return header, rows


def digests(folder) -> dict[str, str]:
    """Return what is in each file, by its name."""
    return {name: sha256((folder / name).read_bytes()).hexdigest() for name in tree(folder)}
