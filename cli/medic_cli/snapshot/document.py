"""A snapshot as JSON; see docs/schemas/snapshot.schema.json.

Written down: names of environment variables, fingerprints of what may hold secrets, statements of permission policies.
Never: a value of an environment variable, basic-auth credentials, a build specification, a trust policy's text (it may
hold external ids, which are as good as passwords).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from medic.evidence.model import Absent, Item, Present, Role, Unreadable
from medic.redaction import redact

if TYPE_CHECKING:
    from medic.aws.iam import NamedPolicy
    from medic.diagnosis.model import RoleVerdict
    from medic.evidence.model import App, Branch, BuildSettings
    from medic_cli.json_types import JsonObject

SCHEMA = 1
KIND = "amplify-medic snapshot"

_PROVIDERS = {
    "github.com": "GitHub",
    "bitbucket.org": "Bitbucket",
    "gitlab.com": "GitLab",
}


def app_as_json(app: App) -> JsonObject:
    """An app."""
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


def branch_as_json(branch: Branch, service: RoleVerdict | None, compute: RoleVerdict | None) -> JsonObject:
    """A branch, with the verdicts on the roles that count for it."""
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


def role_as_json(item: Item[Role], policies: Item[tuple[NamedPolicy, ...]]) -> JsonObject:
    """A role, or why it is not known."""
    match item:
        case Present(role):
            return {
                "status": "present",
                "created_at": role.created_at.isoformat(),
                "permissions_boundary": role.permissions_boundary,
                "max_session_seconds": role.max_session_seconds,
                "trust": _fingerprint(role.trust_policy),
                "policies": _policies(policies),
            }
        case Absent(why):
            return {"status": "absent", "why": redact(why)}
        case Unreadable(because):
            return {"status": "unreadable", "why": redact(because)}


def _policies(item: Item[tuple[NamedPolicy, ...]]) -> JsonObject:
    match item:
        case Present(policies):
            return {
                "status": "present",
                "inline": [policy.name for policy in policies if policy.inline],
                "managed": [policy.name for policy in policies if not policy.inline],
                "statements": sorted({text for policy in policies for text in _statements(policy)}),
            }
        case Absent(why):
            return {"status": "absent", "why": redact(why)}
        case Unreadable(because):
            return {"status": "unreadable", "why": redact(because)}


def _statements(policy: NamedPolicy) -> list[str]:
    """Each statement without its id, as compact JSON with its keys in order: equal ones read the same."""
    statements = (policy.document or {}).get("Statement", [])
    several = statements if isinstance(statements, list) else [statements]
    return [redact(_canonical(one)) for one in several]


def _canonical(statement: object) -> str:
    if isinstance(statement, Mapping):
        statement = {key: _sorted(value) for key, value in statement.items() if key != "Sid"}
    return json.dumps(statement, sort_keys=True, separators=(",", ":"))


def _sorted(value: object) -> object:
    """Lists of actions and resources mean the same in any order, and as one text where there is one."""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return sorted(value) if len(value) > 1 else value[0] if value else value
    return value


def _verdict(verdict: RoleVerdict | None) -> JsonObject | None:
    if verdict is None:
        return None
    return {
        "role": verdict.arn,
        "assumable": verdict.assumable.value,
        "explanation": [redact(line) for line in verdict.explanation],
    }


def _build(build: BuildSettings) -> JsonObject:
    return {"image": build.image, "spec": build.spec, "compute": build.compute}


def _repository(app: App) -> JsonObject | None:
    """Where the repository is, without whatever credentials its URL may hold."""
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
    """Of a JSON document: equal for equal content, however it is spaced."""
    with suppress(ValueError):  # what is not JSON is compared as it stands
        text = json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))
    return f"sha256 {hashlib.sha256(text.encode()).hexdigest()[:16]}"
