"""`medic trust`: may Amplify (or anybody) assume a role with this trust policy, why, and what to change. Offline."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.syntax import Syntax
from rich.text import Text

from medic.trust import (
    AMPLIFY,
    MAX_CHARACTERS,
    AbsentKey,
    AssumeRoleRequest,
    Decision,
    FixForm,
    FixKind,
    JsonValue,
    KeyState,
    KnownKey,
    Malformed,
    Outcome,
    PresentKey,
    TrustFix,
    UnknownKey,
    evaluate,
    explain,
    known_key,
    propose_fix,
    read_json,
)
from medic.trust.document import scalar_text
from medic.trust.explain import explain_statement
from medic.trust.request import ASSUME_ROLE
from medic_cli.options import examples

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medic.trust.decision import ConditionTrace, StatementTrace


_LONGEST_TEXT = 2048
_FIRST_YEAR, _LAST_YEAR = 1970, 9998


class QuestionError(ValueError):
    """A question that cannot be understood: which field, and what it must hold."""


def read_question(context: JsonValue, now: datetime) -> AssumeRoleRequest:
    """Read a request from JSON.

    Args:
        context: an object with any of principal, action, partition, region, account_id, app_id, source_arn, now,
            role_arn, keys (values by key), absent and unknown (lists of keys); what is missing or null is not known.
        now: the time to take where the context has none.

    Raises:
        QuestionError: a field holds something else.
    """
    if not isinstance(context, Mapping):
        raise QuestionError("context must be an object")
    return AssumeRoleRequest(
        now=_time(_text(context, "now"), now),
        principal=_text(context, "principal") or AMPLIFY,
        action=_text(context, "action") or ASSUME_ROLE,
        partition=_text(context, "partition") or "aws",
        region=_text(context, "region"),
        account_id=_text(context, "account_id"),
        app_id=_text(context, "app_id"),
        source_arn=_text(context, "source_arn"),
        role_arn=_text(context, "role_arn"),
        states=_states_of_context(context),
    )


def read_time(text: str) -> datetime:
    """An ISO 8601 time; without a zone it is UTC.

    Raises:
        QuestionError: no such time, or one that lies too far away.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise QuestionError("now must be an ISO 8601 time such as 2026-01-31T12:00:00Z") from None
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise QuestionError(f"now must lie between {_FIRST_YEAR} and {_LAST_YEAR}")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _time(text: str | None, now: datetime) -> datetime:
    return now if text is None else read_time(text)


def _text(context: Mapping[str, JsonValue], name: str) -> str | None:
    value = context.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT:
        raise QuestionError(f"context.{name} must be a string of at most {_LONGEST_TEXT} characters, or null")
    return value


def _states_of_context(context: Mapping[str, JsonValue]) -> dict[str, KeyState]:
    keys = {} if context.get("keys") is None else context["keys"]
    if not isinstance(keys, Mapping):
        raise QuestionError("context.keys must be an object")
    states: dict[str, KeyState] = {key.lower(): known_key(*_values(key, value)) for key, value in keys.items()}
    states |= {key.lower(): AbsentKey() for key in _names(context, "absent")}
    states |= {key.lower(): UnknownKey() for key in _names(context, "unknown")}
    return states


def _values(key: str, value: JsonValue) -> list[str]:
    several = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    texts = [scalar_text(each) for each in several]
    if None in texts:
        raise QuestionError(f"context.keys[{key[:80]!r}] must be a string, number or boolean, or a list of them")
    return [text for text in texts if text is not None]


def _names(context: Mapping[str, JsonValue], name: str) -> list[str]:
    names = context.get(name)
    if names is None:
        return []
    if isinstance(names, str) or not isinstance(names, Sequence):
        raise QuestionError(f"context.{name} must be a list of condition keys")
    texts = [each for each in names if isinstance(each, str)]
    if len(texts) < len(names):
        raise QuestionError(f"context.{name} must be a list of condition keys")
    return texts


