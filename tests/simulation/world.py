"""A simulated world: apps with branches, the bot on the simulated wire, and a record of all that really happened.

Nothing here asks the bot what it did. Writes, messages and ended jobs are recorded where they happen.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from random import Random
from typing import TYPE_CHECKING, Any

from medic import queue
from medic.aws.errors import AwsError
from medic.aws.logs import CALLS_A_SECOND, RuntimeLogs
from medic.aws.rate import RateLimiter
from medic.events import RequestKind, RequestMessage, Scope, request_message
from medic.gateways import Gateways
from medic.services import Services
from medic.settings import Limits, Runtime, Settings
from medic.telemetry import Telemetry, TelemetryEvent
from medic.watch.watcher import Watcher
from tests.fakes.amplify.control import Control
from tests.fakes.queue import AWS, OPERATOR, URL
from tests.fakes.sqs_batch import OPERATOR_ROLE_ID, SLACK_ROLE_ID
from tests.faults.fault import Killed
from tests.simulation.cloud import ACCOUNT, REGION, Cloud, Json
from tests.simulation.records import SET_ROLE, START_JOB, DeadLetter, EndedJob, Message, Write, alert_of, place_of
from tests.simulation.releases import Foreign

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
RUN = timedelta(seconds=90)
"""No run is longer."""
_REGION_KEY = f"region#aws#{ACCOUNT}#{REGION}"
_SECONDS_PER_CALL = timedelta(seconds=0.02)
_MOMENT = timedelta(seconds=5)
"""What the bot read within this time before StartJob, it may rely on."""
_MADE = ("applied", "undone")
_ENDINGS = ("SUCCEED", "FAILED", "CANCELLED")


def role_arn(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/app/{name}"


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

    def unread(self, event: TelemetryEvent, app: str, why: object, *, lasts: bool, **details: object) -> None:
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
        settings: the stack's settings, as the deployer wrote them. `deploy` changes them.
        writes: the bot's changes, in order.
        read_back: (session, operation) of a write → when the bot first read its role afterwards.
        messages: the alerts that the topic published.
        ended: every job that ended.
        dead: every dead letter.
        asked: (app, branch) → kind of request → how many were sent.
        muted: the apps that were ever muted, or a branch of theirs.
        ignored: the branches (app, branch) that were ever tagged `ignore`.
        always_watched: the apps that the settings always named.
        foreign: what other releases wrote into the table.
        faults: errors that ended a run of the bot, and that nothing explains.
        runs: how many messages were delivered.
        steps: how many steps were carried out.
        paused: True while the operator has switched the event source mapping off.
        delivered: the message that was delivered last.
        bus: what happens to the next events: `normal`, `lost`, `late` or `twice`.
    """

    random: Random
    cloud: Cloud = field(default_factory=lambda: Cloud(START))
    settings: Json = field(default_factory=dict)
    writes: list[Write] = field(default_factory=list)
    read_back: dict[tuple[str, str], datetime] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)
    ended: list[EndedJob] = field(default_factory=list)
    dead: list[DeadLetter] = field(default_factory=list)
    asked: dict[tuple[str, str], dict[str, int]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(int)))
    muted: set[str] = field(default_factory=set)
    ignored: set[tuple[str, str]] = field(default_factory=set)
    always_watched: set[str] = field(default_factory=set)
    foreign: Foreign = field(default_factory=Foreign)
    faults: list[BaseException] = field(default_factory=list)
    runs: int = 0
    steps: int = 0
    paused: bool = False
    bus: str = "normal"
    delivered: Waiting | None = None
    _arriving: Write | None = None
    _composed: dict[tuple[str, str], tuple[datetime, frozenset[str]]] = field(default_factory=dict)
    _roles_read: dict[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    _failed_before: int = 0
    _deployed: list[tuple[datetime, Settings]] = field(default_factory=list)
    _in_peace: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    _mutes: dict[str, tuple[datetime, datetime]] = field(default_factory=dict)
    _shown: dict[tuple[str, str, str], tuple[datetime, tuple[Mapping[str, str], int]]] = field(default_factory=dict)
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

    def deploy(self, settings: Json) -> None:
        """Deploy the functions with these settings."""
        self.settings, self._warm = settings, None
        self._deployed.append((self.now(), self.parsed_settings()))

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
        self.runs, self.delivered = self.runs + 1, message
        failed, letters = wire.failed, len(self.cloud.queue.dead_letters)
        draw = Random(message.number * 1000 + message.receives).uniform  # noqa: S311 - one seed decides everything
        try:
            self.cloud.queue.poll(lambda batch: queue.handle(batch, services, draw), message)
        except Killed:
            self._warm = None
            wire.revive()
        finally:
            wire.listen(None)
        if len(self.cloud.queue.dead_letters) > letters:
            self.dead.append(DeadLetter(message.body, message.sender != AWS, self._in_peace[message.number]))
        held_up = wire.failed > failed or self.foreign.closed
        self._in_peace[message.number] = 0 if held_up else self._in_peace[message.number] + 1
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
        """The roles that the settings pair with a branch, else the default role. Without a branch: with an app."""
        pairings = self.settings.get("compute_roles" if branch else "service_roles", {})
        paired = {role for role, apps in pairings.items() if {app_id, f"{app_id}/{branch}"} & set(apps)}
        return frozenset(paired or {role_arn(DEFAULT_ROLE)} if branch else paired)

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
        elif operation == "sns:Publish":
            self._failed_before = self.cloud.wire.failed
            self._composed.setdefault(alert_of(params), (self.now(), self._roles_known(params)))

    def _took_effect(self, operation: str, params: Json) -> None:
        if operation in SET_ROLE or operation == START_JOB:
            self.writes += [self._arriving] if self._arriving else []
        elif operation == "sns:Publish":
            self.messages.append(self._message(params))
            if self.cloud.wire.failed == self._failed_before:  # otherwise it is sent once more
                del self._composed[alert_of(params)]
        elif operation == "dynamodb:UpdateItem" and params["Key"]["pk"]["S"] == _REGION_KEY:
            self._note_mutes()
        elif operation in ("amplify:GetBranch", "amplify:GetApp"):
            self._note_read_back(params["appId"], params.get("branchName", ""))
        if operation in ("amplify:GetBranch", "amplify:ListJobs"):
            self._shown[operation, params["appId"], params["branchName"]] = (self.now(), self._state_of(params))

    def _state_of(self, params: Json) -> tuple[Mapping[str, str], int]:
        """The tags of a branch, and its newest job."""
        app = self.cloud.amplify.state.apps.get(params["appId"])
        branch = app.branches.get(params.get("branchName", "")) if app else None
        return (dict(branch.tags), max(map(int, branch.jobs), default=0)) if branch else ({}, 0)

    def _as_read(self, operation: str, params: Json) -> tuple[Mapping[str, str], int]:
        """The same as an operation showed it to the bot a moment ago; as it is now if the bot did not ask."""
        at, state = self._shown.get((operation, params["appId"], params["branchName"]), (START, None))
        return state if state is not None and self.now() - at < _MOMENT else self._state_of(params)

    def _note_read_back(self, app_id: str, branch: str) -> None:
        app = self.cloud.amplify.state.apps[app_id]
        holder = app.branches[branch] if branch else app
        roles = filter(None, map(holder.settings.get, SET_ROLE.values()))
        self._roles_read[app_id, branch] = frozenset(role.rpartition("/")[2] for role in roles)
        writes = (each for each in reversed(self.writes) if each.operation in SET_ROLE)
        last = next((each for each in writes if each.target == (app_id, branch)), None)
        if last is not None and self._role(last.operation, app_id, branch) == last.role:
            self.read_back.setdefault((last.session, last.operation), self.now())

    def _role(self, operation: str, app_id: str, branch: str) -> str | None:
        app = self.cloud.amplify.state.apps[app_id]
        holder = app.branches[branch].settings if branch else app.settings
        return holder.get(SET_ROLE[operation]) or None

    def _message(self, params: Json) -> Message:
        name, branch = place_of(params)
        app = self._named(name)
        asked = (self.asked[app.app_id, each] for each in (branch, "*")) if app else ()
        composed, roles = self._composed[alert_of(params)]
        incident, text = alert_of(params)
        return Message(
            kind=params["MessageAttributes"]["kind"]["StringValue"],
            incident=incident,
            app=name,
            branch=branch,
            text=text,
            at=self.now(),
            composed=composed,
            failed_before=self._failed_before,
            failed=self.cloud.wire.failed,
            asked=sum(sum(kinds.values()) for kinds in asked),
            roles=roles,
        )

    def _roles_known(self, params: Json) -> frozenset[str]:
        """The roles of an alert's branch and app, as the bot read them last."""
        name, branch = place_of(params)
        app = self._named(name)
        places = ((app.app_id, each) for each in (branch, "")) if app else ()
        return frozenset().union(*(self._roles_read.get(place, frozenset()) for place in places))

    def _named(self, name: str) -> App | None:
        return next((app for app in self.apps() if app.settings["name"] == name), None)

    def _witness(self, operation: str, params: Json) -> Write | None:
        state, session = self.cloud.amplify.state, self.cloud.wire.session
        app = state.apps.get(params["appId"])
        branch = app.branches.get(params.get("branchName", "")) if app else None
        if app is None or (branch is None and operation != "amplify:UpdateApp"):
            return None  # the call is refused
        holder = branch.settings if branch else app.settings
        before = holder.get(SET_ROLE.get(operation, ""))
        incident = next((each for each in self.incidents() if session.endswith(each["id"])), None)
        place = tuple(incident["pk"].split("#", 5)[4:]) if incident else (app.app_id, branch.name if branch else "")
        changes = incident["changes"] if incident else []
        reserved = min((datetime.fromisoformat(each["intended_at"]) for each in changes), default=self.now())
        role = params.get(SET_ROLE.get(operation, ""))
        own = app.branches.get(place[1])
        tags, newest = self._state_of(dict(params, branchName=place[1]))
        if operation == START_JOB:  # no condition protects it
            tags, newest = self._as_read("amplify:GetBranch", params)[0], self._as_read("amplify:ListJobs", params)[1]
        return Write(
            operation=operation,
            params=params,
            session=session,
            at=self.now(),
            reserved=reserved,
            recorded=any(each["role_arn"] == role and each["state"] in _MADE for each in changes),
            limits=self.limits_at(reserved),
            place=(place[0], place[1]),
            trigger=incident["trigger"] if incident else "",
            failed_at=self._failed_at(incident, place[0], place[1]),
            role_before=before,
            usable_before=before is not None and state.usable_role(before, {"aws:SourceAccount": ACCOUNT}) is not None,
            branch_tags=tags,
            app_tags=dict(app.tags),
            created_at=own.created if own is not None else None,
            preview=own is not None and _is_preview(own),
            muted=self._muted_for(place[0], place[1]),
            storm=self._is_storm(),
            mode=self.settings.get("mode", "fix"),
            paired=self.paired_with(app.app_id, branch.name if branch else ""),
            asked=dict(self.asked[place[0], place[1]]),
            newest_job=newest,
        )

    def _failed_at(self, incident: Json | None, app_id: str, branch: str) -> datetime | None:
        if incident is not None and incident["trigger"] == "runtime":
            lines = self.cloud.log_groups.groups.get(f"/aws/amplify/{app_id}", ())
            written = [line.timestamp for line in lines if "redentials" in line.message]
            return datetime.fromtimestamp(max(written) / 1000, UTC) if written else None
        job = (app_id, branch, incident["job_id"]) if incident else None
        return max((each.at for each in self.ended if (each.app_id, each.branch, each.job_id) == job), default=None)

    def _is_storm(self) -> bool:
        """The table holds, for each minute, in which apps an incident opened."""
        limits, last = self.parsed_settings().limits, self.now()
        first = int(last.timestamp()) // 60 - limits.storm_minutes
        before = int((last - RUN).timestamp()) // 60
        minutes = (f"minute_{minute}" for minute in range(first + 1, before))
        item = self.cloud.table.items.get(_REGION_KEY, {})
        return len({app for minute in minutes for app in item.get(minute, {"SS": ()})["SS"]}) > limits.storm_apps

    def _muted_for(self, app_id: str, branch: str) -> timedelta:
        mutes = (self._mutes.get(f"{app_id}/{each}") for each in (branch, "*"))
        since = [since for since, until in filter(None, mutes) if until > self.now()]
        return self.now() - min(since, default=self.now())

    def _note_mutes(self) -> None:
        """The table holds the ends of all mutes. Each lasts from when it was first there."""
        now, stored = self.now(), self.cloud.table.items.get(_REGION_KEY, {}).get("mutes", {"M": {}})["M"]
        before = {name: since for name, (since, until) in self._mutes.items() if until > now}
        self._mutes = {
            name: (before.get(name, now), datetime.fromtimestamp(int(end["N"]), UTC)) for name, end in stored.items()
        }

    def limits_at(self, time: datetime) -> Limits:
        """The limits that were deployed at a time."""
        return next(settings for since, settings in reversed(self._deployed) if since <= time).limits

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
                job.shown_from,
            )
        )
        if self.bus == "lost":
            return
        message = dict(event) | {"id": f"{len(self.ended)}"}
        self.cloud.queue.send(message, AWS, after=900.0 if self.bus == "late" else 0.0)
        if self.bus == "twice":
            self.cloud.queue.send(message, AWS, after=60.0)


def _is_preview(branch: Branch) -> bool:
    """A pull request's branch, by its stage or by the branch that it comes from."""
    return branch.settings.get("stage") == "PULL_REQUEST" or bool(branch.settings.get("sourceBranch"))


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
