"""`medic completion`: the script that lets a shell complete medic's commands and options. Offline."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from medic_cli.options import examples

_SHELLS = ("bash", "zsh", "fish")
_EXAMPLES = examples(
    'eval "$(medic completion bash)"                     # in ~/.bashrc',
    'eval "$(medic completion zsh)"                      # in ~/.zshrc',
    "medic completion fish > ~/.config/fish/completions/medic.fish",
)


@click.command("completion", epilog=_EXAMPLES)
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print the script that completes medic's commands and options in a shell.

    Exits with 0.
    """
    made = get_completion_class(shell)
    if made is None:
        raise click.UsageError(f"This version of click completes nothing in {shell}.")
    click.echo(made(context.find_root().command, {}, "medic", "_MEDIC_COMPLETE").source())
