"""Reads the secrets for Slack, from Secrets Manager or from an SSM SecureString parameter, which is free.

A secret is plain text, or has the key/value form that the Secrets Manager console stores.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from medic.arns import parameter_of
from medic.aws.errors import AwsError, translated

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient

    from medic.aws.clients import ParameterStore


class SecretForm(Struct, frozen=True):
    """What a secret holds."""

    key: str
    """Its key in JSON. If the JSON has only one key, that key may have any name."""
    pattern: re.Pattern[str]
    """Printable ASCII only: urllib repeats a URL or header with other characters in its error."""
    expected: str


WEBHOOK = SecretForm("webhook", re.compile(r"https?://[!-~]+"), "the URL of an incoming webhook (https://…)")
BOT_TOKEN = SecretForm("bot_token", re.compile(r"xox[!-~]+"), "a bot token (xoxb-…)")
SIGNING_SECRET = SecretForm("signing_secret", re.compile(r"[0-9A-Za-z]+"), "a signing secret (32 letters and digits)")


class SecretStores(Protocol):
    """The clients of the two services."""

    @property
    def secrets(self) -> SecretsManagerClient: ...
    @property
    def ssm(self) -> ParameterStore: ...


class SecretError(Exception):
    """A secret can't be read, or does not hold what is expected. The message names the secret, never its value."""


def read_secret(stores: SecretStores, name: str, form: SecretForm) -> str:
    """Read a secret by its name or ARN, or a parameter by `ssm:` and its name, or by its ARN.

    Raises:
        SecretError: it can't be read, or it is binary, unencrypted, empty or of another form.
    """
    parameter = parameter_of(name)
    try:
        value, fault = _secret(stores, name, form) if parameter is None else _parameter(stores, parameter, form)
    except AwsError as error:
        raise SecretError(f"the secret {name} could not be read: {error}") from error
    if fault:
        form_text = f'{form.expected}, as plain text or as JSON: {{"{form.key}": "…"}}'
        raise SecretError(f"the secret {name} {fault}; expected {form_text}")
    return value


def _secret(stores: SecretStores, name: str, form: SecretForm) -> tuple[str, str]:
    with translated("secretsmanager:GetSecretValue"):
        text = stores.secrets.get_secret_value(SecretId=name).get("SecretString")
    return _value(text, form)


def _parameter(stores: SecretStores, name: str, form: SecretForm) -> tuple[str, str]:
    with translated("ssm:GetParameter"):
        found = stores.ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]
    if (kind := found.get("Type")) != "SecureString":
        return "", f"is a parameter of type {kind}, not SecureString"
    return _value(found.get("Value"), form)


def _value(text: str | None, form: SecretForm) -> tuple[str, str]:
    """The value, and what is wrong with the secret; one of them is empty."""
    if text is None:
        return "", "is binary"
    value: object = text.strip()
    if text.lstrip().startswith("{"):
        try:
            pairs = json.loads(text)
        except ValueError:
            return "", "looks like JSON, but is not valid"
        value = next(iter(pairs.values())) if len(pairs) == 1 else pairs.get(form.key)
        if value is None:
            return "", f"has {len(pairs)} keys, and none is {form.key}"
    if not isinstance(value, str) or not form.pattern.fullmatch(value.strip()):
        return "", "is empty" if value == "" else "holds something else"
    return value.strip(), ""
