from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medic.labels import Identity
from medic.logscan.principal import parse_principal

ASSUMED = "arn:aws:sts::111122223333:assumed-role"


@pytest.mark.parametrize(
    ("text", "identity"),
    [
        (f"{ASSUMED}/amplify-service/BuildSession", Identity.SERVICE_ROLE),
        (f"{ASSUMED}/AmplifySSRLoggingRole-1/BuildSession", Identity.SERVICE_ROLE),
        (f"{ASSUMED}/AmplifySSRLoggingRole-1/AmplifyHostingCompute-app=d1", Identity.COMPUTE_ROLE),
        (f"{ASSUMED}/AemiliaControlPlaneLambda-CodeBuildRole-1P/AWSCodeBuild-40", Identity.AMPLIFY_OWN),
        ("assumed-role/AemiliaControlPlaneLambda-CodeBuildRole-...", Identity.AMPLIFY_OWN),
        (f"{ASSUMED}/my-codebuild-role/AWSCodeBuild-40", Identity.USER),
        (f"{ASSUMED}/us-east-1_AbC_Full-access/amplifyadmin", Identity.STUDIO),
        (f"{ASSUMED}/us-east-1_AbC_Full-access/CognitoIdentityCredentials", Identity.STUDIO),
        (f"{ASSUMED}/amplify-app-authRole/CognitoIdentityCredentials", Identity.COGNITO_USER),
        ("arn:aws:iam::111122223333:user/mateo", Identity.USER),
        ("arn:aws:iam::111122223333:root", Identity.USER),
        ("arn:aws-cn:sts::111122223333:assumed-role/r/BuildSession", Identity.SERVICE_ROLE),
        ("arn:aws:sts::...:assumed-role/r/BuildSession", Identity.SERVICE_ROLE),
        ("anonymous", Identity.NOBODY),
        ("...", Identity.UNKNOWN),
    ],
)
def test_the_principal_shows_whose_credentials_were_used(text: str, identity: Identity) -> None:
    assert parse_principal(text).identity is identity


def test_a_missing_principal_is_unknown() -> None:
    assert parse_principal(None).identity is Identity.UNKNOWN


def test_an_assumed_role_arn_is_parsed() -> None:
    principal = parse_principal(f"{ASSUMED}/amplify-service/BuildSession")

    assert (principal.account, principal.role_name, principal.session_name) == (
        "111122223333",
        "amplify-service",
        "BuildSession",
    )


def test_a_role_arn_gives_its_name_without_its_path() -> None:
    assert parse_principal("arn:aws:iam::111122223333:role/service-role/amplify").role_name == "amplify"


@given(st.text(max_size=300))
def test_any_text_is_parsed_without_raising(text: str) -> None:
    principal = parse_principal(text)

    assert principal.principal == text
    assert principal.identity in Identity
