"""What the functions import. A package that is not on the list slows every cold start and is not in the bundle."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = {"medic", "remediator", "watcher"}
BUNDLED = {"aws_lambda_powertools", "jmespath", "msgspec", "typing_extensions"}
ON_LAMBDA = {"boto3", "botocore", "dateutil", "s3transfer", "six", "urllib3"}
IF_INSTALLED = {"certifi"}
"""botocore imports it if it is installed. On Lambda it is not."""
LOADED = """
import importlib, json, sys
before = set(sys.modules)
importlib.import_module(sys.argv[1])
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def loaded_by(module: str) -> set[str]:
    """The modules that a fresh process loads with this one."""
    command = [sys.executable, "-c", LOADED, module]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "lambdas")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)  # noqa: S603
    modules: list[str] = json.loads(done.stdout)
    return set(modules)


@pytest.fixture(scope="module", name="remediator")
def _remediator() -> set[str]:
    return loaded_by("remediator.handler")


def test_the_remediator_imports_only_listed_packages(remediator: set[str]) -> None:
    packages = {module.partition(".")[0] for module in remediator} - sys.stdlib_module_names - {"__mp_main__"}

    assert packages <= OURS | BUNDLED | ON_LAMBDA | IF_INSTALLED


@pytest.mark.parametrize("unused", ["slack_sdk", "medic.alerts.slack", "aws_lambda_powertools.event_handler"])
def test_modules_that_few_runs_need_are_not_imported_at_start(unused: str, remediator: set[str]) -> None:
    assert unused not in remediator


def test_no_service_model_is_loaded_before_a_client_is_created(remediator: set[str]) -> None:
    assert not {module for module in remediator if module.startswith("botocore.data")}


def test_the_watcher_imports_no_code_that_changes_amplify_or_sends_alerts() -> None:
    loaded = loaded_by("watcher.handler")
    packages = ("medic.flows", "medic.actions", "medic.alerts", "medic.pipeline")

    assert not {module for module in loaded if module.startswith(packages)}
