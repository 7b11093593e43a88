"""Sample pictures that ship with dltk. ATTRIBUTION.md beside them has sources and licences."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent
STYLES = FOLDER / "styles"


def sample_files() -> list[Path]:
    """Return the photographs and the attribution of all samples, sorted by name."""
    return sorted(path for path in FOLDER.iterdir() if path.suffix in (".jpg", ".md"))


def style_files() -> list[Path]:
    """Return the pictures to take a style from and the attribution, sorted by name."""
    return sorted([*STYLES.glob("*.jpg"), FOLDER / "ATTRIBUTION.md"], key=lambda path: path.name)
