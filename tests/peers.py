"""Compares the redaction with two secret scanners on the same lines: `python -m tests.peers`.

`make proof` installs both under .build/peers, apart from this project. Prints how many lines with a secret each finds,
and how many ordinary lines each takes for a secret. Fails if one finds a secret that the redaction leaves, unless
missed.jsonl gives the reason.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from medic.redaction import redact
from tests.unit.redaction.corpus import Leak, leaks, misses, ordinary_lines

_PEERS = Path(__file__).parents[1] / ".build" / "peers"
_SEED = 0
_RULES = {"rules": [{"id": "@secretlint/secretlint-rule-preset-recommend"}]}


def main() -> int:
    """Compare, and return the exit code."""
    cases: list[Leak] = [*leaks(_SEED), *misses(_SEED)]
    accepted = len(leaks(_SEED))
    owners: list[int | None] = []
    lines: list[str] = []
    for number, case in enumerate(cases):
        parts = case.text.replace("\0", " ").split("\n")
        lines += parts
        owners += [number] * len(parts)
    ordinary = ordinary_lines()
    lines += ordinary
    owners += [None] * len(ordinary)
    left = {number for number, case in enumerate(cases) if case.secret in redact(case.text)}
    touched = sum(redact(line) != line for line in ordinary)
    _say(
        f"the redaction: {len(cases) - len(left)} of {len(cases)} secrets, {touched} of {len(ordinary)} ordinary lines"
    )
    unjudged = 0
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "lines.txt")
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        for name, found in (("detect-secrets", _detect_secrets(file)), ("secretlint", _secretlint(file))):
            of_cases = {owner for line in found if (owner := owners[line - 1]) is not None}
            wrong = sum(owners[line - 1] is None for line in found)
            _say(f"{name}: {len(of_cases)} of {len(cases)} secrets, {wrong} of {len(ordinary)} ordinary lines")
            for number in sorted(of_cases & left):
                judged = number >= accepted
                unjudged += not judged
                _say(f"  only {name} finds: {cases[number].text!r} ({cases[number].kind if judged else 'judge this'})")
    return 1 if unjudged or touched else 0


def _detect_secrets(file: Path) -> set[int]:
    """The numbers of the lines that it reports."""
    command = [str(_PEERS / "bin" / "detect-secrets"), "scan", file.name]
    answer = subprocess.run(command, check=True, capture_output=True, text=True, cwd=file.parent)  # noqa: S603
    return {found["line_number"] for several in json.loads(answer.stdout)["results"].values() for found in several}


def _secretlint(file: Path) -> set[int]:
    """The numbers of the lines that it reports."""
    rules, report = file.with_name(".secretlintrc.json"), file.with_name("report.json")
    rules.write_text(json.dumps(_RULES), encoding="utf-8")
    modules = _PEERS / "node_modules"
    command = [str(modules / ".bin" / "secretlint"), "--secretlintrc", str(rules), "--format", "json"]
    command += ["--output", str(report), file.name]
    # Its exit code says only whether it found something.
    environment = {**os.environ, "NODE_PATH": str(modules)}
    subprocess.run(command, check=False, capture_output=True, cwd=file.parent, env=environment)  # noqa: S603
    answer = json.loads(report.read_text(encoding="utf-8"))
    return {message["loc"]["start"]["line"] for each in answer for message in each["messages"]}


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
