"""The `medic` command group. It imports a command's module only when that command runs, so `medic --help` is fast."""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module
from typing import TYPE_CHECKING

import click

from medic import VERSION
from medic_cli.options import examples
from medic_cli.output import replace_unknown_characters

if TYPE_CHECKING:
    from collections.abc import Mapping

_COMMANDS: Mapping[str, tuple[str, str]] = {
    "approve": ("operator.commands:approve_command", "Approve the change that the bot proposed."),
    "classify": ("commands.classify:command", "Name the failure in a log."),
    "compare": ("snapshot.command:compare_command", "Show what differs between two branches."),
    "completion": ("main:completion_command", "Print the completion script for a shell."),
    "diagnose": ("diagnose.command:command", "Diagnose a failed build or the SSR runtime, and show the fix."),
    "doctor": ("doctor.command:command", "Check whether the deployed stack keeps its promises."),
    "explain": ("commands.explain:command", "Explain a failure, cause or fix from the knowledge base."),
    "fix": ("operator.commands:fix_command", "Re-diagnose a branch now and apply the fix."),
    "history": ("operator.commands:history_command", "List incidents: what happened, what changed, and why."),
    "mute": ("operator.commands:mute_command", "Mute alerts (and fixes) for an app or branch."),
    "opt-in": ("opt:opt_in_command", "Set the tags that let the bot change a branch."),
    "opt-out": ("opt:opt_out_command", "Remove the tags that let the bot change a branch."),
    "pause": ("operator.queues:pause_command", "Stop the bot. Messages wait in its queue."),
    "preflight": ("preflight.command:command", "Check a template or plan for what fails after it is deployed."),
    "redact": ("commands.redact:command", "Remove secrets from a text."),
    "replay-dlq": ("operator.queues:replay_command", "Move dead letters back to the remediator's queue."),
    "resume": ("operator.queues:resume_command", "Let a paused bot go on."),
    "scan": ("scan.command:command", "Check every app and branch for IAM problems and exposed keys."),
    "show": ("operator.commands:show_command", "Show one incident: why, what changed, and who asked for it."),
    "snapshot": ("snapshot.command:snapshot_command", "Save the state of an app's branches and roles."),
    "test-alert": ("commands.send_test_alert:command", "Send a sample alert through every channel."),
    "trust": ("commands.trust:command", "Evaluate a trust policy for Amplify, and show the smallest fix."),
    "undo": ("operator.commands:undo_command", "Undo a role change that the bot made."),
    "uninstall": ("commands.uninstall:command", "List what uses the role that stays when the stack is deleted."),
}
"""Command → its function (`module:name` below `medic_cli`) and its line in `medic --help`."""


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(f"medic_cli.{module}"), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in _COMMANDS and (close := get_close_matches(args[0], _COMMANDS)):
            ctx.fail(f"No such command {args[0]!r}. Did you mean {' or '.join(close)}?")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in sorted(_COMMANDS.items())])


def _print_version(ctx: click.Context, _option: click.Parameter, given: bool) -> None:  # noqa: FBT001 - click's signature
    if given and not ctx.resilient_parsing:
        click.echo(f"medic {VERSION}")
        ctx.exit()


@click.group(
    cls=_LazyGroup,
    epilog="medic COMMAND --help shows the options of a command, and examples."
    " The runbook is docs/runbook.md. Please report problems as issues of the repository.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version,
              help="Show the version and exit.")  # fmt: skip
def main() -> None:
    """Diagnose IAM failures of AWS Amplify Hosting, and fix branches that are opted in.

    Exits with 0 if all is fine, 1 if something is wrong or refused, 2 on wrong usage, 3 if it could not look
    (credentials, permission, network or file).
    """
    replace_unknown_characters()


_SHELLS = ("bash", "zsh", "fish")
_COMPLETION_EXAMPLES = examples(
    "In ~/.bashrc:",
    'eval "$(medic completion bash)"',
    "In ~/.zshrc:",
    'eval "$(medic completion zsh)"',
    "Once, for fish:",
    "medic completion fish > ~/.config/fish/completions/medic.fish",
)


@click.command("completion", epilog=_COMPLETION_EXAMPLES)
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def completion_command(context: click.Context, shell: str) -> None:
    """Print the script that makes a shell complete medic's commands and options.

    Exits with 0.
    """
    from click.shell_completion import get_completion_class  # noqa: PLC0415 - only this command needs it

    completion = get_completion_class(shell)
    if completion is None:
        raise click.UsageError(f"This version of click has no completion for {shell}.")
    click.echo(completion(context.find_root().command, {}, "medic", "_MEDIC_COMPLETE").source())
