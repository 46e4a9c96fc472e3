"""Evaluates a trust policy for one call: the principal, action and conditions of each statement, and the session limit.

Statements combine by three-valued logic: an Allow must apply, and no Deny may. `explain` turns the result into text.
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
    from medic.trust.operators import Comparison, ValueTest
    from medic.trust.request import Context

SHORTEST_SESSION = 900
LONGEST_SESSION = 43_200
LONGEST_CHAINED_SESSION = 3600
"""Seconds. https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html"""

_LIKELY_ABSENT = (
    *("sts:sourceidentity", "sts:transitivetagkeys", "aws:tagkeys", "aws:requesttag/"),
    *("aws:principalarn", "aws:principalaccount", "aws:principaltype"),
)
"""Prefixes of the keys that Amplify is not known to send."""

_PRINCIPAL_KEYS = {"AWS", "Service", "Federated", "CanonicalUser"}
_KEY_OF_KIND = {
    CallerKind.SERVICE: "Service",
    CallerKind.FEDERATED: "Federated",
    CallerKind.CANONICAL_USER: "CanonicalUser",
}


def evaluate(document: JsonValue | Document | Malformed, request: AssumeRoleRequest) -> Decision:
    """Decide whether the request's principal may assume the role; never raises, whatever the document holds.

    Args:
        document: The trust policy as JSON text (also percent-encoded), as the decoded object, or parsed.
        request: The caller, and what is known about the call.
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
    """The outcome alone, without the facts that explain it."""
    return _outcome(_traces(document, request), _session_limit(request))


def _traces(document: Document, request: AssumeRoleRequest) -> tuple[StatementTrace, ...]:
    context = context_of(request)
    return tuple(_trace(statement, document, request, context) for statement in document.statements)


