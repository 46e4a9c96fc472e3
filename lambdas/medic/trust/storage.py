"""What IAM refuses to store in a trust policy, although it can be evaluated.

https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-reference-policy-checks.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from medic.text import shown, spelt
from medic.trust.request import EVERYBODY, Principal, PrincipalKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medic.trust.document import Document, Statement

DELETED = re.compile(r"A(?:ID|RO)A[A-Z0-9]{12,}")
"""IAM shows a deleted user or role by its unique id."""
_SID = re.compile(r"[A-Za-z0-9]*")
_SERVICE = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:amazonaws\.com(?:\.cn)?|amazon\.com|aws\.internal)")
_STS_ACTION = re.compile(r"sts:[A-Za-z*?]+|\*", re.IGNORECASE)


class Obstacle(Struct, frozen=True):
    """Something that keeps IAM from storing the document."""

    statement: int
    """The position of the statement, from 0."""
    problem: str
    """A sentence."""


def obstacles(document: Document) -> tuple[Obstacle, ...]:
    """Everything that is known to keep IAM from storing the document."""
    sids: set[str] = set()
    found = []
    for statement in document.statements:
        if statement.sid and statement.sid in sids:
            found.append(Obstacle(statement.index, "Two statements share a Sid; IAM refuses to save that."))
        sids.add(statement.sid or "")
        found += (Obstacle(statement.index, problem) for problem in _problems(statement))
    return tuple(found)


def _problems(statement: Statement) -> Iterator[str]:
    if not _SID.fullmatch(statement.sid or ""):
        yield "A Sid holds other characters than letters and digits; IAM refuses to save that."
    if statement.resources:
        yield "A trust policy has no Resource element; IAM refuses to save one."
    if statement.principals.negated:
        yield "Trust policies do not support NotPrincipal."
    if any(not _STS_ACTION.fullmatch(action) for action in statement.actions.entries):
        yield "A trust policy may only name actions of sts; IAM refuses to save another."
    for entry in statement.principals.entries:
        yield from _problems_of(entry)


def _problems_of(entry: Principal) -> Iterator[str]:
    name = f'The principal "{spelt(entry.text)}"'
    wildcard = bool({"*", "?"} & set(entry.text))
    if entry.kind is PrincipalKind.SERVICE and entry.key not in {"Service", "Federated"}:
        yield f'{name} stands under another key than "Service", exactly so written; there it matches nobody.'
    elif entry.key not in {EVERYBODY, "AWS", "Service", "Federated"}:
        yield f"{name} stands under {shown(entry.key)}; the kinds of principals are exactly AWS, Service and Federated."
    elif DELETED.fullmatch(entry.text):
        yield (
            f"{entry.text} is the id of a deleted user or role. IAM refuses to save a trust policy that still holds it"
            ' ("Invalid principal in policy"), whatever else is changed.'
        )
    elif entry.key == "AWS" and entry.text != "*" and wildcard:
        yield f"{name} has a wildcard in a name; IAM takes only a * alone, and refuses to save this."
    elif entry.key == "AWS" and entry.text != "*" and not (entry.account or entry.text.startswith("arn:")):
        yield f"{name} is no account, user or role; IAM refuses to save it."
    elif entry.key == "Service" and wildcard:
        yield f"{name} has a wildcard, which IAM does not support under Service: name the service whole."
    elif entry.key == "Service" and not _SERVICE.fullmatch(entry.text):
        yield f"{name} is no name of a service, such as amplify.amazonaws.com; IAM refuses to save it."
