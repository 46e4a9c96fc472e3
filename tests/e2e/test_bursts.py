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
from collections import Counter
from contextlib import contextmanager, suppress
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest

from demo.narrator import Narrator
from demo.stage import STACK, Stage, open_stage, text_of
from tests.e2e.conftest import SHARED, use_cloud
from tests.e2e.queues import Queues
from tests.e2e.test_deployed_stack import failed_event
from tests.unit.cli.support import medic, valid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

pytestmark = [pytest.mark.proof, pytest.mark.timeout(5400)]

APPS = 5
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


def test_each_of_many_failures_is_told_once_while_workers_are_killed(
    burst: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    apps = [make_broken_app(burst, f"burst-{number}") for number in range(APPS)]
    start = time.monotonic()
    with at_once(burst):
        jobs = [fail(burst, apps[number % APPS], f"b{number // APPS:04}") for number in range(FAILURES)]
        for app_id, branch, job_id in jobs[::10]:  # a tenth is delivered twice
            detail = {"appId": app_id, "branchName": branch, "jobId": job_id, "jobStatus": "FAILED"}
            Queues(burst).send(failed_event(app_id, job_id, detail=detail))
    with killing_workers(burst) as killed:
        until_done("the queue is empty", lambda: Queues(burst).count(), 0)
    until_done("every failure is told", lambda: len(told(burst)), FAILURES)

    incidents = history()
    assert sorted((each["app"], each["branch"], each["job"]) for each in incidents) == sorted(jobs)
    alerts = told(burst)
    assert alerts.keys() == {each["id"] for each in incidents}
    twice = [incident for incident, count in alerts.items() if count > 1]
    with capsys.disabled():
        sys.stdout.write(
            f"\n{FAILURES} failures, {len(jobs[::10])} delivered twice, {len(killed)} runs killed,"
            f" {time.monotonic() - start:.0f} s: {len(alerts)} told, {len(twice)} of them twice\n"
        )
    assert max(alerts.values()) <= 2
    assert len(twice) <= len(killed)
    assert (Queues(burst).count(), Queues(burst).dead_letters()) == (0, [])
    assert burst.cloud.control("recorded_calls", "UpdateBranch") == []


def test_fifteen_simultaneous_failures_of_one_app_with_a_service_role_are_recorded_and_told(burst: Stage) -> None:
    tags = {"amplify-medic:service-role": "fifteen-service"}
    app_id = make_broken_app(burst, "fifteen", tags=tags)
    pairings = {burst.make_role("fifteen-service"): [app_id]}
    settings = {
        "slack": {"webhook_secret": "amplify-medic/slack-webhook"},
        "log_url_origins": [burst.cloud.endpoint_url],
    }
    context = json.dumps({**settings, **SHARED, "service_roles": pairings})
    burst.cloud.deploy({"amplify-medic": context}, burst.cloud.workdir / "again.json")[STACK]
    with at_once(burst):
        jobs = [fail(burst, app_id, f"b{number:02}", {"amplify-medic:auto-fix": "fix"}) for number in range(15)]
    until_done("the queue is empty", lambda: Queues(burst).count(), 0)

    incidents = [each for each in history() if each["app"] == app_id]
    assert sorted((each["app"], each["branch"], each["job"]) for each in incidents) == sorted(jobs)
    until_done("every failure is told", lambda: len(told(burst) & Counter(each["id"] for each in incidents)), 15)
    assert Queues(burst).dead_letters() == []


def make_broken_app(stage: Stage, name: str, **fields: Any) -> str:
    """An app whose builds fail with the message about its role, because its repository connection is lost."""
    app_id = stage.make_app(name, {}, **fields)
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
