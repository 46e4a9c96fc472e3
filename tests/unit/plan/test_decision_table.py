"""The decision table and the guardrail table in `tests/data/plan`: every row, in every mode."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from itertools import product
from pathlib import Path

import pytest

from medic.evidence import Absent
from medic.labels import ActionKind, Label, Trigger
from medic.plan.guardrails import ATTACH_GUARDRAILS, REPAIR_GUARDRAILS
from medic.plan.model import Action, Disposition, Plan
from tests.tables import table
from tests.unit.plan.guardrail_cases import BUILDS_ONLY, CASES, OVERRULED
from tests.unit.plan.situation import CURRENT, INHERITED, SERVICE, Situation, in_state, with_both_roles_missing

DATA = Path(__file__).parents[2] / "data" / "plan"
ATTACH, REPAIR = ActionKind.ATTACH_COMPUTE, ActionKind.REPAIR_SERVICE
MODES = (
    # the tag, the stack's mode, and how far an action goes
    ("fix", "fix", Disposition.DO),
    ("ask", "fix", Disposition.ASK_FIRST),
    ("fix", "ask", Disposition.ASK_FIRST),
    ("report", "fix", Disposition.ADVISE),
    ("fix", "report", Disposition.ADVISE),
    (None, "fix", Disposition.ADVISE),
    ("yes", "fix", Disposition.ADVISE),
    ("FIX", "fix", Disposition.ADVISE),
)
Row = Mapping[str, str]


def rows(name: str) -> Iterator[Row]:
    """The rows of a file's table, by the names of its columns."""
    lines = [line for line in (DATA / name).read_text().splitlines() if line.startswith("|")]
    header, _, *body = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    yield from (dict(zip(header, cells, strict=True)) for cells in body)


def decisions() -> Iterator[Row]:
    """The decision table, one row for each combination of words."""
    for row in rows("decisions.md"):
        for words in product(*(cell.split() for cell in row.values())):
            yield dict(zip(row, words, strict=True))


def situation(row: Row) -> Situation:
    """The situation that a row of the decision table describes."""
    it = Situation(label=Label(row["label"]), trigger=Trigger(row["trigger"].lower()))
    it.set_app(platform=row["platform"])
    for column, arn in (("branch's role", CURRENT), ("app's role", INHERITED), ("service role", SERVICE)):
        if row[column] != "none":
            it.roles[arn] = in_state(arn, row[column])
    it.set_branch(compute_role_arn=CURRENT if row["branch's role"] != "none" else None)
    it.set_app(compute_role_arn=INHERITED if row["app's role"] != "none" else None)
    it.set_app(service_role_arn=SERVICE if row["service role"] != "none" else None)
    if row["app tag"] == "yes":
        it.tag_app("repair")
    if row["role tag"] == "yes":
        it.pair(compute_roles={**it.settings["compute_roles"], INHERITED: [it.app.id]})
        it.tag("compute-role", INHERITED)
    return it


def action(plan: Plan, kind: ActionKind) -> Action | None:
    return next((each for each in plan.actions if each.kind is kind), None)


def dispositions(plan: Plan) -> dict[ActionKind, Disposition]:
    return {each.kind: each.disposition for each in plan.actions}


@table("row", decisions(), ids=lambda row: "-".join(row.values()))
def test_the_plan_matches_the_row_in_every_mode(row: Row) -> None:
    wanted = [kind for kind, column in ((ATTACH, "attach"), (REPAIR, "repair")) if row[column] == "yes"]
    for tag, stack, disposition in MODES if wanted else MODES[:1]:
        it = situation(row)
        it.tag("auto-fix", tag)
        it.settings["mode"] = stack
        plan = it.plan()
        assert dispositions(plan) == dict.fromkeys(wanted, disposition)
        acts = disposition in (Disposition.DO, Disposition.ASK_FIRST)
        assert plan.rebuild.wanted == (acts and row["rebuild"] == "yes")


def test_the_decision_table_covers_every_label_at_every_trigger() -> None:
    named = {(row["trigger"], row["label"]) for row in decisions()}
    assert named == {(trigger, label) for trigger in ("FAILED", "runtime") for label in Label}


@table("row", rows("guardrails.md"), ids=lambda row: row["what is so"])
@pytest.mark.parametrize("tag", ["fix", "ask", "report"])
def test_a_guardrail_refuses_and_names_itself(row: Row, tag: str) -> None:
    it = with_both_roles_missing()
    CASES[row["what is so"]](it)
    it.tag("auto-fix", tag)
    plan = it.plan()
    goes = {"fix": Disposition.DO, "ask": Disposition.ASK_FIRST, "report": Disposition.ADVISE}[tag]
    for kind, expected in ((ATTACH, row["attach"]), (REPAIR, row["repair"])):
        found = action(plan, kind)
        if expected == "no action":
            assert found is None
            continue
        assert found is not None
        stopped = expected == "refused" and tag != "report"
        goes = Disposition.DO if it.approved and tag == "ask" else goes
        assert found.disposition is (Disposition.REFUSE if stopped else goes)
        assert found.explanation.startswith(f"{row['rule']}: ") == stopped


