"""Amplify's backends, one per account and region, as moto stores them."""

from __future__ import annotations

import json
from datetime import UTC
from typing import TYPE_CHECKING

from moto.core.base_backend import BackendDict, BaseBackend
from moto.iam.models import IAMBackend, iam_backends
from moto.iam.models import Role as MotoRole
from moto.logs.models import LogsBackend, logs_backends

from tests.fakes.amplify.core import FakeAmplify
from tests.fakes.amplify.log_server import LogServer
from tests.fakes.amplify.ports import InMemoryEvents, Role
from tests.fakes.amplify.state import Ports, State
from tests.fakes.amplify.timing import ManualTime

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from typing import Any


class AmplifyBackend(BaseBackend):
    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        time = ManualTime()
        self.log_server = LogServer(time)
        self.events = InMemoryEvents()
        roles = MotoRoles(iam_backends[account_id][self.partition])
        logs = MotoLogs(logs_backends[account_id][region_name])
        ports = Ports(time=time, roles=roles, events=self.events, logs=logs, log_store=self.log_server)
        self.fake = FakeAmplify(State(account_id, region_name, ports))

    def reset(self) -> None:
        """Delete everything and stop the log server."""
        self.log_server.close()
        super().reset()


class MotoRoles:
    """The roles in moto's IAM."""

    def __init__(self, iam: IAMBackend) -> None:
        self._iam = iam

    def get(self, arn: str) -> Role | None:
        found = next((role for role in self._iam.roles.values() if role.arn == arn), None)
        if found is None:
            return None
        trust = json.loads(found.assume_role_policy_document)
        return Role(arn, trust, found.create_date.replace(tzinfo=UTC), tuple(_policies(found)))


class MotoLogs:
    """The log groups in moto."""

    def __init__(self, logs: LogsBackend) -> None:
        self._logs = logs

    def put(self, group: str, stream: str, at: datetime, message: str) -> None:
        """Write one log event with any timestamp. moto would check the timestamp against the machine's clock."""
        if group not in self._logs.groups:
            self._logs.create_log_group(group, {})
        if stream not in self._logs.groups[group].streams:
            self._logs.create_log_stream(group, stream)
        event = {"timestamp": int(at.timestamp() * 1000), "message": message}
        self._logs.groups[group].put_log_events(stream, [event])


def _policies(role: MotoRole) -> Iterator[Mapping[str, Any]]:
    for document in role.policies.values():
        yield json.loads(document)
    for policy in role.managed_policies.values():
        yield from (json.loads(version.document) for version in policy.versions if version.is_default)


amplify_backends = BackendDict(AmplifyBackend, "amplify")
