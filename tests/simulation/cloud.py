"""The services around the bot, in this process: Amplify, IAM, STS, DynamoDB, SNS, EventBridge, SQS, logs and Slack."""

from __future__ import annotations

import io
import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import urllib3
from botocore.exceptions import ClientError

from tests.fakes.amplify.core import FakeAmplify
from tests.fakes.amplify.errors import AmplifyError
from tests.fakes.amplify.ports import Role
from tests.fakes.amplify.state import Ports, State
from tests.fakes.amplify.timing import ManualTime
from tests.fakes.log_groups import LogGroups
from tests.fakes.queue import FakeQueue
from tests.fakes.slack import FakeSlack, Post
from tests.simulation.memory_table import MemoryTable
from tests.simulation.wire import SimulatedClient, SimulatedWire

Json = dict[str, Any]
ACCOUNT, REGION = "123456789012", "eu-central-1"
LOG_ORIGIN = "https://logs.s3.eu-central-1.amazonaws.com"
_LOG_LINES_KEPT = timedelta(hours=26)


@dataclass
class SimulatedRoles:
    """IAM's roles. Each has one inline policy at most."""

    time: ManualTime
    roles: dict[str, Role] = field(default_factory=dict)

    def make(self, name: str, trust: Mapping[str, Any], *, age: timedelta) -> str:
        arn = f"arn:aws:iam::{ACCOUNT}:role/app/{name}"
        self.roles[name] = Role(arn, trust, self.time.now() - age)
        return arn

    def get(self, arn: str) -> Role | None:
        found = self.roles.get(arn.rpartition("/")[2])
        return found if found is not None and found.arn == arn else None

    def get_role(self, *, RoleName: str) -> Json:  # noqa: N803
        role = self._named(RoleName, "GetRole")
        return {
            "Role": {
                "Arn": role.arn,
                "RoleName": RoleName,
                "Path": "/app/",
                "CreateDate": role.created,
                "AssumeRolePolicyDocument": role.trust,
            }
        }

    def list_attached_role_policies(self, *, RoleName: str) -> Json:  # noqa: N803
        self._named(RoleName, "ListAttachedRolePolicies")
        return {"AttachedPolicies": []}

    def list_role_policies(self, *, RoleName: str) -> Json:  # noqa: N803
        role = self._named(RoleName, "ListRolePolicies")
        return {"PolicyNames": ["inline"] if role.policies else []}

    def get_role_policy(self, *, RoleName: str, PolicyName: str) -> Json:  # noqa: N803, ARG002
        return {"PolicyDocument": self._named(RoleName, "GetRolePolicy").policies[0]}

    def list_account_aliases(self) -> Json:
        return {"AccountAliases": []}

    def _named(self, name: str, operation: str) -> Role:
        if name not in self.roles:
            raise client_error(operation, "NoSuchEntity", f"The role with name {name} cannot be found.", 404)
        return self.roles[name]


@dataclass
class AmplifyAnswers:
    """Amplify's operations as methods of a client."""

    fake: FakeAmplify

    def __getattr__(self, method: str) -> Callable[..., Any]:
        operation = method.title().replace("_", "")

        def call(**params: Any) -> Any:
            try:
                answer = self.fake.call(operation, path=params)
            except AmplifyError as error:
                raise client_error(operation, error.code, error.message, error.status) from error
            finally:
                self.fake.calls.clear()
            return answer

        return call


@dataclass
class Answers:
    """The small services."""

    secret: str

    def get_secret_value(self, **_: Any) -> Json:
        return {"SecretString": self.secret}

    def publish(self, **_: Any) -> Json:
        return {"MessageId": "1"}

    def lookup_events(self, **_: Any) -> Json:
        """Nobody is named. Who changed something is told by the tests of CloudTrail's reader."""
        return {"Events": []}

    def put_events(self, **_: Any) -> Json:
        return {"FailedEntryCount": 0, "Entries": []}

    def assume_role(self, *, RoleSessionName: str, **_: Any) -> Json:  # noqa: N803
        """The token is the session's name, which holds the incident's id."""
        return {"Credentials": {"AccessKeyId": "actor", "SecretAccessKey": "invented", "SessionToken": RoleSessionName}}


