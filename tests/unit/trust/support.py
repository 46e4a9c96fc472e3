"""Requests, documents and data files that the trust tests share."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from medic.trust import AssumeRoleRequest

DATA = Path(__file__).parents[2] / "data" / "trust"
ACCOUNT = "111122223333"
APP_ID = "d1a2b3c4d5e6f7"
BRANCH_ARN = f"arn:aws:amplify:us-east-1:{ACCOUNT}:apps/{APP_ID}/branches/main"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/amplify/AmplifyComputeRole"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
AMPLIFY = {"Service": "amplify.amazonaws.com"}

Json = dict[str, Any]


def lines(name: str) -> list[Json]:
    return [json.loads(line) for line in (DATA / name).read_text(encoding="utf-8").splitlines()]


def request(**facts: Any) -> AssumeRoleRequest:
    """A call by Amplify for the main branch. The given facts override the defaults."""
    usual: Json = {
        "now": NOW,
        "region": "us-east-1",
        "account_id": ACCOUNT,
        "app_id": APP_ID,
        "source_arn": BRANCH_ARN,
        "role_arn": ROLE_ARN,
    }
    return AssumeRoleRequest(**(usual | facts))


def statement(**elements: Any) -> Json:
    """An Allow for Amplify. The given elements override the defaults; None leaves an element out."""
    usual: Json = {"Effect": "Allow", "Principal": AMPLIFY, "Action": "sts:AssumeRole"}
    return {name: value for name, value in (usual | elements).items() if value is not None}


def document(*statements: Json, version: str | None = "2012-10-17") -> Json:
    return {**({"Version": version} if version else {}), "Statement": list(statements)}
