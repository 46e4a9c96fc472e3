"""What several checks share."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from medic.evidence import Item, Present
from medic_cli.doctor.model import Check, Status, Verdict, failed, judged, passed, unknown
from medic_cli.doctor.template import differing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from medic_cli.doctor.facts import Facts
    from medic_cli.doctor.template import Json, Resource

ATTRIBUTES = "Attributes"
"""The member of SQS's and SNS's answers that holds everything."""
REDEPLOY = "Deploy the stack again; if the resource is gone, delete and deploy the stack, or create it by hand."


def check(kind: str, resource: Resource, promise: str, verdict: Verdict) -> Check:
    """A check of one resource. If a part of what it should be is unknown, a difference proves nothing."""
    missing = resource.unresolved
    if verdict.status is Status.FAIL and missing is not None:
        verdict = unknown(f"{verdict.evidence}; what it should be can't be computed here ({missing})")
    return Check(f"{kind}:{resource.label}", promise, verdict)


def looked(  # noqa: PLR0913, PLR0917 - what to look at, and what for
    facts: Facts, action: str, resource: Resource, kind: str, promise: str, judge: Callable[[Json], Verdict]
) -> Check:
    """A check of what one read of AWS says about a resource."""
    return check(kind, resource, promise, judged(facts.read(action, resource.name), judge, gone))


def gone(reason: str) -> Verdict:
    """For a resource that does not exist."""
    return failed(reason, advice=REDEPLOY)


def equal(found: object, wanted: object, repair: str, none: str = "missing") -> Verdict:
    """Whether a value is as deployed. `none` is what an empty value is called."""
    if found == wanted:
        return passed(f"it is {_shown(wanted, none)}")
    return failed(f"it is {_shown(found, none)}, not {_shown(wanted, none)}", repair)


def _shown(value: object, none: str) -> str:
    return none if value is None else value if isinstance(value, str) else compact(value)


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
        if wrong:
            return failed(f"the policy differs from the deployed one: {', '.join(wrong)}", repair)
        return passed("the policy is the deployed one" if text else "no policy, as deployed")

    missing = failed("the resource has no policy", repair)
    return check(kind, resource, promise, judged(found, judge, lambda _: missing))


def policy_in(answer: Item[Json], *path: str) -> Item[str | None]:
    """The text of the policy that is a member of an answer, or None if it has none."""
    if not isinstance(answer, Present):
        return answer
    value = answer.value
    for name in path:
        value = value[name]
    return Present(value.get("Policy"))


def compact(document: object) -> str:
    return json.dumps(document, separators=(",", ":"))
