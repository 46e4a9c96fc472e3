from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from botocore.config import Config

from tests.fakes.amplify.moto_adapter import AmplifyOnMoto, amplify_on_moto
from tests.fakes.quick_session import QuickSession

if TYPE_CHECKING:
    from collections.abc import Iterator

    import boto3
    from types_boto3_amplify import AmplifyClient


class MakeRole(Protocol):
    def __call__(self, name: str = "compute", trust: dict[str, Any] | None = None) -> str: ...


def trust_policy(
    service: str = "amplify.amazonaws.com", conditions: dict[str, dict[str, str]] | None = None
) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [{**statement, **({"Condition": conditions} if conditions else {})}]}


@pytest.fixture
def amplify() -> Iterator[AmplifyOnMoto]:
    with amplify_on_moto() as running:
        yield running


@pytest.fixture(scope="session")
def session() -> QuickSession:
    return QuickSession("AKIAINVENTED", "eu-central-1")


@pytest.fixture(scope="session")
def impatient() -> AmplifyClient:
    """A client that does not retry."""
    config = Config(retries={"total_max_attempts": 1, "mode": "standard"})
    client: AmplifyClient = QuickSession("AKIAINVENTED", "eu-central-1").client("amplify", config=config)
    return client


@pytest.fixture
def client(amplify: AmplifyOnMoto, session: boto3.Session) -> AmplifyClient:
    return session.client("amplify", region_name=amplify.region)


@pytest.fixture
def one_attempt(amplify: AmplifyOnMoto, impatient: AmplifyClient) -> AmplifyClient:  # noqa: ARG001 - moto must run
    return impatient


@pytest.fixture
def make_role(amplify: AmplifyOnMoto, session: boto3.Session) -> MakeRole:  # noqa: ARG001 - moto must run
    iam = session.client("iam")

    def make(name: str = "compute", trust: dict[str, Any] | None = None) -> str:
        document = json.dumps(trust or trust_policy())
        return iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]

    return make


@pytest.fixture
def app_id(client: AmplifyClient) -> str:
    app = client.create_app(name="shop", platform="WEB_COMPUTE", repository="https://github.com/acme/shop")
    client.create_branch(appId=app["app"]["appId"], branchName="main")
    return app["app"]["appId"]
