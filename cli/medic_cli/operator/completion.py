"""Completes the ids of incidents, the newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from click.shell_completion import CompletionItem

from medic_cli.completion import one_line, within_time

if TYPE_CHECKING:
    from collections.abc import Iterable

    import click


def incidents(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Ids of the deployed bot's incidents, with branch, failure and state."""

    def find() -> Iterable[CompletionItem]:
        from medic_cli.aws import DeployedStack, session  # noqa: PLC0415 - only this completion needs them
        from medic_cli.operator.bot import connect_to_bot  # noqa: PLC0415

        given = context.params
        aws = session(given.get("profile"), given.get("region"))
        for found in reversed(tuple(connect_to_bot(aws, DeployedStack(aws, given["stack"])).history(None, None))):
            incident = found.incident
            if incident.id.startswith(incomplete):
                place = f"{incident.app_name or found.scope.app_id}/{found.scope.branch}"
                yield CompletionItem(incident.id, help=one_line(f"{place} {incident.label} {incident.state}"))

    return within_time(find)
