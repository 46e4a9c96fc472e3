"""Scripts with which a test decides what the next builds and requests of a branch do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tests.fakes.amplify.choices import check_choice

BuildOutcome = Literal[
    "ok", "npm_failure", "prerender_credentials", "backend_deploy", "access_denied", "echoed_phrase", "lines"
]


@dataclass(frozen=True, slots=True)
class BuildScript:
    """One build, after Amplify assumed the role and cloned the repository.

    Attributes:
        outcome: `ok`; `npm_failure`; `prerender_credentials` (a page needs AWS credentials while it is built and
            finds none); `backend_deploy` (succeeds as a service role, fails without one); `access_denied` (`action` on
            `resource` is denied to the identity the build runs as); `echoed_phrase` (the code prints the line about
            the role that can't be assumed, and the build fails for another reason); `lines` (prints `lines`, each
            "LEVEL text", and ends with `exit_code`).
        action: The action that `access_denied` names.
        resource: The resource that `access_denied` names.
        reason: The last part of the denial, which names the kind of policy.
        lines: The output of the outcome `lines`.
        exit_code: The exit code of the outcome `lines`.
    """

    outcome: BuildOutcome = "ok"
    action: str = "cloudformation:DescribeStacks"
    resource: str = "*"
    reason: str = "because no identity-based policy allows the {action} action"
    lines: tuple[str, ...] = ()
    exit_code: int = 1

    def __post_init__(self) -> None:
        check_choice("outcome", self.outcome, BuildOutcome)


@dataclass(frozen=True, slots=True)
class RuntimeNeed:
    """An AWS call that the SSR code makes for every request. Its role must allow the action on the resource."""

    action: str
    resource: str