def answer(id_: str | None, decision: Decision, fix: TrustFix) -> dict[str, JsonValue]:
    """One answer.

    Args:
        id_: the name of the case, or None.
        decision: what was decided.
        fix: what is proposed.
    """
    reason, *notes = explain(decision)
    return {
        "id": id_,
        "outcome": decision.outcome.value,
        "likely": decision.likely.value if decision.likely else None,
        "reason": reason,
        "notes": notes,
        "depends_on_source_conditions": decision.depends_on_source_conditions,
        "statements": [_statement(trace, decision) for trace in decision.statements],
        "fix": {
            "kind": fix.kind.value,
            "reason": fix.reason,
            "statement": fix.statement,
            "outcome_after": fix.outcome_after.value,
            "document": fix.document,
            "size": fix.size,
            "risks": list(fix.risks),
        },
    }


def _statement(trace: StatementTrace, decision: Decision) -> dict[str, JsonValue]:
    return {
        "index": trace.statement.index,
        "sid": trace.statement.sid,
        "effect": trace.statement.effect.value,
        "applies": trace.verdict.value,
        "principal": trace.principal.value,
        "action": trace.action.value,
        "conditions": [_condition(each) for each in trace.conditions],
        "explanation": explain_statement(trace, decision),
    }


def _condition(trace: ConditionTrace) -> dict[str, JsonValue]:
    return {
        "operator": trace.condition.operator.written,
        "key": trace.condition.key,
        "expected": list(trace.condition.values),
        "actual": _actual(trace.state),
        "holds": trace.verdict.value,
    }


def _actual(state: KeyState) -> JsonValue:
    match state:
        case KnownKey(values):
            return {"state": "known", "values": list(values)}
        case PresentKey():
            return {"state": "present"}
        case AbsentKey():
            return {"state": "absent"}
        case UnknownKey():
            return {"state": "unknown"}


# A percent-encoded document of the longest kind, each character of it as long as UTF-8 makes it.
_MOST_BYTES = 12 * MAX_CHARACTERS
_MOST_BYTES_A_LINE = 1 << 20
_LONGEST_ID = 256

_ARN = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):(?P<service>[a-z0-9-]+):(?P<region>[^:]*):(?P<account>[0-9]{0,12}):.+"
)
_BRANCH = re.compile(r"arn:[^:]+:amplify:[^:]+:[0-9]{12}:apps/(?P<app>[a-z0-9]+)/branches/.+")
_AMPLIFY_APP = re.compile(r"arn:[^:]+:amplify:[^:]+:[0-9]{12}:apps/(?P<app>[a-z0-9]+)(?:/.*)?")

_STYLES = {Outcome.ALLOWED: "bold green", Outcome.DENIED: "bold red", Outcome.CONDITIONAL: "bold yellow"}


@dataclass(frozen=True, slots=True)
class _TrustOptions:
    """The command line, as click hands it over."""

    file: str
    branch_arn: str | None
    source_arn: str | None
    principal: str
    role_arn: str | None
    account: str | None
    context: tuple[str, ...]
    absent: tuple[str, ...]
    duration: int | None
    max_session: int | None
    chained: bool
    role: str
    now: str | None
    batch: str | None
    as_json: bool

    @property
    def form(self) -> FixForm:
        return FixForm(self.role)


_EXAMPLES = examples(
    "aws iam get-role --role-name web --query Role.AssumeRolePolicyDocument | medic trust",
    "medic trust trust.json --role compute",
    "medic trust trust.json --branch-arn arn:aws:amplify:eu-central-1:111122223333:apps/d1a2b3c4d5e6f7/branches/main",
)


