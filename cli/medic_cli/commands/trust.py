"""`medic trust`: evaluates a role's trust policy for Amplify or another principal, and proposes a fix. Offline."""

from __future__ import annotations

import difflib
import json
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, BinaryIO

import click
from rich.console import Console
from rich.text import Text

from medic.arns import name_of
from medic.trust import (
    AMPLIFY,
    MAX_CHARACTERS,
    AssumeRoleRequest,
    Decision,
    FixForm,
    FixKind,
    JsonValue,
    KeyPresence,
    KeyState,
    Malformed,
    Outcome,
    TrustFix,
    evaluate,
    explain,
    known_key,
    propose_fix,
    read_json,
)
from medic.trust.document import scalar_text
from medic.trust.explain import explain_statement
from medic.trust.request import ACCOUNT_ID, ASSUME_ROLE
from medic.unpack import CutError
from medic_cli.errors import CouldNotLookError
from medic_cli.files import LineUnansweredError, answer_batch, case_id, opened, text_chunks
from medic_cli.options import examples, json_option
from medic_cli.output import print_json

if TYPE_CHECKING:
    from medic.trust.decision import ConditionTrace, StatementTrace
    from medic_cli.answers import ActualJson, ConditionJson, StatementJson, TrustAnswer

_MAX_DOCUMENT_BYTES = 12 * MAX_CHARACTERS
"""The longest document: a character has up to 4 bytes in UTF-8, and percent-encoding makes 3 bytes of each."""
_MAX_LINE_BYTES = 1 << 20

_ARN = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):(?P<service>[a-z0-9-]+):(?P<region>[^:]*):(?P<account>[0-9]{0,12}):.+"
)
_BRANCH = re.compile(r"arn:[^:]+:amplify:[^:]+:[0-9]{12}:apps/(?P<app>[a-z0-9]+)/branches/.+")
_AMPLIFY_APP = re.compile(r"arn:[^:]+:amplify:[^:]+:[0-9]{12}:apps/(?P<app>[a-z0-9]+)(?:/.*)?")

_MAX_TEXT = 2048
_MIN_YEAR, _MAX_YEAR = 1970, 9998

_DIFF_STYLES = {"+": "green", "-": "red", "@": "cyan"}
_STYLES = {Outcome.ALLOWED: "bold green", Outcome.DENIED: "bold red", Outcome.CONDITIONAL: "bold yellow"}


_EXAMPLES = examples(
    "aws iam get-role --role-name web --query Role.AssumeRolePolicyDocument | medic trust",
    "medic trust trust.json --role compute",
    "medic trust trust.json --role-arn arn:aws:iam::111122223333:role/web --expect allowed",
    "medic trust trust.json --branch-arn arn:aws:amplify:eu-central-1:111122223333:apps/d1a2b3c4d5e6f7/branches/main",
)


@click.command("trust", epilog=_EXAMPLES)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True), default="-")
@click.option("--branch-arn", metavar="ARN", help="ARN of the branch that Amplify acts for, as GetBranch returns it.")
@click.option("--source-arn", metavar="ARN", help="ARN of another resource that a service acts for.")
@click.option("--principal", default=AMPLIFY, show_default=True, help="The caller: a service, account id or ARN.")
@click.option("--role-arn", metavar="ARN", help="ARN of the role.")
@click.option("--account", metavar="ID", help="Account of the role. Default: the account in the ARNs.")
@click.option("--context", multiple=True, metavar="KEY=VALUE", help="Value of a condition key. Repeatable.")
@click.option("--absent", multiple=True, metavar="KEY", help="Condition key that the call lacks. Repeatable.")
@click.option("--duration", type=int, metavar="SECONDS", help="Requested session duration.")
@click.option(
    "--max-session", type=click.IntRange(min=1), metavar="SECONDS", help="Maximum session duration of the role."
)
@click.option("--chained", is_flag=True, help="The caller uses credentials of an assumed role.")
@click.option("--role", type=click.Choice([form.value for form in FixForm]), default=FixForm.CONDITIONED.value,
              show_default=True, help="Form of the proposed statement: with source conditions, or plain.")  # fmt: skip
