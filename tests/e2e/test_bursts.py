"""Many failures at once on the deployed stack, while its processes are killed. Only `make proof` runs these tests."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import sys
import threading
import time
import zlib
from collections import Counter
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
from aws_lambda_powertools import Logger, Metrics

from demo.narrator import Narrator
from demo.stage import SECRET, Stage, open_stage, text_of
from medic.gateways import Gateways
from medic.records import replace
from medic.settings import Runtime, WatchRuntime
from medic.telemetry import Telemetry, TelemetryEvent
from medic.watch.missed import GRACE
from medic.watch.watcher import Watcher
from tests.e2e.conftest import SHARED, use_cloud
from tests.e2e.queues import Queues
from tests.e2e.test_deployed_stack import failed_event
from tests.emulator.cloud import ACCOUNT_ID, REGION
from tests.unit.cli.support import medic, valid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

pytestmark = [pytest.mark.proof, pytest.mark.timeout(5400)]

APPS = 5
DELIVERED_TWICE, NEVER_DELIVERED, LAGGING = 0, 3, 7
"""The last digit of the failures that this happens to."""
FAILURES = int(os.environ.get("MEDIC_BURST", "1000"))
VISIBILITY = 130
"""Seconds until a message of a killed run comes back, instead of 540. By then the run's lease has ended, as on AWS."""
WAIT_FACTOR = 0.25
"""Shorter waits for a lease would use up the receives of a message before the lease of a killed run ends."""
_INCIDENT_ID = re.compile(r"\b[0-9a-f]{12}\b")
STALLED = 420.0
"""Give up after so many seconds without progress. The watcher picks up what a killed run left after three minutes."""


