"""Takes snapshots of branches, and reads them back from files. Format: docs/schemas/snapshot.schema.json.

A snapshot holds names of environment variables, fingerprints of texts that may hold secrets, and statements of
permission policies. It never holds values of environment variables, basic-auth credentials, a build specification, or
the text of a trust policy: a trust policy may contain external ids, which are as sensitive as passwords.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from medic.arns import arn_parts, name_of
from medic.diagnosis.roles import compute_role_verdict, service_role_verdict
from medic.events import Scope
from medic.evidence import Absent, App, Branch, Item, Present, Role, RolePolicies, Unreadable
from medic.gateways import Gateways
from medic.policies import statements
from medic.redaction import redact
from medic_cli.aws import region_of, required
from medic_cli.diagnose.offline import evidence_of
from medic_cli.errors import CouldNotLookError
from medic_cli.files import read_json_file

if TYPE_CHECKING:
    from datetime import datetime

    from boto3.session import Session

    from medic.aws.iam import IamReader
    from medic.diagnosis.model import RoleVerdict
    from medic.evidence import BuildSettings
    from medic_cli.output import JsonObject
    from medic_cli.snapshot.answers import (
        BuildJson,
        NotReadJson,
        PoliciesJson,
        RepositoryJson,
        SnapshotAnswer,
        SnapshotAppJson,
        SnapshotBranchJson,
        SnapshotRoleJson,
        TrustVerdictJson,
    )

SCHEMA: Final = 1
KIND: Final = "amplify-medic snapshot"

_MAX_THREADS = 4
_MAX_BYTES = 1 << 26
_PROVIDERS = {
    "github.com": "GitHub",
    "bitbucket.org": "Bitbucket",
    "gitlab.com": "GitLab",
}


_RoleAndPolicies = tuple[Item[Role], Item[RolePolicies]]


class SnapshotReader:
    """Takes snapshots. Reads each app and role once, also for several snapshots.

    Args:
        session: gives the user's credentials.
    """

    def __init__(self, session: Session) -> None:
        self._gateways = Gateways(session)
        self._region = region_of(session)
        self._apps: dict[str, App] = {}
        self._roles: dict[str, _RoleAndPolicies] = {}

    def take(self, app_id: str, branch: str | None) -> SnapshotAnswer:
        """Read the state of a branch; without a name, of all the app's branches.

        Raises:
            CouldNotLookError: the app or the branch does not exist, or may not be read.
            AwsError: a call failed for another reason.
        """
        app = self._app(app_id)
        branches = tuple(self._branches(app_id, branch))
        partition, _, region, account, _ = arn_parts(app.arn)
        roles = self._roles_of(account, app, branches)
        now = self._gateways.clock()
        scopes = [Scope(partition, account, region, app.id, one.name) for one in branches]
        return {
            "schema": SCHEMA,
            "kind": KIND,
            "taken_at": now.isoformat(timespec="seconds"),
            "partition": partition,
            "account": account,
            "region": region,
            "app": _app_json(app),
            "branches": [
                _branch_json(scope, app, one, roles, now) for scope, one in zip(scopes, branches, strict=True)
            ],
            "roles": {arn: _role_json(*known) for arn, known in roles.items()},
        }

    def _app(self, app_id: str) -> App:
        if app_id not in self._apps:
            self._apps[app_id] = required(self._gateways.amplify.app(app_id), self._region)
        return self._apps[app_id]

    def _branches(self, app_id: str, branch: str | None) -> Iterator[Branch]:
        if branch is None:
            yield from self._gateways.amplify.branches(app_id)
        else:
            yield required(self._gateways.amplify.branch(app_id, branch), self._region)

    def _roles_of(self, account: str, app: App, branches: tuple[Branch, ...]) -> Mapping[str, _RoleAndPolicies]:
        """Every role that the app or these branches name, by ARN. Reads the new ones concurrently."""
        named = (app.service_role_arn, app.compute_role_arn, *(branch.compute_role_arn for branch in branches))
        arns = tuple(dict.fromkeys(arn for arn in named if arn))
        new = [arn for arn in arns if arn not in self._roles]
        iam = self._gateways.iam_of(account)
        with ThreadPoolExecutor(max_workers=_MAX_THREADS) as pool:
            self._roles.update(zip(new, pool.map(lambda arn: _read_role(iam, arn), new), strict=True))
        return {arn: self._roles[arn] for arn in arns}


def _read_role(iam: IamReader, arn: str) -> _RoleAndPolicies:
    role = iam.role(arn)
    policies = iam.policies(name_of(arn)) if isinstance(role, Present) else Absent("the role was not read")
    return role, policies


def _app_json(app: App) -> SnapshotAppJson:
    return {
        "id": app.id,
        "arn": app.arn,
        "name": redact(app.name),
        "platform": app.platform,
        "service_role": app.service_role_arn,
        "compute_role": app.compute_role_arn,
        "repository": _repository(app),
        "auto_branch_creation": app.auto_branch_creation,
        "auto_branch_patterns": list(app.auto_branch_patterns),
        "environment_variables": [variable.name for variable in app.environment],
        "build": _build(app.build),
        "tags": {key: redact(value) for key, value in app.tags.items()},
    }


def _branch_json(
    scope: Scope, app: App, branch: Branch, roles: Mapping[str, _RoleAndPolicies], now: datetime
) -> SnapshotBranchJson:
    role_items = {arn: role for arn, (role, _) in roles.items()}
    evidence = evidence_of(scope, now, app=Present(app), branch=Present(branch), roles=role_items)
    service = service_role_verdict(evidence, app.service_role_arn)
    compute = compute_role_verdict(evidence, branch.compute_role_arn or app.compute_role_arn)
    return {
        "name": branch.name,
        "arn": branch.arn,
        "stage": branch.stage,
        "framework": branch.framework,
        "compute_role": branch.compute_role_arn,
        "effective_compute_role": compute.arn if compute else None,
        "trust": {"service": _verdict(service), "compute": _verdict(compute)},
        "environment_variables": [variable.name for variable in branch.environment],
        "build": _build(branch.build),
        "tags": {key: redact(value) for key, value in branch.tags.items()},
        "source_branch": branch.source_branch,
        "destination_branch": branch.destination_branch,
        "pull_request_previews": branch.pull_request_previews,
        "active_job": branch.active_job_id,
    }


def _role_json(item: Item[Role], policies: Item[RolePolicies]) -> SnapshotRoleJson | NotReadJson:
    if not isinstance(item, Present):
        return _not_present(item)
    role = item.value
    return {
        "status": "present",
        "created_at": role.created_at.isoformat(),
        "permissions_boundary": role.permissions_boundary,
        "max_session_seconds": role.max_session_seconds,
        "trust": _fingerprint(role.trust_policy),
        "policies": _policies(policies),
    }


def _policies(item: Item[RolePolicies]) -> PoliciesJson | NotReadJson:
    if not isinstance(item, Present):
        return _not_present(item)
    return {
        "status": "present",
        "inline": list(item.value.inline),
        "managed": list(item.value.attached),
        "statements": sorted({_canonical(each) for document in item.value.documents for each in statements(document)}),
    }


def _not_present(item: Absent | Unreadable) -> NotReadJson:
    return {"status": "absent" if isinstance(item, Absent) else "unreadable", "why": redact(item.reason)}


def _canonical(statement: object) -> str:
    """Redacted canonical JSON without the Sid, so that equal statements have equal text."""
    if isinstance(statement, Mapping):
        statement = {key: _sorted(value) for key, value in statement.items() if key != "Sid"}
    return redact(json.dumps(statement, sort_keys=True, separators=(",", ":")))


def _sorted(value: object) -> object:
    """Sorts lists of strings, and unwraps a list of one: IAM treats both forms alike."""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return sorted(value) if len(value) > 1 else value[0] if value else value
    return value


def _verdict(verdict: RoleVerdict | None) -> TrustVerdictJson | None:
    if verdict is None:
        return None
    return {
        "role": verdict.arn,
        "assumable": verdict.assumable.value,
        "explanation": [redact(line) for line in verdict.explanation],
    }


def _build(build: BuildSettings) -> BuildJson:
    return {"image": build.image, "spec": build.spec, "compute": build.compute}


def _repository(app: App) -> RepositoryJson | None:
    """Leaves out credentials that the repository's URL may hold."""
    if app.repository is None:
        return None
    parts = urlsplit(app.repository)
    host = parts.hostname or ""
    provider = "AWS CodeCommit" if host.startswith("git-codecommit.") else _PROVIDERS.get(host)
    return {
        "provider": provider,
        "host": host,
        "path": redact(parts.path.strip("/")),
        "clone_method": app.clone_method,
    }


