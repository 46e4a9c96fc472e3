"""Amplify as a service of the ministack emulator. It uses the emulator's IAM, S3, logs and events.

Runs in the emulator's process and interpreter. Uses private names of ministack 1.5.33.
"""

from __future__ import annotations

import asyncio
import json
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import boto3
from botocore.config import Config
from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import cloudwatch_logs, eventbridge, s3
from ministack.services import iam as iam_service

from tests.fakes.amplify import wire
from tests.fakes.amplify.control import Control
from tests.fakes.amplify.core import FakeAmplify
from tests.fakes.amplify.errors import NoAnswerError
from tests.fakes.amplify.ports import Role
from tests.fakes.amplify.state import Ports, State
from tests.fakes.amplify.timing import WallTime

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

# The percent-encoded request line. ministack passes a decoded path to handlers, in which a slash of a branch name looks
# like any other slash.
REQUEST_LINE: ContextVar[tuple[str, str]] = ContextVar("REQUEST_LINE")

UNANSWERED_SECONDS = 20.0

Answer = tuple[int, dict[str, str], bytes]


class MinistackAmplify:
    """The service, with one fake per account and region, created on the first call.

    Attributes:
        expired: Signatures of presigned URLs that a test expired early.
    """

    def __init__(self, endpoint_url: str) -> None:
        self._endpoint_url = endpoint_url
        self._fakes: dict[tuple[str, str], FakeAmplify] = {}
        self.expired: set[str] = set()

    async def handle_request(
        self, method: str, _path: str, headers: dict[str, str], body: bytes, _query: dict[str, list[str]]
    ) -> Answer:
        """Answer a request in a thread, because a build calls other services and may take long."""
        raw_path, query = REQUEST_LINE.get()
        request = wire.HttpRequest(method, raw_path, query, body, headers.get("authorization", ""))
        try:
            answer = await asyncio.to_thread(wire.handle, self.fake(get_account_id(), get_region()), request)
        except NoAnswerError:
            await asyncio.sleep(UNANSWERED_SECONDS)
            return 504, {}, b""
        return answer.status, answer.headers, answer.body

    def fake(self, account_id: str, region: str) -> FakeAmplify:
        if (account_id, region) not in self._fakes:
            self._fakes[account_id, region] = FakeAmplify(State(account_id, region, self._ports(account_id, region)))
        return self._fakes[account_id, region]

    def control(self, account_id: str, region: str) -> Control:
        return Control(self.fake(account_id, region))

    def reset(self) -> None:
        """Delete all fakes."""
        self._fakes.clear()
        self.expired.clear()

    def get_state(self) -> None:
        """Return no state: nothing is kept across restarts."""

    def tags(self) -> Iterator[tuple[str, list[dict[str, str]]]]:
        """ARN and tags of every app and branch in the request's account and region.

        IAM knows a branch by its raw name, also if Amplify shows an encoded one.
        """
        state = self.fake(get_account_id(), get_region()).state
        for app in state.apps.values():
            yield app.arn, _key_value(app.tags)
            for branch in app.branches.values():
                tags = _key_value(state.tags_of_branch(app, branch))
                yield from ((arn, tags) for arn in {branch.arn, f"{app.arn}/branches/{branch.name}"})

    def _ports(self, account_id: str, region: str) -> Ports:
        scope = Scope(account_id, region)
        log_store = MinistackLogStore(scope, self._endpoint_url, self.expired)
        return Ports(WallTime(), MinistackRoles(scope), MinistackEvents(scope), MinistackLogs(scope), log_store)


@dataclass(frozen=True, slots=True)
class Scope:
    account_id: str
    region: str

    def entered(self) -> AbstractContextManager[None]:
        """Let the emulator's modules act in this account and region, also outside a request."""
        scope: AbstractContextManager[None] = request_scope(self.account_id, self.region)
        return scope


class MinistackRoles:
    """The emulator's IAM roles."""

    def __init__(self, scope: Scope) -> None:
        self._account_id = scope.account_id

    def get(self, arn: str) -> Role | None:
        found = iam_service._roles.get_scoped(self._account_id, None, arn.rsplit("/", 1)[-1])
        if found is None or found["Arn"] != arn:
            return None
        created = datetime.fromisoformat(found["CreateDate"])
        return Role(arn, _document(found["AssumeRolePolicyDocument"]), created, tuple(self._policies(found)))

    def _policies(self, role: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        yield from (_document(inline) for inline in role.get("InlinePolicies", {}).values())
        for attached in role.get("AttachedPolicies", []):
            if found := iam_evaluator._resolve_managed_policy_document(attached, self._account_id):
                yield _document(found)


class MinistackEvents:
    """The emulator's default event bus. PutEvents refuses sources `aws.*`, so events are sent internally."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def put(self, event: Mapping[str, Any]) -> None:
        """Send the event. The bus sets its id and time."""
        entry = {
            "Source": event["source"],
            "DetailType": event["detail-type"],
            "Detail": json.dumps(event["detail"]),
            "Resources": event["resources"],
        }
        with self._scope.entered():
            eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)


class MinistackLogs:
    """The emulator's log groups."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def put(self, group: str, stream: str, at: datetime, message: str) -> None:
        """Write one log event. If the group or stream exists, creating it returns an error, which is ignored."""
        named = {"logGroupName": group, "logStreamName": stream}
        event = {"timestamp": int(at.timestamp() * 1000), "message": message}
        with self._scope.entered():
            cloudwatch_logs._create_log_group({"logGroupName": group})
            cloudwatch_logs._create_log_stream(named)
            cloudwatch_logs._put_log_events({**named, "logEvents": [event]})


class MinistackLogStore:
    """A bucket of the emulator, read by presigned URLs."""

    def __init__(self, scope: Scope, endpoint_url: str, expired: set[str]) -> None:
        self._scope, self._expired = scope, expired
        self._given: set[str] = set()
        self._bucket = f"aws-amplify-prod-{scope.region}-artifacts"
        self._s3 = boto3.client(
            "s3",
            endpoint_url=endpoint_url,
            region_name=scope.region,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
        )

    def put(self, key: str, body: bytes, encoding: str | None) -> None:
        """Store a log. The first log creates the bucket."""
        headers = {"content-type": "binary/octet-stream", **({"content-encoding": encoding} if encoding else {})}
        with self._scope.entered():
            if s3._ensure_bucket(self._bucket) is None:
                s3._create_bucket(self._bucket, b"")
            s3._put_object(self._bucket, key, body, headers)

    def url(self, key: str, lifetime: timedelta) -> str:
        """A presigned URL of the log. The emulator refuses it after its lifetime."""
        params = {"Bucket": self._bucket, "Key": key}
        url: str = self._s3.generate_presigned_url("get_object", Params=params, ExpiresIn=int(lifetime.total_seconds()))
        self._given.add(signature(url.partition("?")[2]))
        return url

    def expire_all(self) -> None:
        """Expire the URLs returned so far."""
        self._expired |= self._given


def signature(query: str) -> str:
    """The signature in the query string of a presigned URL. Empty if there is none."""
    return parse_qs(query).get("X-Amz-Signature", [""])[0]


def _document(policy: str | Mapping[str, Any]) -> Mapping[str, Any]:
    if not isinstance(policy, str):
        return policy
    document: Mapping[str, Any] = json.loads(policy)
    return document


def _key_value(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
