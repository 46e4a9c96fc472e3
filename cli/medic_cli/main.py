"""The command group. A command's module is imported when it is called: one command's imports never cost another."""

from __future__ import annotations

from importlib import import_module, metadata
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Mapping

_COMMANDS: Mapping[str, str] = {
    "approve": "Approve what the bot proposed, exactly.",
    "classify": "Say what a log shows: the label, the findings, the lines.",
    "compare": "Show what differs between two branches.",
    "completion": "Print a shell's completion script.",
    "diagnose": "Say why a build failed, from AWS or from files.",
    "explain": "Show what is known of a failure, a cause or a remedy.",
    "fix": "Have the bot diagnose a failure anew, and do what comes out.",
    "history": "List the incidents: what happened, what changed, and why.",
    "mute": "Hear nothing of an app or a branch for a while.",
    "opt-in": "Tag a branch, and say what that allows.",
    "opt-out": "Remove the tags that let the bot change a branch.",
    "redact": "Take secrets out of a text.",
    "replay-dlq": "Hand the bot again what could not be handled.",
    "scan": "Look at every app and branch for what will fail, or is dangerous.",
    "snapshot": "Write down how things stand, before anything is changed.",
    "test-alert": "Send a sample through every alert channel.",
    "trust": "Say whether a trust policy lets Amplify assume a role, and why.",
    "undo": "Have the bot take back what it set.",
}
"""Every command and the line that `medic --help` shows for it; its module is `medic_cli.commands.<name>`."""


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        module = import_module(f"medic_cli.commands.{cmd_name.replace('-', '_')}")
        found: click.Command = module.command
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(sorted(_COMMANDS.items()))


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
