"""What is installed: all of the source, and the files that it reads."""

import tomllib
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]


def test_every_module_is_in_a_package_that_is_installed():
    folders = {path.parent.relative_to(ROOT) for top in ("dltk", "recipes")
               for path in (ROOT / top).rglob("*.py")}  # fmt: skip
    assert len(folders) > 20
    for folder in folders:
        assert (ROOT / folder / "__init__.py").exists(), folder
        name = ".".join(folder.parts)
        assert any(fnmatch(name, pattern) for pattern in SETTINGS["packages"]["find"]["include"])


def test_every_file_that_is_no_module_is_installed_too():
    patterns = SETTINGS["package-data"]["dltk"]
    for path in (ROOT / "dltk").rglob("*"):
        name = path.relative_to(ROOT / "dltk").as_posix()
        if path.is_file() and path.suffix not in (".py", ".pyc"):
            assert any(fnmatch(name, pattern) for pattern in patterns), name
