"""The two things whose role can be set: a branch and an app, each with what must not have moved."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from medic.aws.errors import RetryableError
from medic.evidence.model import App, Branch, Item, Present
from medic.remediation.roles import Standing

if TYPE_CHECKING:
    from medic.aws.amplify import AmplifyActor, AmplifyReader
    from medic.events import Scope

T = TypeVar("T")
_OURS = "amplify-medic:"


def branch_standing(branch: Branch) -> Standing:
    """A branch's compute role, guarded by our tags, the stage and the preview's branches."""
    guards = (_our_tags(branch.tags), branch.stage, branch.source_branch, branch.destination_branch)
    return Standing(branch.compute_role_arn, guards)


def app_standing(app: App) -> Standing:
    """An app's service role, guarded by our tags."""
    return Standing(app.service_role_arn, (_our_tags(app.tags),))


@dataclass(frozen=True)
class BranchHolder:
    """A branch, whose compute role is set by UpdateBranch."""

    scope: Scope
    reader: AmplifyReader
    actor: Callable[[], AmplifyActor]

    def current(self) -> Standing:
        """GetBranch, afresh."""
        return branch_standing(_read(self.reader.branch(self.scope.app_id, self.scope.branch), "amplify:GetBranch"))

    def set(self, role_arn: str) -> None:
        """UpdateBranch with `computeRoleArn` alone."""
        self.actor().set_compute_role(self.scope.app_id, self.scope.branch, role_arn)


@dataclass(frozen=True)
class AppHolder:
    """An app, whose service role is set by UpdateApp."""

    scope: Scope
    reader: AmplifyReader
    actor: Callable[[], AmplifyActor]

    def current(self) -> Standing:
        """GetApp, afresh."""
        return app_standing(_read(self.reader.app(self.scope.app_id), "amplify:GetApp"))

    def set(self, role_arn: str) -> None:
        """UpdateApp with `iamServiceRoleArn` alone."""
        self.actor().set_service_role(self.scope.app_id, role_arn)


def _our_tags(tags: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((key, value) for key, value in tags.items() if key.startswith(_OURS)))


def _read(item: Item[T], operation: str) -> T:
    if isinstance(item, Present):
        return item.value
    raise RetryableError(operation, type(item).__name__, "it could be read a moment ago and can't be read now")
