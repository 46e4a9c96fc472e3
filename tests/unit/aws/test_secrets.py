"""A secret is read in the forms that the console and the CLI store. A faulty one is named, without its value."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from medic.aws.clients import Clients
from medic.aws.secrets import BOT_TOKEN, SIGNING_SECRET, WEBHOOK, SecretError, SecretForm, read_secret

if TYPE_CHECKING:
    from collections.abc import Iterator

URL = "https://hooks.slack.com/services/T0/B0/secret-path"
HEX = "8f742231b10e8888abcd99yyyzzz85a5"


def read(form: SecretForm, **answer: Any) -> str:
    client = SimpleNamespace(get_secret_value=lambda SecretId: {"Name": SecretId, **answer})  # noqa: N803 - AWS's name
    clients: Any = SimpleNamespace(secrets=client)
    return read_secret(clients, "amplify-medic/slack", form)


@pytest.mark.parametrize(
    ("form", "text", "value"),
    [
        (WEBHOOK, f"{URL}\n", URL),
        (WEBHOOK, f'{{"webhook":"{URL}"}}', URL),
        (WEBHOOK, f'{{"any name": "{URL}"}}', URL),
        (WEBHOOK, f' {{"bot_token": "xoxb-1", "webhook": " {URL} "}}\n', URL),
        (BOT_TOKEN, "xoxb-1-2-invented", "xoxb-1-2-invented"),
        (BOT_TOKEN, f'{{"bot_token": "xoxb-1", "signing_secret": "{HEX}"}}', "xoxb-1"),
        (SIGNING_SECRET, f'{{"bot_token": "xoxb-1", "signing_secret": "{HEX}"}}', HEX),
    ],
)
def test_plain_text_and_the_consoles_key_value_form_are_read(form: SecretForm, text: str, value: str) -> None:
    assert read(form, SecretString=text) == value


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        ({"SecretBinary": URL.encode()}, "is binary"),
        ({"SecretString": " \n"}, "is empty"),
        ({"SecretString": '{"webhook": ""}'}, "is empty"),
        ({"SecretString": "{}"}, "has 0 keys, and none is webhook"),
        ({"SecretString": f'{{"url": "{URL}", "team": "secret-path"}}'}, "has 2 keys, and none is webhook"),
        ({"SecretString": f'{{"webhook": "{URL}"'}, "looks like JSON, but is not valid"),
        ({"SecretString": f'{{"webhook": ["{URL}"]}}'}, "holds something else"),
        ({"SecretString": "hooks.slack.com/services/T0/B0/secret-path"}, "holds something else"),
        ({"SecretString": f"{URL} and secret-path"}, "holds something else"),
        ({"SecretString": "https://hooks.slack.com/secret-path\x00"}, "holds something else"),
    ],
)
def test_a_faulty_secret_is_named_with_what_was_expected_and_without_its_value(
    answer: dict[str, Any], fault: str
) -> None:
    with pytest.raises(SecretError) as error:
        read(WEBHOOK, **answer)
    assert str(error.value) == (
        f"the secret amplify-medic/slack {fault}; expected the URL of an incoming webhook (https://…), "
        'as plain text or as JSON: {"webhook": "…"}'
    )


def test_a_denied_secret_is_named() -> None:
    def denied(**_: str) -> None:
        answer: Any = {"Error": {"Code": "AccessDeniedException", "Message": "Access to KMS is not allowed"}}
        raise ClientError(answer, "GetSecretValue")

    clients: Any = SimpleNamespace(secrets=SimpleNamespace(get_secret_value=denied))
    with pytest.raises(SecretError, match=r"^the secret amplify-medic/slack could not be read: .*Access to KMS"):
        read_secret(clients, "amplify-medic/slack", WEBHOOK)


@pytest.fixture(name="parameters")
def _parameters() -> Iterator[Clients]:
    """SSM with one encrypted and one plain parameter."""
    with mock_aws():
        session = boto3.Session("testing", "testing", region_name="eu-central-1")
        for name, kind in (("/amplify-medic/slack", "SecureString"), ("plain", "String")):
            session.client("ssm").put_parameter(Name=name, Value=f"{URL}\n", Type=kind)
        yield Clients(session)


@pytest.mark.parametrize(
    "name",
    ["ssm:/amplify-medic/slack", "arn:aws:ssm:eu-central-1:123456789012:parameter/amplify-medic/slack"],
)
def test_a_parameter_is_read_by_its_name_and_by_its_arn(parameters: Clients, name: str) -> None:
    assert read_secret(parameters, name, WEBHOOK) == URL


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("ssm:plain", "the secret ssm:plain is a parameter of type String, not SecureString; expected the URL"),
        ("ssm:absent", "the secret ssm:absent could not be read: .*ssm:GetParameter.*ParameterNotFound"),
        ("ssm:/amplify-medic/slack", "the secret ssm:/amplify-medic/slack holds something else; expected a bot token"),
    ],
)
def test_a_faulty_parameter_is_named_without_its_value(parameters: Clients, name: str, fault: str) -> None:
    with pytest.raises(SecretError, match=fault) as error:
        read_secret(parameters, name, BOT_TOKEN if "holds" in fault else WEBHOOK)
    assert "secret-path" not in str(error.value)
