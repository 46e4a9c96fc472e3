"""The GitHub action: its steps as GitHub would run them, without the installation that `make package` tries."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from action.check import MOST_CHARACTERS, MOST_ROWS, escaped, markdown

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "action.yml").read_text(encoding="utf-8")
ACTION: Any = yaml.safe_load(TEXT)
STEPS: list[Any] = ACTION["runs"]["steps"]
EXAMPLE = (ROOT / "docs" / "examples" / "preflight-workflow.yml").read_text(encoding="utf-8")
KINDS = ROOT / "tests" / "data" / "preflight" / "kinds"
_USES = re.compile(r"uses: (\S+)@(\S+)(.*)")


@dataclass(frozen=True)
class Done:
    code: int
    log: str
    summary: str
    outputs: dict[str, str]


def run_check(folder: Path, arguments: str, command: str = "preflight", fail_on: str = "error") -> Done:
    """Run the shell of the step `check` in a folder."""
    (step,) = [each for each in STEPS if each.get("id") == "check"]
    summary, outputs, script = folder / "summary", folder / "outputs", folder / "step.sh"
    script.write_text(step["run"])
    for path in (summary, outputs):
        path.touch()
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHON": sys.executable,
        "COMMAND": command,
        "ARGUMENTS": arguments,
        "FAIL_ON": fail_on,
        "RUNNER_TEMP": str(folder),
        "GITHUB_ACTION_PATH": str(ROOT),
        "GITHUB_STEP_SUMMARY": str(summary),
        "GITHUB_OUTPUT": str(outputs),
    }
    assert step["env"].keys() <= environ.keys()
    bash = shutil.which("bash")
    assert bash
    # https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstepsshell
    shell = [bash, "--noprofile", "--norc", "-eo", "pipefail", str(script)]
    done = subprocess.run(shell, cwd=folder, env=environ, capture_output=True, text=True, check=False)  # noqa: S603
    lines = dict(line.split("=", 1) for line in outputs.read_text().splitlines())
    return Done(done.returncode, done.stdout + done.stderr, summary.read_text(), lines)


def finding(**changes: Any) -> dict[str, Any]:
    return {
        "severity": "error",
        "title": "Amplify can't assume the compute role",
        "place": {"file": "a.yaml", "line": 7, "address": "Role"},
        "branches": ["main"],
        "detail": "Its trust policy does not name Amplify.",
        "advice": "Correct it.",
        **changes,
    }


def answer(*findings: Any, **changes: Any) -> dict[str, Any]:
    return {
        "partial": False,
        "totals": {"error": len(findings), "warning": 0, "note": 1},
        "findings": list(findings),
        "unknown": [],
        "gaps": [],
        **changes,
    }


def test_a_template_with_an_error_fails_the_step_and_leaves_sarif_and_a_summary(tmp_path: Path) -> None:
    shutil.copy(KINDS / "compute-role-unassumable.yaml", tmp_path / "my template.yaml")

    done = run_check(tmp_path, "my template.yaml\n\n  --region=eu-central-1  \n")

    assert done.code == 1, done.log
    assert "compute role" in done.summary
    assert Path(done.outputs["summary"]).read_text() == done.summary
    results = json.loads(Path(done.outputs["sarif"]).read_text())["runs"][0]["results"]
    assert results[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "my%20template.yaml"


def test_the_input_decides_which_findings_fail_the_step(tmp_path: Path) -> None:
    shutil.copy(KINDS / "compute-role-unassumable.yaml", tmp_path / "template.yaml")

    assert run_check(tmp_path, "template.yaml", fail_on="never").code == 0


@pytest.mark.parametrize("arguments", ["template.yaml", ""], ids=["not a template", "no path"])
def test_what_could_not_be_read_fails_the_step_and_is_not_uploaded(tmp_path: Path, arguments: str) -> None:
    (tmp_path / "template.yaml").write_text("Parameters: {}\n")

    done = run_check(tmp_path, arguments, fail_on="never")

    assert done.code == (3 if arguments else 2)
    assert "Nothing was checked" in done.summary
    assert done.outputs["sarif"] == ""


def test_findings_of_an_incomplete_check_are_not_uploaded(tmp_path: Path) -> None:
    assembly = tmp_path / "cdk.out"
    assembly.mkdir()
    (assembly / "manifest.json").write_text(
        json.dumps(
            {
                "version": "36.0.0",
                "artifacts": {
                    "Shop": {"type": "aws:cloudformation:stack", "properties": {"templateFile": "gone.json"}},
                },
            }
        )
    )

    done = run_check(tmp_path, "cdk.out", fail_on="never")

    assert done.code == 3
    assert done.outputs["sarif"] == ""


def test_an_input_runs_nothing(tmp_path: Path) -> None:
    done = run_check(tmp_path, "$(touch pwned)\n; touch pwned\n`touch pwned`")
    refused = run_check(tmp_path, "template.yaml", command="scan; touch pwned")

    assert (done.code, refused.code) == (2, 2)
    assert not (tmp_path / "pwned").exists()


def test_what_medic_prints_gives_github_no_command(tmp_path: Path) -> None:
    done = run_check(tmp_path, "::add-mask::main\n##[warning]x")

    first, *_ = done.log.splitlines()
    token = first.removeprefix("::stop-commands::")
    assert len(token) >= 32
    assert f"::{token}::" in done.log.splitlines()


def test_hostile_text_stays_text_in_the_summary() -> None:
    name = "a|b\n## c <img src=x> [d](https://e) @team `f` \u202eg"
    page = markdown("preflight", answer(finding(detail=name, branches=[name], advice=name)))
    (row,) = [line for line in page.splitlines() if line.startswith("| error")]

    assert len(re.findall(r"(?<!\\)\|", row)) == 5
    assert not re.search(r"(?<!\\)[<`@\[]", row)
    assert "\u202e" not in page
    assert len(escaped("x" * 9_999)) == MOST_CHARACTERS


def test_the_summary_shows_findings_gaps_and_what_is_unknown() -> None:
    place = {"file": "a.yaml", "line": None, "address": "Branch"}
    unknown = {"place": place, "what": "its role", "reason": "a parameter"}
    gap = {"file": "b.yaml", "reason": "It is gone."}
    page = markdown("preflight", answer(finding(), partial=True, unknown=[unknown], gaps=[gap]))

    assert "1 error, 0 warnings, 1 note." in page
    assert r"a\.yaml\:7 Role main" in page
    assert "Something could not be checked" in page
    assert r"b\.yaml\: It is gone\." in page
    assert "1 not checked" in page


def test_the_summary_of_a_scan_names_region_and_app() -> None:
    scanned = finding(region="eu-central-1", app={"id": "d1a2b3c4d5e6f7", "name": "shop"}, role=None)
    of_iam = finding(region=None, app=None, role="arn:aws:iam::111122223333:role/web")
    for each in (scanned, of_iam):
        del each["place"]
    denied = {"action": "iam:GetRole", "reason": "Denied."}
    page = markdown("scan", answer(scanned, of_iam, partial=True, gaps=[denied]))

    assert r"eu\-central\-1 shop main" in page
    assert "role\\/web" in page
    assert r"iam\:GetRole\: Denied\." in page


def test_a_long_summary_counts_what_it_leaves_out() -> None:
    page = markdown("preflight", answer(*[finding()] * (MOST_ROWS + 3)))

    assert page.count("| error") == MOST_ROWS
    assert "And 3 more." in page


def test_every_input_is_documented_and_reaches_the_shell_only_through_the_environment() -> None:
    scripts = [step["run"] for step in STEPS if "run" in step]

    assert all(each["description"] and "default" in each for each in ACTION["inputs"].values())
    assert scripts
    for script in scripts:
        assert script.startswith("set -euo pipefail\n")
        assert "${{" not in script
        # Without -I, Python imports modules that lie in the checked-out folder.
        assert " -m " not in script.replace(" -I -m ", "")
    assert all(f"inputs.{name}" in TEXT for name in ACTION["inputs"])


@pytest.mark.parametrize("text", [TEXT, EXAMPLE], ids=["action.yml", "the example"])
def test_every_action_is_pinned_to_the_commit_of_a_named_version(text: str) -> None:
    for name, commit, version in _USES.findall(text):
        if name != "OWNER/amplify-medic":
            assert re.fullmatch(r"[0-9a-f]{40}", commit), name
            assert re.fullmatch(r" # v\d+\.\d+\.\d+", version), name


def test_the_example_gives_no_permission_but_for_the_checkout_and_sarif() -> None:
    workflow: Any = yaml.safe_load(EXAMPLE)
    job = workflow["jobs"]["preflight"]

    assert workflow["permissions"] == {}
    assert job["permissions"] == {"contents": "read", "security-events": "write"}
    # A `pull_request_target` would run with the base's rights on what the pull request holds.
    assert set(workflow[True]) == {"pull_request", "push"}
    assert job["steps"][-1]["with"].keys() <= ACTION["inputs"].keys()