@click.option("--expect", type=click.Choice([outcome.value for outcome in Outcome]),
              help="Exit with 0 only if this is the outcome, for example in a pipeline.")  # fmt: skip
@click.option("--now", metavar="TIME", help="Time of the call in ISO 8601. Default: now.")
@click.option("--batch", type=click.Path(exists=True, dir_okay=False, allow_dash=True), metavar="FILE.jsonl",
              help='Evaluate each line {"id", "trust_policy", "context"}, and print one JSON line for it.')  # fmt: skip
@json_option
def command(  # noqa: PLR0913 - click passes options by name
    *,
    file: str,
    branch_arn: str | None,
    source_arn: str | None,
    principal: str,
    role_arn: str | None,
    account: str | None,
    context: tuple[str, ...],
    absent: tuple[str, ...],
    duration: int | None,
    max_session: int | None,
    chained: bool,
    role: str,
    expect: str | None,
    now: str | None,
    batch: str | None,
    as_json: bool,
) -> None:
    """Evaluate whether a role's trust policy lets Amplify (or --principal) assume the role, and propose a fix.

    FILE is the trust policy as JSON, plain or percent-encoded. With - or without FILE, it reads standard input.

    Exits with 0 if allowed (or as --expect says), 1 if not, 2 on wrong usage, 3 if the file is empty, binary or an
    error page. With --batch, exits with 0 once every line is answered.
    """
    form, time = FixForm(role), _time_of_call(now)
    if batch is not None and expect is not None:
        raise click.UsageError("--expect is for one document, not for --batch.")
    if batch is not None:
        with click.open_file(batch, "rb") as lines:
            for answer in answer_batch(lines, _MAX_LINE_BYTES, lambda line: _answer_line(line, form, time)):
                click.echo(json.dumps(answer))
        return
    with opened(file) as stream:
        document = _document(stream, file)
    source_arn = _source_arn(branch_arn, source_arn)
    source, own = _arn_parts(source_arn, "--source-arn"), _arn_parts(role_arn, "--role-arn")
    app = _AMPLIFY_APP.fullmatch(source_arn or "")
    if account is not None and not ACCOUNT_ID.fullmatch(account):
        raise click.BadParameter("must be the 12 digits of an AWS account", param_hint="--account")
    request = AssumeRoleRequest(
        now=time,
        principal=principal,
        partition=source.get("partition") or own.get("partition") or "aws",
        region=source.get("region") or None,
        account_id=account or own.get("account") or source.get("account") or None,
        app_id=app["app"] if app else None,
        source_arn=source_arn,
        role_arn=role_arn,
        states=_states_of_options(context, absent),
        duration=duration,
        chained=chained,
        max_session=max_session,
    )
    decision = evaluate(document, request)
    fix = propose_fix(decision, form)
    if as_json:
        print_json(answer_as_json(None, decision, fix))
    else:
        _print(decision, fix)
    sys.exit(0 if decision.outcome == (expect or Outcome.ALLOWED) else 1)


def _time_of_call(now: str | None) -> datetime:
    if now is None:
        return datetime.now(UTC)
    try:
        return _read_time(now)
    except RequestError as error:
        raise click.BadParameter(str(error), param_hint="--now") from None


def _document(stream: BinaryIO, path: str) -> str | Malformed:
    data = b""
    try:
        for chunk in text_chunks(stream, path):
            data += chunk
            if len(data) > _MAX_DOCUMENT_BYTES:
                return Malformed("", f"is longer than the {MAX_CHARACTERS:,} characters IAM accepts")
    except CutError as error:
        raise CouldNotLookError(f"Only a part was read: {error}.") from None
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        return Malformed(f"byte {error.start}", "is not UTF-8")