@click.command("trust", epilog=_EXAMPLES)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True), default="-")
@click.option("--branch-arn", metavar="ARN", help="The branch ARN, as GetBranch returns it, that Amplify calls for.")
@click.option("--source-arn", metavar="ARN", help="Any other resource that a service calls for.")
@click.option("--principal", default=AMPLIFY, show_default=True, help="Service, account id, or ARN of who calls.")
@click.option("--role-arn", metavar="ARN", help="The role's ARN.")
@click.option("--account", metavar="ID", help="The role's account; by default that of the ARNs.")
@click.option("--context", multiple=True, metavar="KEY=VALUE", help="A condition key's value; again for more values.")
@click.option("--absent", multiple=True, metavar="KEY", help="A condition key that the call does not carry.")
@click.option("--duration", type=int, metavar="SECONDS", help="The session's length asked for.")
@click.option(
    "--max-session", type=click.IntRange(min=1), metavar="SECONDS", help="The role's maximum session duration."
)
@click.option("--chained", is_flag=True, help="The caller itself uses a role's credentials.")
@click.option("--role", type=click.Choice([form.value for form in FixForm]), default=FixForm.CONDITIONED.value,
              show_default=True, help="Which form of statement to propose: conditioned, or plain.")  # fmt: skip
@click.option("--now", metavar="TIME", help="The time of the call in ISO 8601; by default now.")
@click.option("--batch", type=click.Path(exists=True, dir_okay=False, allow_dash=True), metavar="FILE.jsonl",
              help='Answer each line {"id", "trust_policy", "context"} with a line of JSON.')  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
def command(**options: Any) -> None:  # noqa: ANN401 - click passes options by name
    """Say whether a role's trust policy lets Amplify (or --principal) assume the role, why, and what to change.

    FILE is the trust policy as JSON, plain or percent-encoded; - reads standard input.

    Exits with 0 if it is allowed, 1 if it is denied or depends on what cannot be known, 2 on wrong usage. A batch exits
    with 0 once every line is answered.
    """
    chosen = _TrustOptions(**options)
    now = _now(chosen)
    if chosen.batch is not None:
        with click.open_file(chosen.batch, "rb") as lines:
            for line in _batch(lines, chosen.form, now):
                click.echo(json.dumps(line))
        return
    with click.open_file(chosen.file, "rb") as stream:
        document = _document(stream)
    decision = evaluate(document, _request(chosen, now))
    fix = propose_fix(decision, chosen.form)
    if chosen.as_json:
        click.echo(json.dumps(answer(None, decision, fix), indent=2))
    else:
        _print(decision, fix)
    sys.exit(0 if decision.outcome is Outcome.ALLOWED else 1)


def _now(options: _TrustOptions) -> datetime:
    if options.now is None:
        return datetime.now(UTC)
    try:
        return read_time(options.now)
    except QuestionError as error:
        raise click.BadParameter(str(error), param_hint="--now") from None


def _document(stream: IO[bytes]) -> str | Malformed:
    data = stream.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        return Malformed("", f"is longer than the {MAX_CHARACTERS:,} characters IAM accepts")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        return Malformed(f"byte {error.start}", "is not UTF-8")


def _request(options: _TrustOptions, now: datetime) -> AssumeRoleRequest:
    source_arn = _source_arn(options)
    source = _parts(source_arn, "--source-arn")
    role = _parts(options.role_arn, "--role-arn")
    app = _AMPLIFY_APP.fullmatch(source_arn or "")
    if options.account is not None and not re.fullmatch(r"[0-9]{12}", options.account):
        raise click.BadParameter("must be the 12 digits of an AWS account", param_hint="--account")
    return AssumeRoleRequest(
        now=now,
        principal=options.principal,
        partition=source.get("partition") or role.get("partition") or "aws",
        region=source.get("region") or None,
        account_id=options.account or role.get("account") or source.get("account") or None,
        app_id=app["app"] if app else None,
        source_arn=source_arn,
        role_arn=options.role_arn,
        states=_states_of_options(options),
        duration=options.duration,
        chained=options.chained,
        max_session=options.max_session,
    )