def _trace(statement: Statement, document: Document, request: AssumeRoleRequest, context: Context) -> StatementTrace:
    allows = statement.effect is Effect.ALLOW
    return StatementTrace(
        statement,
        principal=_principal_matches(
            statement.principals, request.caller, Verdict.FALSE if allows else Verdict.UNKNOWN
        ),
        action=_action_matches(statement.actions, request.action),
        resource=_resource_matches(statement.resources),
        conditions=tuple(
            ConditionTrace(
                condition,
                context.state(condition.key),
                _condition_holds(condition, context, variables=document.resolves_variables, allows=allows),
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
    return request.with_states({"aws:SourceArn": AbsentKey(), "aws:SourceAccount": AbsentKey()})


def _likely(decision: Decision) -> Outcome | None:
    """The outcome if Amplify calls on behalf of the request's app and sends none of the `_LIKELY_ABSENT` keys."""
    request, document = decision.request, decision.document
    is_service = request.caller.kind is CallerKind.SERVICE
    if decision.outcome is not Outcome.CONDITIONAL or not is_service or isinstance(document, Malformed):
        return None
    context = context_of(request)
    undecided = {trace.condition.key.lower() for trace in decision.assumptions}
    absent: dict[str, KeyState] = {key: AbsentKey() for key in undecided if key.startswith(_LIKELY_ABSENT)}
    outcomes = set()
    for source in _expected_sources(request):
        guesses = {key: guess for key, guess in (absent | source).items() if isinstance(context.state(key), UnknownKey)}
        outcomes.add(outcome_of(document, request.with_states(guesses)))
    return outcomes.pop() if len(outcomes) == 1 and Outcome.CONDITIONAL not in outcomes else None


def _expected_sources(request: AssumeRoleRequest) -> tuple[dict[str, KeyState], ...]:
    """The source keys that Amplify may send: one set for each of two branches.

    With two, a policy that names a single branch gives no likely outcome.
    """
    if request.principal != AMPLIFY or not request.account_id:
        return ({},)
    account: dict[str, KeyState] = {"aws:sourceaccount": KnownKey((request.account_id,))}
    if not (request.app_id and request.region):
        return (account,)
    app = f"arn:{request.partition}:amplify:{request.region}:{request.account_id}:apps/{request.app_id}"
    return tuple(account | {"aws:sourcearn": KnownKey((f"{app}/branches/{name}",))} for name in ("main", "pr-1"))


def _principal_matches(principals: Principals, caller: Caller, if_unsupported: Verdict) -> Verdict:
    """Whether a Principal or NotPrincipal element applies to the caller.

    Args:
        principals: The element; an empty Principal names nobody.
        caller: The calling principal.
        if_unsupported: The verdict for an entry under a key that is not in `_PRINCIPAL_KEYS`.
    """
    named = logic.any_of(_entry_matches(entry, caller, if_unsupported) for entry in principals.entries)
    if not principals.negated:
        return named
    if not principals.entries:
        return Verdict.UNKNOWN
    # A Deny with NotPrincipal that excludes a user or role, but not its account, may deny the account and so the user.
    if named is Verdict.TRUE and caller.account and not _names_account(principals, caller):
        return Verdict.UNKNOWN
    return logic.negate(named)


def _names_account(principals: Principals, caller: Caller) -> bool:
    return any(entry.name == "*" or account_named(entry, caller) == caller.account for entry in principals.entries)


def _entry_matches(entry: PrincipalEntry, caller: Caller, if_unsupported: Verdict) -> Verdict:
    if entry.key not in _PRINCIPAL_KEYS:
        return if_unsupported
    if entry.name == "*":
        # Under AWS it means everybody. Under the other keys IAM supports no wildcard.
        return logic.of(holds=entry.key == "AWS")
    if entry.key != _KEY_OF_KIND.get(caller.kind, "AWS"):
        return Verdict.FALSE
    if entry.key == "AWS":
        return _aws_entry_matches(entry, caller)
    return logic.of(holds=entry.name == caller.text)


def _aws_entry_matches(entry: PrincipalEntry, caller: Caller) -> Verdict:
    if entry.name == caller.text or (caller.account and account_named(entry, caller) == caller.account):
        return Verdict.TRUE
    named = caller_of(entry.name, "")
    if not named.account or named.account != caller.account or caller.partition not in {"", named.partition}:
        return Verdict.FALSE
    match caller.kind, named.kind:
        case CallerKind.ACCOUNT, CallerKind.USER | CallerKind.ROLE | CallerKind.SESSION:
            return Verdict.UNKNOWN
        case CallerKind.SESSION, CallerKind.ROLE:
            # The ARN of a session lacks the role's path, but a role name is unique in its account.
            return logic.of(holds=named.name == caller.name)
        case CallerKind.ROLE, CallerKind.SESSION:
            return Verdict.UNKNOWN if named.name == caller.name else Verdict.FALSE
        case _:
            return Verdict.FALSE


def account_named(entry: PrincipalEntry, caller: Caller) -> str | None:
    """The account that an entry names as a whole (by id or as `:root`); None if none, or in another partition."""
    if entry.key != "AWS":
        return None
    named = caller_of(entry.name, "")
    if named.kind is not CallerKind.ACCOUNT:
        return None
    same_partition = not named.partition or caller.partition in {"", named.partition}
    return named.account if same_partition else None


def _action_matches(actions: Actions, action: str) -> Verdict:
    if not actions.patterns:  # documented for Action and NotAction: the statement grants nothing
        return Verdict.FALSE
    matched = logic.any_of(_one_action_matches(pattern.lower(), action.lower()) for pattern in actions.patterns)
    return logic.negate(matched) if actions.negated else matched


def _one_action_matches(pattern: str, action: str) -> Verdict:
    matched = logic.of(holds=Pattern.glob(pattern).matches(action))
    service, colon, _ = pattern.partition(":")
    everything = not service.strip("*")
    if everything or (colon and not set("*?") & set(service)):
        return matched
    # AWS documents wildcards in the action's name, not in the service prefix.
    return logic.same_or_unknown(matched, Verdict.FALSE)


def _resource_matches(resources: Resources | None) -> Verdict:
    if resources is None or (not resources.negated and "*" in resources.patterns):
        return Verdict.TRUE
    if not resources.patterns:
        return Verdict.FALSE
    return Verdict.UNKNOWN


def _condition_holds(condition: Condition, context: Context, *, variables: bool, allows: bool) -> Verdict:
    """Whether a condition is met.

    Args:
        condition: One key under one operator.
        context: The state of every key.
        variables: Whether the policy's version has policy variables.
        allows: Whether the statement is an Allow. A value of the wrong type never makes an Allow apply, and never rules
            out that a Deny applies.
    """
    comparison = condition.operator.operator.comparison
    state = context.state(condition.key)
    if comparison is None:
        return _null_holds(condition, state, _if_wrong_type(negated=False, allows=allows))
    return _ValueCondition(condition, comparison, context if variables else None, allows=allows).verdict(state)


def _if_wrong_type(*, negated: bool, allows: bool) -> Verdict:
    """The verdict for a value of the wrong type. AWS documents it only for operators without Not: no match."""
    return Verdict.FALSE if allows and not negated else Verdict.UNKNOWN


def _null_holds(condition: Condition, state: KeyState, if_wrong_type: Verdict) -> Verdict:
    match condition.operator.qualifier:
        case SetQualifier.FOR_ALL_VALUES:
            return Verdict.TRUE
        case SetQualifier.FOR_ANY_VALUE:
            return Verdict.FALSE
    if not condition.values:
        return Verdict.TRUE
    match state:
        case AbsentKey() | KnownKey(()):
            absent = Verdict.TRUE
        case KnownKey() | PresentKey():
            absent = Verdict.FALSE
        case UnknownKey():
            absent = Verdict.UNKNOWN
    verdicts = {"true": absent, "false": logic.negate(absent)}
    return logic.any_of(verdicts.get(value, if_wrong_type) for value in condition.values)


class _ValueCondition:
    """A condition that compares values; the policy's values are already parsed."""

    def __init__(
        self, condition: Condition, comparison: Comparison, variables: Context | None, *, allows: bool
    ) -> None:
        self._use = condition.operator
        self._negated = condition.operator.operator.negated
        self._tests: Sequence[ValueTest] = [comparison(value, variables) for value in dict.fromkeys(condition.values)]
        self._if_wrong_type = _if_wrong_type(negated=self._negated, allows=allows)

    def verdict(self, state: KeyState) -> Verdict:
        match state:
            case AbsentKey() | KnownKey(()):
                return self._if_absent()
            case KnownKey(values):
                return self._if_present(values)
            case PresentKey():
                return self._if_present(None)
            case UnknownKey():
                return logic.same_or_unknown(self._if_absent(), self._if_present(None))

    def _if_absent(self) -> Verdict:
        if self._use.if_exists or self._use.qualifier is SetQualifier.FOR_ALL_VALUES:
            return Verdict.TRUE
        if self._use.qualifier is SetQualifier.FOR_ANY_VALUE:
            return Verdict.FALSE
        return logic.of(holds=self._negated or not self._tests)

    def _if_present(self, values: tuple[str, ...] | None) -> Verdict:
        """The verdict if the call carries the key; `values` is None if they are unknown."""
        if not self._tests:
            return logic.of(holds=self._use.qualifier is None and not self._use.if_exists)
        matches = [self._matches(value) for value in values or (None,)]
        match self._use.qualifier:
            case SetQualifier.FOR_ALL_VALUES:
                verdict, if_no_value = logic.all_of(matches), Verdict.TRUE
            case SetQualifier.FOR_ANY_VALUE:
                verdict, if_no_value = logic.any_of(matches), Verdict.FALSE
            case _:
                # AWS does not document which of several values must match without a qualifier.
                return logic.same_or_unknown(logic.all_of(matches), logic.any_of(matches))
        # Some AWS pages count an empty string as no value.
        return logic.same_or_unknown(verdict, if_no_value) if values in {None, ("",)} else verdict

    def _matches(self, value: str | None) -> Verdict:
        matched = logic.any_of(self._test(test, value) for test in self._tests)
        return logic.negate(matched) if self._negated else matched

    def _test(self, test: ValueTest, value: str | None) -> Verdict:
        verdict = test.if_unknown if value is None else test.matches(value)
        return self._if_wrong_type if verdict is None else verdict
