"""A secret is read in the forms that the console and the CLI store. A faulty one is named, without its value."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from medic.aws.secrets import BOT_TOKEN, SIGNING_SECRET, WEBHOOK, SecretError, SecretForm, read_secret

URL = "https://hooks.slack.com/services/T0/B0/secret-path"
HEX = "8f742231b10e8888abcd99yyyzzz85a5"


def read(form: SecretForm, **answer: Any) -> str:
    client: Any = SimpleNamespace(get_secret_value=lambda SecretId: {"Name": SecretId, **answer})  # noqa: N803 - AWS's name
    return read_secret(client, "amplify-medic/slack", form)


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

    client: Any = SimpleNamespace(get_secret_value=denied)
    with pytest.raises(SecretError, match=r"^the secret amplify-medic/slack could not be read: .*Access to KMS"):
        read_secret(client, "amplify-medic/slack", WEBHOOK)
