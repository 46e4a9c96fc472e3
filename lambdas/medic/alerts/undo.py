"""What is said after a change was taken back, or could not be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from medic.alerts.console import app_url
from medic.alerts.fixes import command_to_set
from medic.alerts.model import Alert, AlertKind, Fact, Link
from medic.redaction import redact

if TYPE_CHECKING:
    from medic.events import Scope
    from medic.incidents.model import Incident
    from medic.remediation.undo import Undone


def compose_undone(scope: Scope, incident: Incident, undone: Sequence[Undone]) -> Alert:
    """The alert on an undoing: what was taken back, and for what could not be, the command that does it by hand."""
    done = all(each.result.done for each in undone)
    name = incident.app_name or scope.app_id
    what = "change taken back" if done else "change could not be taken back"
    return Alert(
        kind=AlertKind.UNDONE,
        incident_id=incident.id,
        title=redact(f"{name} / {scope.branch}: {what}"),
        summary=(
            redact(f"{incident.undo_asked_by or 'Somebody'} asked to undo what the bot changed."),
            "It is not done again unless somebody asks for it.",
        ),
        facts=(
            Fact("App", redact(f"{name} ({scope.app_id})")),
            Fact("Branch", redact(scope.branch)),
            Fact("Account", f"{scope.account} / {scope.region}"),
        ),
        done=tuple(map(redact, _lines(undone))),
        links=(Link("App", app_url(scope)),),
        channel=incident.channel,
    )


def _lines(undone: Sequence[Undone]) -> Iterator[str]:
    for each in undone:
        yield f"{each.result.value.capitalize()}: {each.detail}"
        if not each.result.done:
            yield f"To do it yourself: {command_to_set(each.change.kind, each.change.target, each.change.previous_arn)}"
