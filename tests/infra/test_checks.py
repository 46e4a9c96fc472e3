"""cdk-nag, cfn-lint, and a synthesis that needs neither network nor credentials."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from aws_cdk import App
from aws_cdk import aws_sqs as sqs

from infra.synthesis import compose
from tests.infra.cdk_app import run_app
from tests.infra.stacks import APP, COMPANY, EVERYTHING, synthesis, template

VARIANTS = [
    pytest.param({}, id="default"),
    pytest.param({"mode": "report"}, id="report"),
    pytest.param({"apps": [APP], "mode": "ask"}, id="apps"),
    pytest.param(EVERYTHING, id="everything"),
    pytest.param({**EVERYTHING, "mode": "report"}, id="everything-report"),
    pytest.param(COMPANY, id="company"),
]
# cfn-lint takes seconds per template. These contain everything that the others contain.
WIDEST = {
    "default": {},
    "everything": EVERYTHING,
    "everything-report": {**EVERYTHING, "mode": "report"},
    "company": COMPANY,
}
PLANTED = "planted"
# CDK's own DependsOn, which a Ref implies already.
IGNORED = ["W3005"]


@pytest.mark.parametrize("settings", VARIANTS)
def test_cdk_nag_finds_nothing_unexplained(settings: dict[str, object]) -> None:
    assert synthesis(settings).template["Resources"]


def test_cdk_nag_finds_nothing_with_a_known_account_and_region_either() -> None:
    environ = {"CDK_DEFAULT_ACCOUNT": "111122223333", "CDK_DEFAULT_REGION": "eu-central-1"}

    assert "arn:<" not in json.dumps(synthesis(EVERYTHING, environ).template)


def test_cdk_nag_stops_the_synthesis_on_an_unexplained_finding() -> None:
    app = App(context={"aws:cdk:bundling-stacks": []})
    sqs.Queue(compose(app, {}), "Unexplained")

    with pytest.raises(RuntimeError, match="ValidationFailed"):
        app.synth()


@pytest.fixture(scope="module")
def linted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What cfn-lint finds in each template; it loads its rules once for all of them."""
    from cfnlint.api import ManualArgs, lint_by_config  # noqa: PLC0415 - every process would wait seconds for SymPy

    folder = tmp_path_factory.mktemp("templates")
    texts = {name: template(**settings) for name, settings in WIDEST.items()}
    wrong = {"Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": "long"}}}}
    for name, text in {**texts, PLANTED: wrong}.items():
        (folder / f"{name}.json").write_text(json.dumps(text))
    files = [str(file) for file in folder.iterdir()]
    found: dict[str, list[str]] = {name: [] for name in (*texts, PLANTED)}
    config = ManualArgs(templates=files, ignore_checks=IGNORED, regions=["eu-central-1", "us-east-1"])
    for match in lint_by_config(config):
        found[Path(match.filename).stem].append(str(match))
    return found


@pytest.mark.parametrize("settings", WIDEST)
def test_cfn_lint_finds_nothing(settings: str, linted: dict[str, list[str]]) -> None:
    assert linted[settings] == []


def test_cfn_lint_notices_a_planted_fault(linted: dict[str, list[str]]) -> None:
    assert len(linted[PLANTED]) == 1


def test_synthesis_needs_neither_network_nor_credentials() -> None:
    done = run_app({})

    assert done.returncode == 0, done.stderr
    assert done.template is not None
    assert json.loads(done.template)["Resources"].keys() == template()["Resources"].keys()
