"""What OSPS.md claims: workflows have few rights, actions are pinned, links are encrypted, no binaries are kept."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
ACTION = ROOT / "action.yml"
_PINNED = re.compile(r"uses: [\w-]+/[\w./-]+@[0-9a-f]{40} # v\d+(\.\d+)*$")
_ADDRESS = re.compile(r"http://[^\s`\"'<>)]+")


def read(workflow: Path) -> Any:  # YAML of any form
    return yaml.safe_load(workflow.read_text(encoding="utf-8"))


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_has_only_the_rights_that_its_jobs_name(workflow: Path) -> None:
    parsed = read(workflow)

    assert parsed["permissions"] == {}
    for job in parsed["jobs"].values():
        assert job["permissions"] == {"contents": "read"}
        assert job["timeout-minutes"] <= 60
        checkouts = [step for step in job["steps"] if step.get("uses", "").startswith("actions/checkout@")]
        assert all(step["with"]["persist-credentials"] is False for step in checkouts)


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_only_a_newer_push_to_a_pull_request_cancels_a_run(workflow: Path) -> None:
    # Of one group, GitHub keeps at most one waiting run: https://docs.github.com/actions/concepts/workflows-and-actions/concurrency
    group = read(workflow)["concurrency"]["group"]

    assert "github.event_name == 'pull_request' && github.ref || github.run_id" in group


@pytest.mark.parametrize("workflow", [*WORKFLOWS, ACTION], ids=lambda path: path.name)
def test_an_action_is_pinned_to_a_commit(workflow: Path) -> None:
    uses = [line.strip(" -") for line in workflow.read_text(encoding="utf-8").splitlines() if "uses:" in line]

    assert uses
    assert [line for line in uses if not _PINNED.fullmatch(line)] == []


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_strangers_choose_nothing_and_reach_no_secret(workflow: Path) -> None:
    text, parsed = workflow.read_text(encoding="utf-8"), read(workflow)

    # YAML 1.1 reads the key `on` as true.
    assert set(parsed[True]) <= {"push", "pull_request", "workflow_dispatch"}
    assert "secrets." not in text
    assert not any("${{" in step.get("run", "") for job in parsed["jobs"].values() for step in job["steps"])


def test_no_input_of_the_action_becomes_part_of_a_script() -> None:
    steps = read(ACTION)["runs"]["steps"]

    assert len(steps) >= 3
    assert [step for step in steps if "${{" in step.get("run", "")] == []


def test_every_link_of_the_pages_is_encrypted() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("**/*.md"), *ROOT.glob(".github/**/*.yml")]
    found = {address for page in pages for address in _ADDRESS.findall(page.read_text(encoding="utf-8"))}
    assert [each for each in found if not re.match(r"http://(localhost|127\.0\.0\.1)\b", each)] == []


def test_the_only_binaries_are_pictures_and_only_a_script_may_be_run() -> None:
    listed = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-sz"], check=True, capture_output=True, text=True)  # noqa: S603, S607 - fixed arguments
    entries = [line.partition("\t") for line in listed.stdout.split("\0") if line]
    files = {name: meta.split()[0] for meta, _, name in entries if (ROOT / name).is_file()}

    assert {Path(name).suffix for name in files if b"\0" in (ROOT / name).read_bytes()} <= {".png"}
    programs = [name for name, mode in files.items() if mode == "100755"]
    assert [name for name in programs if not (ROOT / name).read_bytes().startswith(b"#!")] == []
