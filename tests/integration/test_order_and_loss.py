"""Messages come late, twice, out of order or never. What AWS says about the jobs decides, not when a message came."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from medic.alerts.compose import compose_resolved
from medic.aws.amplify import AmplifyActor, AmplifyReader
from medic.aws.errors import RetryableError
from medic.evidence import Job, Present, Read
from medic.flows.locked_branch import RecordedError
from medic.incidents.model import IncidentState
from medic.incidents.table import BusyError, branch_key
from medic.records import replace
from tests.integration.test_deadlines import OPTED_IN, REBUILDING, lost_connection
from tests.integration.test_requests import TAG, incident, scope

if TYPE_CHECKING:
    from medic.alerts.model import Alert
    from medic.incidents.model import Incident
    from tests.integration.conftest import World

MINUTE, DAY = 60, 24 * 3600


def incidents(world: World, app: str) -> list[Incident]:
    """The branch's incidents, oldest first."""
    return sorted(world.services().table.read(scope(world, app)).incidents, key=lambda each: each.opened_at)


# --- late and forged


def test_a_message_with_todays_time_about_an_old_job_changes_nothing(world: World) -> None:
    app = lost_connection(world, {})
    event = world.build(app)
    world.amplify.control.advance(90 * DAY)
    world.amplify.fake.state.branch(app, "main")[1].tags.update(REBUILDING)
    world.deliver({**event, "time": world.now().isoformat()})
    assert world.calls("UpdateBranch") == []
    assert len(world.calls("StartJob")) == 1
    assert "✗ Guardrail fresh: the job ended" in world.alerts()[0]


def test_a_late_message_about_a_recent_job_is_acted_on(world: World) -> None:
    event = world.build(lost_connection(world, OPTED_IN))
    world.amplify.control.advance(29 * MINUTE)
    world.deliver({**event, "time": "2020-01-01T00:00:00Z"})
    assert len(world.calls("UpdateBranch")) == 1


@pytest.mark.parametrize("told_of_success", [True, False], ids=["success told", "success lost"])
def test_a_failure_that_comes_after_a_newer_success_changes_nothing(world: World, *, told_of_success: bool) -> None:
    app = lost_connection(world, REBUILDING)
    failed = world.build(app)
    world.amplify.control.set_connection(app, "ok")
    world.amplify.control.advance(MINUTE)
    succeeded = world.build(app)
    if told_of_success:
        world.deliver(succeeded)
    world.deliver(failed)
    assert world.calls("UpdateBranch") == []
    assert len(world.calls("StartJob")) == 2
    failing, recovered = world.alerts()
    assert "✗ Guardrail fresh: job 2 has succeeded since" in failing
    assert "Recovered" in recovered
    assert incident(world, app).state is IncidentState.RESOLVED


def test_jobs_that_can_not_be_listed_refuse_a_change(world: World) -> None:
    event = world.build(lost_connection(world, OPTED_IN))
    world.amplify.control.deny("ListJobs")
    world.deliver(event)
    assert world.calls("UpdateBranch") == []
    assert "✗ Guardrail fresh: the branch's jobs could not be read" in world.alerts()[0]


Listing = Callable[[tuple[Job, ...]], tuple[Job, ...]]


def nothing(_: tuple[Job, ...]) -> tuple[Job, ...]:
    return ()


def still_running(jobs: tuple[Job, ...]) -> tuple[Job, ...]:
    return tuple(replace(job, status="RUNNING", ended_at=None) for job in jobs)


def let_lag(world: World, monkeypatch: pytest.MonkeyPatch, shown: Listing, seconds: float) -> None:
    """ListJobs shows an earlier state for so many seconds."""
    until, list_jobs = world.now() + timedelta(seconds=seconds), AmplifyReader.jobs

    def late(reader: AmplifyReader, app_id: str, branch: str) -> Read[tuple[Job, ...]]:
        jobs = list_jobs(reader, app_id, branch)
        return Present(shown(jobs.value)) if isinstance(jobs, Present) and world.now() < until else jobs

    monkeypatch.setattr(AmplifyReader, "jobs", late)


LAGS = pytest.mark.parametrize("shown", [nothing, still_running])


@LAGS
def test_a_change_waits_while_list_jobs_lags_behind_its_event(
    world: World, monkeypatch: pytest.MonkeyPatch, shown: Listing
) -> None:
    event = world.build(lost_connection(world, OPTED_IN))
    let_lag(world, monkeypatch, shown, MINUTE)
    with pytest.raises(RetryableError, match="does not show the end of job 1 yet"):
        world.deliver(event)
    assert world.alerts() == []
    world.amplify.control.advance(MINUTE)
    world.deliver(event)
    assert len(world.calls("UpdateBranch")) == 1
    assert len(world.alerts()) == 1