@table("row", [r for r in rows("guardrails.md") if r["attach"] == "refused"], ids=lambda r: r["what is so"])
@pytest.mark.parametrize("trigger", Trigger)
@pytest.mark.parametrize("current", ["none", "gone", "refusing"])
def test_an_attach_is_refused_whatever_it_would_replace(row: Row, trigger: Trigger, current: str) -> None:
    if trigger is Trigger.RUNTIME and row["what is so"] in BUILDS_ONLY:
        return
    it = with_both_roles_missing()
    it.trigger = trigger
    it.label = Label.CREDENTIALS_MISSING_RUNTIME if trigger is Trigger.RUNTIME else Label.CREDENTIALS_MISSING_BUILD
    if current != "none":
        it.set_branch(compute_role_arn=CURRENT)
        it.roles[CURRENT] = in_state(CURRENT, current)
    CASES[row["what is so"]](it)
    refused = action(it.plan(), ATTACH)
    assert refused is not None
    assert refused.disposition is Disposition.REFUSE
    assert refused.explanation.startswith(f"{row['rule']}: ")


@table("row", [r for r in rows("guardrails.md") if r["attach"] == "refused"], ids=lambda r: r["what is so"])
def test_an_approval_overrules_only_age_and_earlier_attempts(row: Row) -> None:
    it = with_both_roles_missing()
    it.tag("auto-fix", "ask")
    it.approved = True
    assert dispositions(it.plan()) == {ATTACH: Disposition.DO, REPAIR: Disposition.DO}
    CASES[row["what is so"]](it)
    attach = action(it.plan(), ATTACH)
    assert attach is not None
    overruled = row["what is so"] in OVERRULED
    assert attach.disposition is (Disposition.DO if overruled else Disposition.REFUSE)


@pytest.mark.parametrize(("tag", "stack"), [(tag, stack) for tag, stack, goes in MODES if goes is Disposition.ADVISE])
def test_an_approval_changes_nothing_without_an_opt_in(tag: str | None, stack: str) -> None:
    it = with_both_roles_missing()
    it.approved = True
    it.tag("auto-fix", tag)
    it.settings["mode"] = stack
    assert dispositions(it.plan()) == {ATTACH: Disposition.ADVISE, REPAIR: Disposition.ADVISE}


@pytest.mark.parametrize(("hours", "mode"), [(0.6, "fix"), (23.9, "fix"), (23.9, "ask")])
def test_a_failure_at_runtime_that_is_not_fresh_is_proposed_in_every_mode(hours: float, mode: str) -> None:
    it = with_both_roles_missing()
    it.trigger, it.label = Trigger.RUNTIME, Label.CREDENTIALS_MISSING_RUNTIME
    it.age = timedelta(hours=hours)
    it.tag("auto-fix", mode)
    assert dispositions(it.plan()) == {ATTACH: Disposition.ASK_FIRST}
    it.approved = True
    assert dispositions(it.plan()) == {ATTACH: Disposition.DO}


def test_actions_that_no_guardrail_refuses_are_done() -> None:
    assert dispositions(with_both_roles_missing().plan()) == {ATTACH: Disposition.DO, REPAIR: Disposition.DO}


def test_the_guardrail_table_covers_every_rule_and_every_row_is_tested() -> None:
    table = list(rows("guardrails.md"))
    every = {rule.__name__ for rule in (*ATTACH_GUARDRAILS, *REPAIR_GUARDRAILS)}
    assert {row["rule"] for row in table} == every
    assert [row["what is so"] for row in table] == list(CASES)
    # Where the table plans no action, test_guardrails.py tests the guardrail: it is a second line of defence.
    stopping = {row["rule"] for row in table if "refused" in (row["attach"], row["repair"])}
    assert every - stopping == {"platform", "usable_role_stays"}


def test_a_deleted_service_role_is_repaired_only_if_the_apps_tag_names_one() -> None:
    it = with_both_roles_missing()
    it.set_app(tags={})
    assert dispositions(it.plan()) == {ATTACH: Disposition.DO}


def test_a_role_deleted_in_iam_is_still_the_previous_role() -> None:
    it = with_both_roles_missing()
    it.roles[SERVICE] = Absent("IAM has no such role")
    repair = action(it.plan(), REPAIR)
    assert repair is not None
    assert repair.previous_arn == SERVICE
