"""The least statement for a missing permission, spelt out for one denial. Shown to people, never applied."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from medic.diagnosis.denial import least_statement
from medic.diagnosis.facts import name_of
from medic.diagnosis.model import Proposal
from medic.redaction import redact

if TYPE_CHECKING:
    from medic.diagnosis.facts import Facts
    from medic.diagnosis.model import Denial

_CODECOMMIT = re.compile(
    r"[a-z]{3,5}://(?:[^@/\s]{1,100}@)?git-codecommit\.(?P<region>[a-z0-9-]{4,32})\.[a-z.]{8,32}/v1/repos/"
    r"(?P<name>[\w.-]{1,100})"
)
_NARROW = "The message names no resource's ARN: narrow the resource by hand."
_CALLERS_ACCOUNT = "The caller belongs to account {account}: whoever administers that one adds it there."


def for_permission(denial: Denial, account: str) -> Proposal | None:
    """The statement that the caller lacks.

    None where no statement helps, where the text asks for more than one action (no message of AWS does), and where the
    text would have to be redacted: what looks like a secret is not repeated.

    Args:
        denial: the refused call.
        account: the app's account.
    """
    statement = least_statement(denial)
    if statement is None or "*" in str(statement["Action"]):
        return None
    text = json.dumps(statement, separators=(",", ":"))
    if redact(text) != text:
        return None
    here = denial.account in {None, account}
    notes = [] if here else [_CALLERS_ACCOUNT.format(account=denial.account)]
    notes += [_NARROW] if statement["Resource"] == "*" else []
    return Proposal(
        fix="allow_pass_role" if statement["Action"] == "iam:PassRole" else "grant_action",
        holder=denial.principal or denial.role_name or "the caller",
        role_name=denial.role_name if here else None,
        statement=text,
        notes=tuple(notes),
    )


def for_codecommit(facts: Facts) -> Proposal | None:
    """The right to pull the app's own repository, for its service role."""
    match = _CODECOMMIT.fullmatch((facts.app.repository or "") if facts.app else "")
    if match is None or facts.service is None:
        return None
    evidence = facts.evidence
    arn = f"arn:{evidence.partition}:codecommit:{match['region']}:{evidence.account}:{match['name']}"
    statement = {"Effect": "Allow", "Action": "codecommit:GitPull", "Resource": arn}
    return Proposal(
        fix="allow_codecommit_pull",
        holder=facts.service.arn,
        role_name=name_of(facts.service.arn),
        statement=json.dumps(statement, separators=(",", ":")),
    )
