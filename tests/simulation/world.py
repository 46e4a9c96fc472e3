"""A simulated world: apps with branches, the bot on the simulated wire, and a record of all that really happened.

Nothing here asks the bot what it did. Writes, messages and ended jobs are recorded where they happen.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from random import Random
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import urllib3
from slack_sdk.webhook import WebhookClient

from medic import queue
from medic.aws.errors import AwsError
from medic.aws.logs import CALLS_A_SECOND, RuntimeLogs
from medic.aws.rate import RateLimiter
from medic.events import RequestKind, RequestMessage, Scope, request_message
from medic.gateways import Gateways
from medic.services import Services
from medic.settings import Runtime, Settings
from medic.telemetry import Telemetry, TelemetryEvent
from medic.watch.watcher import Watcher
from tests.fakes.amplify.control import Control
from tests.fakes.queue import AWS, OPERATOR, URL
from tests.fakes.sqs_batch import OPERATOR_ROLE_ID, SLACK_ROLE_ID
from tests.faults.wire import Fault, Killed
from tests.simulation.cloud import ACCOUNT, REGION, Cloud, Json

if TYPE_CHECKING:
    from tests.fakes.amplify.state import App, Branch
    from tests.fakes.queue import Waiting
    from tests.simulation.wire import Strike

START = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
TABLE = "incidents"
AUTO_FIX = "amplify-medic:auto-fix"
PLAIN_TRUST: Json = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "amplify.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
WRONG_TRUST: Json = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
APPS = 6
DEFAULT_ROLE, ROLES = "default-compute", ("paired-0", "paired-1", "own", "unpaired", "service", "good-service")
SET_ROLE = {"amplify:UpdateBranch": "computeRoleArn", "amplify:UpdateApp": "iamServiceRoleArn"}
START_JOB = "amplify:StartJob"
_SECONDS_PER_CALL = timedelta(seconds=0.02)
_ENDINGS = ("SUCCEED", "FAILED", "CANCELLED")
_SUBJECT = re.compile(r"\[.*?\] (?P<app>[\w-]+)(?:/(?P<branch>[^:]+))?: ")


def role_arn(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/app/{name}"


@dataclass(frozen=True, slots=True)
class Write:
    """A change that took effect, and the state when its request arrived."""

    operation: str
    params: Json
    session: str
    """The name of the role session, which holds the incident's id."""
    at: datetime
    role_before: str | None
    usable_before: bool
    branch_tags: Mapping[str, str]
    app_tags: Mapping[str, str]
    stage: str
    mode: str
    paired: frozenset[str]
    asked: Mapping[str, int]
    """Kind of request → how many were sent for this branch before."""
    newest_job: int
    running: bool

    @property
    def target(self) -> tuple[str, str]:
        """App and branch. For an app's role, the branch is empty."""
        return str(self.params["appId"]), str(self.params.get("branchName", ""))

    @property
    def role(self) -> str | None:
        """The role in the request."""
        return self.params.get(SET_ROLE.get(self.operation, "")) or None


@dataclass(frozen=True, slots=True)
class Message:
    """An alert as a subscriber of the topic got it."""

    kind: str
    incident: str
    app: str
    branch: str
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class EndedJob:
    """A job's end, whether or not an event told of it."""

    app_id: str
    branch: str
    job_id: str
    status: str
    failure: str
    at: datetime


class QuietTelemetry(Telemetry):
    """Keeps only the errors that nothing explains."""

    def __init__(self) -> None:
        self.faults: list[BaseException] = []

    def record(self, event: TelemetryEvent, **details: object) -> None:
        """Log nothing."""

    def retried(self, age: timedelta, **details: object) -> None:
        """Count nothing."""

    def unreadable(self, key: str, why: str, /, *, outdated: bool = False) -> None:
        """Count nothing."""

    def alerted(self, waited: timedelta) -> None:
        """Count nothing."""

    def fault(self, error: BaseException, **_: object) -> None:
        self.faults.append(error)


class _Services(Services):
    """Reads SSR logs at a rate on the world's clock."""

    def runtime_logs(self, seconds: float = 20.0) -> RuntimeLogs:
        return _runtime_logs(self, seconds)


