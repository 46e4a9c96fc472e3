"""A failed deployment is never dropped in silence: it is diagnosed, retried, or reported as undiagnosed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from medic.aws.amplify import AmplifyReader
from medic.aws.errors import RetryableError, ThrottledError
from medic.aws.logs import BuildLogSource, LogExpiredError, LogUnavailableError
from medic.events import RequestKind, Scope
from medic.evidence import Absent, Present
from medic.incidents.model import IncidentState
from medic.labels import BotLabel
from medic.records import replace
from medic.unpack import CutError, Gap
from tests.integration.test_requests import TAG, ask, incident, scope

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.conftest import World

HALF_AN_HOUR = 31 * 60


def failing(world: World) -> tuple[str, dict[str, Any]]:
    """An app that lost its repository, and the event of its failed job."""
    app = world.make_app(iamServiceRoleArn=world.make_role("service"))
    world.amplify.control.set_connection(app, "lost")
    return app, world.build(app)


def lagging(monkeypatch: pytest.MonkeyPatch, times: int, status: str | None = "RUNNING") -> None:
    """Let GetJob give this status so many times after the job has ended; None: no such job."""
    real, left = AmplifyReader.job, [times]

    def job(self: AmplifyReader, *args: str) -> Any:
        found = real(self, *args)
        left[0] -= 1
        if left[0] >= 0 and isinstance(found, Present):
            lags = status and Present(replace(found.value, job=replace(found.value.job, status=status)))
            return lags or Absent("the branch has no job")
        return found

    monkeypatch.setattr(AmplifyReader, "job", job)


def test_a_failure_whose_status_lags_is_retried_and_then_diagnosed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, event = failing(world)
    lagging(monkeypatch, 1)
    with pytest.raises(RetryableError, match="RUNNING"):
        world.deliver(event)
    assert world.alerts() == []

    world.deliver(event)
    assert incident(world, app).label != BotLabel.UNDIAGNOSED
    assert len(world.alerts()) == 1


def test_a_status_that_lags_for_long_is_reported_as_undiagnosed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    app, event = failing(world)
    lagging(monkeypatch, 99)
    world.deliver(event, age=HALF_AN_HOUR)

    assert incident(world, app).label == BotLabel.UNDIAGNOSED
    (alert,) = world.alerts()
    assert "could not find out why" in alert
    assert "GetJob still says RUNNING" in alert


def test_a_job_that_runs_again_under_its_id_is_not_reported_as_undiagnosed(world: World) -> None:
    world.amplify.control.set_questions(retry_job_id="same")
    app, event = failing(world)
    world.amplify.control.set_build_time(2 * HALF_AN_HOUR)
    world.amplify.control.advance(60)
    world.client("amplify").start_job(appId=app, branchName="main", jobType="RETRY", jobId="1")
    world.amplify.control.advance(HALF_AN_HOUR)
    world.deliver(event, age=HALF_AN_HOUR)
    assert world.alerts() == []

    world.amplify.control.advance(HALF_AN_HOUR)
    world.deliver(dict(world.amplify.events[-1]))
    assert incident(world, app).label != BotLabel.UNDIAGNOSED


def test_without_a_log_and_a_reason_the_failure_is_retried_and_then_reported(world: World) -> None:
    world.amplify.control.set_questions(log_url="absent")
    app, event = failing(world)
    with pytest.raises(RetryableError, match="has no log"):
        world.deliver(event)
    world.deliver(event, age=HALF_AN_HOUR)

    assert incident(world, app).label == BotLabel.UNDIAGNOSED
    assert "has no log" in world.alerts()[0]


@pytest.mark.parametrize("error", [LogUnavailableError("HTTP 404"), LogExpiredError("HTTP 403")])
def test_a_log_that_is_not_there_yet_is_retried_and_then_reported(
    world: World, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    app, event = failing(world)

    def chunks(_self: BuildLogSource, _url: str) -> Iterator[bytes]:
        yield from ()
        raise error

    monkeypatch.setattr(BuildLogSource, "chunks", chunks)
    with pytest.raises(RetryableError):
        world.deliver(event)
    world.deliver(event, age=HALF_AN_HOUR)

    assert incident(world, app).label == BotLabel.UNDIAGNOSED
    assert len(world.alerts()) == 1


@pytest.mark.parametrize("operation", ["GetJob", "GetApp", "GetBranch"])
def test_a_denied_call_is_reported_at_once_and_names_the_call(world: World, operation: str) -> None:
    app, event = failing(world)
    world.amplify.control.deny(operation)
    world.deliver(event)

    assert incident(world, app).label == BotLabel.UNDIAGNOSED
    (alert,) = world.alerts()
    assert operation in alert
    assert "Let the bot's role make this call" in alert


def test_a_log_that_is_cut_without_a_finding_is_not_called_harmless(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, event = failing(world)

    def chunks(_self: BuildLogSource, _url: str) -> Iterator[bytes]:
        yield b"[INFO]: npm run build\n"
        raise CutError("it is longer than 64 MiB")

    monkeypatch.setattr(BuildLogSource, "chunks", chunks)
    world.deliver(event)

    assert incident(world, app).label == BotLabel.UNDIAGNOSED
    assert "longer than 64 MiB" in world.alerts()[0]


DENIED = (
    b"2026-01-01T00:00:00.000Z [INFO]: # Executing command: npm run build\n"
    b"2026-01-01T00:00:01.000Z [WARNING]: AccessDenied: User: "
    b"arn:aws:sts::123456789012:assumed-role/service/BuildSession is not authorized to perform: s3:GetObject "
    b"on resource: arn:aws:s3:::b/k\n"
)


@pytest.mark.parametrize("text", [b"2026-01-01T00:00:00.000Z [INFO]: npm run build\n", DENIED], ids=["plain", "denied"])
def test_a_log_without_amplifys_verdict_is_read_again(
    world: World, monkeypatch: pytest.MonkeyPatch, text: bytes
) -> None:
    app, event = failing(world)
    with monkeypatch.context() as patch:
        patch.setattr(BuildLogSource, "chunks", lambda *_: iter([text]))
        with pytest.raises(RetryableError, match="verdict"):
            world.deliver(event)
    world.deliver(event)

    assert incident(world, app).label == "service_role_unassumable"


@pytest.mark.parametrize(
    ("text", "label", "said"),
    [
        (b"2026-01-01T00:00:00.000Z [INFO]: npm run build\n", "undiagnosed", "verdict is missing"),
        (DENIED, "access_denied_identity", "read in part, so more may have failed"),
    ],
)
def test_a_log_that_never_gets_a_verdict_is_not_called_harmless(
    world: World, monkeypatch: pytest.MonkeyPatch, text: bytes, label: str, said: str
) -> None:
    app, event = failing(world)
    world.amplify.control.advance(11 * 60)
    monkeypatch.setattr(BuildLogSource, "chunks", lambda *_: iter([text]))
    world.deliver(event)

    assert incident(world, app).label == label
    assert said in world.alerts()[0]


def test_an_empty_log_is_not_there_yet(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    app, event = failing(world)
    monkeypatch.setattr(BuildLogSource, "chunks", lambda *_: iter(()))
    with pytest.raises(RetryableError, match="still empty"):
        world.deliver(event)
    world.deliver(event, age=HALF_AN_HOUR)

    assert incident(world, app).label == BotLabel.UNDIAGNOSED


def test_a_url_that_expires_again_waits_and_is_then_reported(world: World) -> None:
    app, event = failing(world)
    real, expire = AmplifyReader.job, world.amplify.control.expire_logs

    def job(self: AmplifyReader, *args: str) -> Any:
        found = real(self, *args)
        expire()
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AmplifyReader, "job", job)
        with pytest.raises(RetryableError, match="no longer valid"):
            world.deliver(event)
        world.deliver(event, age=HALF_AN_HOUR)

    assert incident(world, app).label == BotLabel.UNDIAGNOSED


@pytest.mark.parametrize(("tail", "told"), [(True, True), (False, False)], ids=["in the tail", "in the head only"])
def test_of_a_log_with_a_gap_the_tail_decides(
    world: World, monkeypatch: pytest.MonkeyPatch, *, tail: bool, told: bool
) -> None:
    app, event = failing(world)
    stamp = b"2026-01-01T00:00:00Z "
    start, end = stamp + b"[INFO]: # Executing command: npm ci\n", stamp + b"[ERROR]: !!! Build failed\n"
    denial = stamp + (
        b"[WARNING]: AccessDenied: User: arn:aws:sts::123456789012:assumed-role/service/BuildSession is not authorized "
        b"to perform: s3:PutObject on resource: arn:aws:s3:::assets/x\n"
    )
    gap = Gap(1000, 7, "the log is longer than 67,108,864 bytes")
    parts = [start, gap, b"\n", denial, end] if tail else [start, denial, gap, b"\n", end]
    monkeypatch.setattr(BuildLogSource, "chunks", lambda *_: iter(parts))
    world.deliver(event)

    assert (incident(world, app).label != BotLabel.UNDIAGNOSED) is told
    assert told or "1,000 bytes after line 2 were not read" in world.alerts()[0]


def test_without_time_the_log_is_read_by_a_later_run(world: World) -> None:
    app, event = failing(world)
    services = world.services()
    services.time_left = lambda: 40.0
    log = services.gatherer.deployment(
        Scope("aws", world.amplify.account_id, "eu-central-1", app, "main"), event["detail"]["jobId"]
    )
    with pytest.raises(RetryableError, match="too little of the function's time"):
        services.gatherer.read_log(log, log.failed_phase)


def test_one_alert_a_day_for_a_branch_and_reason(world: World) -> None:
    app, event = failing(world)
    world.amplify.control.deny("GetJob")
    world.deliver(event)
    world.deliver(event)
    world.deliver(world.build(app))

    assert incident(world, app).count == 2
    assert len(world.alerts()) == 1


def test_the_next_success_closes_it(world: World) -> None:
    app, event = failing(world)
    world.amplify.control.deny("GetJob")
    world.deliver(event)
    world.amplify.control.deny("GetJob", denied=False)
    world.amplify.control.set_connection(app, "ok")
    world.deliver(world.build(app))

    assert incident(world, app).state.closed
    assert "recovered" in world.alerts()[-1].lower()


def test_a_success_before_it_was_told_closes_it(world: World) -> None:
    world.amplify.control.set_questions(log_url="absent")
    app, event = failing(world)
    world.amplify.control.set_connection(app, "ok")
    world.amplify.control.advance(60)
    world.deliver(world.build(app))
    world.deliver(event, age=HALF_AN_HOUR)

    assert incident(world, app).state is IncidentState.RESOLVED
    assert "Recovered" in world.alerts()[-1]


def test_a_failure_is_told_even_if_amplify_never_answers(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*_: object) -> None:
        raise ThrottledError("amplify:GetApp", "ThrottlingException", "slow down")

    app, event = failing(world)
    monkeypatch.setattr(AmplifyReader, "app", busy)
    monkeypatch.setattr("medic.queue.MAX_RECEIVES", 1)
    world.deliver(event)

    assert incident(world, app).label == BotLabel.UNDIAGNOSED
    assert len(world.alerts()) == 1


@pytest.mark.parametrize("status", ["RUNNING", "A_STATUS_OF_TOMORROW", None])
def test_a_success_whose_status_lags_is_retried(
    world: World, monkeypatch: pytest.MonkeyPatch, status: str | None
) -> None:
    app, event = failing(world)
    world.deliver(event)
    world.amplify.control.set_connection(app, "ok")
    succeeded = world.build(app)
    lagging(monkeypatch, 1, status)
    with pytest.raises(RetryableError, match=status or "does not show job 2 yet"):
        world.deliver(succeeded)
    world.deliver(succeeded)

    assert incident(world, app).state.closed


@pytest.mark.parametrize("build", ["npm_failure", "lost"], ids=["not IAM's", "IAM's"])
def test_it_ends_in_silence_once_its_job_is_diagnosed(world: World, build: str) -> None:
    app = world.make_app()
    world.amplify.control.set_connection(app, "ok" if build == "npm_failure" else "lost")
    event = world.build(app, outcome="npm_failure") if build == "npm_failure" else world.build(app)
    world.amplify.control.deny("GetJob")
    world.deliver(event)
    world.amplify.control.deny("GetJob", denied=False)
    if build == "lost":
        assert "the branch has no tag" in ask(world, app, RequestKind.FIX)
    else:
        world.deliver(event)

    incidents = world.services().table.read(scope(world, app)).incidents
    (ended,) = [each for each in incidents if each.label == BotLabel.UNDIAGNOSED]
    assert (ended.state, ended.note) == (IncidentState.EXPIRED, "its job was diagnosed since")


def test_a_branch_that_is_created_again_is_told_although_its_jobs_count_from_one_again(world: World) -> None:
    app, event = failing(world)
    world.amplify.control.deny("GetJob")
    world.deliver(event)
    amplify = world.client("amplify")
    amplify.delete_branch(appId=app, branchName="main")
    world.amplify.control.advance(60)
    amplify.create_branch(appId=app, branchName="main", stage="PRODUCTION")
    world.deliver(world.build(app))

    assert len(world.alerts()) == 2


def test_a_failure_of_an_ignored_branch_is_not_reported(world: World) -> None:
    app = world.make_app(tags={TAG: "ignore"})
    world.amplify.control.deny("GetJob")
    world.deliver(world.build(app, outcome="npm_failure"))
    assert world.alerts() == []


def test_an_event_that_is_replayed_after_its_branch_was_created_again_is_dropped(world: World) -> None:
    app, event = failing(world)
    amplify = world.client("amplify")
    amplify.delete_branch(appId=app, branchName="main")
    world.amplify.control.advance(30 * 24 * 60 * 60)
    amplify.create_branch(appId=app, branchName="main", stage="PRODUCTION")
    world.deliver(event, age=HALF_AN_HOUR)
    assert world.alerts() == []


def test_many_of_a_region_get_one_more_alert(world: World) -> None:
    world.settings["limits"] = {"other_failures": 3}
    world.amplify.control.deny("GetJob")
    apps = [world.make_app() for _ in range(6)]
    for app in apps:
        world.deliver(world.build(app, outcome="npm_failure"))
    assert len(world.alerts()) == 4
    assert "more than 3 within 10 min, and the bot could not find out why" in world.alerts()[-1]
    assert all(incident(world, app).label == BotLabel.UNDIAGNOSED for app in apps)

    world.amplify.control.advance(11 * 60)
    world.watch()
    assert "reported one by one again" in world.alerts()[-1]
    world.deliver(world.build(apps[-1]))
    assert "job 2 failed" in world.alerts()[-1]
