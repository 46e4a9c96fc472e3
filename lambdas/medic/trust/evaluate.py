"""The decision: may this principal assume this role, as far as its trust policy and the session asked for say?

Statements combine by Kleene logic: an Allow must apply and no Deny may. No words for people here; see `explain`.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from medic.trust import conditions, verdict
from medic.trust.caller import CallerKind
from medic.trust.context import (
    AMPLIFY,
    DEFAULT_MAX_SESSION,
    Absent,
    Known,
    Request,
    State,
    Unknown,
    context_of,
)
from medic.trust.decision import ConditionTrace, Decision, Outcome, SessionLimit, StatementTrace
from medic.trust.document import Document, Effect, Malformed, Resources, Statement, parse
from medic.trust.patterns import Pattern
from medic.trust.principals import names
from medic.trust.verdict import Verdict

if TYPE_CHECKING:
    from medic.trust.context import Context
    from medic.trust.document import Actions
    from medic.trust.policy_text import JsonValue

SHORTEST_SESSION = 900
LONGEST_SESSION = 43_200
LONGEST_CHAINED_SESSION = 3600
"""Seconds. https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html"""

_SOURCE_KEYS = ("aws:SourceArn", "aws:SourceAccount")


def evaluate(document: JsonValue | Document | Malformed, request: Request) -> Decision:
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


def outcome_of(document: Document, request: Request) -> Outcome:
    """The bare answer, where nobody asks how it came about."""
    return _outcome(_traces(document, request), _session_limit(request))


def _traces(document: Document, request: Request) -> tuple[StatementTrace, ...]:
    context = context_of(request)
    return tuple(_trace(statement, document, request, context) for statement in document.statements)


def _trace(statement: Statement, document: Document, request: Request, context: Context) -> StatementTrace:
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
                conditions.holds(condition, context, variables=document.resolves_variables, allows=allows),
            )
            for condition in statement.conditions
        ),
    )


def _outcome(statements: tuple[StatementTrace, ...], limit: SessionLimit | None) -> Outcome:
    allowed = verdict.any_of(trace.verdict for trace in statements if trace.statement.effect is Effect.ALLOW)
    denied = verdict.any_of(trace.verdict for trace in statements if trace.statement.effect is Effect.DENY)
    if limit is not None:
        return Outcome.DENIED
    match verdict.all_of((allowed, verdict.negate(denied))):
        case Verdict.TRUE:
            return Outcome.ALLOWED
        case Verdict.FALSE:
            return Outcome.DENIED
        case _:
            return Outcome.CONDITIONAL


def _action_matches(actions: Actions, action: str) -> Verdict:
    if not actions.patterns:  # documented for both elements: the statement provides no permissions
        return Verdict.FALSE
    matched = verdict.any_of(_one_action_matches(pattern.lower(), action.lower()) for pattern in actions.patterns)
    return verdict.negate(matched) if actions.negated else matched


def _one_action_matches(pattern: str, action: str) -> Verdict:
    matched = verdict.of(holds=Pattern.glob(pattern).matches(action))
    service, colon, _ = pattern.partition(":")
    everything = not service.strip("*")
    if everything or (colon and not set("*?") & set(service)):
        return matched
    # Wildcards are documented for the action's name, not for the service's prefix.
    return verdict.agreed(matched, Verdict.FALSE)


def _resource_matches(resources: Resources | None) -> Verdict:
    if resources is None or (not resources.negated and "*" in resources.patterns):
        return Verdict.TRUE
    if not resources.patterns:
        return Verdict.FALSE
    return Verdict.UNKNOWN


def _session_limit(request: Request) -> SessionLimit | None:
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


def _without_source(request: Request) -> Request:
    return request.with_states({key.lower(): Absent() for key in _SOURCE_KEYS})


def _likely(decision: Decision) -> Outcome | None:
    """The answer if Amplify calls for the app in question, and sends none of the keys that nobody saw it send."""
    request, document = decision.request, decision.document
    is_service = request.caller.kind is CallerKind.SERVICE
    if decision.outcome is not Outcome.CONDITIONAL or not is_service or isinstance(document, Malformed):
        return None
    context = context_of(request)
    absent: dict[str, State] = {key: Absent() for key in _keys_of(decision) if key.startswith(_LIKELY_ABSENT)}
    outcomes = set()
    for source in _expected_sources(request):
        guesses = {key: guess for key, guess in (absent | source).items() if isinstance(context.state(key), Unknown)}
        outcomes.add(outcome_of(document, request.with_states(guesses)))
    return outcomes.pop() if len(outcomes) == 1 and Outcome.CONDITIONAL not in outcomes else None


_LIKELY_ABSENT = (
    *("sts:sourceidentity", "sts:transitivetagkeys", "aws:tagkeys", "aws:requesttag/"),
    *("aws:principalarn", "aws:principalaccount", "aws:principaltype"),
)


def _keys_of(decision: Decision) -> set[str]:
    return {trace.condition.key.lower() for trace in decision.assumptions}


def _expected_sources(request: Request) -> tuple[dict[str, State], ...]:
    """What Amplify may call for: branches of the app, two, so that a policy for one of them does not decide."""
    if request.principal != AMPLIFY or not request.account_id:
        return ({},)
    account: dict[str, State] = {"aws:sourceaccount": Known((request.account_id,))}
    if not (request.app_id and request.region):
        return (account,)
    app = f"arn:{request.partition}:amplify:{request.region}:{request.account_id}:apps/{request.app_id}"
    return tuple(account | {"aws:sourcearn": Known((f"{app}/branches/{name}",))} for name in ("main", "pr-1"))