@dataclass
class MemoryLogStore:
    """Build logs at presigned URLs."""

    time: ManualTime
    bodies: dict[str, bytes] = field(default_factory=dict)
    links: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    _made: int = 0

    def put(self, key: str, body: bytes, encoding: str | None) -> None:  # noqa: ARG002
        self.bodies[key] = body

    def url(self, key: str, lifetime: timedelta) -> str:
        self._made += 1
        url = f"{LOG_ORIGIN}/{self._made}/log.txt?X-Amz-SignedHeaders=host"
        self.links[url] = (key, self.time.now() + lifetime)
        return url

    def expire_all(self) -> None:
        self.links.clear()

    def get(self, url: str) -> tuple[int, bytes]:
        key, until = self.links.get(url, ("", self.time.now()))
        if self.time.now() >= until:
            return 403, b""
        return (200, self.bodies[key]) if key in self.bodies else (404, b"")


@dataclass
class RuntimeLogPort:
    """Lets the fake write lines into the log groups. Old lines are dropped, so that a long run stays quick."""

    groups: LogGroups

    def put(self, group: str, stream: str, at: datetime, message: str) -> None:
        self.groups.put(group, [(at, message)], stream=stream)
        first = (at - _LOG_LINES_KEPT).timestamp() * 1000
        kept = self.groups.groups[group]
        if kept[0].timestamp < first:
            self.groups.groups[group] = [event for event in kept if event.timestamp >= first]


@dataclass
class EventPort:
    """Amplify's events, until the world takes them."""

    sent: deque[Json] = field(default_factory=deque)

    def put(self, event: Mapping[str, Any]) -> None:
        self.sent.append(dict(event))


class Cloud:
    """Every service, and a session that makes clients for them."""

    def __init__(self, start: datetime) -> None:
        self.time = ManualTime(start)
        self.wire = SimulatedWire()
        self.roles = SimulatedRoles(self.time)
        self.events = EventPort()
        self.log_groups = LogGroups(self.time.now)
        self.log_store = MemoryLogStore(self.time)
        ports = Ports(self.time, self.roles, self.events, RuntimeLogPort(self.log_groups), self.log_store)
        self.amplify = FakeAmplify(State(ACCOUNT, REGION, ports))
        self.table = MemoryTable()
        self.queue = FakeQueue(self.time.now)
        self.slack = FakeSlack()
        small = Answers("https://hooks.slack.com/services/T0INVENTED/B0INVENTED/invented")
        answers: dict[str, object] = {
            "amplify": AmplifyAnswers(self.amplify),
            "iam": self.roles,
            "dynamodb": self.table,
            "sqs": self.queue,
            "logs": self.log_groups,
            **dict.fromkeys(("sns", "events", "secretsmanager", "sts", "cloudtrail"), small),
        }
        self._answers = answers
        self._clients = {name: SimulatedClient(self.wire, name, each) for name, each in answers.items()}
        for once in ("logs", "cloudtrail"):
            self._clients[once] = SimulatedClient(self.wire, once, answers[once], attempts=1)

    def client(self, service: str, *, aws_session_token: str = "", **_: object) -> SimulatedClient:
        """The session's only method that the bot calls."""
        if not aws_session_token:
            return self._clients[service]
        return SimulatedClient(self.wire, service, self._answers[service], attempts=1, session=aws_session_token)

    def download(self, url: str) -> urllib3.HTTPResponse:
        """A build log."""
        status, body = self.log_store.get(url)
        return urllib3.HTTPResponse(io.BytesIO(body), status=status, preload_content=False)

    def post(self, body: Mapping[str, Any]) -> tuple[int, str]:
        """A post to Slack's webhook. Returns the status and the body of the answer."""
        status, _, answer = self.slack.take(Post("/services/T0INVENTED", {}, json.loads(json.dumps(body))))
        return status, answer.decode()


def client_error(operation: str, code: str, message: str, status: int = 400) -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, operation)
