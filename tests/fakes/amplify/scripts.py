"""What a test says the next builds and requests of a branch do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tests.fakes.amplify.choices import check_choice

BuildOutcome = Literal[
    "ok", "npm_failure", "prerender_credentials", "backend_deploy", "access_denied", "echoed_phrase", "lines"
]


@dataclass(frozen=True, slots=True)
class BuildScript:
    """One build, past the point where Amplify assumed its role and cloned the repository.

    Attributes:
        outcome: `ok`; `npm_failure`; `prerender_credentials` (a page asks for AWS credentials while it is built and
            finds none); `backend_deploy` (succeeds as a service role, fails without one); `access_denied` (`action` on
            `resource` is denied to the identity the build runs as); `echoed_phrase` (the code prints the line about
            the role that can't be assumed, and the build fails for another reason); `lines` (prints `lines`, each
            "LEVEL text", and ends with `exit_code`).
        action: The action that `access_denied` names.
        resource: Its resource.
        reason: Its last part, which names the kind of policy.
        lines: What `lines` prints.
        exit_code: How `lines` ends.
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
    """A call that the SSR code makes while it serves a request: its identity must be allowed this."""

    action: str
    resource: str
