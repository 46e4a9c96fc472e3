"""The documentation: every alarm and alert has its section, and every link has a target."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from infra.monitoring import ALARM_TEXTS, AlarmText
from medic import VERSION
from medic.alerts.wording import ALERT_STYLES, AlertStyle
from medic.settings import Limits

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("**/*.md")])
MOST_WORDS_OF_README, MOST_WORDS = 900, 11_500
"""The limit of README and docs together, without the pages made from code, which people only look things up in."""
RUNBOOK = ROOT / "docs" / "runbook.md"
_HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
_LINK = re.compile(r"\[[^\]\n]+\]\(([^)\s]+)\)")


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub creates for a page's headings."""
    headings = _HEADING.findall(page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("text", ALARM_TEXTS, ids=lambda text: text.section)
def test_every_alarm_has_its_section_in_the_runbook(text: AlarmText) -> None:
    assert text.section in anchors(RUNBOOK)


@pytest.mark.parametrize("style", ALERT_STYLES.values(), ids=lambda style: style.word)
def test_every_state_of_an_alert_has_its_line_in_the_runbook(style: AlertStyle) -> None:
    assert f"\n| {style.word} | " in RUNBOOK.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_within_the_repository_has_a_target(page: Path) -> None:
    for target in _LINK.findall(page.read_text(encoding="utf-8")):
        if target.startswith(("http://", "https://")):
            continue
        name, _, anchor = target.partition("#")
        linked = (page.parent / name).resolve() if name else page
        assert linked.exists(), f"{page.name} links to {target}"
        assert not anchor or anchor in anchors(linked), f"{page.name} links to {target}"


def test_the_example_of_a_service_control_policy_can_be_pasted() -> None:
    policy = json.loads((ROOT / "docs" / "examples" / "service-control-policy.json").read_text(encoding="utf-8"))

    assert {statement["Effect"] for statement in policy["Statement"]} == {"Deny"}
    actions = [statement["Action"] for statement in policy["Statement"]]
    denied = {action for each in actions for action in (each if isinstance(each, list) else [each])}
    # What docs/threat-model.md names as a way around the bot's guardrails.
    assert denied >= {
        *("amplify:TagResource", "sts:AssumeRole", "iam:PutRolePolicy", "lambda:UpdateFunctionCode"),
        *("dynamodb:PutResourcePolicy", "secretsmanager:GetSecretValue"),
    }
    assert all("Condition" in statement for statement in policy["Statement"])
    # https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html
    assert len(json.dumps(policy, separators=(",", ":"))) <= 5120


def test_the_architecture_names_every_room_in_the_order_of_the_import_rules() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = project["tool"]["importlinter"]["contracts"][0]["layers"]
    ranks = {name: rank for rank, layer in enumerate(layers) for name in re.findall(r"medic\.(\w+)", layer)}
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = [re.findall(r"`(\w+)`", row) for row in re.findall(r"^\| (`.+?) \|", page, re.MULTILINE)]
    rooms = [name for row in rows for name in row]

    assert {folder.parent.name for folder in (ROOT / "lambdas" / "medic").glob("*/__init__.py")} <= {*rooms}
    assert [ranks[room] for room in rooms] == sorted(ranks[room] for room in rooms)


@pytest.mark.parametrize("page", [ROOT / "CONTRIBUTING.md", RUNBOOK], ids=lambda page: page.name)
def test_a_name_in_the_code_that_a_page_gives_is_there(page: Path) -> None:
    sources = (file for folder in ("lambdas", "infra", "tests") for file in (ROOT / folder).rglob("*.py"))
    words = {*re.findall(r"\w+", (ROOT / "Makefile").read_text(encoding="utf-8"))}.union(
        *(re.findall(r"\w+", file.read_text(encoding="utf-8")) for file in sources)
    )
    named = set(re.findall(r"`([A-Z]\w+)`", page.read_text(encoding="utf-8")))

    assert named - words <= {"ERROR_MESSAGE"}  # EventBridge's attribute
    assert len(named) > 5


def test_the_page_of_the_settings_has_the_defaults_of_the_limits() -> None:
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    given = {name: int(value) for name, value in re.findall(r"`(\w+)` (\d+)(?=[,:])", page)}
    assert given == {field: getattr(Limits(), field) for field in Limits.__struct_fields__}


def test_readme_and_docs_stay_short() -> None:
    words = {page: len(page.read_text(encoding="utf-8").split()) for page in PAGES}
    readme = words[ROOT / "README.md"]
    assert readme <= MOST_WORDS_OF_README
    generated = {"benchmarks.md", "commands.md"}  # tables to look something up in
    read = [count for page, count in words.items() if ROOT / "docs" in page.parents and page.name not in generated]
    assert readme + sum(read) <= MOST_WORDS


@pytest.mark.parametrize("page", sorted({*PAGES} - {ROOT / "CHANGELOG.md"}), ids=lambda page: page.name)
def test_a_page_says_in_its_first_lines_for_whom_it_is(page: Path) -> None:
    assert re.match(r"# .+\n\n\*?For [a-z]", page.read_text(encoding="utf-8"))


def threats() -> list[list[str]]:
    """The rows of the threat model: source, needs, action, impact, mitigation, test."""
    page = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
    _, _, after = page.partition("\n## Threats\n")
    rows = [line.strip("|").split(" | ") for line in after.partition("\n## ")[0].splitlines() if line.startswith("| ")]
    return rows[1:]


def test_every_threat_names_a_test_that_exists() -> None:
    assert len(threats()) > 20
    for row in threats():
        assert len(row) == 6, row
        file, _, name = row[-1].strip(" `").partition("::")
        assert f"\ndef {name}(" in (ROOT / file).read_text(encoding="utf-8"), f"the threat model names {row[-1]}"


@pytest.mark.parametrize("topic", ["label", "guardrail", "alert", "permission"])
def test_the_responsible_file_is_two_links_from_the_readme(topic: str) -> None:
    assert "(CONTRIBUTING.md)" in (ROOT / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (.+?) \| (.+?) \|", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.MULTILINE)
    files = [target for what, where in rows if topic in what.lower() for target in _LINK.findall(where)]
    assert any(target.endswith(".py") for target in files), f"CONTRIBUTING.md names no file for: {topic}"


def test_the_newest_release_in_the_changelog_is_this_version() -> None:
    releases = re.findall(
        r"^## \[(.+)\] - \d{4}-\d\d-\d\d$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert releases[0] == VERSION


def test_the_readmes_alert_is_the_golden_one() -> None:
    golden = json.loads((ROOT / "tests/data/alerts/open.json").read_text(encoding="utf-8"))["slack"]["text"]
    shown = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    assert " ".join(golden.split()) in shown
