"""Builds the facts that a scan reads about one app. Every field can be overridden."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from medic.evidence import Absent, App, Branch, EnvironmentVariable, Item, Present, Role, Unreadable
from medic_cli.scan.facts import AppFacts

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
ACCOUNT, REGION, APP_ID = "111122223333", "eu-central-1", "d1a2b3c4d5e6f7"
APP_ARN = f"arn:aws:amplify:{REGION}:{ACCOUNT}:apps/{APP_ID}"
GITHUB = "https://github.com/acme/shop"


def arn(name: str, account: str = ACCOUNT) -> str:
    return f"arn:aws:iam::{account}:role/{name}"


def trust(service: str = "amplify.amazonaws.com", **condition: dict[str, Any]) -> str:
    statement: dict[str, Any] = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    if condition:
        statement["Condition"] = condition
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def trust_limited_to(app_id: str = APP_ID, branch: str | None = None) -> str:
    """A trust policy whose `aws:SourceArn` condition names an app, or one branch of it."""
    app_arn = APP_ARN.replace(APP_ID, app_id)
    sources = [f"{app_arn}/branches/{branch}"] if branch else [app_arn, f"{app_arn}/*"]
    return trust(ArnLike={"aws:SourceArn": sources})


def role(name: str, policy: str | None = None, *, age: timedelta = timedelta(days=9)) -> Present[Role]:
    return Present(Role(arn(name), name, "/", NOW - age, policy or trust(), None, 3600))


def variable(name: str, looks_like: str | None = None) -> EnvironmentVariable:
    return EnvironmentVariable(name, looks_like)


def app(**fields: Any) -> App:
    usual: dict[str, Any] = {
        "id": APP_ID, "arn": APP_ARN, "name": "shop", "platform": "WEB_COMPUTE", "repository": GITHUB,
        "service_role_arn": arn("service"), "compute_role_arn": arn("compute"), "tags": {}, "environment": (),
        "auto_branch_creation": False, "auto_branch_patterns": (), "clone_method": None,
    }  # fmt: skip
    return App(**{**usual, **fields})


def branch(name: str = "main", **fields: Any) -> Branch:
    usual: dict[str, Any] = {
        "name": name, "arn": f"{APP_ARN}/branches/{name}", "stage": "PRODUCTION", "framework": None,
        "compute_role_arn": None, "tags": {}, "environment": (), "source_branch": None, "destination_branch": None,
        "active_job_id": None,
    }  # fmt: skip
    return Branch(**{**usual, **fields})


def facts(*branches: Branch, roles: dict[str, Item[Role]] | None = None, **fields: Any) -> AppFacts:
    """A healthy app with these branches (default: main) and these additional roles, by name."""
    known: dict[str, Item[Role]] = {"service": role("service"), "compute": role("compute"), **(roles or {})}
    by_arn = {arn(name): item for name, item in known.items()}
    return AppFacts("aws", ACCOUNT, REGION, NOW, app(**fields), branches or (branch(),), by_arn)


GONE = Absent("IAM has no such role")
DENIED = Unreadable("iam:GetRole failed with AccessDenied: no")
