from __future__ import annotations

import pytest

from medic.redaction import looks_like

SECRET_ACCESS_KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
MARKER = "-----{} RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("AKIAIOSFODNN7EXAMPLE", "access key id"),
        ("ASIAIOSFODNN7EXAMPLE", "access key id"),
        (SECRET_ACCESS_KEY, "secret access key"),
        ("IQoJb3JpZ2luX2VjE" + "q7Zk2Vx9" * 30, "session token"),
        ("FwoGZXIvYXdzE" + "q7Zk2Vx9" * 30, "session token"),
        (f"{MARKER.format('BEGIN')}\nMIIE\n{MARKER.format('END')}", "private key"),
        ("ghp_" + "a1B2" * 9, "provider token"),
        ("sk_live_" + "a1B2" * 6, "provider token"),
        ("postgres://app:hunter2@db.example.com/app", "connection string"),
        ("Server=tcp:db.example.com;User ID=sa;Password=hunter2;", "connection string"),
        ("https://hooks.slack.com/services/T0/B0/q7Zk2Vx9Lm4T", "webhook"),
    ],
)
@pytest.mark.parametrize("name", ["", "FOO", "IAM_SECRET_ACCESS_KEY", "NEXT_PUBLIC_THING"])
def test_the_shape_of_a_value_decides_whatever_its_name(value: str, kind: str, name: str) -> None:
    assert looks_like(value, name) == kind


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("DB_PASSWORD", "swordfish", "password"),
        ("NEXTAUTH_SECRET", "swordfish", "secret"),
        ("IAM_SECRET_ACCESS_KEY", "0a" * 20, "secret access key"),
        ("VERCEL_TOKEN", "q7Zk2Vx9Lm4Tn8WcQq3Yr6Us", "token"),
        ("DD_API_KEY", "0a" * 16, "api key"),
    ],
)
def test_a_name_decides_where_the_shape_does_not(name: str, value: str, kind: str) -> None:
    assert looks_like(value, name) == kind
    assert looks_like(value, "STAGE") is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AWS_BRANCH", "main"),
        ("AMPLIFY_MONOREPO_APP_ROOT", "apps/web"),
        ("_LIVE_UPDATES", '[{"name":"Amplify CLI","pkg":"@aws-amplify/cli","type":"npm","version":"latest"}]'),
        ("AWS_COMMIT_ID", "0a" * 20),
        ("SECRET_ARN", "arn:aws:secretsmanager:us-east-1:111122223333:secret:prod/db-AbC123"),
        ("SECRET_NAME", "prod/db"),
        ("NEXTAUTH_URL", "https://main.d1a2b3c4d5e6f7.amplifyapp.com"),
        ("TOKEN_TTL", "3600"),
        ("API_KEY", ""),
        ("API_KEY", "${API_KEY}"),
        ("DATABASE_URL", "postgres://db.example.com:5432/app"),
        ("USER_POOL_CLIENT_ID", "4h57kd1q8v2m9c3x7z5n0p6r2t"),
    ],
)
def test_an_ordinary_value_looks_like_nothing(name: str, value: str) -> None:
    assert looks_like(value, name) is None


def test_a_secret_inside_a_value_counts() -> None:
    assert looks_like('{"db": {"password": "hunter2"}}', "CONFIG") == "password"
