"""Sample photographs that ship with dltk. ATTRIBUTION.md beside them has sources and licences."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent


def sample_files() -> list[Path]:
    """Return the photographs and their attribution, sorted by name."""
    return sorted(path for path in FOLDER.iterdir() if path.suffix in (".jpg", ".md"))
