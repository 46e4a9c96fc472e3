"""Every alert that follows the first one fits its incident, whatever happened to the incident before."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from medic.actions.outcome import UndoOutcome, UndoResult
from medic.alerts import compose
from medic.alerts.model import Alert, AlertKind
from medic.alerts.slack import render_brief
from medic.alerts.sns import render_text
from medic.evidence import JobRef
from medic.incidents.model import Change, ChangeState, Incident
from medic.labels import ActionKind, Label, RoleKind, Trigger
from medic.records import replace
from tests.gallery.samples import SCOPE, sample
from tests.unit.alerts.test_slack import shown_text
from tests.unit.diagnosis.diagnosing import COMPUTE_ROLE, NOW, STARTED

if TYPE_CHECKING:
    from collections.abc import Callable

_OPENED = Incident.open(
    SCOPE, (RoleKind.COMPUTE, Label.CREDENTIALS_MISSING_RUNTIME), JobRef("7", STARTED), app_name="shop", now=NOW
)
_BUILD = replace(_OPENED, reason="likely: the repository connection is lost", undo_asked_by="session:medic-dev")
_RUNTIME = replace(_OPENED, trigger=Trigger.RUNTIME)


def _changed(incident: Incident, state: ChangeState) -> Incident:
    change = Change(ActionKind.ATTACH_COMPUTE, SCOPE.branch_arn, COMPUTE_ROLE, None, state, NOW, NOW)
    return incident.with_change(change, NOW)


INCIDENTS = [
    incident if state is None else _changed(incident, state)
    for incident in (_BUILD, _RUNTIME, replace(_RUNTIME, rebuilt_at=NOW))
    for state in (None, *ChangeState)
]
"""Without a change, and with one in every state."""


def _undone(incident: Incident, result: UndoResult) -> Alert:
    return compose.compose_undone(
        SCOPE, incident, [UndoOutcome(each, result, "the detail") for each in incident.changes]
    )


FOLLOW_UPS: dict[str, Callable[[Incident], Alert]] = {
    "resolved": lambda incident: compose.compose_resolved(SCOPE, incident, "9"),
    "quiet": lambda incident: compose.compose_quiet(SCOPE, incident, 60),
    "not helped": lambda incident: compose.compose_not_helped(SCOPE, incident, "9"),
    "still logged": lambda incident: compose.compose_still_logged(SCOPE, incident),
    "no traffic": lambda incident: compose.compose_no_traffic(SCOPE, incident),
    "expired": lambda incident: compose.compose_expired(SCOPE, incident),
    "outcome unknown": lambda incident: compose.compose_outcome_unknown(SCOPE, incident),
    "unreported": lambda incident: compose.compose_unreported(SCOPE, incident, "GetJob was throttled"),
    "replacement": lambda incident: compose.compose_replacement(SCOPE, incident),
    "undiagnosed": lambda incident: compose.compose_undiagnosed(SCOPE, incident, "the log is cut", "Look at the log."),
    "not rebuilt": lambda incident: compose.compose_not_rebuilt(SCOPE, incident, "job 8 is newer"),
    "undone": lambda incident: _undone(incident, UndoResult.DETACHED),
    "not undone": lambda incident: _undone(incident, UndoResult.REFUSED),
    "muted": lambda incident: compose.compose_muted(SCOPE, incident, NOW + timedelta(hours=2), "session:medic-dev"),
    "log missing": lambda incident: compose.compose_log_missing(SCOPE, incident),
}
every_function = pytest.mark.parametrize("name", FOLLOW_UPS)


@every_function
def test_only_a_known_recovery_says_recovered(name: str) -> None:
    for incident in INCIDENTS:
        alert = FOLLOW_UPS[name](incident)
        assert (alert.kind is AlertKind.RESOLVED) == (name in {"resolved", "quiet"})
        said = re.search(r"\b(fixed|recovered|repaired)\b", render_text(alert), re.IGNORECASE)
        assert bool(said) == (alert.kind is AlertKind.RESOLVED)


@every_function
def test_a_change_is_named_as_made_only_if_it_is_in_the_record(name: str) -> None:
    for incident in INCIDENTS:
        told = render_text(FOLLOW_UPS[name](incident))
        if "→" in told and not incident.applied:
            assert name == "outcome unknown"
            assert f"({incident.changes[0].state})" in told, "the record says how far it got"
        assert ("medic undo" in told) == (name == "not helped")


@every_function
def test_there_is_one_next_step_on_one_phone_screen(name: str) -> None:
    for incident in INCIDENTS:
        alert = FOLLOW_UPS[name](incident)
        labels = [line.name for line in alert.brief]
        assert labels.count("Next step") == (alert.kind is not AlertKind.RESOLVED)
        message = render_brief(alert, buttons=True)
        shown = shown_text(message).strip()
        assert len(message["blocks"]) <= 6
        assert len(shown.splitlines()) + 1 <= 10
        assert len(shown) <= 900


def test_every_function_that_follows_an_incident_is_tried() -> None:
    others = {"report", "test", "storm", "storm_over", "build_failed", "builds_failing", "builds_reported_again"}
    names = {name.removeprefix("compose_") for name in vars(compose) if name.startswith("compose_")}
    assert names - others == {name.replace(" ", "_") for name in FOLLOW_UPS if name != "not undone"}


@pytest.mark.parametrize("kind", [AlertKind.STORM, AlertKind.STORM_OVER])
def test_a_storm_lists_a_command_for_each_open_incident_and_for_no_other(kind: AlertKind) -> None:
    listed = [line for section in sample(kind).sections for line in section.items if " / " in line]
    assert [", open: medic " in line for line in listed] == [", open" in line for line in listed]


def test_a_storm_s_command_changes_something_only_where_the_branch_is_opted_in() -> None:
    lists = {section.heading: section.items for section in sample(AlertKind.STORM).sections}
    assert all(": medic fix " in line for line in lists["Opted in"])
    assert all(": medic diagnose " in line for line in lists["Not opted in"])
