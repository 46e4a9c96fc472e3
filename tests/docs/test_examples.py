"""What the documentation shows can be pasted: settings, the Slack app, Amazon Q."""

from __future__ import annotations

import ast
import json
import re
import runpy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import App
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from msgspec.structs import fields

from medic.settings import Settings
from medic.settings_reader import SettingsError
from tests.infra.stacks import COMPANY, EVERYTHING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"
SCHEMA: Any = json.loads((ROOT / "docs/schemas/settings.schema.json").read_text(encoding="utf-8"))
NAMES = {each.name for each in fields(Settings)}
_INDENTED = re.compile(r"(?:^ {4,}.*\n)+", re.MULTILINE)
SCOPES = {"chat.postMessage": "chat:write", "chat.update": "chat:write"}
"""https://docs.slack.dev/reference/methods"""


def shown_settings() -> Iterator[Any]:
    """Every indented block of the pages that holds settings: the whole object, or some of its keys."""
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for block in _INDENTED.findall(page.read_text(encoding="utf-8")):
            try:
                given = json.loads("{" + block.strip().rstrip(",") + "}")
            except ValueError:
                continue
            given = given.get("amplify-medic", given)
            if given.keys() <= NAMES:
                yield pytest.param(given, id=f"{page.name}: {', '.join(given)}")


SHOWN = list(shown_settings())


def accepts(given: object) -> bool:
    return bool(Draft202012Validator(SCHEMA).is_valid(given))


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert len(SHOWN) >= 4
    assert SCHEMA["properties"].keys() == NAMES


@pytest.mark.parametrize("given", [*SHOWN, EVERYTHING, COMPANY, {}])
def test_every_example_of_the_settings_is_accepted_by_the_schema_and_by_the_code(given: object) -> None:
    Draft202012Validator(SCHEMA).validate(given)
    Settings.parse(given)


@pytest.mark.parametrize(
    "wrong",
    [
        {"mode": "always"},
        {"compute_roles": {"compute": ["d1abc"]}},
        {"compute_roles": {"arn:aws:iam::111122223333:role/x": []}},
        {"service_roles": {"arn:aws:iam::111122223333:role/x": ["d1abc/"]}},
        {"apps": ["myapp"]},
        {"slack": {"webhook_secret": "https://hooks.example/x"}},
        {"slack": {"webhook_secret": "medic", "channels": {"web": {"chanel": "C0123456789"}}}},
        {"sns": {"emails": ["nobody"]}},
        {"limits": {"storm_apps": 0}},
        {"limits": {"storm_apps": True}},
        {"keep_logs": "yes"},
        {"colour": "red"},
        [],
    ],
    ids=str,
)
def test_the_schema_refuses_what_the_code_refuses(wrong: object) -> None:
    with pytest.raises(SettingsError):
        Settings.parse(wrong)
    assert not accepts(wrong)


def test_editors_find_the_schema_of_the_settings_through_cdk_json() -> None:
    cdk = ROOT / json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["$schema"]
    context = json.loads(cdk.read_text(encoding="utf-8"))["properties"]["context"]["properties"]
    linked = cdk.parent / context["amplify-medic"]["$ref"]

    assert json.loads(linked.read_text(encoding="utf-8")) == SCHEMA


def test_the_slack_app_has_exactly_the_scopes_of_the_methods_that_the_code_calls() -> None:
    source = ast.parse((ROOT / "lambdas/medic/alerts/slack.py").read_text(encoding="utf-8"))
    methods = {
        node.args[0].value
        for node in ast.walk(source)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "_call"
        and isinstance(node.args[0], ast.Constant)
    }
    manifest = json.loads((EXAMPLES / "slack-app.json").read_text(encoding="utf-8"))

    assert methods == SCOPES.keys()
    assert set(manifest["oauth_config"]["scopes"]["bot"]) == set(SCOPES.values())
    assert manifest["oauth_config"]["scopes"].keys() == {"bot"}
    assert manifest["settings"]["interactivity"]["is_enabled"]
    # Slack's limits: https://docs.slack.dev/reference/app-manifest
    assert len(manifest["display_information"]["name"]) <= 35
    assert len(manifest["display_information"]["description"]) <= 140


def test_the_stack_with_amazon_q_synthesises() -> None:
    app = App()
    runpy.run_path(str(EXAMPLES / "amazon_q.py"))["AlertsInChat"](app, "Chat")
    resources = app.synth().get_stack_by_name("Chat").template["Resources"].values()
    channels = [each["Properties"] for each in resources if each["Type"].startswith("AWS::Chatbot::")]

    assert len(channels) == 2
    assert {tuple(each["SnsTopicArns"]) for each in channels} == {
        ("arn:aws:sns:eu-central-1:111122223333:replace-by-AlertTopicArn",)
    }
    assert all("ManagedPolicyArns" not in each.get("Properties", {}) for each in resources)
