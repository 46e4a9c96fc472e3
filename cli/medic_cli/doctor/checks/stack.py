"""CloudFormation's own view of the stack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medic_cli.doctor.model import Check, Verdict, failed, passed, unknown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medic_cli.doctor.facts import Facts

_COMPLETE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE")
_MOST_SHOWN = 5
_NEVER_DETECTED = "NOT_CHECKED"


def checks(facts: Facts) -> Iterator[Check]:
    yield Check("stack-complete", "The stack is deployed completely", _complete(facts))
    yield Check("stack-drift", "CloudFormation's last drift detection found no drift", _drift(facts))


def _complete(facts: Facts) -> Verdict:
    stack = facts.stack
    if stack.status.endswith("_IN_PROGRESS"):
        return unknown(f"the stack is {stack.status}", advice="Wait until the deployment has ended, and repeat.")
    if stack.status not in _COMPLETE:
        return failed(f"the stack is {stack.status}", "npx cdk deploy")
    if wrong := (*stack.unfinished, *(f"{name}: missing" for name in stack.missing)):
        return failed(", ".join(wrong[:_MOST_SHOWN]), "npx cdk deploy")
    return passed(f"{stack.status}, {len(facts.resources)} resources")


def _drift(facts: Facts) -> Verdict:
    """A detection is not started: it is a call of its own, which some accounts do not allow to everybody."""
    stack = facts.stack
    when = f" of {stack.drift_at:%Y-%m-%d %H:%M} UTC" if stack.drift_at is not None else ""
    match stack.drift:
        case "IN_SYNC":
            return passed(f"the detection{when} found none")
        case "DRIFTED":
            shown = facts.command("cloudformation describe-stack-resource-drifts", stack_name=stack.name)
            return failed(f"the detection{when} found drift", advice=f"See what differs, and set it back: {shown}")
        case _:
            detect = facts.command("cloudformation detect-stack-drift", stack_name=stack.name)
            seen = "it was never started since the last deployment" if stack.drift == _NEVER_DETECTED else stack.drift
            return unknown(seen, advice=f"Start one, which changes nothing, and repeat in a minute: {detect}")
