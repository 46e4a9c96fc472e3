"""What permission policies may give: can an action be allowed on some resource of a kind, for all that is known?

It errs on the side of yes. An Allow counts if its actions and resources may match and its conditions may hold. A Deny
counts only if it surely covers what the Allow gives.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from msgspec import Struct

from medic.trust.conditions import condition_holds
from medic.trust.document import Condition, Document, Effect, Element, Statement
from medic.trust.logic import Verdict
from medic.trust.patterns import Pattern
from medic.trust.request import Context, KeyPresence, KeyState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from medic.arns import RoleArn

_VARIABLE = re.compile(r"\$\{[^}]*\}?")
_UPPER_BOUNDS = frozenset({"DateLessThan", "DateLessThanEquals"})
_LONGEST_SESSION = timedelta(hours=12)
"""Of a role. https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_update-role-settings.html"""


class Given(Struct, frozen=True):
    """A resource pattern on which a policy may give an action."""

    policy: str
    resource: str
    """As the policy writes it; after `everything but`, what it spares."""
    exact: bool
    """Whether it can only be one resource."""


class Permissions:
    """All policies of one role.

    Args:
        policies: each policy, with the name to report it by.
        role: the role, which makes the calls.
        now: the time, UTC.
    """

    def __init__(self, policies: Iterable[tuple[str, Document]], role: RoleArn, now: datetime) -> None:
        grants = [_Grant(name, each, document) for name, document in policies for each in document.statements]
        self._allows = [grant for grant in grants if grant.statement.effect is Effect.ALLOW]
        self._denials = [grant for grant in grants if grant.statement.effect is Effect.DENY]
        self._context = _context_of(role)
        self._earliest: dict[str, KeyState] = {
            "aws:currenttime": (f"{now:%Y-%m-%dT%H:%M:%SZ}",),
            "aws:tokenissuetime": (f"{now - _LONGEST_SESSION:%Y-%m-%dT%H:%M:%SZ}",),
        }

    def given(self, action: str, kinds: Sequence[str], states: Mapping[str, KeyState] | None = None) -> Iterator[Given]:
        """Where an action may be given.

        Args:
            action: such as `iam:PassRole`.
            kinds: ARN patterns of the resources in question. What shares no ARN with them is left out.
            states: the states of further condition keys, by name in lower case.
        """
        name, context = action.lower(), self._context.with_states(states or {})
        denials = self._surely_denying(name, context)
        for allow in self._allows:
            if allow.may_name(name) and self._may_hold(allow, context):
                for kind in map(Pattern.glob, kinds):
                    for given, pattern in allow.may_give(kind):
                        if not any(denial.surely_covers(pattern, kind) for denial in denials):
                            yield given

    def denies(self, action: str, resource: str) -> bool:
        """Whether a policy surely denies an action on a resource, so that no Allow gives it."""
        kind = Pattern.glob(resource)
        return any(each.surely_covers(kind, kind) for each in self._surely_denying(action.lower(), self._context))

    def _surely_denying(self, name: str, context: Context) -> list[_Grant]:
        return [each for each in self._denials if each.surely_names(name) and self._surely_holds(each, context)]

    def _may_hold(self, allow: _Grant, context: Context) -> bool:
        def verdict(condition: Condition) -> Verdict:
            key = condition.key.lower()
            state = context.state(key)
            if condition.operator.name in _UPPER_BOUNDS:  # what is too late already is too late for ever
                state = self._earliest.get(key, state)
            return allow.verdict(condition, state, context)

        return all(verdict(condition) is not Verdict.FALSE for condition in allow.statement.conditions)

    def _surely_holds(self, denial: _Grant, context: Context) -> bool:
        conditions = denial.statement.conditions
        return all(denial.verdict(each, context.state(each.key), context) is Verdict.TRUE for each in conditions)


def _context_of(role: RoleArn) -> Context:
    """What a session of the role sends with each call. Every other key is unknown."""
    keys: dict[str, KeyState] = {
        "aws:principalarn": (role.text,),
        "aws:principalaccount": (role.account,),
        "aws:principaltype": ("AssumedRole",),
        "aws:principalisawsservice": ("false",),
        "aws:securetransport": ("true",),
    }
    return Context(keys, {}, KeyPresence.UNKNOWN)


class _Grant:
    """One statement, with its patterns compiled."""

    def __init__(self, policy: str, statement: Statement, document: Document) -> None:
        self.statement = statement
        self._policy = policy
        self._resolves_variables = document.resolves_variables
        actions = [action.lower() for action in statement.actions.entries]
        patterns = [(each, Pattern.glob(each).matcher()) for each in actions if set("*?") & set(each)]
        self._exact = frozenset(actions)
        self._patterns = [matches for _, matches in patterns]
        self._documented = [matches for each, matches in patterns if _is_documented(each)]

    def may_name(self, action: str) -> bool:
        """Whether the statement may be about the action, given in lower case."""
        if self.statement.actions.negated:
            return bool(self._exact) and not self._listed(action, self._documented)
        return self._listed(action, self._patterns)

    def surely_names(self, action: str) -> bool:
        """Whether the statement is surely about the action, given in lower case."""
        if self.statement.actions.negated:
            return bool(self._exact) and not self._listed(action, self._patterns)
        return self._listed(action, self._documented)

    def _listed(self, action: str, patterns: list[Callable[[str], bool]]) -> bool:
        return action in self._exact or any(matches(action) for matches in patterns)

    def verdict(self, condition: Condition, state: KeyState, context: Context) -> Verdict:
        """Whether a condition holds if the key is in this state."""
        variables = context if self._resolves_variables else None
        return condition_holds(condition, state, variables, Verdict.UNKNOWN)

    def may_give(self, kind: Pattern) -> Iterator[tuple[Given, Pattern]]:
        """The statement's resource patterns that share an ARN with a kind of resource; each as written and widened."""
        resources = self._resources
        if not resources.negated:
            for text in resources.entries:
                pattern = _widened(text)
                if pattern.intersects(kind):
                    yield Given(self._policy, text, not pattern.has_wildcards), pattern
        elif resources.entries and not any(_covers(each, kind) for each in resources.entries):
            yield Given(self._policy, f"everything but {', '.join(resources.entries)}", exact=False), kind

    def surely_covers(self, given: Pattern, kind: Pattern) -> bool:
        """Whether the statement surely applies to all resources of a kind that match a pattern."""
        resources = self._resources
        if not resources.negated:
            return any(_covers(each, given) or _covers(each, kind) for each in resources.entries)
        spared = [_widened(each) for each in resources.entries]
        return bool(spared) and not any(each.intersects(given) and each.intersects(kind) for each in spared)

    @property
    def _resources(self) -> Element[str]:
        return self.statement.resources or Element(("*",), negated=False)


def _is_documented(action: str) -> bool:
    """Whether AWS documents how an action pattern matches: wildcards in the service prefix it does not."""
    service, _, _ = action.partition(":")
    return not set("*?") & set(service) or not service.strip("*")


def _widened(resource: str) -> Pattern:
    """A pattern that matches at least what the resource matches, whatever the values of its policy variables."""
    return Pattern.glob(_VARIABLE.sub("*", resource))


def _covers(resource: str, other: Pattern) -> bool:
    """Whether the resource surely matches all that matches `other`, ARN segment by segment."""
    pattern = Pattern.glob(resource)
    if "${" in resource:
        return False
    if pattern.matches_everything:
        return True
    segments, others = pattern.segments(), other.segments()
    if segments is None or others is None:
        return False
    return all(segment.covers(each) for segment, each in zip(segments, others, strict=True))