def _fingerprint(text: str) -> str:
    """A short hash. For JSON, equal content gives an equal hash, whatever its spacing and key order."""
    with suppress(ValueError):  # a text that is not JSON is hashed unchanged
        text = json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))
    return f"sha256 {hashlib.sha256(text.encode()).hexdigest()[:16]}"


@dataclass(frozen=True, slots=True)
class BranchState:
    """One branch of a snapshot, with the snapshot's app and roles."""

    name: str
    """`APP/BRANCH`, with the file that it comes from."""
    taken_at: str
    """ISO 8601."""
    app: JsonObject
    branch: JsonObject
    roles: JsonObject


def read_snapshot(path: str) -> JsonObject:
    """Read a snapshot from a file.

    Raises:
        CouldNotLookError: the file can't be read, or is not a snapshot of this version.
    """
    document = read_json_file(path, _MAX_BYTES)
    if not (isinstance(document, Mapping) and document.get("kind") == KIND):
        raise CouldNotLookError(f"{path} is not a snapshot. Create one with medic snapshot APP --out FILE.")
    if document.get("schema") != SCHEMA:
        raise CouldNotLookError(f"{path} has snapshot version {document.get('schema')}, not {SCHEMA}. Take it again.")
    return document


def state_in(document: JsonObject, branch: str | None, source: str = "") -> BranchState:
    """Pick one branch from a snapshot.

    Args:
        document: the snapshot.
        branch: the branch's name; None if the snapshot has only one.
        source: the file that the snapshot comes from; empty if it was just taken.

    Raises:
        CouldNotLookError: the snapshot has no such branch, or several and no name was given.
    """
    app, roles = object_in(document, "app"), object_in(document, "roles")
    branches = [one for one in _list(document.get("branches")) if isinstance(one, Mapping)]
    names = [str(one.get("name")) for one in branches]
    if branch is None and len(branches) != 1:
        raise CouldNotLookError(
            f"{source} has {len(branches)} branches. Write {source}#BRANCH with one of: {', '.join(names)}."
        )
    chosen = next((one for one in branches if branch in (None, one.get("name"))), None)
    if chosen is None:
        raise CouldNotLookError(f"{source} has no branch {branch}. It has: {', '.join(names)}.")
    name = f"{app.get('id')}/{chosen.get('name')}{f' ({source})' if source else ''}"
    return BranchState(name, str(document.get("taken_at")), app, chosen, roles)


def object_in(document: JsonObject, key: str) -> JsonObject:
    """A nested object; empty if there is none."""
    value = document.get(key)
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[object]:
    return list(value) if isinstance(value, list) else []