def show_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    read = AmplifyReader.job

    def job(self: AmplifyReader, *args: str) -> Any:
        found = read(self, *args)
        assert isinstance(found, Present)
        return Present(replace(found.value, job=replace(found.value.job, ended_at=None)))

    monkeypatch.setattr(AmplifyReader, "job", job)


def test_a_change_waits_while_get_job_shows_no_end_of_the_job(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    event = world.build(lost_connection(world, OPTED_IN))
    with monkeypatch.context() as lagging:
        show_no_end(lagging)
        with pytest.raises(RetryableError, match="does not show the end of job 1 yet"):
            world.deliver(event)
    assert world.alerts() == []
    world.deliver(event)
    assert len(world.calls("UpdateBranch")) == 1


def test_a_failure_whose_end_get_job_never_shows_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    event = world.build(lost_connection(world, OPTED_IN))
    show_no_end(monkeypatch)
    world.deliver(event, age=11 * MINUTE)
    assert world.calls("UpdateBranch") == []
    assert "✗ Guardrail fresh: AWS does not say when it happened" in world.alerts()[0]


@pytest.mark.parametrize("obstacle", [None, "GetApp"], ids=["diagnosed", "undiagnosed"])
def test_a_told_failure_is_no_dead_letter_because_later_jobs_can_not_be_listed(
    world: World, obstacle: str | None
) -> None:
    app = lost_connection(world, {})
    failed = world.build(app)
    world.amplify.control.set_connection(app, "ok")
    world.amplify.control.advance(MINUTE)
    world.build(app)
    for operation in filter(None, ("ListJobs", obstacle)):
        world.amplify.control.deny(operation)
    world.deliver(failed)
    assert len(world.alerts()) == 1
    assert not incident(world, app).state.closed


def test_a_change_is_refused_if_list_jobs_never_shows_its_job(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    event = world.build(lost_connection(world, OPTED_IN))
    let_lag(world, monkeypatch, nothing, DAY)
    world.amplify.control.advance(11 * MINUTE)
    world.deliver(event)
    assert world.calls("UpdateBranch") == []
    assert "✗ Guardrail fresh: ListJobs does not list job 1" in world.alerts()[0]


@LAGS
def test_a_rebuild_waits_while_list_jobs_lags(world: World, monkeypatch: pytest.MonkeyPatch, shown: Listing) -> None:
    app = lost_connection(world, REBUILDING)
    event = world.build(app)
    set_role = AmplifyActor.set_compute_role

    def set_and_lag(actor: AmplifyActor, app_id: str, branch: str, role_arn: str) -> None:
        set_role(actor, app_id, branch, role_arn)
        let_lag(world, monkeypatch, shown, MINUTE)

    monkeypatch.setattr(AmplifyActor, "set_compute_role", set_and_lag)
    monkeypatch.setattr("medic.flows.respond.cache", lambda read: read)
    with suppress(RecordedError):
        world.deliver(event)
    assert [call["body"]["jobType"] for call in world.calls("StartJob")] == ["RELEASE"]
    for _ in range(3):
        world.amplify.control.advance(MINUTE)
        world.watch()
    assert [call["body"]["jobType"] for call in world.calls("StartJob")] == ["RELEASE", "RETRY"]
    assert not any("superseded" in alert or "not rebuilt" in alert for alert in world.alerts())


def test_two_failures_in_reverse_order_cause_one_incident_and_one_alert(world: World) -> None:
    app = lost_connection(world, {})
    first = world.build(app)
    world.amplify.control.advance(MINUTE)
    second = world.build(app)
    world.deliver(second)
    world.deliver(first)
    assert [(each.job_id, each.count) for each in incidents(world, app)] == [("2", 1)]
    assert len(world.alerts()) == 1


# --- what a later job says


@pytest.mark.parametrize("tags", [{}, OPTED_IN], ids=["reported", "changed"])
def test_a_later_job_that_is_cancelled_resolves_nothing(world: World, tags: dict[str, str]) -> None:
    app = lost_connection(world, tags)
    world.deliver(world.build(app))
    state = incident(world, app).state
    world.amplify.control.set_build_time(10 * MINUTE)
    world.amplify.control.advance(MINUTE)
    world.build(app)
    world.client("amplify").stop_job(appId=app, branchName="main", jobId="2")
    cancelled = dict(world.amplify.events[-1])
    assert cancelled["detail"]["jobStatus"] == "CANCELLED"
    world.deliver(cancelled)
    assert incident(world, app).state is state
    assert len(world.alerts()) == 1


def test_a_later_push_that_fails_alike_shows_that_the_change_did_not_help(world: World) -> None:
    app = lost_connection(world, OPTED_IN)
    world.deliver(world.build(app))
    assert incident(world, app).state is IncidentState.APPLIED
    world.amplify.control.advance(2 * MINUTE)
    world.amplify.control.push(app, "main", "0123456789")
    world.deliver(dict(world.amplify.events[-1]))
    assert incident(world, app).state is IncidentState.NOT_HELPED
    assert "Still failing" in world.alerts()[1]
    assert len(world.calls("UpdateBranch")) == 1


# --- a branch that is deleted and created again


def recreate(world: World, app: str, **fields: object) -> None:
    amplify = world.client("amplify")
    amplify.delete_branch(appId=app, branchName="main")
    world.amplify.control.advance(MINUTE)
    amplify.create_branch(appId=app, branchName="main", stage="PRODUCTION", tags=OPTED_IN, **fields)


def test_a_branch_that_is_created_again_is_a_new_branch(world: World) -> None:
    app = lost_connection(world, {})
    for _ in range(2):
        world.deliver(world.build(app))
        world.amplify.control.advance(MINUTE)
    recreate(world, app)
    event = world.build(app)
    assert event["detail"]["jobId"] == "1"
    world.deliver(event)
    old, new = incidents(world, app)
    assert (old.state, old.count, new.count) == (IncidentState.EXPIRED, 2, 1)
    assert world.compute_role(app) == world.default_role_arn
    assert len(world.alerts()) == 2


def test_a_failure_of_a_branch_that_is_created_again_says_nothing_about_the_old_change(world: World) -> None:
    app = lost_connection(world, OPTED_IN)
    world.deliver(world.build(app))
    world.amplify.control.advance(61 * MINUTE)
    recreate(world, app)
    world.deliver(world.build(app))
    old, new = incidents(world, app)
    assert (old.state, new.state) == (IncidentState.EXPIRED, IncidentState.APPLIED)
    assert old.note == "the branch was deleted and created again"
    assert not new.tried_before
    _, deleted, changed_again = world.alerts()
    assert old.id in deleted
    assert "the branch was deleted and created again" in deleted
    assert "Still failing" not in changed_again


def test_a_success_of_a_branch_that_is_created_again_is_no_recovery_of_the_old_one(world: World) -> None:
    app = lost_connection(world, {})
    world.deliver(world.build(app))
    recreate(world, app)
    world.amplify.control.set_connection(app, "ok")
    world.deliver(world.build(app))
    ended = incident(world, app)
    assert (ended.state, ended.note) == (IncidentState.EXPIRED, "the branch was deleted and created again")
    assert len(world.alerts()) == 1


def test_a_success_that_closes_two_incidents_keeps_the_branch_until_both_are_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.settings["notify"] = "all_failures"
    app = lost_connection(world, {})
    world.deliver(world.build(app))
    world.amplify.control.set_connection(app, "ok")
    world.deliver(world.build(app, outcome="npm_failure"))
    world.amplify.control.script_builds(app, "main", "ok")

    def busy(*arguments: Any) -> Alert:
        with pytest.raises(BusyError), world.services().table.hold(scope(world, app)):
            pass
        return compose_resolved(*arguments)

    monkeypatch.setattr("medic.flows.settle.compose_resolved", busy)
    world.deliver(world.build(app))
    assert sum("Recovered" in alert for alert in world.alerts()) == 2


def test_a_success_is_handled_again_if_its_branch_can_not_be_read(world: World) -> None:
    app = lost_connection(world, {})
    world.deliver(world.build(app))
    world.amplify.control.set_connection(app, "ok")
    succeeded = world.build(app)
    world.amplify.control.deny("GetBranch")
    with pytest.raises(RetryableError, match="GetBranch"):
        world.deliver(succeeded)
    world.amplify.control.deny("GetBranch", denied=False)
    world.deliver(succeeded)
    assert incident(world, app).state is IncidentState.RESOLVED


def test_the_same_branch_after_its_record_was_lost_is_diagnosed_again(world: World) -> None:
    app = lost_connection(world, {TAG: "ask"})
    event = world.build(app)
    world.deliver(event)
    world.client("dynamodb").delete_item(TableName="incidents", Key={"pk": {"S": branch_key(scope(world, app))}})
    world.deliver(event)
    assert incident(world, app).state is IncidentState.AWAITING_APPROVAL
