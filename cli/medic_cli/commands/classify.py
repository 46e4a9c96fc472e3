"""`medic classify`: name the failure in a log, with the findings and their lines. Makes no AWS calls."""

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
from medic_cli.options import examples, json_option
from medic_cli.output import line_range, shown, terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medic.logscan.model import LogReading
    from medic_cli.output import JsonObject

_MAX_LINE = 64 << 20
"""Bytes of a line of a batch."""


class ClassifyAnswer(TypedDict):
    """The answer for one log as JSON."""

    id: str | None
    label: str
    findings: list[JsonObject]


class LineError(TypedDict):
    """The answer for a line of a batch that can't be read."""

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
              show_default=True, help="The phase that printed the log.")  # fmt: skip
@click.option("--batch", type=click.Path(allow_dash=True), metavar="FILE.jsonl",
              help='Answer each line {"id", "phase", "log_excerpt"} with a line of JSON.')  # fmt: skip
@json_option
def command(file: str, phase: str, batch: str | None, *, as_json: bool) -> None:
    """Name the failure in a log, an excerpt or a single message.

    FILE is plain text, not gzip; - reads standard input.

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


def _batch(stream: BinaryIO) -> Iterator[ClassifyAnswer | LineError]:
    number = 0
    while line := stream.readline(_MAX_LINE):
        number += 1
        if len(line) == _MAX_LINE and not line.endswith(b"\n"):
            while (rest := stream.readline(_MAX_LINE)) and not rest.endswith(b"\n"):
                pass  # skip the rest of the line without keeping it in memory
            yield _error(None, number, f"the line is longer than {_MAX_LINE:,} bytes")
        elif line.strip():
            yield _answer_line(line, number)


def _answer_line(line: bytes, number: int) -> ClassifyAnswer | LineError:
    try:
        case = json.loads(line)
    except (ValueError, RecursionError) as error:
        return _error(None, number, f"the line is not JSON: {error}")
    if not isinstance(case, dict) or not isinstance(case.get("log_excerpt"), str):
        return _error(_id(case), number, 'the line must be an object with "id", "phase" and a string "log_excerpt"')
    try:
        phase = Phase(case.get("phase", Phase.BUILD.value))
    except ValueError:
        names = ", ".join(each.value for each in Phase)
        return _error(_id(case), number, f'"phase" must be one of {names}')
    # JSON may hold a lone surrogate (\ud800), which strict UTF-8 rejects.
    text = case["log_excerpt"].encode("utf-8", "surrogatepass")
    return _answer(_id(case), scan([text], phase))


def _id(case: object) -> str | None:
    value = case.get("id") if isinstance(case, dict) else None
    return None if value is None else str(value)[:256]


def _error(id_: str | None, number: int, error: str) -> LineError:
    return {"id": id_, "line": number, "error": error[:500]}


def _answer(id_: str | None, reading: LogReading) -> ClassifyAnswer:
    return {"id": id_, "label": reading.label.value, "findings": [finding_json(each) for each in reading.findings]}


def _print(reading: LogReading) -> None:
    console = terminal()
    iam_failure = reading.label is not Label.NOT_IAM
    console.print(shown(reading.label.value, "bold red" if iam_failure else "bold green"))
    for finding in reading.findings:
        facts = f"{finding.label.value}, {finding.confidence.value} confidence, {line_range(finding)}"
        console.print()
        console.print(shown(title_of(finding.signature), "bold"))
        console.print(shown(facts, "dim"))
        for line in finding.excerpt.splitlines():
            console.print(shown(f"  | {line}"), soft_wrap=True)
        console.print(shown(f"  More: medic explain {finding.signature}", "dim"))
    if not iam_failure:
        console.print(shown("No IAM failure found in the text."))
