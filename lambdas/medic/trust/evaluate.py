"""The decision: may this principal assume this role, as far as its trust policy and the session asked for say?

Statements combine by Kleene logic: an Allow must apply and no Deny may. No words for people here; see `explain`.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from medic.trust import logic
from medic.trust.decision import ConditionTrace, Decision, Outcome, SessionLimit, StatementTrace
from medic.trust.document import Document, Effect, Malformed, Resources, Statement, parse
from medic.trust.logic import Verdict
from medic.trust.operators import SetQualifier
from medic.trust.patterns import Pattern
from medic.trust.request import (
    AMPLIFY,
    DEFAULT_MAX_SESSION,
    AbsentKey,
    AssumeRoleRequest,
    Caller,
    CallerKind,
    KeyState,
    KnownKey,
    PresentKey,
    UnknownKey,
    caller_of,
    context_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from medic.trust.document import Actions, Condition, JsonValue, PrincipalEntry, Principals
    from medic.trust.operators import Comparison, Test
    from medic.trust.request import Context


def holds(condition: Condition, context: Context, *, variables: bool, allows: bool) -> Verdict:
    """Whether a condition is met.

    Args:
        condition: one key under one operator.
        context: the state of every key.
        variables: whether the policy's version knows policy variables.
        allows: whether the statement allows. A value that cannot be read never helps an Allow, and never lifts a Deny.
    """
    comparison = condition.operator.operator.comparison
    state = context.state(condition.key)
    if comparison is None:
        return _null_check(condition, state, unreadable=_unreadable(negated=False, allows=allows))
    test = _ValueTest(condition, comparison, context if variables else None, allows=allows)
    return test.given(state)


def _unreadable(*, negated: bool, allows: bool) -> Verdict:
    """What a comparison of unlike types counts as; documented only as "does not match", for plain operators."""
    return Verdict.FALSE if allows and not negated else Verdict.UNKNOWN


def _null_check(condition: Condition, state: KeyState, unreadable: Verdict) -> Verdict:
    match condition.operator.qualifier:
        case SetQualifier.FOR_ALL_VALUES:
            return Verdict.TRUE
        case SetQualifier.FOR_ANY_VALUE:
            return Verdict.FALSE
    if not condition.values:
        return Verdict.TRUE
    match state:
        case AbsentKey() | KnownKey(()):
            missing = Verdict.TRUE
        case KnownKey() | PresentKey():
            missing = Verdict.FALSE
        case UnknownKey():
            missing = Verdict.UNKNOWN
    meanings = {"true": missing, "false": logic.negate(missing)}
    return logic.any_of(meanings.get(value, unreadable) for value in condition.values)


class _ValueTest:
    """A condition that compares values, with the policy's side already read."""

    def __init__(
        self, condition: Condition, comparison: Comparison, variables: Context | None, *, allows: bool
    ) -> None:
        self._use = condition.operator
        self._negated = condition.operator.operator.negated
        self._tests: Sequence[Test] = [comparison(value, variables) for value in dict.fromkeys(condition.values)]
        self._unreadable = _unreadable(negated=self._negated, allows=allows)

    def given(self, state: KeyState) -> Verdict:
        match state:
            case AbsentKey() | KnownKey(()):
                return self._if_missing()
            case KnownKey(values):
                return self._if_carried(values)
            case PresentKey():
                return self._if_carried(None)
            case UnknownKey():
                return logic.agreed(self._if_missing(), self._if_carried(None))

    def _if_missing(self) -> Verdict:
        if self._use.if_exists or self._use.qualifier is SetQualifier.FOR_ALL_VALUES:
            return Verdict.TRUE
        if self._use.qualifier is SetQualifier.FOR_ANY_VALUE:
            return Verdict.FALSE
        return logic.of(holds=self._negated or not self._tests)

    def _if_carried(self, values: tuple[str, ...] | None) -> Verdict:
        """With the key in the call; None for values that cannot be known."""
        if not self._tests:
            return logic.of(holds=self._use.qualifier is None and not self._use.if_exists)
        matches = [self._matches(value) for value in values or (None,)]
        match self._use.qualifier:
            case SetQualifier.FOR_ALL_VALUES:
                outcome, of_nothing = logic.all_of(matches), Verdict.TRUE
            case SetQualifier.FOR_ANY_VALUE:
                outcome, of_nothing = logic.any_of(matches), Verdict.FALSE
            case _:
                # Several values without a qualifier: IAM leaves open which of them must match.
                return logic.agreed(logic.all_of(matches), logic.any_of(matches))
        # An empty string is, by some pages, no value at all.
        return logic.agreed(outcome, of_nothing) if values in {None, ("",)} else outcome

    def _matches(self, value: str | None) -> Verdict:
        matched = logic.any_of(self._one(test, value) for test in self._tests)
        return logic.negate(matched) if self._negated else matched

    def _one(self, test: Test, value: str | None) -> Verdict:
        outcome = test.of_any_value if value is None else test.holds(value)
        return self._unreadable if outcome is None else outcome


