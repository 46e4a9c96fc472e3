"""What could not be looked at, gathered: one gap for each permission and region, not one for each app."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from medic_cli.aws_session import explanation
from medic_cli.scan.model import Gap

if TYPE_CHECKING:
    from medic.aws.errors import AwsError


class Gaps:
    """Collects gaps."""

    def __init__(self) -> None:
        self._gaps: dict[tuple[str, str, str | None], Gap] = {}
        self.first: AwsError | None = None
        """The first error that made one."""

    def add(
        self, error: AwsError, *, region: str | None = None, app: str | None = None, role: str | None = None
    ) -> None:
        """Note that a call failed.

        Args:
            error: what AWS answered, or why it did not.
            region: where; None for IAM.
            app: the id of the app it was asked for.
            role: the ARN of the role it was asked for.
        """
        self.first = self.first or error
        key = (error.operation, error.code, region)
        known = self._gaps.get(key) or Gap(error.operation, explanation(error), region)
        apps, roles = (*known.app_ids, *filter(None, [app])), (*known.roles, *filter(None, [role]))
        self._gaps[key] = replace(known, app_ids=tuple(dict.fromkeys(apps)), roles=tuple(dict.fromkeys(roles)))

    def note(self, gap: Gap) -> None:
        """Note a gap that no failed call made."""
        self._gaps[gap.action, gap.because, gap.region] = gap

    def all(self) -> tuple[Gap, ...]:
        """Every gap, in the order they were met."""
        return tuple(self._gaps.values())
