"""`medic trust`: may Amplify (or anybody) assume a role with this trust policy, why, and what to change. Offline."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
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
    Absent,
    Decision,
    Fix,
    FixForm,
    FixKind,
    JsonValue,
    Malformed,
    Outcome,
    QuestionError,
    Request,
    State,
    answer,
    evaluate,
    explain,
    known,
    propose_fix,
    read_json,
    read_question,
    read_time,
)
from medic_cli.options import examples

if TYPE_CHECKING:
    from collections.abc import Iterator

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
class _Options:
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
    chosen = _Options(**options)
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


def _now(options: _Options) -> datetime:
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


def _request(options: _Options, now: datetime) -> Request:
    source_arn = _source_arn(options)
    source = _parts(source_arn, "--source-arn")
    role = _parts(options.role_arn, "--role-arn")
    app = _AMPLIFY_APP.fullmatch(source_arn or "")
    if options.account is not None and not re.fullmatch(r"[0-9]{12}", options.account):
        raise click.BadParameter("must be the 12 digits of an AWS account", param_hint="--account")
    return Request(
        now=now,
        principal=options.principal,
        partition=source.get("partition") or role.get("partition") or "aws",
        region=source.get("region") or None,
        account_id=options.account or role.get("account") or source.get("account") or None,
        app_id=app["app"] if app else None,
        source_arn=source_arn,
        role_arn=options.role_arn,
        states=_states(options),
        duration=options.duration,
        chained=options.chained,
        max_session=options.max_session,
    )


def _source_arn(options: _Options) -> str | None:
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


def _states(options: _Options) -> dict[str, State]:
    values: dict[str, list[str]] = {}
    for each in options.context:
        key, equals, value = each.partition("=")
        if not (key and equals):
            raise click.BadParameter(f"{each!r} must be KEY=VALUE", param_hint="--context")
        values.setdefault(key.lower(), []).append(value)
    states: dict[str, State] = {key: known(*several) for key, several in values.items()}
    return states | {key.lower(): Absent() for key in options.absent}


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


def _print(decision: Decision, fix: Fix) -> None:
    console = Console(soft_wrap=True, highlight=False)
    reason, *notes = explain(decision)
    console.print(Text(decision.outcome.value.upper(), _STYLES[decision.outcome]), Text(reason), sep="  ")
    for note in notes:
        console.print(Text(f"  - {note}"))
    if fix.kind is FixKind.NONE:
        return
    console.print()
    console.print(
        Text(f"Fix: {fix.kind.value}", "bold"), Text(f"{fix.because} After it: {fix.outcome_after.value}."), sep="  "
    )
    for risk in fix.risks:
        console.print(Text(f"  - {risk}"))
    if fix.diff:
        console.print(Syntax(fix.diff, "diff", theme="ansi_dark", background_color="default", word_wrap=True))
