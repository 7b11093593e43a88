"""`dltk completion`."""

from __future__ import annotations

import click

_INSTALL = {
    "bash": 'eval "$(dltk completion bash)" in ~/.bashrc',
    "zsh": 'eval "$(dltk completion zsh)" in ~/.zshrc',
    "fish": "dltk completion fish | source in ~/.config/fish/config.fish",
}


@click.command(
    short_help="Print a script that completes dltk's words in your shell.",
    epilog="\b\nExamples:\n" + "\n".join(f"  {line}" for line in _INSTALL.values()),
)
@click.argument("shell", type=click.Choice(sorted(_INSTALL)))
def completion(shell):
    """Print the completion script for SHELL: commands, options and names of models."""
    from click.shell_completion import get_completion_class

    from dltk.cli.main import cli

    click.echo(get_completion_class(shell)(cli, {}, "dltk", "_DLTK_COMPLETE").source())
