"""One app as the scan sees it: its facts, its branches, and what IAM says of the roles they name."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from medic.evidence import Absent, App, Branch, Evidence, Item, Present, Role, Unreadable
from medic.redaction import redact
from medic_cli.scan.model import FindingKind, ScanFinding, Severity

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

_NOT_LOOKED_AT = Unreadable("a scan looks at no build")
_SSR_PLATFORMS = frozenset({"WEB_COMPUTE", "WEB_DYNAMIC"})
_PREVIEW_STAGE = "PULL_REQUEST"


@dataclass(frozen=True, slots=True)
class AppFacts:
    """One app, its branches, and the roles that were looked up for them."""

    partition: str
    account: str
    region: str
    read_at: datetime
    app: App
    branches: tuple[Branch, ...]
    roles: Mapping[str, Item[Role]]
    """By the ARN under which the app or a branch names it."""

    @property
    def ssr(self) -> bool:
        """True if the app runs server code."""
        return self.app.platform in _SSR_PLATFORMS

    def compute_role_of(self, branch: Branch) -> str | None:
        """The branch's compute role, else the app's."""
        return branch.compute_role_arn or self.app.compute_role_arn

    def evidence(self, branch: Branch | None) -> Evidence:
        """The same facts, as a diagnosis takes them; without a branch, what would hold for one named main."""
        return Evidence(
            partition=self.partition,
            account=self.account,
            region=self.region,
            app_id=self.app.id,
            branch_name=branch.name if branch else "main",
            read_at=self.read_at,
            app=Present(self.app),
            branch=Present(branch) if branch else Absent("the app has no branch"),
            job=_NOT_LOOKED_AT,
            log=_NOT_LOOKED_AT,
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
        """A finding in this app, redacted."""
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

    def named(self, branches: tuple[Branch, ...]) -> tuple[str, ...]:
        """The names of these branches; none where they are all of them."""
        return () if len(branches) == len(self.branches) else tuple(branch.name for branch in branches)


def is_preview(branch: Branch) -> bool:
    """True for the preview of a pull request; a stage may have been edited, so any one sign is enough."""
    return branch.stage == _PREVIEW_STAGE or bool(branch.source_branch or branch.destination_branch)


def may_be_auto_created(app: App, branch: Branch) -> bool:
    """True if a push may have created the branch: Amplify does not say of one branch whether it did."""
    patterns = app.auto_branch_patterns
    matches = not patterns or any(fnmatchcase(branch.name, pattern) for pattern in patterns)
    return app.auto_branch_creation and matches