def _source_arn(branch_arn: str | None, source_arn: str | None) -> str | None:
    if branch_arn and source_arn:
        raise click.UsageError("Give --branch-arn or --source-arn, not both.")
    if branch_arn and not _BRANCH.fullmatch(branch_arn):
        form = "arn:aws:amplify:REGION:ACCOUNT:apps/APP/branches/BRANCH"
        raise click.BadParameter(f"must be a branch ARN, {form}", param_hint="--branch-arn")
    return branch_arn or source_arn


def _arn_parts(arn: str | None, option: str) -> dict[str, str]:
    if arn is None:
        return {}
    parts = _ARN.fullmatch(arn)
    if parts is None:
        raise click.BadParameter("must be an ARN, arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE", param_hint=option)
    return parts.groupdict()


def _states_of_options(context: tuple[str, ...], absent: tuple[str, ...]) -> dict[str, KeyState]:
    values: dict[str, list[str]] = {}
    for each in context:
        key, equals, value = each.partition("=")
        if not (key and equals):
            raise click.BadParameter(f"{each!r} must be KEY=VALUE", param_hint="--context")
        values.setdefault(key.lower(), []).append(value)
    states: dict[str, KeyState] = {key: known_key(*several) for key, several in values.items()}
    return states | {key.lower(): KeyPresence.ABSENT for key in absent}


def _answer_line(line: bytes, form: FixForm, now: datetime) -> TrustAnswer:
    try:
        case = read_json(line.decode())
    except ValueError as error:
        raise LineUnansweredError(f"the line is not JSON: {error}") from None
    if not isinstance(case, Mapping) or "trust_policy" not in case:
        raise LineUnansweredError('the line must be an object with "id", "trust_policy" and "context"')
    id_ = case_id(case)
    try:
        request = read_request(case.get("context", {}), now)
    except RequestError as error:
        raise LineUnansweredError(str(error), id_) from None
    decision = evaluate(case["trust_policy"], request)
    return answer_as_json(id_, decision, propose_fix(decision, form))


class RequestError(ValueError):
    """A field of the request is invalid; the message names the field and what it must hold."""


