"""Settings are validated as a whole: every mistake is named, and nothing unknown passes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import fields

from medic.settings import (
    Concurrency,
    DefaultRole,
    Limits,
    LogLines,
    Mode,
    Operator,
    Runtime,
    Settings,
    SlackChannel,
    Sns,
    merge,
    override,
    refuse_emulator_settings,
)
from medic.settings_reader import SettingsError

ROLE = "arn:aws:iam::111122223333:role/app/compute"


def test_the_default_settings_have_mode_fix_and_no_paired_roles() -> None:
    settings = Settings.parse(None)
    assert settings.mode is Mode.FIX
    assert settings.compute_roles == ()
    assert settings.limits == Limits()


def test_roles_are_paired_with_apps_and_branches() -> None:
    (pairing,) = Settings.parse({"compute_roles": {ROLE: ["d1abc", "d2abc/feature/x"]}}).compute_roles
    assert pairing.covers("d1abc", "main")
    assert pairing.covers("d2abc", "feature/x")
    assert not pairing.covers("d2abc", "main")
    assert pairing.names_branch("d2abc", "feature/x")
    assert not pairing.names_branch("d1abc", "main")


def test_every_mistake_is_named_at_once() -> None:
    wrong = {
        "mode": "always",
        "compute_roles": {"compute": ["d1abc"], ROLE: "d1abc"},
        "default_role": {"policies": ["arn:aws:iam::aws:policy/ReadOnlyAccess"]},
        "apps": ["myapp"],
        "slack": {"webhook_secret": "https://hooks.example/x", "chanels": {}},
        "sns": {"emails": ["nobody"]},
        "operator": {"require_source_identity": "yes", "mfa": True},
        "concurrency": {"messages": 20, "reserved_remediator": 19, "reserved_slack": 0},
        "permissions_boundary": "boundary",
        "role_path": "platform",
        "kms_key": "arn:aws:kms:eu-central-1:111122223333:alias/medic",
        "log_lines": "some",
        "keep_logs": "yes",
        "cloudtrail": "no",
        "limits": {"cool_down_minutes": 0, "fixes_per_app_an_hour": True},
        "colour": "blue",
    }
    with pytest.raises(SettingsError) as error:
        Settings.parse(wrong)
    for name in (
        "mode",
        "compute_roles",
        f"compute_roles[{ROLE}]",
        "default_role.apps",
        "apps",
        "slack.webhook_secret",
        "slack.chanels",
        "sns.emails",
        "operator.require_source_identity",
        "operator.mfa",
        "concurrency.reserved_remediator",
        "concurrency.reserved_slack",
        "permissions_boundary",
        "role_path",
        "kms_key",
        "log_lines",
        "keep_logs",
        "cloudtrail",
        "limits.cool_down_minutes",
        "limits.fixes_per_app_an_hour",
        "colour",
    ):
        assert any(mistake.startswith(name) for mistake in error.value.mistakes), name


@pytest.mark.parametrize("section", [Settings, DefaultRole, Sns, Operator, Concurrency, Limits])
def test_every_setting_is_on_its_page(section: type) -> None:
    page = (Path(__file__).parents[2] / "docs" / "settings.md").read_text(encoding="utf-8")
    only_for_tests = {"log_url_origins"}

    assert [each.name for each in fields(section) if f"`{each.name}`" not in page] == sorted(
        only_for_tests & {each.name for each in fields(section)}
    )


@pytest.mark.parametrize(
    ("raw", "mistake"),
    [
        ({"apps": []}, "apps must be a list that is not empty, each item an Amplify app id, not []"),
        ({"default_role": {"apps": []}}, "default_role.apps must be a list that is not empty"),
        ({"compute_roles": {ROLE: ["d1abc/*"]}}, "must be a list of appId or appId/branch (no wildcards)"),
        ({"limits": []}, "limits must be an object, not list"),
    ],
)
def test_what_would_restrict_nothing_or_match_nothing_is_refused(raw: object, mistake: str) -> None:
    with pytest.raises(SettingsError) as error:
        Settings.parse(raw)
    assert mistake in str(error.value)


@pytest.mark.parametrize("raw", [[], "fix", 7, True])
def test_settings_that_are_not_an_object_are_refused(raw: object) -> None:
    with pytest.raises(SettingsError, match="must be an object"):
        Settings.parse(raw)


def test_the_limit_of_an_app_must_be_below_the_limit_of_the_account() -> None:
    with pytest.raises(
        SettingsError, match="fixes_per_app_an_hour must be less than fixes_per_account_an_hour, which is 5"
    ):
        Settings.parse({"limits": {"fixes_per_app_an_hour": 5}})


def test_settings_from_the_command_line_override_the_file() -> None:
    base = {"mode": "report", "slack": {"webhook_secret": "a", "channels": {"x": "b"}}}
    assert merge(base, {"mode": "ask", "slack": {"webhook_secret": "c"}}) == {
        "mode": "ask",
        "slack": {"webhook_secret": "c", "channels": {"x": "b"}},
    }


def test_log_origins_are_for_the_emulator_only() -> None:
    settings = Settings.parse({"log_url_origins": ["http://127.0.0.1:4566"]})
    refuse_emulator_settings(settings, "000000000000")
    for account in ("111122223333", None):
        with pytest.raises(SettingsError, match="emulator"):
            refuse_emulator_settings(settings, account)


ENVIRONMENT = {
    "AMPLIFY_MEDIC_SETTINGS": json.dumps({"mode": "ask"}),
    "MEDIC_ACCOUNT": "111122223333",
    "MEDIC_PARTITION": "aws",
    "AWS_REGION": "eu-west-1",
    "INCIDENTS_TABLE": "incidents",
    "QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/111122223333/medic",
    "OPERATOR_ROLE_ID": "AROAEXAMPLEOPERATOR00",
    "ALERT_TOPIC_ARN": "arn:aws:sns:eu-west-1:111122223333:alerts",
    "DEFAULT_COMPUTE_ROLE_ARN": ROLE,
}


def test_a_function_reads_its_settings_from_its_environment() -> None:
    runtime = Runtime.of_remediator(ENVIRONMENT)
    assert runtime.settings.mode is Mode.ASK
    assert runtime.region == "eu-west-1"
    assert runtime.actor_role_arn is None
    assert runtime.slack_role_id is None


def test_every_missing_variable_is_named_at_once() -> None:
    with pytest.raises(SettingsError) as error:
        Runtime.of_remediator({"AWS_REGION": "eu-west-1"})
    assert len(error.value.mistakes) == len(ENVIRONMENT) - 1


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
)
KEYS = ["mode", "compute_roles", "service_roles", "default_role", "apps", "slack", "sns", "limits", "log_url_origins"]


@given(st.dictionaries(st.sampled_from(KEYS), json_values))
def test_any_json_is_either_settings_or_named_mistakes(raw: dict[str, object]) -> None:
    mistakes: tuple[str, ...] = ("none",)
    try:
        Settings.parse(raw)
    except SettingsError as error:
        mistakes = error.mistakes
    assert mistakes


# --- Slack


BOT = {"bot_token_secret": "bot", "channel": "C0123456789"}
APPROVAL = {"signing_secret": "signing", "app_id": "A0123456789", "approvers": ["T0123456789/U0123456789"]}


def test_a_named_channel_is_a_webhook_or_a_channel_of_the_bot() -> None:
    channels = {"web": "hook", "shop": {"webhook_secret": "other"}, "ops": {"channel": "#ops"}}
    slack = Settings.parse({"slack": {**BOT, "channels": channels}}).slack
    assert slack.channels["web"] == SlackChannel(webhook_secret="hook")
    assert slack.channels["ops"] == SlackChannel(channel="#ops")
    assert slack.secrets == ("bot", "hook", "other")
    assert not slack.takes_approvals


def test_the_signing_secret_is_not_among_the_secrets_that_senders_read() -> None:
    slack = Settings.parse({"slack": {**BOT, **APPROVAL}}).slack
    assert slack.takes_approvals
    assert slack.secrets == ("bot",)


@pytest.mark.parametrize(
    ("slack", "mistake"),
    [
        ({"webhook_secret": "hook", **BOT}, "slack.channel and webhook_secret are both set"),
        ({"channel": "C0123456789"}, "slack.bot_token_secret is missing"),
        ({"bot_token_secret": "bot"}, "slack.channel is missing"),
        ({"channels": {"web": "hook"}}, "slack.channels needs a default"),
        ({"webhook_secret": "hook", "channels": {"web": {"channel": "C1"}}}, "slack.bot_token_secret is missing"),
        ({"webhook_secret": "hook", "channels": {"web": {}}}, r"slack.channels\[web\] needs"),
        ({**BOT, "signing_secret": "signing"}, "slack.signing_secret, app_id and approvers must be set together"),
        ({"webhook_secret": "hook", **APPROVAL}, "slack.signing_secret needs bot_token_secret"),
        ({**BOT, **APPROVAL, "approvers": ["U0123456789"]}, "slack.approvers contains 'U0123456789'"),
    ],
)
def test_inconsistent_slack_settings_are_named(slack: dict[str, object], mistake: str) -> None:
    with pytest.raises(SettingsError, match=mistake):
        Settings.parse({"slack": slack})


@pytest.mark.parametrize("secret", ["https://hooks.slack.com/services/T0/B0/x", "xoxb-1234-5678-abcdef"])
def test_a_secret_value_instead_of_a_secret_name_is_refused_and_not_repeated(secret: str) -> None:
    with pytest.raises(SettingsError) as error:
        Settings.parse({"slack": {"webhook_secret": secret}})
    assert "put the URL or token there" in str(error.value)
    assert secret not in str(error.value)


def test_a_function_without_approvers_does_not_start() -> None:
    with pytest.raises(SettingsError, match=r"slack\.signing_secret is not set"):
        Runtime.of_slack(ENVIRONMENT)
    named = {**ENVIRONMENT, "AMPLIFY_MEDIC_SETTINGS": json.dumps({"slack": {**BOT, **APPROVAL}})}
    assert Runtime.of_slack(named).settings.slack.app_id == "A0123456789"


def test_a_deployment_of_a_template_may_lower_the_mode_and_change_what_only_the_functions_read() -> None:
    made_for = {"mode": "ask", "limits": {"storm_apps": 7}}

    changed = override(made_for, {"mode": "report", "log_lines": "none", "limits": {"fresh_minutes": 5}})

    assert (changed.mode, changed.log_lines) == (Mode.REPORT, LogLines.NONE)
    assert (changed.limits.storm_apps, changed.limits.fresh_minutes) == (7, 5)


@pytest.mark.parametrize(
    ("over", "mistake"),
    [
        ({"mode": "fix"}, "mode can only be lowered: the template was made for ask, not fix"),
        ({"apps": ["d1abc"]}, "apps can't be overridden, because resources depend on it"),
        ({"limits": {"storm_apps": 0}}, "limits.storm_apps must be a whole number"),
        (["mode"], "must be an object"),
    ],
)
def test_a_deployment_can_override_nothing_that_the_resources_were_made_from(over: object, mistake: str) -> None:
    with pytest.raises(SettingsError, match=mistake):
        override({"mode": "ask"}, over)


def test_the_functions_apply_the_overrides_of_their_stack() -> None:
    environ = {
        **ENVIRONMENT,
        "AMPLIFY_MEDIC_SETTINGS": '{"mode": "fix"}',
        "AMPLIFY_MEDIC_OVERRIDES": '{"mode": "report"}',
    }

    assert Runtime.of_watcher(environ).settings.mode is Mode.REPORT
    with pytest.raises(SettingsError, match="AMPLIFY_MEDIC_OVERRIDES is not JSON"):
        Runtime.of_watcher({**environ, "AMPLIFY_MEDIC_OVERRIDES": "{mode"})


@pytest.mark.parametrize(
    ("bus", "taken"),
    [
        ("arn:aws:events:eu-central-1:111122223333:event-bus/medic", True),
        ("arn:aws:events:eu-central-1:111122223333:event-bus/default", False),
        ("medic", False),
    ],
)
def test_events_are_forwarded_to_a_bus_of_its_own_never_to_a_default_one(bus: str, taken: bool) -> None:  # noqa: FBT001
    if taken:
        assert Settings.parse({"central_bus": bus}).central_bus == bus
    else:
        with pytest.raises(SettingsError, match="central_bus must be the ARN of an event bus"):
            Settings.parse({"central_bus": bus})
