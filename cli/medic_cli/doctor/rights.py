"""The rights that each role of the stack needs, as questions to IAM's policy simulator, and its answers.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from medic.evidence import Present, Unreadable
from medic_cli.doctor.template import policies_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medic.evidence import Item
    from medic_cli.doctor.template import Json, Resource

_APP, _ANY = "d0000000000000", "any"
"""In place of a wildcard: the simulator wants the ARN of one resource. It does not check whether that exists."""


@dataclass(frozen=True, slots=True)
class ContextKey:
    """A condition key with the values that the call would have."""

    name: str
    values: tuple[str, ...]
    several: bool
    """True for a key with several values, which ForAllValues and ForAnyValue ask about."""


@dataclass(frozen=True, slots=True)
class Question:
    """May this role do these actions on these resources? One statement of its policy makes one question."""

    role_arn: str
    sid: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    context: tuple[ContextKey, ...]


@dataclass(frozen=True, slots=True)
class Denial:
    """One action that the simulator does not allow."""

    action: str
    resource: str
    explicit: bool
    by_organization: bool
    by_boundary: bool

    def __str__(self) -> str:
        why = " by the organization's SCPs" if self.by_organization else ""
        why = " by the permissions boundary" if self.by_boundary and not why else why
        return f"{self.action} on {self.resource} ({'denied' if self.explicit else 'not allowed'}{why})"


def questions(stack: tuple[Resource, ...], role: Resource) -> Iterator[Question]:
    """What the role must be allowed to do: each statement of its policies that allows something."""
    for policy in policies_of(stack, role):
        for statement in policy["PolicyDocument"]["Statement"]:
            if statement["Effect"] == "Allow":
                yield Question(
                    role.arn,
                    statement["Sid"],
                    tuple(_listed(statement["Action"])),
                    tuple(map(_concrete, _listed(statement["Resource"]))),
                    tuple(_context(statement.get("Condition", {}))),
                )


def denials(answer: Json, question: Question) -> Item[tuple[Denial, ...]]:
    """What the simulator does not allow; unreadable if it left out an action."""
    results = {}
    for each in answer.get("EvaluationResults", ()):
        action = each["EvalActionName"]
        results[action, each.get("EvalResourceName", "*")] = each
        for one in each.get("ResourceSpecificResults", ()):
            results[action, one["EvalResourceName"]] = {**one, "EvalDecision": one["EvalResourceDecision"]}
    asked = [(action, resource) for action in question.actions for resource in question.resources]
    if left_out := next((each for each in asked if each not in results), None):
        return Unreadable(f"IAM's simulator says nothing about {left_out[0]} on {left_out[1]}")
    return Present(tuple(_denial(*each, results[each]) for each in asked if results[each]["EvalDecision"] != "allowed"))


def _denial(action: str, resource: str, result: Json) -> Denial:
    return Denial(
        action,
        resource,
        explicit=result["EvalDecision"] == "explicitDeny",
        by_organization=_says_no(result, "OrganizationsDecisionDetail", "AllowedByOrganizations"),
        by_boundary=_says_no(result, "PermissionsBoundaryDecisionDetail", "AllowedByPermissionsBoundary"),
    )


def _says_no(result: Json, detail: str, member: str) -> bool:
    return result.get(detail, {}).get(member, True) is False


def _listed(value: Any) -> list[str]:  # noqa: ANN401 - a value of JSON
    return value if isinstance(value, list) else [value]


def _concrete(resource: str) -> str:
    """An ARN that the pattern matches. `*` alone stays: it stands for actions without resources."""
    if resource == "*":
        return resource
    return resource.replace("apps/*", f"apps/{_APP}").replace("/*", f"/{_ANY}").replace("*", _ANY).replace("?", "A")


def _context(condition: Json) -> Iterator[ContextKey]:
    """Values with which the condition holds. `Null` of `false` only asks that the key is there."""
    values = {
        key: (operator, tuple(value.replace("*", _ANY) for value in _listed(given)))
        for operator, keys in sorted(condition.items(), key=lambda each: each[0] != "Null")
        for key, given in keys.items()
    }
    for key, (operator, matching) in values.items():
        several = operator.startswith("For")
        present = (_ANY,) if operator == "Null" else matching[:1]
        yield ContextKey(key, present, several)