@pytest.fixture(scope="module")
def burst(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A stack of its own, which counts everything that happens on it. `medic` uses it too."""
    folder = tmp_path_factory.mktemp("burst")
    with (
        open_stage(folder, Narrator(StringIO()), settings=SHARED, wait_factor=WAIT_FACTOR) as stage,
        pytest.MonkeyPatch.context() as patch,
        Queues(stage).changed(visibility=VISIBILITY),
    ):
        use_cloud(stage, patch)
        yield stage


def test_each_of_many_failures_is_told_once_while_events_are_lost_or_early_and_workers_are_killed(
    burst: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    apps = [make_broken_app(burst, f"burst-{number}") for number in range(APPS)]
    look_for_missed(burst, apps, -timedelta(hours=1))  # only notes what is there
    start, jobs = time.monotonic(), {}
    with at_once(burst):
        for number in sorted(range(FAILURES), key=lambda number: number % 10 == LAGGING):  # the lags begin last
            with amplify_does(burst, number):
                jobs[number] = fail(burst, apps[number % APPS], f"b{number // APPS:04}")
        for app_id, branch, job_id in (jobs[number] for number in range(DELIVERED_TWICE, FAILURES, 10)):
            detail = {"appId": app_id, "branchName": branch, "jobId": job_id, "jobStatus": "FAILED"}
            Queues(burst).send(failed_event(app_id, job_id, detail=detail))
    with killing_workers(burst) as killed:
        until_done("the queue is empty", lambda: Queues(burst).count(), 0)
        missed = look_for_missed(burst, apps, GRACE)
        until_done("the queue is empty again", lambda: Queues(burst).count(), 0)
    until_done("every failure is told", lambda: len(told(burst)), FAILURES)

    incidents = history()
    assert sorted((each["app"], each["branch"], each["job"]) for each in incidents) == sorted(jobs.values())
    alerts = told(burst)
    assert alerts.keys() == {each["id"] for each in incidents}
    twice = [incident for incident, count in alerts.items() if count > 1]
    with capsys.disabled():
        sys.stdout.write(
            f"\n{FAILURES} failures, {FAILURES // 10} each delivered twice, never, or before GetJob and log say so;"
            f" {len(killed)} runs killed, {len(missed)} found by the watcher, {time.monotonic() - start:.0f} s:"
            f" {len(alerts)} told, {len(twice)} of them twice\n"
        )
    assert sorted(missed) == sorted(jobs[number] for number in range(NEVER_DELIVERED, FAILURES, 10))
    assert max(alerts.values()) <= 2
    assert len(twice) <= len(killed)
    assert (Queues(burst).count(), Queues(burst).dead_letters()) == (0, [])
    assert burst.cloud.control("recorded_calls", "UpdateBranch") == []


def test_fifteen_simultaneous_failures_of_one_app_with_a_service_role_are_recorded_and_told(burst: Stage) -> None:
    # A role that is missing is proven to be the cause at once. One that can't be assumed must be five minutes old.
    app_id = burst.make_app("fifteen", {}, iamServiceRoleArn=f"arn:aws:iam::{ACCOUNT_ID}:role/missing")
    role = burst.make_role("fifteen-service")
    app_arn = burst.branch(app_id)["branchArn"].partition("/branches/")[0]
    burst.cloud.client("amplify").tag_resource(resourceArn=app_arn, tags={"amplify-medic:service-role": role})
    settings = {"slack": {"webhook_secret": SECRET}, "log_url_origins": [burst.cloud.endpoint_url], **SHARED}
    context = json.dumps({**settings, "service_roles": {role: [app_id]}})
    burst.cloud.deploy({"amplify-medic": context}, burst.cloud.workdir / "again.json")
    tags = {"amplify-medic:auto-fix": "fix", "amplify-medic:rebuild": "no"}
    with at_once(burst):
        jobs = [fail(burst, app_id, f"b{number:02}", tags) for number in range(15)]
    until_done("the queue is empty", lambda: Queues(burst).count(), 0)

    incidents = [each for each in history() if each["app"] == app_id]
    assert sorted((each["app"], each["branch"], each["job"]) for each in incidents) == sorted(jobs)
    until_done("every failure is told", lambda: len(told(burst) & Counter(each["id"] for each in incidents)), 15)
    assert Queues(burst).dead_letters() == []
    repairs = burst.cloud.control("recorded_calls", "UpdateApp")
    assert [call["body"] for call in repairs] == [{"iamServiceRoleArn": role}], "the app's role is set once for all"


@contextmanager
def amplify_does(stage: Stage, number: int) -> Iterator[None]:
    """Lose the event of each tenth build, and let status and log of another tenth lag."""
    kinds = {NEVER_DELIVERED: ("event_lost",), LAGGING: ("status_lags", "log_lags")}
    questions = kinds.get(number % 10, ())
    if questions:
        stage.cloud.control("set_questions", **dict.fromkeys(questions, "yes"))
    yield
    if questions:
        stage.cloud.control("set_questions", **dict.fromkeys(questions, "no"))


def look_for_missed(stage: Stage, apps: Sequence[str], later: timedelta) -> list[tuple[str, str, str]]:
    """Let the watcher compare jobs once for each app. Returns the app, branch and job of each failure that it sent.

    Each app has its minute of the hour. The clock stands at the first such minute at `later` from now.
    """
    listed = stage.cloud.client("lambda").list_functions()["Functions"]
    (function,) = [each for each in listed if "WatcherFunction" in each["FunctionName"]]
    runtime = Runtime.of_watcher({**function["Environment"]["Variables"], "AWS_REGION": REGION})
    runtime = replace(runtime, settings=replace(runtime.settings, watch_runtime=WatchRuntime.NONE))
    telemetry = MissedEvents()
    for app_id in apps:
        now = datetime.now(UTC) + later
        while zlib.crc32(app_id.encode()) % 60 != now.minute:
            now += timedelta(minutes=1)
        gateways = Gateways(stage.cloud.session(), lambda now=now: now, table_name=runtime.table)  # type: ignore[misc]
        Watcher(runtime, gateways, telemetry).run({}, 60)
    return telemetry.missed


class MissedEvents(Telemetry):
    def __init__(self) -> None:
        super().__init__(Logger(service="test"), Metrics(namespace="test", service="test"))
        self.missed: list[tuple[str, str, str]] = []

    def record(self, event: TelemetryEvent, **details: object) -> None:
        if event is TelemetryEvent.EVENT_MISSED:
            self.missed.append((str(details["app"]), str(details["branch"]), str(details["job"])))


def make_broken_app(stage: Stage, name: str) -> str:
    """An app whose builds fail with the message about its role, because its repository connection is lost."""
    app_id = stage.make_app(name, {})
    stage.cloud.control("set_connection", app_id, "lost")
    return app_id


def fail(stage: Stage, app_id: str, branch: str, tags: dict[str, str] | None = None) -> tuple[str, str, str]:
    """Let a build of a new branch fail. Returns app, branch and job."""
    amplify = stage.cloud.client("amplify")
    amplify.create_branch(appId=app_id, branchName=branch, stage="PRODUCTION", tags=tags or {})
    job = amplify.start_job(appId=app_id, branchName=branch, jobType="RELEASE")["jobSummary"]
    return app_id, branch, str(job["jobId"])


@contextmanager
def at_once(stage: Stage) -> Iterator[None]:
    """Hold messages back meanwhile, so that the bot gets all of them at the same time."""
    functions, mapping = stage.cloud.client("lambda"), stage.outputs["EventSourceMappingId"]
    functions.update_event_source_mapping(UUID=mapping, Enabled=False)
    yield
    functions.update_event_source_mapping(UUID=mapping, Enabled=True)


@contextmanager
def killing_workers(stage: Stage) -> Iterator[list[int]]:
    """Meanwhile, kill a process of the remediator after every few alerts. Yields their process ids."""
    killed: list[int] = []
    over = threading.Event()

    def kill() -> None:
        alerts = 0
        while not over.wait(random.uniform(0, 1)):  # noqa: S311 - no secret
            workers = stage.cloud.workers(stage.outputs["RemediatorFunctionName"])
            if not workers or len(stage.slack.posts) < alerts:
                continue
            with suppress(ProcessLookupError):
                os.kill(chosen := random.choice(workers), signal.SIGKILL)  # noqa: S311
                killed.append(chosen)
            alerts = len(stage.slack.posts) + random.randint(3, 15)  # noqa: S311

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield killed
    finally:
        over.set()
        thread.join()


def until_done(what: str, value: Callable[[], int], wanted: int) -> None:
    """Wait until the value is as wanted, as long as it changes now and then."""
    last, since = value(), time.monotonic()
    while last != wanted:
        time.sleep(3)
        if (now := value()) != last:
            last, since = now, time.monotonic()
        assert time.monotonic() - since < STALLED, f"not yet: {what}; {last} instead of {wanted}"


def told(stage: Stage) -> Counter[str]:
    """How many Slack alerts there were on each incident, by its id."""
    ids = {each["id"] for each in history()}
    return Counter(each for post in stage.slack.posts for each in ids & set(_INCIDENT_ID.findall(text_of(post.body))))


def history() -> Sequence[dict[str, Any]]:
    found: Sequence[dict[str, Any]] = valid("history", medic("history", "--json").stdout)["incidents"]
    return found