def read_request(context: JsonValue, now: datetime) -> AssumeRoleRequest:
    """Read a request from JSON.

    Args:
        context: An object with any of principal, action, partition, region, account_id, app_id, source_arn, now,
            role_arn, keys (values by key), absent and unknown (lists of keys). A missing or null field is unknown.
        now: The time of the call if the context has none.

    Raises:
        RequestError: A field is invalid.
    """
    if not isinstance(context, Mapping):
        raise RequestError("context must be an object")
    time = _text(context, "now")
    return AssumeRoleRequest(
        now=now if time is None else _read_time(time),
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


def _read_time(text: str) -> datetime:
    """Read an ISO 8601 time; without a zone it is UTC.

    Raises:
        RequestError: The text is not a time, or its year is out of range.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise RequestError("now must be an ISO 8601 time such as 2026-01-31T12:00:00Z") from None
    if not _MIN_YEAR <= moment.year <= _MAX_YEAR:
        raise RequestError(f"the year of now must be between {_MIN_YEAR} and {_MAX_YEAR}")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _text(context: Mapping[str, JsonValue], name: str) -> str | None:
    value = context.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > _MAX_TEXT:
        raise RequestError(f"context.{name} must be a string of at most {_MAX_TEXT} characters, or null")
    return value


def _states_of_context(context: Mapping[str, JsonValue]) -> dict[str, KeyState]:
    keys = {} if context.get("keys") is None else context["keys"]
    if not isinstance(keys, Mapping):
        raise RequestError("context.keys must be an object")
    states: dict[str, KeyState] = {key.lower(): known_key(*_values(key, value)) for key, value in keys.items()}
    states |= {key.lower(): KeyPresence.ABSENT for key in _key_names(context, "absent")}
    states |= {key.lower(): KeyPresence.UNKNOWN for key in _key_names(context, "unknown")}
    return states


def _values(key: str, value: JsonValue) -> list[str]:
    several = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    texts = [scalar_text(each) for each in several]
    if None in texts:
        raise RequestError(f"context.keys[{key[:80]!r}] must be a string, number or boolean, or a list of them")
    return [text for text in texts if text is not None]


def _key_names(context: Mapping[str, JsonValue], name: str) -> list[str]:
    names = [] if context.get(name) is None else context[name]
    if isinstance(names, Sequence) and not isinstance(names, str):
        texts = [each for each in names if isinstance(each, str)]
        if len(texts) == len(names):
            return texts
    raise RequestError(f"context.{name} must be a list of condition keys")


def answer_as_json(id_: str | None, decision: Decision, fix: TrustFix) -> TrustAnswer:
    reason, *notes = explain(decision)
    return {
        "id": id_,
        "outcome": decision.outcome.value,
        "likely": decision.likely.value if decision.likely else None,
        "reason": reason,
        "notes": notes,
        "depends_on_source_conditions": decision.depends_on_source_conditions,
        "statements": [_statement_as_json(trace, decision) for trace in decision.statements],
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


def _statement_as_json(trace: StatementTrace, decision: Decision) -> StatementJson:
    return {
        "index": trace.statement.index,
        "sid": trace.statement.sid,
        "effect": trace.statement.effect.value,
        "applies": trace.verdict.value,
        "principal": trace.principal.value,
        "action": trace.action.value,
        "conditions": [_condition_as_json(each) for each in trace.conditions],
        "explanation": explain_statement(trace, decision),
    }


def _condition_as_json(trace: ConditionTrace) -> ConditionJson:
    return {
        "operator": trace.condition.operator.written,
        "key": trace.condition.key,
        "expected": list(trace.condition.values),
        "actual": _state_as_json(trace.state),
        "holds": trace.verdict.value,
    }


def _state_as_json(state: KeyState) -> ActualJson:
    if isinstance(state, KeyPresence):
        return {"state": state.value}
    return {"state": "known", "values": list(state)}


def _print(decision: Decision, fix: TrustFix) -> None:
    console = Console(soft_wrap=True, highlight=False)
    reason, *notes = explain(decision)
    console.print(Text(decision.outcome.value.upper(), _STYLES[decision.outcome]), Text(reason), sep="  ")
    for note in notes:
        console.print(Text(f"  - {note}"))
    if fix.kind is FixKind.NONE:
        return
    console.print()
    after = f" After it: {fix.outcome_after.value}." if fix.document else ""
    console.print(Text(f"Fix: {fix.kind.value}", "bold"), Text(fix.reason + after), sep="  ")
    for risk in fix.risks:
        console.print(Text(f"  - {risk}"))
    for line in fix_as_diff(decision, fix).splitlines():
        console.print(Text(line, _DIFF_STYLES.get(line[:1], "")))
    if fix.document is not None:
        console.print()
        console.print(Text("The whole document", "bold"), Text(fix.document), sep="\n")
        command = fix_as_command(fix.document, decision.request.role_arn)
        console.print(Text("The command that writes it", "bold"), Text(command), sep="\n")


def fix_as_command(document: str, role_arn: str | None) -> str:
    """A shell command that gives the role exactly this document, or what is missing for one."""
    if role_arn is None:
        return "# Give --role-arn: the command needs the role's name."
    parts = ("aws", "iam", "update-assume-role-policy", "--role-name", name_of(role_arn), "--policy-document", document)
    return shlex.join(parts)


def fix_as_diff(decision: Decision, fix: TrustFix) -> str:
    """The change as a unified diff of the indented documents; empty if none is proposed."""
    if fix.document is None or isinstance(decision.document, Malformed):
        return ""
    old = json.dumps(decision.document.source, indent=2).splitlines()
    new = json.dumps(json.loads(fix.document), indent=2).splitlines()
    return "\n".join(difflib.unified_diff(old, new, "trust policy", "trust policy, fixed", lineterm=""))
