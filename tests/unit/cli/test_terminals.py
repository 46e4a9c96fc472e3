"""Output on terminals of every kind: narrow, without colour, a pipe, and code pages without our signs."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from rich.console import Console

from medic.events import Scope
from medic.evidence import JobRef
from medic.incidents.model import Incident
from medic.labels import Label, RoleKind
from medic_cli.operator.bot import ScopedIncident
from medic_cli.operator.output import aligned_lines
from medic_cli.output import print_cut, print_list
from tests.unit.cli.support import ROOT, medic

LOG = "2026-03-04T10:11:12.345Z [ERROR]: !!! Unable to assume specified IAM Role. Please ensure the selected IAM Role"
MAIN = "from medic_cli.main import main; main()"


def run(code: str, given: str = "", **environment: str) -> subprocess.CompletedProcess[bytes]:
    variables = {**os.environ, "PYTHONPATH": f"{ROOT / 'lambdas'}:{ROOT / 'cli'}", **environment}
    command = [sys.executable, "-c", code, "classify", "-"]
    return subprocess.run(command, input=given.encode(), capture_output=True, env=variables, check=False)  # noqa: S603


@pytest.mark.parametrize("code_page", ["cp437", "cp1252", "ascii"])
def test_a_code_page_without_our_signs_gets_no_traceback(code_page: str) -> None:
    sign = "from medic_cli import output; output.replace_unknown_characters(); print('✗ → ×')"
    for done in (run(sign, PYTHONIOENCODING=code_page), run(MAIN, LOG, PYTHONIOENCODING=code_page)):
        assert b"Traceback" not in done.stderr, done.stderr
        assert done.stdout


def test_a_pipe_gets_no_escape_sequences() -> None:
    assert b"\x1b" not in run(MAIN, LOG).stdout


def test_no_color_is_honoured_on_a_terminal() -> None:
    answers = {}
    for name, extra in (("colour", {}), ("none", {"NO_COLOR": "1"})):
        primary, secondary = pty.openpty()
        code = "from medic_cli.output import terminal, styled; terminal().print(styled('refused', 'bold red'))"
        environment = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
        environment |= {"PYTHONPATH": f"{ROOT / 'lambdas'}:{ROOT / 'cli'}", "TERM": "xterm-256color", **extra}
        subprocess.run([sys.executable, "-c", code], stdout=secondary, env=environment, check=True)  # noqa: S603
        os.close(secondary)
        answers[name] = os.read(primary, 1000)
        os.close(primary)
    assert b"31m" in answers["colour"]
    assert b"31m" not in answers["none"]


def test_an_address_is_not_broken_at_the_width_of_a_terminal() -> None:
    address, shown = f"https://docs.aws.amazon.com/{'a' * 60}.html", io.StringIO()
    print_list(Console(file=shown, width=40), "Sources", [address])

    assert f"  - {address}\n" in shown.getvalue()


def test_somebody_at_a_terminal_is_told_that_text_is_awaited() -> None:
    primary, secondary = pty.openpty()
    os.write(primary, b"Compiled 12 pages\n\x04")
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'lambdas'}:{ROOT / 'cli'}"}
    command = [sys.executable, "-c", MAIN, "classify"]
    done = subprocess.run(command, stdin=secondary, capture_output=True, env=environment, check=False)  # noqa: S603
    os.close(secondary)
    os.close(primary)

    assert done.stderr.startswith(b"Reading standard input")
    assert done.stdout.startswith(b"not_iam")


def test_a_narrow_terminal_gets_one_line_an_incident_and_a_pipe_all_of_it() -> None:
    line, printed = "2026-03-04 10:11  3f2a90b1c4d5  shop/main", {}
    for is_terminal in (True, False):
        console = Console(width=30, force_terminal=is_terminal, highlight=False, color_system=None)
        with console.capture() as captured:
            print_cut(console, line)
        printed[is_terminal] = captured.get()
    assert printed == {True: "2026-03-04 10:11  3f2a90b1c4d…\n", False: f"{line}\n"}


def test_history_aligns_its_columns() -> None:
    scope, now = Scope("aws", "111122223333", "eu-central-1", "d1a2b3c4d5e6f7", "main"), datetime.now(UTC)
    kind = (RoleKind.SERVICE, Label.SERVICE_ROLE_UNASSUMABLE)
    lines = list(
        aligned_lines(
            [
                ScopedIncident(scope, Incident.open(scope, kind, JobRef("7", now), app_name=name, now=now))
                for name in ("shop", "storefront")
            ]
        )
    )
    assert len({line.index(scope.app_id) for line in lines}) == 1
    assert len({line.index("nothing changed") for line in lines}) == 1


def test_help_says_where_to_read_more_and_where_to_report_problems() -> None:
    told = " ".join(medic("--help").stdout.split())
    assert "docs/runbook.md" in told
    assert "issues" in told
