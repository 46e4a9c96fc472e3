"""Local clouds, shared by all tests that only add to them. They stop with the last of these tests in a process."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO
from typing import TYPE_CHECKING

import pytest

from demo.narrator import Narrator
from demo.stage import SECRET, Stage, open_stage
from tests.e2e.queues import Queues
from tests.emulator.cloud import LocalCloud
from tests.unit.slack_actions.clicks import APP, SIGNING_SECRET, TEAM, USER

if TYPE_CHECKING:
    from collections.abc import Iterator


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Deploying a stack takes tens of seconds, and longer on a busy machine."""
    for item in items:
        if item.nodeid.startswith("tests/e2e/"):
            item.add_marker(pytest.mark.e2e)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(300))


SIGNING_SECRET_NAME = "amplify-medic/signing"
SHARED = {"limits": {"storm_apps": 100, "fixes_per_app_an_hour": 50, "fixes_per_account_an_hour": 100}}
"""Tests that share a stack cause more failures and fixes in an hour than the default limits allow."""


@pytest.fixture(scope="package")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """A local cloud without a stack. Tests share it, so none may use a name of another."""
    with LocalCloud(tmp_path_factory.mktemp("cloud")) as running:
        yield running


@pytest.fixture(scope="package")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """As `cloud`, but it enforces IAM on every call."""
    with LocalCloud(tmp_path_factory.mktemp("strict"), auth=True) as running:
        yield running


@pytest.fixture(scope="package")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The stack, deployed by the CDK CLI with an alert topic and a Slack webhook."""
    with open_stage(tmp_path_factory.mktemp("cloud"), Narrator(StringIO()), settings=SHARED) as stage:
        yield stage


@pytest.fixture
def stage(deployed: Stage) -> Iterator[Stage]:
    """The deployed stack. Afterwards the controls of its fake Amplify are reset."""
    yield replace(deployed)
    deployed.cloud.control("deny", "UpdateBranch", denied=False)
    deployed.cloud.control("set_propagation", 0)


@pytest.fixture(scope="package")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The stack on a cloud that enforces IAM on every call. Approvals are taken in Slack, from one user."""
    slack = {
        "webhook_secret": SECRET,
        "bot_token_secret": "amplify-medic/no-test-uses-it",
        "channels": {"chat": {"channel": "C0123456789"}},
        "signing_secret": SIGNING_SECRET_NAME,
        "app_id": APP,
        "approvers": [f"{TEAM}/{USER}"],
    }
    folder = tmp_path_factory.mktemp("guarded")
    with open_stage(folder, Narrator(StringIO()), enforce_iam=True, settings={**SHARED, "slack": slack}) as stage:
        stage.cloud.client("secretsmanager").create_secret(Name=SIGNING_SECRET_NAME, SecretString=SIGNING_SECRET)
        yield stage


def use_cloud(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `medic` use the local cloud, as the account's root."""
    for name, value in stage.cloud.cli_environment.items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)


@pytest.fixture
def queues(stage: Stage) -> Queues:
    return Queues(stage)


@pytest.fixture
def _operator(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    use_cloud(stage, monkeypatch)
