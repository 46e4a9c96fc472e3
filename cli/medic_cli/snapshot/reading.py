"""Reads the state of an app and its branches, each thing once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from medic.arns import RoleArn
from medic.aws.amplify import AmplifyReader
from medic.aws.errors import AbsentError, DeniedError
from medic.aws.iam import IamReader, NamedPolicy
from medic.aws.sessions import Reader
from medic.diagnosis.roles import compute_role_verdict, service_role_verdict
from medic.events import Scope
from medic.evidence.model import Absent, App, Branch, Item, Present, Role, Unreadable
from medic_cli.aws_session import region_of
from medic_cli.evidence import evidence_of
from medic_cli.items import required
from medic_cli.snapshot.document import KIND, SCHEMA, app_as_json, branch_as_json, role_as_json

if TYPE_CHECKING:
    from boto3.session import Session

    from medic_cli.json_types import JsonObject

_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class _KnownRole:
    role: Item[Role]
    policies: Item[tuple[NamedPolicy, ...]]


class SnapshotReader:
    """Takes snapshots; what two of them share is read once.

    Args:
        session: the user's credentials.
        clock: gives now, UTC.
    """

    def __init__(self, session: Session, clock: Callable[[], datetime]) -> None:
        self._reader = Reader(session)
        self._amplify = AmplifyReader(self._reader.amplify)
        self._region = region_of(session)
        self._clock = clock
        self._apps: dict[str, App] = {}
        self._roles: dict[str, _KnownRole] = {}

    def take(self, app_id: str, branch: str | None) -> JsonObject:
        """The state of a branch; without a name, of all the app's branches.

        Raises:
            CouldNotLookError: the app or the branch is not there, or may not be read.
            AwsError: a call failed in another way.
        """
        app = self._app(app_id)
        branches = tuple(self._branches(app_id, branch))
        _, partition, _, region, account, _ = app.arn.split(":", 5)
        roles = self._known_roles(account, app, branches)
        now = self._clock()
        scopes = [Scope(partition, account, region, app.id, one.name) for one in branches]
        return {
            "schema": SCHEMA,
            "kind": KIND,
            "taken_at": now.isoformat(timespec="seconds"),
            "partition": partition,
            "account": account,
            "region": region,
            "app": app_as_json(app),
            "branches": [_branch(scope, app, one, roles, now) for scope, one in zip(scopes, branches, strict=True)],
            "roles": {arn: role_as_json(known.role, known.policies) for arn, known in roles.items()},
        }

    def _app(self, app_id: str) -> App:
        if app_id not in self._apps:
            self._apps[app_id] = required(self._amplify.app(app_id), self._region)
        return self._apps[app_id]

    def _branches(self, app_id: str, branch: str | None) -> Iterator[Branch]:
        if branch is None:
            yield from self._amplify.branches(app_id)
        else:
            yield required(self._amplify.branch(app_id, branch), self._region)

    def _known_roles(self, account: str, app: App, branches: tuple[Branch, ...]) -> Mapping[str, _KnownRole]:
        """Every role that counts for these branches, the new ones looked up at the same time."""
        named = (app.service_role_arn, app.compute_role_arn, *(branch.compute_role_arn for branch in branches))
        arns = tuple(dict.fromkeys(arn for arn in named if arn))
        new = [arn for arn in arns if arn not in self._roles]
        iam = IamReader(self._reader.iam, account)
        with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
            self._roles.update(zip(new, pool.map(lambda arn: _read_role(iam, arn), new), strict=True))
        return {arn: self._roles[arn] for arn in arns}


def _read_role(iam: IamReader, arn: str) -> _KnownRole:
    role = iam.role(arn)
    parts = RoleArn.parse(arn)
    if not isinstance(role, Present) or parts is None:
        return _KnownRole(role, Absent("the role was not read"))
    try:
        return _KnownRole(role, Present(iam.named_policies(parts.name)))
    except AbsentError as error:
        return _KnownRole(role, Absent(str(error)))
    except DeniedError as error:
        return _KnownRole(role, Unreadable(str(error)))


def _branch(scope: Scope, app: App, branch: Branch, roles: Mapping[str, _KnownRole], now: datetime) -> JsonObject:
    read = {arn: known.role for arn, known in roles.items()}
    evidence = evidence_of(scope, now, app=Present(app), branch=Present(branch), roles=read)
    return branch_as_json(
        branch,
        service_role_verdict(evidence, app.service_role_arn),
        compute_role_verdict(evidence, branch.compute_role_arn or app.compute_role_arn),
    )