_PRINCIPAL_KEYS = {"AWS", "Service", "Federated", "CanonicalUser"}
_KEY_OF_KIND = {
    CallerKind.SERVICE: "Service",
    CallerKind.FEDERATED: "Federated",
    CallerKind.CANONICAL_USER: "CanonicalUser",
}


def names(principals: Principals, caller: Caller, unreadable: Verdict) -> Verdict:
    """Whether a Principal or NotPrincipal element applies to the caller.

    Args:
        principals: the element; an empty Principal names nobody.
        caller: who calls.
        unreadable: what to make of an entry under a key that is none of AWS, Service, Federated, CanonicalUser.
    """
    named = logic.any_of(_matches(entry, caller, unreadable) for entry in principals.entries)
    if not principals.negated:
        return named
    if not principals.entries:
        return Verdict.UNKNOWN
    # NotPrincipal that spares a user or role without its account may deny the account, and so the user or role.
    if named is Verdict.TRUE and caller.account and not _spares_account(principals, caller):
        return Verdict.UNKNOWN
    return logic.negate(named)


def _spares_account(principals: Principals, caller: Caller) -> bool:
    return any(entry.name == "*" or account_named(entry, caller) == caller.account for entry in principals.entries)


def _matches(entry: PrincipalEntry, caller: Caller, unreadable: Verdict) -> Verdict:
    if entry.key not in _PRINCIPAL_KEYS:
        return unreadable
    if entry.name == "*":
        # As "*" alone: everybody. Under the other keys a wildcard is not supported.
        return logic.of(holds=entry.key == "AWS")
    if entry.key != _KEY_OF_KIND.get(caller.kind, "AWS"):
        return Verdict.FALSE
    if entry.key == "AWS":
        return _matches_aws(entry, caller)
    return logic.of(holds=entry.name == caller.text)


def _matches_aws(entry: PrincipalEntry, caller: Caller) -> Verdict:
    if entry.name == caller.text or (caller.account and account_named(entry, caller) == caller.account):
        return Verdict.TRUE
    named = caller_of(entry.name, "")
    if not named.account or named.account != caller.account or caller.partition not in {"", named.partition}:
        return Verdict.FALSE
    match caller.kind, named.kind:
        case CallerKind.ACCOUNT, CallerKind.USER | CallerKind.ROLE | CallerKind.SESSION:
            return Verdict.UNKNOWN
        case CallerKind.SESSION, CallerKind.ROLE:
            # The ARN of a session lacks the role's path, but a name is unique in its account whatever the path.
            return logic.of(holds=named.name == caller.name)
        case CallerKind.ROLE, CallerKind.SESSION:
            return Verdict.UNKNOWN if named.name == caller.name else Verdict.FALSE
        case _:
            return Verdict.FALSE


def account_named(entry: PrincipalEntry, caller: Caller) -> str | None:
    """The account that an entry names as a whole, by id or as `:root`, if it is of the caller's partition."""
    if entry.key != "AWS":
        return None
    named = caller_of(entry.name, "")
    if named.kind is not CallerKind.ACCOUNT:
        return None
    same_partition = not named.partition or caller.partition in {"", named.partition}
    return named.account if same_partition else None


SHORTEST_SESSION = 900
LONGEST_SESSION = 43_200
LONGEST_CHAINED_SESSION = 3600
"""Seconds. https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html"""

_SOURCE_KEYS = ("aws:SourceArn", "aws:SourceAccount")


def evaluate(document: JsonValue | Document | Malformed, request: AssumeRoleRequest) -> Decision:
    """Decide whether the request's principal may assume the role; never raises, whatever the document holds.

    Args:
        document: the trust policy as JSON text (also percent-encoded), as the object it stands for, or parsed.
        request: who calls, and what is known of the call.
    """
    parsed = document if isinstance(document, Document | Malformed) else parse(document)
    limit = _session_limit(request)
    if isinstance(parsed, Malformed):
        return Decision(request, Outcome.DENIED, parsed, session_limit=limit)
    statements = _traces(parsed, request)
    outcome = _outcome(statements, limit)
    decision = Decision(request, outcome, parsed, statements, limit)
    return replace(
        decision,
        depends_on_source_conditions=outcome_of(parsed, _without_source(request)) is not outcome,
        likely=_likely(decision),
    )


def outcome_of(document: Document, request: AssumeRoleRequest) -> Outcome:
    """The bare answer, where nobody asks how it came about."""
    return _outcome(_traces(document, request), _session_limit(request))


def _traces(document: Document, request: AssumeRoleRequest) -> tuple[StatementTrace, ...]:
    context = context_of(request)
    return tuple(_trace(statement, document, request, context) for statement in document.statements)


