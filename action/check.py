"""Runs `medic preflight` or `medic scan` in a GitHub workflow, and writes SARIF and a summary in Markdown.

Its environment is that of action.yml's step `check`. It ends with the exit code of `medic`.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medic.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

COMMANDS = ("preflight", "scan")
WRONG_USAGE = 2
MOST_ROWS = 100
"""The first findings are the most severe. A step's summary takes 1 MiB.
https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#adding-a-job-summary"""
MOST_CHARACTERS = 2_000
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")


def check(environ: Mapping[str, str]) -> int:
    """Run the command. Returns its exit code."""
    command, folder = environ["COMMAND"], Path(environ["RUNNER_TEMP"])
    if command not in COMMANDS:
        sys.stdout.write(f"::error::The input `command` must be one of {', '.join(COMMANDS)}.\n")
        return WRONG_USAGE
    sarif, summary = folder / "amplify-medic.sarif", folder / "amplify-medic.md"
    arguments = [line.strip() for line in environ["ARGUMENTS"].splitlines() if line.strip()]
    medic = Path(sys.executable).with_name("medic")
    options = ("--fail-on", environ["FAIL_ON"], "--sarif", str(sarif), "--json")
    # GitHub reads commands from each printed line. What medic prints may come from a pull request.
    token = secrets.token_hex()
    sys.stdout.write(f"::stop-commands::{token}\n")
    sys.stdout.flush()
    done = subprocess.run([medic, command, *arguments, *options], stdout=subprocess.PIPE, check=False)  # noqa: S603
    sys.stdout.write(f"::{token}::\n")
    answer = json.loads(done.stdout) if done.stdout else None
    text = markdown(command, answer)
    summary.write_text(text, encoding="utf-8")
    with Path(environ["GITHUB_STEP_SUMMARY"]).open("a", encoding="utf-8") as page:
        page.write(text)
    with Path(environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as outputs:
        complete = answer is not None and not answer["partial"]
        outputs.write(f"summary={summary}\nsarif={sarif if complete else ''}\n")
    return done.returncode


def markdown(command: str, answer: Mapping[str, Any] | None) -> str:
    """The summary.

    Args:
        command: preflight or scan.
        answer: what the command answered in JSON; None if it could not look at all.
    """
    title = f"## Amplify Medic: {command}\n\n"
    if answer is None:
        return f"{title}**Nothing was checked.** The step's log says why.\n"
    totals = ", ".join(f"{count} {severity}{'s' * (count != 1)}" for severity, count in answer["totals"].items())
    findings = answer["findings"]
    parts = [f"{title}{totals}.\n"]
    if findings:
        parts.append(_table(("", "finding", "where", "what to do"), map(_row, findings[:MOST_ROWS])))
    if len(findings) > MOST_ROWS:
        parts.append(f"And {len(findings) - MOST_ROWS} more.\n")
    if answer["partial"]:
        parts.append("**Something could not be checked**, so a missing finding does not mean that all is well:\n")
        gaps = [f"{each.get('file') or each['action']}: {each['reason']}" for each in answer["gaps"]]
        parts.append(_list(gaps))
    if unknown := answer.get("unknown"):
        lines = _list(f"{_place(each['place'])}, {each['what']}: {each['reason']}" for each in unknown[:MOST_ROWS])
        heading = f"{len(unknown)} not checked, because the files do not tell it"
        parts.append(f"<details><summary>{heading}</summary>\n\n{lines}\n</details>\n")
    return "\n".join(parts)


def _row(finding: Mapping[str, Any]) -> tuple[str, ...]:
    where = _place(finding["place"]) if "place" in finding else _scanned(finding)
    branches = ", ".join(finding["branches"])
    what = f"**{escaped(finding['title'])}** {escaped(finding['detail'])}"
    return finding["severity"], what, escaped(f"{where} {branches}"), escaped(finding["advice"])


def _place(place: Mapping[str, Any]) -> str:
    line = f":{place['line']}" if place["line"] else ""
    return f"{place['file']}{line} {place['address']}"


def _scanned(finding: Mapping[str, Any]) -> str:
    app = finding["app"]
    return f"{finding['region'] or ''} {app['name'] if app else finding['role'] or ''}"


def escaped(text: str) -> str:
    """The text as itself: no markup, one line, of bounded length."""
    return _PUNCTUATION.sub(r"\\\1", " ".join(visible(text).split())[:MOST_CHARACTERS])


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _list(lines: Iterable[str]) -> str:
    return "".join(f"- {escaped(line)}\n" for line in lines)


if __name__ == "__main__":
    sys.exit(check(os.environ))
