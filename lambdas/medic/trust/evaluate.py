"""Evaluates a trust policy for one call: the principal, action and conditions of each statement, and the session limit.

Statements combine by three-valued logic: an Allow must apply, and no Deny may. `explain` turns the result into text.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from medic.records import replace
from medic.trust import logic
from medic.trust.conditions import condition_holds
from medic.trust.decision import ConditionTrace, Decision, Outcome, SessionLimit, StatementTrace
from medic.trust.document import Document, Effect, Element, JsonValue, Malformed, Statement, parse
from medic.trust.logic import Verdict
from medic.trust.patterns import Pattern
from medic.trust.request import (
    AMPLIFY,
    DEFAULT_MAX_SESSION,
    EVERYBODY,
    AssumeRoleRequest,
    Context,
    KeyPresence,
    KeyState,
    Principal,
    PrincipalKind,
    context_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


SHORTEST_SESSION = 900
LONGEST_SESSION = 43_200
LONGEST_CHAINED_SESSION = 3600
"""Seconds. https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html"""

_LIKELY_ABSENT = (
    *("sts:sourceidentity", "sts:transitivetagkeys", "aws:tagkeys", "aws:requesttag/"),
    *("aws:principalarn", "aws:principalaccount", "aws:principaltype"),
)
"""Prefixes of the keys that Amplify is not known to send."""

_NO_SOURCE: dict[str, KeyState] = {
    "aws:sourcearn": KeyPresence.ABSENT,
    "aws:sourceaccount": KeyPresence.ABSENT,
}
_PRINCIPAL_KEYS = {EVERYBODY, "AWS", "Service", "Federated", "CanonicalUser"}
_KEY_OF_KIND = {
    PrincipalKind.SERVICE: "Service",
    PrincipalKind.FEDERATED: "Federated",
    PrincipalKind.CANONICAL_USER: "CanonicalUser",
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
    context = context_of(request)
    statements = _traces(parsed, request, context)
    outcome = _outcome(statements, limit)
    without_source = outcome
    if _names_source(parsed):
        without_source = _outcome(_traces(parsed, request, context.with_states(_NO_SOURCE)), limit)
    lacking = _lacking(parsed, request)
    decision = Decision(request, outcome, parsed, statements, limit, without_source is not outcome, lacking=lacking)
    if request.caller.kind is not PrincipalKind.SERVICE:
        return replace(decision, outcome=_worst(outcome, lacking))
    if outcome is Outcome.CONDITIONAL:
        return replace(decision, likely=_likely(decision, parsed, context))
    return decision


def outcome_of(document: Document, request: AssumeRoleRequest) -> Outcome:
    """The outcome alone, without the facts that explain it."""
    outcome = _outcome(_traces(document, request, context_of(request)), _session_limit(request))
    service = request.caller.kind is PrincipalKind.SERVICE
    return outcome if service else _worst(outcome, _lacking(document, request))


def _lacking(document: Document, request: AssumeRoleRequest) -> Mapping[str, Outcome]:
    """The further actions that the call needs and the policy does not surely allow, with the outcome of each."""
    passed = {key for key, state in request.states.items() if isinstance(state, tuple)}
    needed = []
    if any(key.startswith("aws:requesttag/") for key in passed):
        needed.append("sts:TagSession")
    if "sts:sourceidentity" in passed:
        needed.append("sts:SetSourceIdentity")
    # Without a duration, because a session limit alone would deny the action.
    calls = {action: replace(request, action=action, duration=None) for action in needed if action != request.action}
    outcomes = {action: _outcome(_traces(document, call, context_of(call)), None) for action, call in calls.items()}
    return {action: outcome for action, outcome in outcomes.items() if outcome is not Outcome.ALLOWED}


def _worst(outcome: Outcome, lacking: Mapping[str, Outcome]) -> Outcome:
    found = {outcome, *lacking.values()}
    return next(each for each in (Outcome.DENIED, Outcome.CONDITIONAL, Outcome.ALLOWED) if each in found)


def _traces(document: Document, request: AssumeRoleRequest, context: Context) -> tuple[StatementTrace, ...]:
    variables = context if document.resolves_variables else None
    return tuple(_trace(statement, request, context, variables) for statement in document.statements)


def _trace(
    statement: Statement, request: AssumeRoleRequest, context: Context, variables: Context | None
) -> StatementTrace:
    allows = statement.effect is Effect.ALLOW
    conditions = []
    for condition in statement.conditions:
        state = context.state(condition.key)
        # What AWS does not document, such as a value of the wrong type, never surely makes an Allow apply, and never
        # rules out that a Deny applies.
        undocumented = Verdict.FALSE if allows and not condition.operator.negated else Verdict.UNKNOWN
        verdict = condition_holds(condition, state, variables, undocumented)
        conditions.append(ConditionTrace(condition, state, verdict))
    principal = _principal_matches(statement.principals, request.caller, allows=allows)
    action = _action_matches(statement.actions, request.action)
    resource = _resource_matches(statement.resources)
    verdict = logic.all_of((principal, action, resource, *(each.verdict for each in conditions)))
    return StatementTrace(statement, principal, action, resource, tuple(conditions), verdict)


def _outcome(statements: tuple[StatementTrace, ...], limit: SessionLimit | None) -> Outcome:
    if limit is not None:
        return Outcome.DENIED
    allowed = logic.any_of(trace.verdict for trace in statements if trace.statement.effect is Effect.ALLOW)
    denied = logic.any_of(trace.verdict for trace in statements if trace.statement.effect is Effect.DENY)
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


def _names_source(document: Document) -> bool:
    """Whether a condition's key, or a variable in its values, may be aws:SourceArn or aws:SourceAccount."""
    return any(
        "aws:source" in text.lower()
        for statement in document.statements
        for condition in statement.conditions
        for text in (condition.key, *condition.values)
    )