def _trace(statement: Statement, document: Document, request: AssumeRoleRequest, context: Context) -> StatementTrace:
    allows = statement.effect is Effect.ALLOW
    return StatementTrace(
        statement,
        principal=names(statement.principals, request.caller, Verdict.FALSE if allows else Verdict.UNKNOWN),
        action=_action_matches(statement.actions, request.action),
        resource=_resource_matches(statement.resources),
        conditions=tuple(
            ConditionTrace(
                condition,
                context.state(condition.key),
                holds(condition, context, variables=document.resolves_variables, allows=allows),
            )
            for condition in statement.conditions
        ),
    )


def _outcome(statements: tuple[StatementTrace, ...], limit: SessionLimit | None) -> Outcome:
    allowed = logic.any_of(trace.verdict for trace in statements if trace.statement.effect is Effect.ALLOW)
    denied = logic.any_of(trace.verdict for trace in statements if trace.statement.effect is Effect.DENY)
    if limit is not None:
        return Outcome.DENIED
    match logic.all_of((allowed, logic.negate(denied))):
        case Verdict.TRUE:
            return Outcome.ALLOWED
        case Verdict.FALSE:
            return Outcome.DENIED
        case _:
            return Outcome.CONDITIONAL


def _action_matches(actions: Actions, action: str) -> Verdict:
    if not actions.patterns:  # documented for both elements: the statement provides no permissions
        return Verdict.FALSE
    matched = logic.any_of(_one_action_matches(pattern.lower(), action.lower()) for pattern in actions.patterns)
    return logic.negate(matched) if actions.negated else matched


def _one_action_matches(pattern: str, action: str) -> Verdict:
    matched = logic.of(holds=Pattern.glob(pattern).matches(action))
    service, colon, _ = pattern.partition(":")
    everything = not service.strip("*")
    if everything or (colon and not set("*?") & set(service)):
        return matched
    # Wildcards are documented for the action's name, not for the service's prefix.
    return logic.agreed(matched, Verdict.FALSE)


def _resource_matches(resources: Resources | None) -> Verdict:
    if resources is None or (not resources.negated and "*" in resources.patterns):
        return Verdict.TRUE
    if not resources.patterns:
        return Verdict.FALSE
    return Verdict.UNKNOWN


def _session_limit(request: AssumeRoleRequest) -> SessionLimit | None:
    duration = request.duration
    if duration is None:
        return None
    if not SHORTEST_SESSION <= duration <= LONGEST_SESSION:
        return SessionLimit.OUT_OF_RANGE
    if duration > LONGEST_CHAINED_SESSION and (request.chained or request.caller.is_role_session):
        return SessionLimit.ROLE_CHAINING
    if duration > (request.max_session or DEFAULT_MAX_SESSION):
        return SessionLimit.ROLE_MAXIMUM
    return None


def _without_source(request: AssumeRoleRequest) -> AssumeRoleRequest:
    return request.with_states({key.lower(): AbsentKey() for key in _SOURCE_KEYS})


def _likely(decision: Decision) -> Outcome | None:
    """The answer if Amplify calls for the app in question, and sends none of the keys that nobody saw it send."""
    request, document = decision.request, decision.document
    is_service = request.caller.kind is CallerKind.SERVICE
    if decision.outcome is not Outcome.CONDITIONAL or not is_service or isinstance(document, Malformed):
        return None
    context = context_of(request)
    absent: dict[str, KeyState] = {key: AbsentKey() for key in _keys_of(decision) if key.startswith(_LIKELY_ABSENT)}
    outcomes = set()
    for source in _expected_sources(request):
        guesses = {key: guess for key, guess in (absent | source).items() if isinstance(context.state(key), UnknownKey)}
        outcomes.add(outcome_of(document, request.with_states(guesses)))
    return outcomes.pop() if len(outcomes) == 1 and Outcome.CONDITIONAL not in outcomes else None


_LIKELY_ABSENT = (
    *("sts:sourceidentity", "sts:transitivetagkeys", "aws:tagkeys", "aws:requesttag/"),
    *("aws:principalarn", "aws:principalaccount", "aws:principaltype"),
)


def _keys_of(decision: Decision) -> set[str]:
    return {trace.condition.key.lower() for trace in decision.assumptions}


def _expected_sources(request: AssumeRoleRequest) -> tuple[dict[str, KeyState], ...]:
    """What Amplify may call for: branches of the app, two, so that a policy for one of them does not decide."""
    if request.principal != AMPLIFY or not request.account_id:
        return ({},)
    account: dict[str, KeyState] = {"aws:sourceaccount": KnownKey((request.account_id,))}
    if not (request.app_id and request.region):
        return (account,)
    app = f"arn:{request.partition}:amplify:{request.region}:{request.account_id}:apps/{request.app_id}"
    return tuple(account | {"aws:sourcearn": KnownKey((f"{app}/branches/{name}",))} for name in ("main", "pr-1"))
