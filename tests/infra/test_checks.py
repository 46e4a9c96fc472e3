"""cdk-nag, cfn-lint, and a synthesis that needs neither network nor credentials."""

from __future__ import annotations

import json

import pytest
from aws_cdk import App
from aws_cdk import aws_sqs as sqs
from cfnlint.api import ManualArgs, lint

from infra.synthesis import compose
from tests.infra.cdk_app import run_app
from tests.infra.stacks import APP, EVERYTHING, synthesis, template

VARIANTS = [
    pytest.param({}, id="default"),
    pytest.param({"mode": "report"}, id="report"),
    pytest.param({"apps": [APP], "mode": "ask"}, id="apps"),
    pytest.param(EVERYTHING, id="everything"),
    pytest.param({**EVERYTHING, "mode": "report"}, id="everything-report"),
]
# cfn-lint takes seconds a template: those that hold all that the others hold are enough.
WIDEST = [variant for variant in VARIANTS if variant.id in {"default", "everything", "everything-report"}]
# CDK's own DependsOn, which a Ref implies already.
IGNORED = ["W3005"]


@pytest.mark.parametrize("settings", VARIANTS)
def test_cdk_nag_finds_nothing_unexplained(settings: dict[str, object]) -> None:
    assert synthesis(settings).template["Resources"]


def test_cdk_nag_explains_known_accounts_and_regions_too() -> None:
    environ = {"CDK_DEFAULT_ACCOUNT": "111122223333", "CDK_DEFAULT_REGION": "eu-central-1"}

    assert "arn:<" not in json.dumps(synthesis(EVERYTHING, environ).template)


def test_cdk_nag_stops_the_synthesis_on_what_nobody_explained() -> None:
    app = App(context={"aws:cdk:bundling-stacks": []})
    sqs.Queue(compose(app, {}), "Unexplained")

    with pytest.raises(RuntimeError, match="ValidationFailed"):
        app.synth()


@pytest.mark.parametrize("settings", WIDEST)
def test_cfn_lint_finds_nothing(settings: dict[str, object]) -> None:
    text = json.dumps(template(**settings))

    assert lint(text, config=ManualArgs(ignore_checks=IGNORED, regions=["eu-central-1", "us-east-1"])) == []


def test_synthesis_needs_neither_network_nor_credentials() -> None:
    done = run_app({})

    assert done.returncode == 0, done.stderr
    assert done.template is not None
    assert json.loads(done.template)["Resources"].keys() == template()["Resources"].keys()
