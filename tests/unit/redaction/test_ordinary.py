from __future__ import annotations

import pytest

from medic.redaction import redact
from tests.unit.redaction.corpus import ordinary_lines

LOGGING_ROLE = "arn:aws:sts::111122223333:assumed-role/AmplifySSRLoggingRole-13fb7232-a8e5-1205-98a5-9801061fcac3"
SECRET = "arn:aws:secretsmanager:us-east-1:111122223333:secret:prod/db-password-AbC123"


def test_the_corpus_is_large() -> None:
    assert len(ordinary_lines()) >= 500


def test_no_ordinary_line_is_touched() -> None:
    assert [line for line in ordinary_lines() if redact(line) != line] == []


def test_an_ordinary_log_is_not_touched_as_a_whole_either() -> None:
    log = "\n".join(ordinary_lines())
    assert redact(log) == log


@pytest.mark.parametrize(
    "line",
    [
        "The security token included in the request is invalid",
        "Could not load credentials from any providers",
        "Token is expired",
        "Missing credentials in config, if using AWS_CONFIG_FILE, set AWS_SDK_LOAD_CONFIG=1",
        'SSM params {"Path":"/amplify/d123/main/","WithDecryption":true}',
        (
            f"User: {LOGGING_ROLE}/BuildSession is not authorized to perform: secretsmanager:GetSecretValue "
            f"on resource: {SECRET} because no identity-based policy allows the secretsmanager:GetSecretValue action"
        ),
    ],
)
@pytest.mark.parametrize("prefix", ["", "2026-02-20T12:27:54.525Z [ERROR]: ", " " * 33])
def test_text_that_a_diagnosis_needs_is_kept(prefix: str, line: str) -> None:
    assert redact(prefix + line) == prefix + line
