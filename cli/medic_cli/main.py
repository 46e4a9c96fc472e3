"""The command group. A command's module is imported when it is called: one command's imports never cost another."""

from __future__ import annotations

from importlib import import_module, metadata
from typing import TYPE_CHECKING

import click

from medic_cli.options import examples

if TYPE_CHECKING:
    from collections.abc import Mapping

_COMMANDS: Mapping[str, tuple[str, str]] = {
    "approve": ("operator.commands:approve_command", "Approve what the bot proposed, exactly."),
    "classify": ("commands.classify:command", "Say what a log shows: the label, the findings, the lines."),
    "compare": ("snapshot.command:compare_command", "Show what differs between two branches."),
    "completion": ("main:completion_command", "Print a shell's completion script."),
    "diagnose": ("diagnose.command:command", "Say why a build failed, from AWS or from files."),
    "explain": ("commands.explain:command", "Show what is known of a failure, a cause or a remedy."),
    "fix": ("operator.commands:fix_command", "Re-diagnose a branch now and apply the fix."),
    "history": ("operator.commands:history_command", "List the incidents: what happened, what changed, and why."),
    "mute": ("operator.commands:mute_command", "Mute alerts (and fixes) for an app or branch."),
    "opt-in": ("opt:opt_in_command", "Tag a branch, and say what that allows."),
    "opt-out": ("opt:opt_out_command", "Remove the tags that let the bot change a branch."),
    "redact": ("commands.redact:command", "Take secrets out of a text."),
    "replay-dlq": ("operator.replay:command", "Re-send failed events from the dead-letter queues."),
    "scan": ("scan.command:command", "Look at every app and branch for what will fail, or is dangerous."),
    "snapshot": ("snapshot.command:snapshot_command", "Save the state of an app's branches, before a change."),
    "test-alert": ("commands.send_test_alert:command", "Send a sample through every alert channel."),
    "trust": ("commands.trust:command", "Say whether a trust policy lets Amplify assume a role, and why."),
    "undo": ("operator.commands:undo_command", "Undo a role change that the bot made."),
}
"""Every command: where its function is (`module:name` below `medic_cli`), and its line in `medic --help`."""


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name][0].partition(":")
        found: click.Command = getattr(import_module(f"medic_cli.{module}"), name)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in sorted(_COMMANDS.items())])


def _print_version(ctx: click.Context, _option: click.Parameter, wanted: bool) -> None:  # noqa: FBT001 - click's signature
    if wanted and not ctx.resilient_parsing:
        click.echo(f"medic {metadata.version('amplify-medic')}")
        ctx.exit()


@click.group(
    cls=_LazyGroup,
    epilog="medic COMMAND --help shows a command's options, and examples.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version,
              help="Show the version and exit.")  # fmt: skip
def main() -> None:
    """Diagnose AWS Amplify Hosting's IAM failures, and mend what a branch's owner opted in to.

    Exits with 0 if all is fine, 1 if something is wrong or refused, 2 on wrong usage, 3 if it could not look.
    """


_SHELLS = ("bash", "zsh", "fish")
_COMPLETION_EXAMPLES = examples(
    'eval "$(medic completion bash)"                     # in ~/.bashrc',
    'eval "$(medic completion zsh)"                      # in ~/.zshrc',
    "medic completion fish > ~/.config/fish/completions/medic.fish",
)


@click.command("completion", epilog=_COMPLETION_EXAMPLES)
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def completion_command(context: click.Context, shell: str) -> None:
    """Print the script that completes medic's commands and options in a shell.

    Exits with 0.
    """
    from click.shell_completion import get_completion_class  # noqa: PLC0415 - only this command needs it

    made = get_completion_class(shell)
    if made is None:
        raise click.UsageError(f"This version of click completes nothing in {shell}.")
    click.echo(made(context.find_root().command, {}, "medic", "_MEDIC_COMPLETE").source())