def _likely(decision: Decision, document: Document, context: Context) -> Outcome | None:
    """The outcome if Amplify calls on behalf of the request's app and sends none of the `_LIKELY_ABSENT` keys."""
    undecided = {trace.condition.key.lower() for trace in decision.assumptions}
    absent: dict[str, KeyState] = {key: KeyPresence.ABSENT for key in undecided if key.startswith(_LIKELY_ABSENT)}
    outcomes = set()
    for source in _expected_sources(decision.request):
        guesses = {key: guess for key, guess in (absent | source).items() if context.state(key) is KeyPresence.UNKNOWN}
        outcomes.add(_outcome(_traces(document, decision.request, context.with_states(guesses)), None))
    return outcomes.pop() if len(outcomes) == 1 and Outcome.CONDITIONAL not in outcomes else None


def _expected_sources(request: AssumeRoleRequest) -> tuple[dict[str, KeyState], ...]:
    """The source keys that Amplify may send: one set for each of two branches.

    With two, a policy that names a single branch gives no likely outcome.
    """
    if request.principal != AMPLIFY or not request.account_id:
        return ({},)
    account: dict[str, KeyState] = {"aws:sourceaccount": (request.account_id,)}
    if not (request.app_id and request.region):
        return (account,)
    app = f"arn:{request.partition}:amplify:{request.region}:{request.account_id}:apps/{request.app_id}"
    return tuple(account | {"aws:sourcearn": (f"{app}/branches/{name}",)} for name in ("main", "pr-1"))


def _principal_matches(element: Element[Principal], caller: Principal, *, allows: bool) -> Verdict:
    """Whether a Principal or NotPrincipal element of an Allow or a Deny applies to the caller.

    An empty Principal names nobody.
    """
    named = logic.any_of(_entry_matches(entry, caller, allows=allows) for entry in element.entries)
    if not element.negated:
        return named
    if not element.entries:
        return Verdict.UNKNOWN
    # A Deny with NotPrincipal that excludes a user or role, but not its account, may deny the account and so the user.
    if named is Verdict.TRUE and caller.account:
        whole = (entry.text == "*" or account_named(entry, caller) == caller.account for entry in element.entries)
        return Verdict.FALSE if any(whole) else Verdict.UNKNOWN
    return logic.negate(named)


def _entry_matches(entry: Principal, caller: Principal, *, allows: bool) -> Verdict:
    if entry.key not in _PRINCIPAL_KEYS:
        return Verdict.FALSE if allows else Verdict.UNKNOWN
    if entry.text == "*":
        return _star_matches(entry.key, caller, allows=allows)
    if entry.key != _KEY_OF_KIND.get(caller.kind, "AWS"):
        return Verdict.FALSE
    if entry.key == "AWS":
        return _aws_entry_matches(entry, caller)
    return logic.of(holds=entry.text == caller.text)


def _star_matches(key: str, caller: Principal, *, allows: bool) -> Verdict:
    if key == "AWS" and caller.kind is PrincipalKind.SERVICE and allows:
        # AWS calls it the same as a bare `*`, but speaks of accounts, users and roles only: no reason to rely on it.
        return Verdict.UNKNOWN
    return logic.of(holds=key in {EVERYBODY, "AWS"})  # under the other keys IAM supports no wildcard


def _aws_entry_matches(entry: Principal, caller: Principal) -> Verdict:
    if entry.text == caller.text or (caller.account and account_named(entry, caller) == caller.account):
        return Verdict.TRUE
    if not entry.account or entry.account != caller.account or caller.partition not in {"", entry.partition}:
        return Verdict.FALSE
    match caller.kind, entry.kind:
        case PrincipalKind.ACCOUNT, PrincipalKind.USER | PrincipalKind.ROLE | PrincipalKind.SESSION:
            return Verdict.UNKNOWN
        case PrincipalKind.SESSION, PrincipalKind.ROLE:
            # The ARN of a session lacks the role's path, but a role name is unique in its account.
            return logic.of(holds=entry.name == caller.name)
        case PrincipalKind.ROLE, PrincipalKind.SESSION:
            return Verdict.UNKNOWN if entry.name == caller.name else Verdict.FALSE
        case _:
            return Verdict.FALSE


def account_named(entry: Principal, caller: Principal) -> str | None:
    """The account that an entry names as a whole (by id or as `:root`); None if none, or in another partition."""
    if entry.key != "AWS" or entry.kind is not PrincipalKind.ACCOUNT:
        return None
    return entry.account if not entry.partition or caller.partition in {"", entry.partition} else None


def _action_matches(element: Element[str], action: str) -> Verdict:
    if not element.entries:  # documented for Action and NotAction: the statement grants nothing
        return Verdict.FALSE
    matched = logic.any_of(_one_action_matches(pattern.lower(), action.lower()) for pattern in element.entries)
    return logic.negate(matched) if element.negated else matched


def _one_action_matches(pattern: str, action: str) -> Verdict:
    matched = logic.of(holds=pattern == action or Pattern.glob(pattern).matches(action))
    service, colon, _ = pattern.partition(":")
    everything = not service.strip("*")
    if everything or (colon and not set("*?") & set(service)):
        return matched
    # AWS documents wildcards in the action's name, not in the service prefix.
    return logic.same_or_unknown(matched, Verdict.FALSE)


def _resource_matches(element: Element[str] | None) -> Verdict:
    if element is None or (not element.negated and "*" in element.entries):
        return Verdict.TRUE
    return Verdict.UNKNOWN if element.entries else Verdict.FALSE
