"""Incidents are read from the table as they were written, and every open incident has a deadline."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medic.codec import from_text, to_text
from medic.events import Scope
from medic.evidence import JobRef
from medic.incidents.model import DEADLINES, Change, ChangeState, Incident, IncidentState, JobOrder
from medic.incidents.record import BranchRecord
from medic.labels import ActionKind, BotLabel, Label, RoleKind, Trigger
from medic.plan.model import Action, Disposition
from medic.records import replace
from medic.settings import Mode

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SCOPE = Scope("aws", "111122223333", "eu-central-1", "d1abc", "feature/x")
KIND = (RoleKind.SERVICE, Label.SERVICE_ROLE_UNASSUMABLE)

times = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds
words = st.text(max_size=20)
changes = st.builds(
    Change,
    kind=st.sampled_from(ActionKind),
    target=words,
    role_arn=words,
    previous_arn=st.none() | words,
    state=st.sampled_from(ChangeState),
    intended_at=times,
    applied_at=st.none() | times,
    note=words,
)
actions = st.builds(
    Action,
    kind=st.sampled_from(ActionKind),
    disposition=st.sampled_from(Disposition),
    target=words,
    role_arn=st.none() | words,
    previous_arn=st.none() | words,
    reason=words,
    rule=words,
    answers=st.just(()),
)
incidents = st.builds(
    Incident,
    id=words,
    label=st.sampled_from([*Label, *BotLabel]),
    role_kind=st.sampled_from(RoleKind),
    state=st.sampled_from(IncidentState),
    opened_at=times,
    updated_at=times,
    deadline=times,
    job_id=words,
    job_started_at=st.none() | times,
    count=st.integers(1, 99),
    app_name=words,
    plan_hash=words,
    tried_before=st.booleans(),
    last_alerted_plan=st.lists(actions, max_size=2).map(tuple),
    changes=st.lists(changes, max_size=2).map(tuple),
    rebuild_intended_at=st.none() | times,
    rebuild_job_id=st.none() | words,
    note=words,
    alerted=st.lists(words, max_size=3).map(tuple),
    alert_due=words,
    trigger=st.sampled_from(Trigger),
    mode=st.sampled_from(Mode),
    threads=st.dictionaries(words, words, max_size=2),
    unknown=st.dictionaries(st.sampled_from(["newer", "newest"]), st.integers() | words, max_size=2),
)


@given(st.lists(incidents, max_size=3).map(tuple))
def test_incidents_are_read_as_they_were_written(written: tuple[Incident, ...]) -> None:
    assert from_text(tuple[Incident, ...], to_text(written)) == written


def opened(job_id: str = "7", *, minute: int = 0) -> Incident:
    job = JobRef(job_id, NOW + timedelta(minutes=minute))
    return Incident.open(SCOPE, KIND, job, app_name="shop", now=NOW)


@pytest.mark.parametrize(
    ("job", "order"),
    [
        (JobRef("7", NOW), JobOrder.SAME),
        (JobRef("6", NOW - timedelta(minutes=1)), JobOrder.EARLIER),
        (JobRef("8", NOW + timedelta(minutes=1)), JobOrder.LATER),
        (JobRef("7", NOW + timedelta(minutes=1)), JobOrder.LATER),
        (JobRef("1", NOW + timedelta(minutes=1)), JobOrder.LATER),
        (JobRef("8", None), JobOrder.LATER),
        (JobRef("7", None), JobOrder.SAME),
    ],
    ids=[
        "same",
        "earlier",
        "later",
        "a retry under the same id",
        "a re-created branch",
        "no time, later",
        "no time, same",
    ],
)
def test_jobs_are_compared_by_start_time(job: JobRef, order: JobOrder) -> None:
    assert opened().compared_with(job) is order


def test_an_incident_opened_again_for_the_same_job_has_the_same_id() -> None:
    assert opened().id == opened().id
    assert opened("8").id != opened().id


@pytest.mark.parametrize("state", [state for state in IncidentState if not state.closed])
def test_every_open_state_has_a_deadline(state: IncidentState) -> None:
    moved = opened().moved(state, NOW)
    assert moved.deadline == NOW + DEADLINES[state]
    assert BranchRecord(SCOPE, incidents=(moved,)).due_at == moved.deadline


@pytest.mark.parametrize("state", [state for state in IncidentState if state.closed])
def test_a_closed_incident_is_due_only_while_an_alert_is_due(state: IncidentState) -> None:
    closed = opened().moved(state, NOW)
    assert BranchRecord(SCOPE, incidents=(closed,)).due_at is None
    with_alert = BranchRecord(SCOPE, incidents=(replace(closed, alert_due="resolved:8"),))
    assert with_alert.due_at is not None
    assert with_alert.overdue(NOW + timedelta(minutes=4)) != ()


def test_the_latest_incident_of_a_kind_is_found_and_earlier_ones_are_kept() -> None:
    first = opened().moved(IncidentState.NOT_HELPED, NOW)
    later = replace(opened("8"), opened_at=NOW + timedelta(hours=1))
    record = BranchRecord(SCOPE).with_incident(first).with_incident(later)
    assert record.incident(KIND) == later
    assert first in record.incidents


def test_closed_incidents_are_kept_up_to_a_limit_and_open_ones_always() -> None:
    record = BranchRecord(SCOPE).with_incident(opened("0"))
    for job in range(1, 100):
        at = NOW + timedelta(minutes=job)
        record = record.with_incident(
            replace(opened(str(job), minute=job), opened_at=at).moved(IncidentState.EXPIRED, at)
        )
    assert [incident.job_id for incident in record.incidents] == [*map(str, range(79, 99)), "0", "99"]


def test_incidents_without_a_change_push_none_with_one_out() -> None:
    change = Change(ActionKind.ATTACH_COMPUTE, "b", "r", None, ChangeState.APPLIED, NOW, applied_at=NOW)
    changed = replace(opened("0").moved(IncidentState.RESOLVED, NOW), changes=(change,))
    record = BranchRecord(SCOPE).with_incident(changed)
    for job in range(1, 50):
        at = NOW + timedelta(minutes=job)
        plain = replace(opened(str(job), minute=job), opened_at=at).moved(IncidentState.EXPIRED, at)
        record = record.with_incident(plain)
    assert [incident.job_id for incident in record.incidents] == ["0", *map(str, range(30, 50))]


def test_the_receipts_of_an_incident_are_bounded() -> None:
    incident = Incident.open(SCOPE, KIND, JobRef("1", NOW), app_name="shop", now=NOW)
    for job in range(5000):
        incident = incident.record_alert(f"failed:{job}", (f"failed:{job}/slack",), NOW, delivered=True)
    assert len(incident.alerted) == 100
    assert incident.has_alert("failed:4999")


def test_later_incidents_of_a_kind_remember_that_a_change_did_not_help() -> None:
    first = opened().moved(IncidentState.NOT_HELPED, NOW)
    second = opened("8").after(first, [first])
    third = opened("9").after(second.moved(IncidentState.EXPIRED, NOW), [first, second])
    assert (first.tried_before, second.tried_before, third.tried_before) == (False, True, True)


def test_a_new_incident_never_takes_the_id_of_an_earlier_one() -> None:
    first = opened().moved(IncidentState.NOT_HELPED, NOW)
    last = opened("8").moved(IncidentState.RESOLVED, NOW)
    second = opened().after(last, [first, last])
    third = opened().after(last, [first, last, second])
    assert len({first.id, last.id, second.id, third.id}) == 4


def test_an_incident_counts_the_jobs_that_showed_it() -> None:
    again = opened().repeated(JobRef("8", NOW + timedelta(minutes=5)), NOW)
    assert (again.count, again.job_id, again.id) == (2, "8", opened().id)
