"""The result of a check-up: one check for each promise, with what was seen and the command that repairs it."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from medic.evidence import Absent, Item, Present, Unreadable
from medic_cli.errors import COULD_NOT_LOOK, SOMETHING_WRONG

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

T = TypeVar("T")

NOT_CHECKED = (
    "resource control policies (RCPs): IAM's simulator does not know them",
    "service control policies (SCPs) with conditions: IAM's simulator leaves them out",
    "session policies: the bot adds one to each session of the actor role, for one branch and one role",
    "key policies and resource policies of resources that are not in the stack",
)
"""What no check can tell. A pass of `rights` says nothing about it."""


class Status(StrEnum):
    """`unknown`: a call was denied or failed, so the promise may be kept or broken."""

    FAIL = "fail"
    UNKNOWN = "unknown"
    PASS = "pass"  # noqa: S105 - the name of a status


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check saw."""

    status: Status
    evidence: str
    """What was seen, as a clause. It never holds a secret or the value of an environment variable."""
    repair: str = ""
    """Commands for a shell that make the check pass; empty if a person has to decide."""
    advice: str = ""
    """What a person does, as a sentence."""
    permission: str = ""
    """The action whose permission would decide an unknown."""


@dataclass(frozen=True, slots=True)
class Check:
    """One promise of the stack."""

    id: str
    """`kind` or `kind:subject`, such as `rule-enabled:QueueDeploymentEvents`."""
    promise: str
    """The promise as a sentence without a full stop."""
    verdict: Verdict

    @property
    def status(self) -> Status:
        return self.verdict.status


@dataclass(frozen=True, slots=True)
class CheckUp:
    """All checks of one stack."""

    account: str
    region: str
    stack: str
    read_at: datetime
    seconds: float
    checks: tuple[Check, ...]

    def of(self, status: Status) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if check.status is status)

    @property
    def exit_code(self) -> int:
        if self.of(Status.FAIL):
            return SOMETHING_WRONG
        return COULD_NOT_LOOK if self.of(Status.UNKNOWN) else 0


def passed(evidence: str) -> Verdict:
    return Verdict(Status.PASS, evidence)


def failed(evidence: str, repair: str = "", advice: str = "") -> Verdict:
    return Verdict(Status.FAIL, evidence, repair, advice)


def unknown(evidence: str, permission: str = "", advice: str = "") -> Verdict:
    return Verdict(Status.UNKNOWN, evidence, permission=permission, advice=advice)


class Denied(Unreadable, frozen=True):
    """The caller may not make a call."""

    action: str = ""
    """The IAM action that is missing."""


def not_read(item: Unreadable) -> Verdict:
    """The verdict on what could not be read. A denial names the permission that would decide."""
    return unknown(item.reason, item.action if isinstance(item, Denied) else "")


def judged(item: Item[T], judge: Callable[[T], Verdict], if_absent: Callable[[str], Verdict] = failed) -> Verdict:
    """The verdict on what was read.

    Args:
        item: what was read.
        judge: gives the verdict on its value.
        if_absent: gives the verdict if AWS says that it does not exist. It gets the reason.
    """
    match item:
        case Present(value):
            return judge(value)
        case Absent(reason):
            return if_absent(reason)
        case Unreadable():
            return not_read(item)


Flag: TypeAlias = str | int | bool | list[str] | dict[str, object]


def aws_command(region: str, command: str, **flags: Flag) -> str:
    """A command of the AWS CLI that can be pasted into a shell. Lists become several words, objects become JSON."""
    words = ["aws", *command.split(), "--region", region]
    for name, value in flags.items():
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{flag}" if value else f"--no-{flag}")
            continue
        words.append(f"--{flag}")
        match value:
            case list():
                words += value
            case dict():
                words.append(json.dumps(value, separators=(",", ":")))
            case _:
                words.append(str(value))
    return shlex.join(words)
