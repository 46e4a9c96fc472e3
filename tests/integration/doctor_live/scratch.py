"""A scratch app under moto, a doctor whose every call is recorded, and a bot that works while the doctor waits."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from medic.arns import arn_parts
from medic.aws.errors import AwsError
from medic.events import RequestKind, Scope
from medic_cli.doctor_live.app import ScratchApp
from medic_cli.doctor_live.journal import Journal
from medic_cli.doctor_live.names import APP_TAG, APP_TAG_VALUE, BUILD, Scratch
from medic_cli.doctor_live.run import play
from medic_cli.doctor_live.web import LogHead, PageAnswer, _get
from tests.fakes.quick_session import QuickSession
from tests.integration.conftest import REGION
from tests.integration.test_runtime_findings import Site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from medic.incidents.model import Incident
    from medic.incidents.table import IncidentsTable
    from medic_cli.doctor_live.answers import LiveAnswer
    from medic_cli.doctor_live.promises import Bot
    from tests.integration.conftest import World

_READS = ("Get", "List", "Filter", "Receive", "Describe")
_LOOK_EVERY = 300


class KilledError(BaseException):
    """The process is gone: no handler of the doctor may run any call after it."""


@dataclass(slots=True)
class Hook:
    """Sees each call of the doctor, and can end its process.

    Attributes:
        calls: Each call: service, operation, parameters.
        kill_at: The number of the write that ends the process; 0 for none.
        after_effect: Whether that write still takes effect.
        writes: The writes so far.
    """

    on_made: Callable[[str, Mapping[str, Any]], None] = lambda _operation, _params: None
    calls: list[tuple[str, str, Mapping[str, Any]]] = field(default_factory=list)
    kill_at: int = 0
    after_effect: bool = False
    writes: int = 0
    dead: bool = False

    def before(self, service: str, operation: str, params: Mapping[str, Any]) -> None:
        if self.dead:
            raise KilledError
        self.calls.append((service, operation, params))
        if not operation.startswith(_READS):
            self.writes += 1
            if self.writes == self.kill_at and not self.after_effect:
                self.dead = True
                raise KilledError

    def after(self, operation: str) -> None:
        self.on_made(operation, self.calls[-1][2])
        if self.writes == self.kill_at and not operation.startswith(_READS):
            self.dead = True
            raise KilledError


class DoctorSession(QuickSession):
    """The doctor's session. `hook` sees its calls."""

    hook = Hook()

    def client(self, service_name: str, **options: Any) -> Any:  # type: ignore[override]
        known = len(self._clients)
        client = super().client(service_name, **options)
        if len(self._clients) > known:
            client.meta.events.register("provide-client-params.*.*", self._before)
            client.meta.events.register("after-call.*.*", self._after)
        return client

    def _before(self, params: Mapping[str, Any], model: Any, **_: Any) -> None:
        self.hook.before(model.service_model.service_name, model.name, dict(params))

    def _after(self, model: Any, **_: Any) -> None:
        self.hook.after(model.name)


@cache
def doctor_session() -> DoctorSession:
    return DoctorSession("doctor", REGION)


class Bus:
    """The event bus with the doctor's rule: an event that a rule matches goes to the queue that is its target."""

    def __init__(self, world: World) -> None:
        self._world, self._sent = world, world.amplify.fake.state.ports.events

    @property
    def sent(self) -> list[Mapping[str, Any]]:
        return self._sent.sent  # type: ignore[attr-defined, no-any-return]

    def put(self, event: Mapping[str, Any]) -> None:
        self._sent.put(event)
        rules, queues = self._world.client("events"), self._world.client("sqs")
        for rule in rules.list_rules()["Rules"]:
            pattern = json.loads(rule["EventPattern"])
            if event["source"] in pattern["source"] and event["detail"]["appId"] in pattern["detail"]["appId"]:
                for target in rules.list_targets_by_rule(Rule=rule["Name"])["Targets"]:
                    url = queues.get_queue_url(QueueName=arn_parts(target["Arn"])[-1])["QueueUrl"]
                    queues.send_message(QueueUrl=url, MessageBody=json.dumps(event))