class _Gateways(Gateways):
    """The watcher's, on the world's clock too."""

    def runtime_logs(self, seconds: float = 20.0) -> RuntimeLogs:
        return _runtime_logs(self, seconds)


def _runtime_logs(gateways: Gateways, seconds: float) -> RuntimeLogs:
    def clock() -> float:
        return gateways.clock().timestamp()

    rate = RateLimiter(CALLS_A_SECOND, deadline=clock() + seconds, clock=clock, pause=gateways.pause)
    return RuntimeLogs(lambda: gateways.clients.logs, rate)


@dataclass
class World:
    """Everything in one simulated account.

    Attributes:
        cloud: the services.
        settings: the stack's settings, as the deployer wrote them.
        writes: the bot's changes, in order.
        messages: the alerts that the topic published.
        ended: every job that ended.
        asked: (app, branch) → kind of request → how many were sent.
        muted: the apps that were ever muted, or a branch of theirs.
        ignored: the branches (app, branch) that were ever tagged `ignore`.
        always_watched: the apps that the settings always named.
        faults: errors that ended a run of the bot, and that nothing explains.
        runs: how many messages were delivered.
        paused: True while the operator has switched the event source mapping off.
        bus: what happens to the next events: `normal`, `lost`, `late` or `twice`.
    """

    random: Random
    cloud: Cloud = field(default_factory=lambda: Cloud(START))
    settings: Json = field(default_factory=dict)
    writes: list[Write] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    ended: list[EndedJob] = field(default_factory=list)
    asked: dict[tuple[str, str], dict[str, int]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(int)))
    muted: set[str] = field(default_factory=set)
    ignored: set[tuple[str, str]] = field(default_factory=set)
    always_watched: set[str] = field(default_factory=set)
    faults: list[BaseException] = field(default_factory=list)
    runs: int = 0
    paused: bool = False
    bus: str = "normal"
    _arriving: Write | None = None
    _warm: Services | None = None

    def __post_init__(self) -> None:
        self.cloud.wire.before, self.cloud.wire.after = self._arrives, self._took_effect
        self.cloud.events.put = self._event_sent  # type: ignore[method-assign]

    @property
    def control(self) -> Control:
        return Control(self.cloud.amplify)

    def now(self) -> datetime:
        return self.cloud.time.now()

    def advance(self, seconds: float) -> None:
        self.cloud.time.advance(timedelta(seconds=seconds))

    def apps(self) -> list[App]:
        return list(self.cloud.amplify.state.apps.values())

    def branches(self) -> list[tuple[App, Branch]]:
        return [(app, branch) for app in self.apps() for branch in app.branches.values()]

    def parsed_settings(self) -> Settings:
        return _parsed(json.dumps(self.settings))

    def restart(self) -> None:
        """Deploy the functions again, so that they read new settings."""
        self._warm = None

    def asks(self, kind: RequestKind, app_id: str, branch: str, **fields: Any) -> None:
        """An operator sends a request."""
        scope = Scope("aws", ACCOUNT, REGION, app_id, branch)
        message = RequestMessage(scope, kind, f"{self.random.getrandbits(128):032x}", **fields)
        self.cloud.queue.send(dict(request_message(message)), OPERATOR)
        self.asked[app_id, branch][kind] += 1

    def deliver(self, message: Waiting, strike: Strike | None = None) -> None:
        """Deliver one message to the remediator."""
        services = self._services()
        wire = self.cloud.wire
        wire.listen(strike)
        self.runs += 1
        draw = Random(message.number * 1000 + message.receives).uniform  # noqa: S311 - one seed decides everything
        try:
            self.cloud.queue.poll(lambda batch: queue.handle(batch, services, draw), message)
        except Killed:
            self._warm = None
            wire.revive()
        finally:
            wire.listen(None)
        self._note_faults(services.telemetry)

    def watch(self, strike: Strike | None = None) -> None:
        """Run the watcher once."""
        telemetry = QuietTelemetry()
        gateways = _Gateways(self.cloud, self.now, self.advance, table_name=TABLE)  # type: ignore[arg-type]
        wire = self.cloud.wire
        wire.listen(strike)
        try:
            Watcher(self._runtime(), gateways, telemetry).run({}, 50.0)
        except AwsError:
            pass  # the next run tries again
        except Exception as error:  # noqa: BLE001 - an invariant reports it
            self.faults.append(error)
        except Killed:
            wire.revive()
        finally:
            wire.listen(None)
        self._note_faults(telemetry)

    def drain(self) -> None:
        """Deliver everything that is visible, until nothing is."""
        for _ in range(200):
            message = None if self.paused else self.cloud.queue.visible()
            if message is None:
                return
            self.deliver(message)

    def incidents(self, app_id: str = "", branch: str = "") -> list[Json]:
        """The incidents in the table, of one branch or of all."""
        end = f"#{app_id}#{branch}" if app_id else ""
        return [
            {**incident, "pk": key}
            for key, item in self.cloud.table.items.items()
            if key.endswith(end) and "incidents" in item and "S" in item["incidents"]
            for incident in _read(item["incidents"]["S"])
        ]

    def paired_with(self, app_id: str, branch: str) -> frozenset[str]:
        """The compute and service roles that the settings pair with a branch, and the default role."""
        pairings = {**self.settings.get("compute_roles", {}), **self.settings.get("service_roles", {})}
        paired = {role for role, apps in pairings.items() if {app_id, f"{app_id}/{branch}"} & set(apps)}
        return frozenset({*paired, role_arn(DEFAULT_ROLE)})

    def _services(self) -> Services:
        if self._warm is None:
            self._warm = _Services(
                runtime=self._runtime(),
                session=self.cloud,  # type: ignore[arg-type]
                telemetry=QuietTelemetry(),
                clock=self.now,
                pause=self.advance,
            )
        return self._warm

    def _runtime(self) -> Runtime:
        writes = self.settings.get("mode", "fix") != "report"
        return Runtime(
            settings=self.parsed_settings(),
            account=ACCOUNT,
            region=REGION,
            partition="aws",
            table=TABLE,
            queue_url=URL,
            topic_arn=f"arn:aws:sns:{REGION}:{ACCOUNT}:alerts",
            actor_role_arn=role_arn("actor") if writes else None,
            default_role_arn=role_arn(DEFAULT_ROLE),
            operator_role_id=OPERATOR_ROLE_ID,
            slack_role_id=SLACK_ROLE_ID,
        )

    def _note_faults(self, telemetry: Telemetry) -> None:
        if isinstance(telemetry, QuietTelemetry) and telemetry.faults:
            self.faults += [error for error in telemetry.faults if not isinstance(error, AwsError)]
            telemetry.faults.clear()

    def _arrives(self, operation: str, params: Json) -> None:
        self.cloud.time.advance(_SECONDS_PER_CALL)
        if operation in SET_ROLE or operation == START_JOB:
            self._arriving = self._witness(operation, params)

    def _took_effect(self, operation: str, params: Json) -> None:
        if operation in SET_ROLE or operation == START_JOB:
            self.writes += [self._arriving] if self._arriving else []
        elif operation == "sns:Publish":
            attributes = {name: value["StringValue"] for name, value in params["MessageAttributes"].items()}
            named = _SUBJECT.match(params["Subject"])
            app, branch = (named["app"], named["branch"] or "") if named else ("", "")
            text = params["Message"]
            self.messages.append(Message(attributes["kind"], attributes["incident"], app, branch, text, self.now()))

    def _witness(self, operation: str, params: Json) -> Write | None:
        state = self.cloud.amplify.state
        app = state.apps.get(params["appId"])
        branch = app.branches.get(params.get("branchName", "")) if app else None
        if app is None or (branch is None and operation != "amplify:UpdateApp"):
            return None  # the call is refused
        holder = branch.settings if branch else app.settings
        before = holder.get(SET_ROLE.get(operation, ""))
        jobs = branch.jobs.values() if branch else ()
        return Write(
            operation=operation,
            params=params,
            session=self.cloud.wire.session,
            at=self.now(),
            role_before=before,
            usable_before=before is not None and state.usable_role(before, {"aws:SourceAccount": ACCOUNT}) is not None,
            branch_tags=dict(branch.tags) if branch else {},
            app_tags=dict(app.tags),
            stage=str(branch.settings.get("stage", "NONE")) if branch else "NONE",
            mode=self.settings.get("mode", "fix"),
            paired=self.paired_with(app.app_id, branch.name if branch else ""),
            asked=dict(self.asked[app.app_id, branch.name if branch else ""]),
            newest_job=max((int(job.job_id) for job in jobs), default=0),
            running=any(job.running for job in jobs),
        )

    def _event_sent(self, event: Mapping[str, Any]) -> None:
        """Amplify sends an event. Each end of a job is recorded, and goes to the queue as the bus likes."""
        detail = event["detail"]
        if detail["jobStatus"] not in _ENDINGS:
            return
        branch = self.cloud.amplify.state.apps[detail["appId"]].branches.get(detail["branchName"])
        job = branch.jobs.get(detail["jobId"]) if branch is not None else None
        if branch is None or job is None or job.arn not in event["resources"]:
            return  # the branch was deleted while it was built
        self.ended.append(
            EndedJob(
                detail["appId"],
                branch.name,
                job.job_id,
                detail["jobStatus"],
                job.failure or "",
                self.now(),
            )
        )
        if self.bus == "lost":
            return
        message = dict(event) | {"id": f"{len(self.ended)}"}
        self.cloud.queue.send(message, AWS, after=900.0 if self.bus == "late" else 0.0)
        if self.bus == "twice":
            self.cloud.queue.send(message, AWS, after=60.0)


