"""What several checks share."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from medic_cli.doctor.model import Check, Status, Verdict, aws_command, failed, judged, passed, unknown
from medic_cli.doctor.template import differing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from medic.evidence import Item
    from medic_cli.doctor.facts import Facts
    from medic_cli.doctor.template import Json, Resource

REDEPLOY = "Deploy the stack again; if the resource is gone, delete and deploy the stack, or create it by hand."


def check(kind: str, resource: Resource, promise: str, verdict: Verdict) -> Check:
    """A check of one resource. If a part of what it should be is unknown, a difference proves nothing."""
    missing = resource.unresolved
    if verdict.status is Status.FAIL and missing is not None:
        verdict = unknown(f"{verdict.evidence}; what it should be can't be computed here ({missing})")
    return Check(f"{kind}:{resource.label}", promise, verdict)


def gone(reason: str) -> Verdict:
    """For a resource that does not exist."""
    return failed(reason, advice=REDEPLOY)


def differences(expected: Mapping[str, Any], found: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the settings that differ."""
    return tuple(name for name, value in expected.items() if found.get(name) != value)


def same(expected: Mapping[str, Any], found: Mapping[str, Any], repair: str) -> Verdict:
    """Whether all settings are as deployed."""
    wrong = differences(expected, found)
    if not wrong:
        return passed("as deployed")
    return failed("; ".join(f"{name} is {found.get(name)}, not {expected[name]}" for name in wrong), repair)


def policy_check(  # noqa: PLR0913 - what it is, and what it should be
    kind: str, resource: Resource, promise: str, *, expected: Json, found: Item[str | None], repair: str
) -> Check:
    """A check of a resource policy, compared as text with the template's."""

    def judge(text: str | None) -> Verdict:
        wrong = differing(expected, json.loads(text) if text else {})
        return (
            failed(f"the policy differs from the deployed one: {', '.join(wrong)}", repair) if wrong else _equal(text)
        )

    missing = failed("the resource has no policy", repair)
    return check(kind, resource, promise, judged(found, judge, lambda _: missing))


def _equal(text: str | None) -> Verdict:
    return passed("the policy is the deployed one" if text else "no policy, as deployed")


def compact(document: object) -> str:
    return json.dumps(document, separators=(",", ":"))


def command(facts: Facts, text: str, **flags: Any) -> str:  # noqa: ANN401 - see aws_command
    return aws_command(facts.place.region, text, **flags)