@dataclass(slots=True)
class Clinic:
    """A world with a scratch app, another app, and what a doctor needs."""

    world: World
    folder: Path
    app_id: str = ""
    other: str = ""
    hook: Hook = field(default_factory=Hook)
    with_bot: bool = False
    _delivered: int = 0
    _looks: int = 0
    _looked_at: Any = None
    _undelivered: list[Mapping[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        state = self.world.amplify.fake.state
        state.ports = replace(state.ports, events=Bus(self.world))
        self.other = self.world.make_app(name="payments", branch="doctor/page")
        self.app_id = self.world.make_app(name="scratch", tags={}, branch="main")
        self.tag({APP_TAG: APP_TAG_VALUE})
        self.world.amplify.control.set_build_time(10)
        self.world.amplify.control.forget_calls()
        self._looked_at = self.world.now()
        self.reset(Hook())

    def reset(self, hook: Hook) -> None:
        """Let another hook see the doctor's calls."""
        hook.on_made = self._script_the_build
        self.hook = DoctorSession.hook = hook

    def tag(self, tags: dict[str, str]) -> None:
        self.world.amplify.fake.state.app(self.app_id).tags.update(tags)

    def scratch_app(self) -> ScratchApp:
        scratch = Scratch("aws", self.world.amplify.account_id, REGION, self.app_id)
        return ScratchApp(doctor_session(), scratch, Journal(self.journal, scratch), self._clock, self._pause)

    @property
    def journal(self) -> Path:
        return self.folder / "journal.json"

    def run(self, bot: Bot | None = None) -> LiveAnswer:
        """Check the app and run the doctor, as its command does."""
        app = self.scratch_app()
        app.check()
        return play(app, self._visit, self._read_log, bot)

    def left(self) -> list[str]:
        """What the doctor left in the account."""
        amplify, iam = self.world.client("amplify"), self.world.client("iam")
        branches = amplify.list_branches(appId=self.app_id)["branches"]
        return [
            *(branch["branchName"] for branch in branches if branch["branchName"] != "main"),
            *(role["RoleName"] for role in iam.list_roles()["Roles"] if "doctor" in role["RoleName"]),
            *(rule["Name"] for rule in self.world.client("events").list_rules()["Rules"]),
            *(url for url in self.world.client("sqs").list_queues().get("QueueUrls", []) if "doctor" in url),
            *(["journal"] if self.journal.exists() else []),
        ]

    # --- what happens while the doctor waits

    def _clock(self) -> datetime:
        """The world's time, and some of the time that calls take: two looks never see the same."""
        self._looks += 1
        return self.world.now() + timedelta(milliseconds=self._looks)

    def _pause(self, seconds: float) -> None:
        self._looks = 0
        self.world.amplify.control.advance(seconds)
        if self.with_bot:
            self._bot_works()

    def _bot_works(self) -> None:
        events = self.world.amplify.events
        waiting, self._undelivered = [*self._undelivered, *events[self._delivered :]], []
        self._delivered = len(events)
        for event in waiting:
            if event["detail"]["appId"] == self.app_id:
                try:
                    self.world.deliver(dict(event))
                except AwsError:
                    self._undelivered.append(event)
        if (self.world.now() - self._looked_at).total_seconds() >= _LOOK_EVERY:
            self._looked_at = self.world.now()
            Site(self.world, self.app_id).look()
            self.world.watch()

    def _script_the_build(self, operation: str, params: Mapping[str, Any]) -> None:
        if operation == "CreateBranch" and params["branchName"] == BUILD:
            denied = {"outcome": "access_denied", "action": "cloudformation:DescribeStacks"}
            self.world.amplify.control.script_builds(self.app_id, BUILD, denied)

    def _visit(self, url: str) -> PageAnswer:
        name = url.removeprefix("https://").partition(".")[0].replace("-", "/")
        answer = self.world.amplify.control.request(self.app_id, name)
        if answer["status"] == 200:
            return PageAnswer.ROLE
        return PageAnswer.NO_ROLE if "Could not load credentials" in answer["message"] else PageAnswer.OTHER

    def _read_log(self, url: str) -> LogHead | None:
        status, body, encoding = _get("the log", url)
        return None if status in (403, 404) else LogHead(body, encoding)


@dataclass(frozen=True, slots=True)
class InProcessBot:
    """The bot of the world, as the doctor sees the deployed one."""

    clinic: Clinic
    table: IncidentsTable

    @classmethod
    def of(cls, clinic: Clinic) -> InProcessBot:
        return cls(clinic, clinic.world.services().table)

    def incident(self, branch: str) -> Incident | None:
        return max(self._incidents(branch), key=lambda each: each.opened_at, default=None)

    def undo(self, branch: str) -> str:
        incident = self.incident(branch)
        asked = self.clinic.world.ask(
            RequestKind.UNDO, self.clinic.app_id, branch, incident_id=incident.id if incident else ""
        )
        return asked.answer.text if asked and asked.answer else "no answer"

    def _incidents(self, branch: str) -> Iterator[Incident]:
        scope = Scope("aws", self.clinic.world.amplify.account_id, REGION, self.clinic.app_id, branch)
        yield from self.table.read(scope).incidents


def kept(answer: LiveAnswer) -> dict[str, str]:
    """The outcome of each promise."""
    return {each["promise"]: each["outcome"] for each in answer["promises"]}
