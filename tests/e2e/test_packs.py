"""cdk-nag's Serverless and NIST 800-53 packs: every finding has its reason in tests/data/nag/acknowledged.toml.

Only `make proof` runs them: the two packs take longer than the whole synthesis.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from aws_cdk import App, Environment, Validations
from cdk_nag import NIST80053R5Checks, ServerlessChecks

from infra.stack import AmplifyMedicStack
from infra.synthesis import STACK_NAME, read_settings
from tests.infra.stacks import EVERYTHING

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = [pytest.mark.proof, pytest.mark.timeout(600)]

ACKNOWLEDGED = tomllib.loads((Path(__file__).parents[1] / "data/nag/acknowledged.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, set[str]]:
    """Rule → the constructs that it objects to, with no company's settings: no key, no reserved concurrency."""
    folder = tmp_path_factory.mktemp("packs")
    app = App(context={"aws:cdk:bundling-stacks": []}, outdir=str(folder))
    AmplifyMedicStack(app, STACK_NAME, *read_settings({}, EVERYTHING, None), Environment())
    Validations.of(app).add_plugins(ServerlessChecks(app), NIST80053R5Checks(app))
    with pytest.raises(RuntimeError, match="ValidationFailed"):
        app.synth()
    report = json.loads((folder / "validation-report.json").read_text(encoding="utf-8"))
    return {
        violation["ruleName"]: {
            construct["constructPath"].removeprefix(f"{STACK_NAME}/") for construct in violation["violatingConstructs"]
        }
        for plugin in report["pluginReports"]
        for violation in plugin["violations"]
    }


def test_every_finding_of_the_packs_is_acknowledged_and_no_acknowledgement_is_out_of_date(
    found: Mapping[str, set[str]],
) -> None:
    assert {rule: sorted(paths) for rule, paths in found.items()} == {
        rule: sorted(each["on"]) for rule, each in ACKNOWLEDGED.items()
    }


def test_every_acknowledgement_has_its_reason() -> None:
    assert [rule for rule, each in ACKNOWLEDGED.items() if len(each["reason"].split()) < 6] == []
