"""What is said after a change was taken back, or could not be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from medic.alerts.compose import News, follow_up
from medic.alerts.fixes import command_to_set
from medic.alerts.model import Alert, AlertKind, Section

if TYPE_CHECKING:
    from medic.events import Scope
    from medic.incidents.incident import Incident
    from medic.remediation.undo import Undone


def compose_undone(scope: Scope, incident: Incident, undone: Sequence[Undone]) -> Alert:
    """The alert on an undoing: what was taken back, and for what could not be, the command that does it by hand."""
    done = all(each.result.done for each in undone)
    summary = (
        f"{incident.undo_asked_by or 'Somebody'} asked to undo what the bot changed.",
        "It is not done again unless somebody asks for it.",
    )
    sections = (Section("What became of it", tuple(_lines(undone))),)
    headline = "change taken back" if done else "change could not be taken back"
    return follow_up(scope, incident, AlertKind.UNDONE, News(headline, summary, sections))


def _lines(undone: Sequence[Undone]) -> Iterator[str]:
    for each in undone:
        yield f"{each.result.value.capitalize()}: {each.detail}"
        if not each.result.done:
            yield f"To do it yourself: {command_to_set(each.change.kind, each.change.target, each.change.previous_arn)}"