@contextmanager
def simulated(world: World) -> Iterator[World]:
    """Let the bot's HTTP, threads and ids come from this world."""
    cloud, counted = world.cloud, iter(range(1, 10**12))

    def fetched(_: object, method: str, url: str, **__: object) -> Any:  # noqa: ARG001
        return cloud.wire.around("s3:GetObject", lambda: cloud.download(url), _failed_download, _TIMED_OUT)

    def posted(_: object, body: Json, *__: object) -> Any:
        def answer() -> Any:
            status, text = cloud.post(body)
            return SimpleNamespace(status_code=status, body=text)

        return cloud.wire.around("slack:Post", answer, _failed_post, TimeoutError("timed out"))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(urllib3.PoolManager, "request", fetched)
        patch.setattr(WebhookClient, "send_dict", posted)
        patch.setattr("medic.aws.gather.ThreadPoolExecutor", _AtOnce)
        patch.setattr("medic.watch.look.ThreadPoolExecutor", _AtOnce)
        patch.setattr(
            "medic.incidents.table.uuid", SimpleNamespace(uuid4=lambda: SimpleNamespace(hex=f"{next(counted):032x}"))
        )
        for module in ("medic.aws.logs", "medic.logscan.scan"):
            patch.setattr(f"{module}.time", SimpleNamespace(monotonic=lambda: 0.0))
        yield world


_TIMED_OUT = urllib3.exceptions.TimeoutError("timed out")


class _AtOnce(Executor):
    """Runs everything at once, in order, because threads would make runs differ."""

    def __init__(self, max_workers: int) -> None:
        """Take the same argument as ThreadPoolExecutor."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - the caller gets it from the future
            future.set_exception(error)
        return future


def _failed_download(fault: Fault) -> urllib3.HTTPResponse:
    if fault is Fault.TIMEOUT_BEFORE:
        raise _TIMED_OUT
    status = 503 if fault is Fault.THROTTLE else 500
    return urllib3.HTTPResponse(body=b"", status=status, preload_content=False)


def _failed_post(fault: Fault) -> Any:
    if fault is Fault.TIMEOUT_BEFORE:
        raise TimeoutError("timed out")
    return SimpleNamespace(status_code=429 if fault is Fault.THROTTLE else 500, body="error")


@cache
def _parsed(settings: str) -> Settings:
    return Settings.parse(json.loads(settings))


@lru_cache(1000)
def _read(text: str) -> tuple[Json, ...]:
    """The incidents of a record. Nobody changes what is kept here."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return ()
    return tuple(each for each in found if isinstance(each, dict) and "id" in each) if isinstance(found, list) else ()
