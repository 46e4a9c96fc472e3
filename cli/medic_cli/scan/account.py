"""What shows only across apps: roles they share, and permissions on roles that merely write SSR logs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from medic.diagnosis.facts import is_logging_role, name_of
from medic.diagnosis.model import Assumable
from medic.evidence.model import Item, Present, RolePolicies
from medic.redaction import redact
from medic.trust.wording import bare, listed
from medic_cli.scan.model import Finding, Kind, Severity
from medic_cli.scan.roles import COMPUTE

if TYPE_CHECKING:
    from medic_cli.scan.facts import AppFacts
    from medic_cli.scan.roles import Judged

_LOG_POLICIES = frozenset({"CloudWatchLogsFullAccess", "CloudWatchLogsReadOnlyAccess"})


@dataclass(slots=True)
class _Users:
    """Who uses one role: of each app its name for people, nothing more."""

    words: str
    apps: list[str] = field(default_factory=list)
    let_in: list[str] = field(default_factory=list)
    kept_out: list[str] = field(default_factory=list)
    pins: list[str] = field(default_factory=list)

    @property
    def shortest_pins(self) -> list[str]:
        """Seen from another region, a pin to an app is one to that region too: the shorter of the two says enough."""
        return [pin for pin in self.pins if not any(pin != other and pin.startswith(other) for other in self.pins)]


class Tally:
    """Collects, app by app, what is known of each role's uses. It grows with roles and apps, never with branches."""

    def __init__(self) -> None:
        self._users: dict[str, _Users] = {}
        self._compute_roles: set[str] = set()

    @property
    def roles(self) -> tuple[str, ...]:
        """The ARNs of all roles in use that IAM was asked about."""
        return tuple(self._users)

    def add(self, facts: AppFacts, uses: tuple[Judged, ...]) -> None:
        """One app's uses of roles."""
        name = f"{bare(facts.app.name)} ({facts.app.id}, {facts.region})"
        for use in uses:
            if use.purpose is COMPUTE:
                self._compute_roles.add(use.arn)
            if use.verdict is None:
                continue
            users = self._users.setdefault(use.arn, _Users(use.purpose.words))
            _add(users.apps, name)
            if use.verdict.assumable is Assumable.DENIED and use.verdict.pinned_to:
                _add(users.pins, *use.verdict.pinned_to)
                _add(users.kept_out, name)
            elif use.verdict.usable:
                _add(users.let_in, name)

    def shared_role_findings(self) -> Iterator[Finding]:
        """Roles that several apps use, and whose conditions on the source keep some of them out."""
        for arn, users in self._users.items():
            if len(users.apps) > 1 and users.kept_out:
                let_in = f" It lets in {listed(users.let_in)}." if users.let_in else ""
                pins = listed(users.shortest_pins)
                said = (
                    f"{len(users.apps)} apps use it as {users.words}, but its trust pins {pins}, which keeps out "
                    f"{listed(users.kept_out)}.{let_in}"
                )
                yield Finding(Kind.SHARED_ROLE_PINNED, Severity.WARNING, redact(said), role=arn)

    def logging_role_findings(self, logging_roles: Mapping[str, Item[RolePolicies]]) -> Iterator[Finding]:
        """Permissions on logging roles that server code never gets.

        Args:
            logging_roles: the policies of each role with a logging role's name, by its ARN.
        """
        for arn, item in logging_roles.items():
            if not isinstance(item, Present) or arn in self._compute_roles:
                continue
            if beyond := beyond_logging(item.value):
                users = self._users.get(arn)
                builds = f" As service role of {listed(users.apps)} it serves builds alone." if users else ""
                said = (
                    f"No app that was looked at has {bare(name_of(arn))} as compute role, so server code gets nothing "
                    f"of what it allows: {listed(beyond)}.{builds}"
                )
                yield Finding(Kind.LOGGING_ROLE_PERMISSIONS, Severity.WARNING, redact(said), role=arn)


def _add(names: list[str], *more: str) -> None:
    names += (name for name in more if name not in names)


def is_logging_role_arn(arn: str) -> bool:
    """True for a role with the name that Amplify gives to the role that writes SSR logs."""
    return is_logging_role(name_of(arn))


def beyond_logging(policies: RolePolicies) -> tuple[str, ...]:
    """What the policies allow besides writing logs: actions, and the names of AWS's own policies."""
    managed = (arn.rpartition("/")[2] for arn in policies.attached if ":iam::aws:policy/" in arn)
    beyond = [name for name in managed if name not in _LOG_POLICIES]
    for document in policies.documents:
        beyond += _allowed_beyond_logging(document)
    return tuple(dict.fromkeys(beyond))


def _allowed_beyond_logging(document: Mapping[str, object]) -> Iterator[str]:
    statements = document.get("Statement", [])
    for statement in statements if isinstance(statements, list) else [statements]:
        if not isinstance(statement, Mapping) or statement.get("Effect") != "Allow":
            continue
        for action in _texts(statement.get("NotAction")):
            yield f"everything but {bare(action)}"
        for action in _texts(statement.get("Action")):
            if not action.lower().startswith("logs:"):
                yield bare(action)


def _texts(value: object) -> list[str]:
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, str)]
