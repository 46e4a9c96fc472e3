"""`medic classify`: what a log shows, by label and finding. Offline."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, BinaryIO, TypedDict

import click

from medic.alerts.json_form import finding_json
from medic.knowledge import title_of
from medic.labels import Label, Phase
from medic.logscan.scan import scan
from medic_cli.errors import SOMETHING_WRONG
from medic_cli.files import chunks, opened
from medic_cli.options import examples
from medic_cli.output import where

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medic.logscan.model import LogReading
    from medic_cli.output import JsonObject

_LONGEST_CASE = 64 << 20
"""Bytes that one line of a batch may have."""


class ClassifyAnswer(TypedDict):
    """The answer for one log as JSON."""

    id: str | None
    label: str
    findings: list[JsonObject]


class Unanswered(TypedDict):
    """The answer for a line of a batch that is no case."""

    id: str | None
    line: int
    error: str


_EXAMPLES = examples(
    "medic classify build.log",
    'curl -s "$LOG_URL" | medic classify --json',
    "medic classify --batch cases.jsonl > answers.jsonl",
)


@click.command("classify", epilog=_EXAMPLES)
@click.argument("file", type=click.Path(allow_dash=True), default="-")
@click.option("--phase", type=click.Choice([phase.value for phase in Phase]), default=Phase.BUILD.value,
              show_default=True, help="Where the text was printed.")  # fmt: skip
@click.option("--batch", type=click.Path(allow_dash=True), metavar="FILE.jsonl",
              help='Answer each line {"id", "phase", "log_excerpt"} with a line of JSON.')  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
def command(file: str, phase: str, batch: str | None, *, as_json: bool) -> None:
    """Say what a log, an excerpt or a single message shows.

    FILE is a text, gzip not included; - reads standard input.

    Exits with 0 if the failure is not an IAM failure, 1 if it is, 2 on wrong usage, 3 if the file can't be read. A
    batch exits with 0 once every line is answered.
    """
    if batch is not None:
        with opened(batch) as lines:
            for answer in _batch(lines):
                click.echo(json.dumps(answer))
        return
    with opened(file) as stream:
        reading = scan(chunks(stream, file), Phase(phase))
    if as_json:
        click.echo(json.dumps(_answer(None, reading), indent=2))
    else:
        _print(reading)
    sys.exit(0 if reading.label is Label.NOT_IAM else SOMETHING_WRONG)


def _batch(stream: BinaryIO) -> Iterator[ClassifyAnswer | Unanswered]:
    number = 0
    while line := stream.readline(_LONGEST_CASE):
        number += 1
        if len(line) == _LONGEST_CASE and not line.endswith(b"\n"):
            while (rest := stream.readline(_LONGEST_CASE)) and not rest.endswith(b"\n"):
                pass
            yield _unanswered(None, number, f"the line is longer than {_LONGEST_CASE:,} bytes")
        elif line.strip():
            yield _answered(line, number)


def _answered(line: bytes, number: int) -> ClassifyAnswer | Unanswered:
    try:
        case = json.loads(line)
    except (ValueError, RecursionError) as error:
        return _unanswered(None, number, f"the line is not JSON: {error}")
    if not isinstance(case, dict) or not isinstance(case.get("log_excerpt"), str):
        return _unanswered(_id(case), number, 'the line must be an object with "id", "phase" and a text "log_excerpt"')
    try:
        phase = Phase(case.get("phase", Phase.BUILD.value))
    except ValueError:
        names = ", ".join(each.value for each in Phase)
        return _unanswered(_id(case), number, f'"phase" must be one of {names}')
    text = case["log_excerpt"].encode("utf-8", "surrogatepass")
    return _answer(_id(case), scan([text], phase))


def _id(case: object) -> str | None:
    value = case.get("id") if isinstance(case, dict) else None
    return None if value is None else str(value)[:256]


def _unanswered(id_: str | None, number: int, error: str) -> Unanswered:
    return {"id": id_, "line": number, "error": error[:500]}


def _answer(id_: str | None, reading: LogReading) -> ClassifyAnswer:
    return {"id": id_, "label": reading.label.value, "findings": [finding_json(each) for each in reading.findings]}


def _print(reading: LogReading) -> None:
    from rich.console import Console  # noqa: PLC0415 - JSON answers do without it
    from rich.text import Text  # noqa: PLC0415

    console = Console(soft_wrap=True, highlight=False)
    wrong = reading.label is not Label.NOT_IAM
    console.print(Text(reading.label.value, "bold red" if wrong else "bold green"))
    for finding in reading.findings:
        console.print()
        console.print(Text(title_of(finding.signature), "bold"))
        console.print(Text(f"{finding.label.value}, {finding.confidence.value} confidence, {where(finding)}", "dim"))
        for line in finding.excerpt.splitlines():
            console.print(Text(f"  | {line}"))
        console.print(Text(f"  More: medic explain {finding.signature}", "dim"))
    if not wrong:
        console.print(Text("No IAM failure found in the text."))
