"""`medic classify`: name the failure in a log, with the findings and their lines. Makes no AWS calls."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from medic.alerts.json_form import finding_json
from medic.knowledge import title_of
from medic.labels import Label, Phase
from medic.logscan.scan import scan
from medic_cli.errors import COULD_NOT_LOOK, SOMETHING_WRONG
from medic_cli.files import LineUnansweredError, answer_batch, case_id, opened, text_chunks
from medic_cli.options import examples, json_option
from medic_cli.output import line_range, print_json, styled, terminal

if TYPE_CHECKING:
    from medic.logscan.model import LogReading
    from medic_cli.answers import ClassifyAnswer

_MAX_LINE = 64 << 20
"""Bytes of a line of a batch."""


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

    FILE is plain text or gzip; - reads standard input.

    Exits with 0 if the failure is not an IAM failure, 1 if it is, 2 on wrong usage, 3 if the file can't be read, is
    empty, binary or an error page, or breaks off before a failure. A batch exits with 0 once every line is answered.
    """
    if batch is not None:
        with opened(batch) as lines:
            for answer in answer_batch(lines, _MAX_LINE, _answer_line):
                click.echo(json.dumps(answer))
        return
    with opened(file) as stream:
        reading = scan(text_chunks(stream, file), Phase(phase))
    if as_json:
        print_json(_answer(None, reading))
    else:
        _print(reading)
    if reading.label is None:
        sys.exit(COULD_NOT_LOOK)
    sys.exit(0 if reading.label is Label.NOT_IAM else SOMETHING_WRONG)


def _answer_line(line: bytes) -> ClassifyAnswer:
    try:
        case = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise LineUnansweredError(f"the line is not JSON: {error}") from None
    if not isinstance(case, dict) or not isinstance(case.get("log_excerpt"), str):
        message = 'the line must be an object with "id", "phase" and a string "log_excerpt"'
        raise LineUnansweredError(message, case_id(case))
    try:
        phase = Phase(case.get("phase", Phase.BUILD.value))
    except ValueError:
        names = ", ".join(each.value for each in Phase)
        raise LineUnansweredError(f'"phase" must be one of {names}', case_id(case)) from None
    # JSON may hold a lone surrogate (\ud800), which strict UTF-8 rejects.
    text = case["log_excerpt"].encode("utf-8", "surrogatepass")
    return _answer(case_id(case), scan([text], phase))


def _answer(id_: str | None, reading: LogReading) -> ClassifyAnswer:
    return {
        "id": id_,
        "label": reading.label.value if reading.label else None,
        "findings": [finding_json(each) for each in reading.findings],
        "unread": reading.unread,
    }


def _print(reading: LogReading) -> None:
    console = terminal()
    if reading.label is not None:
        console.print(styled(reading.label.value, "bold green" if reading.label is Label.NOT_IAM else "bold red"))
    for finding in reading.findings:
        facts = f"{finding.label.value}, {finding.confidence.value} confidence, {line_range(finding)}"
        if finding.ended_build is False:
            facts += "; also seen: it did not end the build"
        console.print()
        console.print(styled(title_of(finding.signature), "bold"))
        console.print(styled(facts, "dim"))
        for line in finding.excerpt.splitlines():
            console.print(styled(f"  | {line}"), soft_wrap=True)
        console.print(styled(f"  More: medic explain {finding.signature}", "dim"))
    if reading.label is Label.NOT_IAM:
        why = "None of these ended the build." if reading.findings else "No IAM failure found in the text."
        console.print(styled(why))
        if not reading.findings:
            console.print(styled("`medic explain` and a line of it searches all pages.", "dim"))
    if reading.unread is not None:
        console.print(styled(f"Not read to the end: {reading.unread}.", "bold yellow"))
