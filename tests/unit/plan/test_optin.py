"""Tags opt in and grant nothing: they choose only among roles that the deployer paired."""

from __future__ import annotations

import pytest

from medic.plan.model import RebuildTag
from medic.plan.optin import PairedRoles, read_opt_in
from medic.settings import Mode, Settings

APP = "d1abc"
ONE = "arn:aws:iam::111122223333:role/app/one"
TWO = "arn:aws:iam::111122223333:role/app/two"
DEFAULT = "arn:aws:iam::111122223333:role/amplify-medic/default"


def settings(**raw: object) -> Settings:
    return Settings.parse(raw)


@pytest.mark.parametrize(
    ("stack", "tag", "effective"),
    [
        ("fix", "fix", Mode.FIX),
        ("fix", "ask", Mode.ASK),
        ("fix", "report", Mode.REPORT),
        ("ask", "fix", Mode.ASK),
        ("report", "fix", Mode.REPORT),
        ("fix", None, Mode.REPORT),
        ("fix", "Fix", Mode.REPORT),
        ("fix", "true", Mode.REPORT),
        ("fix", "", Mode.REPORT),
        ("fix", "ignore", Mode.REPORT),
    ],
)
def test_the_lower_of_the_stacks_mode_and_the_tag_counts(stack: str, tag: str | None, effective: Mode) -> None:
    tags = {} if tag is None else {"amplify-medic:auto-fix": tag}
    assert read_opt_in(settings(mode=stack), tags).mode is effective


def test_an_unknown_value_is_named_in_the_note() -> None:
    assert "'yes'" in read_opt_in(settings(), {"amplify-medic:auto-fix": "yes"}).note


def test_ignore_differs_from_report() -> None:
    assert read_opt_in(settings(), {"amplify-medic:auto-fix": "ignore"}).ignored
    assert not read_opt_in(settings(), {"amplify-medic:auto-fix": "report"}).ignored


@pytest.mark.parametrize(
    ("tag", "rebuild"),
    [(None, RebuildTag.AUTO), ("yes", RebuildTag.YES), ("no", RebuildTag.NO), ("always", RebuildTag.NO)],
)
def test_an_unknown_rebuild_tag_means_no(tag: str | None, rebuild: RebuildTag) -> None:
    tags = {} if tag is None else {"amplify-medic:rebuild": tag}
    assert read_opt_in(settings(), tags).rebuild is rebuild


def chosen(raw: dict[str, object], branch: str = "main", tag: str | None = None) -> str | None:
    tags = {} if tag is None else {"amplify-medic:compute-role": tag}
    return PairedRoles(Settings.parse(raw), DEFAULT, APP, branch).choose_compute(tags).arn


def test_without_pairings_the_stacks_default_role_is_chosen() -> None:
    assert chosen({}) == DEFAULT


def test_a_default_role_for_other_apps_is_not_chosen() -> None:
    assert chosen({"default_role": {"apps": ["d2abc"]}}) is None


def test_the_one_paired_role_is_chosen() -> None:
    assert chosen({"compute_roles": {ONE: [APP], TWO: ["d2abc"]}}) == ONE


def test_of_several_paired_roles_none_is_chosen_and_all_are_named() -> None:
    choice = PairedRoles(
        settings(compute_roles={ONE: [APP], TWO: [f"{APP}/main"]}), DEFAULT, APP, "main"
    ).choose_compute({})
    assert choice.arn is None
    assert ONE in choice.note
    assert TWO in choice.note


@pytest.mark.parametrize("tag", [TWO, "two"])
def test_the_tag_chooses_among_the_paired_by_name_or_arn(tag: str) -> None:
    assert chosen({"compute_roles": {ONE: [APP], TWO: [APP]}}, tag=tag) == TWO


@pytest.mark.parametrize(
    "tag", ["AdministratorRole", "arn:aws:iam::111122223333:role/AdministratorRole", "TWO", "app/two", ""]
)
def test_a_tag_can_not_name_a_role_that_is_not_paired(tag: str) -> None:
    assert chosen({"compute_roles": {ONE: [APP], TWO: [APP]}}, tag=tag) is None


def test_a_role_paired_with_one_branch_is_not_chosen_for_another() -> None:
    raw: dict[str, object] = {"compute_roles": {ONE: [f"{APP}/main"]}, "default_role": {"apps": ["d2abc"]}}
    assert chosen(raw, branch="main") == ONE
    assert chosen(raw, branch="dev", tag="one") is None


def test_a_pairing_with_a_branch_is_distinguished_from_one_with_its_app() -> None:
    by_branch = PairedRoles(settings(compute_roles={ONE: [f"{APP}/main"]}), DEFAULT, APP, "main").choose_compute({})
    by_app = PairedRoles(settings(compute_roles={ONE: [APP]}), DEFAULT, APP, "main").choose_compute({})
    assert by_branch.branch_paired
    assert not by_app.branch_paired


def test_a_service_role_needs_both_pairing_and_the_apps_tag() -> None:
    paired = settings(service_roles={ONE: [APP]})
    tagged = {"amplify-medic:service-role": "one"}
    assert PairedRoles(paired, DEFAULT, APP, "main").choose_service(tagged).arn == ONE
    assert PairedRoles(paired, DEFAULT, APP, "main").choose_service({}).arn is None
    assert PairedRoles(settings(compute_roles={ONE: [APP]}), DEFAULT, APP, "main").choose_service(tagged).arn is None