def _source_arn(options: _TrustOptions) -> str | None:
    if options.branch_arn and options.source_arn:
        raise click.UsageError("Give --branch-arn or --source-arn, not both.")
    if options.branch_arn and not _BRANCH.fullmatch(options.branch_arn):
        form = "arn:aws:amplify:REGION:ACCOUNT:apps/APP/branches/BRANCH"
        raise click.BadParameter(f"must be the ARN of a branch, {form}", param_hint="--branch-arn")
    return options.branch_arn or options.source_arn


def _parts(arn: str | None, option: str) -> dict[str, str]:
    if arn is None:
        return {}
    parts = _ARN.fullmatch(arn)
    if parts is None:
        raise click.BadParameter("must be an ARN, arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE", param_hint=option)
    return parts.groupdict()


def _states_of_options(options: _TrustOptions) -> dict[str, KeyState]:
    values: dict[str, list[str]] = {}
    for each in options.context:
        key, equals, value = each.partition("=")
        if not (key and equals):
            raise click.BadParameter(f"{each!r} must be KEY=VALUE", param_hint="--context")
        values.setdefault(key.lower(), []).append(value)
    states: dict[str, KeyState] = {key: known_key(*several) for key, several in values.items()}
    return states | {key.lower(): AbsentKey() for key in options.absent}


def _batch(stream: IO[bytes], form: FixForm, now: datetime) -> Iterator[dict[str, JsonValue]]:
    for number, line in enumerate(_lines(stream), start=1):
        if line is None:
            yield _unanswered(None, number, f"the line is longer than {_MOST_BYTES_A_LINE:,} bytes")
        elif line.strip():
            yield _answered(line, number, form, now)


def _lines(stream: IO[bytes]) -> Iterator[bytes | None]:
    """The lines of a stream; None for one too long to keep, which is read past in pieces."""
    while line := stream.readline(_MOST_BYTES_A_LINE):
        if line.endswith(b"\n") or len(line) < _MOST_BYTES_A_LINE:
            yield line
            continue
        while line and not line.endswith(b"\n"):
            line = stream.readline(_MOST_BYTES_A_LINE)
        yield None


def _answered(line: bytes, number: int, form: FixForm, now: datetime) -> dict[str, JsonValue]:
    try:
        case = read_json(line.decode())
    except ValueError as error:
        return _unanswered(None, number, f"the line is not JSON: {error}")
    if not isinstance(case, Mapping) or "trust_policy" not in case:
        return _unanswered(None, number, 'the line must be an object with "id", "trust_policy" and "context"')
    id_ = _id(case)
    try:
        request = read_question(case.get("context", {}), now)
    except QuestionError as error:
        return _unanswered(id_, number, str(error))
    decision = evaluate(case["trust_policy"], request)
    return answer(id_, decision, propose_fix(decision, form))


def _id(case: Mapping[str, JsonValue]) -> str | None:
    value = case.get("id")
    return None if value is None else str(value)[:_LONGEST_ID]


def _unanswered(id_: str | None, number: int, error: str) -> dict[str, JsonValue]:
    return {"id": id_, "line": number, "error": error[:500]}


def _print(decision: Decision, fix: TrustFix) -> None:
    console = Console(soft_wrap=True, highlight=False)
    reason, *notes = explain(decision)
    console.print(Text(decision.outcome.value.upper(), _STYLES[decision.outcome]), Text(reason), sep="  ")
    for note in notes:
        console.print(Text(f"  - {note}"))
    if fix.kind is FixKind.NONE:
        return
    console.print()
    console.print(
        Text(f"Fix: {fix.kind.value}", "bold"), Text(f"{fix.reason} After it: {fix.outcome_after.value}."), sep="  "
    )
    for risk in fix.risks:
        console.print(Text(f"  - {risk}"))
    if fix.diff:
        console.print(Syntax(fix.diff, "diff", theme="ansi_dark", background_color="default", word_wrap=True))
