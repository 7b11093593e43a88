"""`dltk recipes`."""

from __future__ import annotations

import click

from dltk.cli import options


@click.group(
    short_help="List the recipes, or copy one to change it.",
    epilog="\b\nExamples:\n  dltk recipes list\n  dltk recipes copy classify my_classify.py",
)
def recipes():
    """The Python behind the commands, to import or to copy and change."""


def _modules() -> dict:
    import pkgutil

    import recipes as package

    modules = pkgutil.iter_modules(package.__path__)
    return {module.name: module for module in modules if not module.name.startswith("_")}


@recipes.command("list", short_help="List the recipes.")
def list_recipes():
    """List the recipes with what they do."""
    import ast
    from pathlib import Path

    modules = _modules()
    width = max(map(len, modules)) + 2
    for name, module in modules.items():
        source = Path(module.module_finder.path) / f"{name}.py"
        summary = (ast.get_docstring(ast.parse(source.read_text())) or "").splitlines()[0]
        click.echo(f"{name:{width}}{summary}")


@recipes.command("copy", short_help="Copy a recipe's file.")
@click.argument("name")
@click.argument("target", required=False, type=click.Path(), metavar="[FILE|DIR]")
@options.quiet
@options.debug
def copy_recipe(name, target, quiet):
    """Copy the recipe NAME to FILE or DIR (default: NAME.py here). It runs as it is."""
    import shutil
    from pathlib import Path

    from dltk.errors import UsageError, nearest, printable
    from dltk.files import whole

    known = _modules()
    if name not in known:
        raise UsageError(f'no recipe "{name}".{nearest(name, known)} They are: {", ".join(known)}')
    path = Path(target or f"{name}.py")
    path = path / f"{name}.py" if path.is_dir() else path
    if path.exists():
        raise UsageError(f"{printable(path)} is there already; name another file")
    with whole(path) as part:
        shutil.copyfile(Path(known[name].module_finder.path) / f"{name}.py", part)
    if not quiet:
        click.echo(path)
