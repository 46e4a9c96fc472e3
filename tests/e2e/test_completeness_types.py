"""A flow that forgets one of the answers that a read may give does not pass mypy."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ARMS = {"Present", "Absent", "Unreadable", "Partial"}
LEAST = 10


def answers(pattern: ast.pattern) -> set[str]:
    """The kinds of answers that a `case` without a condition handles."""
    names = (each.cls for each in ast.walk(pattern) if isinstance(each, ast.MatchClass))
    return ARMS & {name.id for name in names if isinstance(name, ast.Name)}


def without_an_arm(source: str, turn: int) -> tuple[str, list[int]]:
    """The source whose every match on a read has lost one arm, in turn another one; and the lines of the matches.

    The lines of the arm become comments, so that the other lines keep their numbers.
    """
    lines, matches = source.splitlines(), list[int]()
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Match):
            continue
        arms = [case for case in node.cases if answers(case.pattern)]
        if len(arms) < 2:
            continue
        forgotten = arms[(turn + len(matches)) % len(arms)]
        alike = [case for case in arms if answers(case.pattern) & answers(forgotten.pattern)]
        if len(alike) == len(arms):
            continue
        for case in alike:
            for number in range(case.pattern.lineno - 1, case.body[-1].end_lineno or 0):
                lines[number] = f"# {lines[number]}"
        matches.append(node.lineno)
    return "\n".join(lines) + "\n", matches


def test_flows_ask_reads_with_match_alone() -> None:
    """`isinstance` would let a flow forget an answer."""
    asked = re.compile(rf"isinstance\([^)]*\b(?:{'|'.join(ARMS)})\b")
    flows = [*ROOT.glob("lambdas/medic/flows/*.py"), *ROOT.glob("lambdas/medic/watch/*.py")]
    assert [path.name for path in flows if asked.search(path.read_text(encoding="utf-8"))] == []


def test_no_match_on_a_read_has_an_arm_for_anything_else() -> None:
    """With `case _`, mypy finds no forgotten answer."""
    caught = []
    for path in ROOT.glob("lambdas/medic/**/*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Match) and len([case for case in node.cases if answers(case.pattern)]) > 1:
                last = node.cases[-1]
                if isinstance(last.pattern, ast.MatchAs) and last.pattern.pattern is None and last.guard is None:
                    caught.append(f"{path.relative_to(ROOT)}:{last.pattern.lineno}")
    assert caught == []


@pytest.mark.proof
@pytest.mark.timeout(600)
@pytest.mark.parametrize("turn", range(3))
def test_mypy_finds_every_forgotten_answer(tmp_path: Path, turn: int) -> None:
    for folder in ("lambdas", "cli"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    if (ROOT / ".mypy_cache").exists():  # seconds instead of minutes
        shutil.copytree(ROOT / ".mypy_cache", tmp_path / ".mypy_cache")
    expected = set()
    for path in tmp_path.glob("lambdas/medic/**/*.py"):
        source, matches = without_an_arm(path.read_text(encoding="utf-8"), turn)
        path.write_text(source, encoding="utf-8")
        expected |= {(str(path.relative_to(tmp_path)), line) for line in matches}
    command = [sys.executable, "-m", "mypy", "lambdas"]
    said = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True).stdout  # noqa: S603
    errors = re.findall(r"(?m)^([\w/.]+):(\d+): error: .*\[exhaustive-match\]", said)
    found = {(path, int(line)) for path, line in errors}

    assert len(expected) >= LEAST
    assert expected <= found
