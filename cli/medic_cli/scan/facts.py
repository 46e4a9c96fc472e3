"""What a scan knows of one app: the app, its branches, and the roles that they name."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from medic.events import Scope
from medic.evidence import Absent, App, Branch, Evidence, Item, Present, Role, Unreadable
from medic.redaction import redact
from medic_cli.scan.model import FindingKind, ScanFinding, Severity

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

_NOT_READ = Unreadable("a scan reads no builds")
_SSR_PLATFORMS = frozenset({"WEB_COMPUTE", "WEB_DYNAMIC"})


@dataclass(frozen=True, slots=True)
class AppFacts:
    partition: str
    account: str
    region: str
    read_at: datetime
    app: App
    branches: tuple[Branch, ...]
    roles: Mapping[str, Item[Role]]
    """By ARN, as the app or a branch names it."""

    @property
    def ssr(self) -> bool:
        """True if the app's platform runs server code."""
        return self.app.platform in _SSR_PLATFORMS

    def compute_role_of(self, branch: Branch) -> str | None:
        """The branch's compute role, else the app's."""
        return branch.compute_role_arn or self.app.compute_role_arn

    def evidence(self, branch: Branch | None) -> Evidence:
        """The facts as input for a diagnosis. Without a branch, as if the app had a branch named main."""
        return Evidence(
            scope=Scope(self.partition, self.account, self.region, self.app.id, branch.name if branch else "main"),
            read_at=self.read_at,
            app=Present(self.app),
            branch=Present(branch) if branch else Absent("the app has no branch"),
            job=_NOT_READ,
            log=_NOT_READ,
            roles=self.roles,
        )

    def finding(  # noqa: PLR0913 - each is one field of the finding
        self,
        kind: FindingKind,
        severity: Severity,
        detail: str,
        *,
        branches: tuple[str, ...] = (),
        role: str | None = None,
        statement: str | None = None,
    ) -> ScanFinding:
        """A finding in this app. Redacts the detail and ends it with a full stop."""
        return ScanFinding(
            kind=kind,
            severity=severity,
            detail=redact(detail if detail.endswith(".") else f"{detail}."),
            region=self.region,
            app_id=self.app.id,
            app_name=self.app.name,
            branches=branches,
            role=role,
            statement=statement,
        )

    def names_unless_all(self, branches: tuple[Branch, ...]) -> tuple[str, ...]:
        """The branches' names. Empty if they are all of the app's branches, as `ScanFinding.branches` wants it."""
        return () if len(branches) == len(self.branches) else tuple(branch.name for branch in branches)


def may_be_auto_created(app: App, branch: Branch) -> bool:
    """True if a push may have created the branch. Amplify does not say whether it did."""
    patterns = app.auto_branch_patterns
    matches = not patterns or any(fnmatchcase(branch.name, pattern) for pattern in patterns)
    return app.auto_branch_creation and matches
