"""A deployer who makes mistakes sees each one named, and no stack trace."""

from __future__ import annotations

import json

import pytest

from infra.synthesis import RegionError, read_settings, refuse_unnamed_region, synthesise
from medic.settings import Mode, SlackChannel
from medic.settings_reader import SettingsError
from tests.infra.cdk_app import run_app
from tests.infra.stacks import APP, COMPUTE_ROLE

EMULATOR = "000000000000"


def test_the_app_names_every_mistake_and_stops_without_a_stack_trace() -> None:
    done = run_app({"amplify-medic": '{"mode": "fxi", "apps": ["nope"], "colour": "red"}'})

    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    for mistake in ("mode must be one of", "apps contains 'nope'", "colour is unknown"):
        assert mistake in done.stderr


def test_settings_that_are_not_json_are_answered_with_an_example() -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings({}, "{mode: report}", None)

    assert "-c amplify-medic is not JSON" in str(caught.value)
    assert '-c amplify-medic=\'{"mode":"report"}\'' in str(caught.value)


def test_the_command_line_overrides_the_documented_settings() -> None:
    documented = {"mode": "report", "slack": {"webhook_secret": "medic", "channels": {"web": "medic-web"}}}

    settings, _ = read_settings(documented, '{"mode": "ask", "slack": {"channels": {"ops": "medic-ops"}}}', None)

    assert settings.mode is Mode.ASK
    assert settings.slack.default == SlackChannel(webhook_secret="medic")
    assert set(settings.slack.channels) == {"web", "ops"}


def test_without_a_command_line_the_documented_settings_hold() -> None:
    documented = {"mode": "report", "apps": [APP]}

    assert read_settings(documented, documented, None) == read_settings(documented, None, None)
    assert read_settings(documented, None, None)[1] == documented


def test_settings_that_do_not_fit_the_functions_environment_are_refused() -> None:
    roles = {f"{COMPUTE_ROLE}-{number}": [APP] for number in range(60)}

    with pytest.raises(SettingsError, match=r"they are \d+ bytes long; .* AMPLIFY_MEDIC_SETTINGS takes at most 3000"):
        read_settings({}, {"compute_roles": roles}, None)


@pytest.mark.parametrize("account", [None, "111122223333"])
def test_log_origins_are_refused_unless_the_account_is_known_to_be_the_emulators(account: str | None) -> None:
    environ = {"CDK_DEFAULT_ACCOUNT": account} if account else {}

    with pytest.raises(SettingsError, match="log_url_origins"):
        synthesise({"log_url_origins": ["http://127.0.0.1:4566"]}, environ)


def test_log_origins_are_accepted_in_the_emulators_account() -> None:
    settings = {"log_url_origins": ["http://127.0.0.1:4566"]}

    synthesis = synthesise(settings, {"CDK_DEFAULT_ACCOUNT": EMULATOR, "CDK_DEFAULT_REGION": "eu-central-1"})

    assert "http://127.0.0.1:4566" in json.dumps(synthesis.template)


def test_a_region_that_nobody_named_is_refused() -> None:
    with pytest.raises(RegionError, match="AWS_REGION=eu-central-1 npx cdk deploy"):
        refuse_unnamed_region({"CDK_DEFAULT_REGION": "us-east-1"}, lambda: None)


@pytest.mark.parametrize(
    ("environ", "of_profile"),
    [
        ({"CDK_DEFAULT_REGION": "us-east-1", "AWS_REGION": "us-east-1"}, None),
        ({"CDK_DEFAULT_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1"}, None),
        ({"CDK_DEFAULT_REGION": "us-east-1"}, "us-east-1"),
        ({"CDK_DEFAULT_REGION": "eu-central-1"}, None),
        ({}, None),
    ],
)
def test_a_named_region_is_taken(environ: dict[str, str], of_profile: str | None) -> None:
    refuse_unnamed_region(environ, lambda: of_profile)


def test_the_app_stops_without_a_region_and_says_so() -> None:
    done = run_app({}, {"CDK_DEFAULT_REGION": "us-east-1"})

    assert (done.returncode, done.template) == (1, None)
    assert "No region is named" in done.stderr
    assert "Traceback" not in done.stderr
