"""Amplify and IAM under moto, started once a module. Every test creates its own apps."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import boto3.session
import pytest
from moto.iam.models import iam_backends

from tests.fakes.amplify.moto_adapter import amplify_on_moto
from tests.fakes.deployed_stack import FakeStack, use
from tests.fakes.quick_session import QuickSession
from tests.fakes.slack import FakeSlack
from tests.fakes.sns_inbox import SnsInbox
from tests.integration.conftest import REGION, World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fakes.amplify.moto_adapter import AmplifyOnMoto

_ENVIRONMENT = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}


@pytest.fixture(scope="module")
def deployment() -> Iterator[FakeStack]:
    """A fake deployed stack at one address. Each test sets its outputs and answers."""
    fake = FakeStack()
    with fake.endpoint() as endpoint, pytest.MonkeyPatch.context() as patch:
        use(patch, endpoint)
        yield fake


@pytest.fixture(scope="module")
def amplify(deployment: FakeStack) -> Iterator[AmplifyOnMoto]:
    """The fake of Amplify. Sessions are cached, so commands share their clients."""
    del deployment  # its address must be known before the first client is made
    sessions: dict[str, QuickSession] = {}

    def session(*, region_name: str | None = None, aws_session_token: str = "", **_: Any) -> QuickSession:
        region = region_name or REGION
        name = f"{region} {bool(aws_session_token)}"
        if name not in sessions:
            sessions[name] = QuickSession("terminal", region)
        return sessions[name]

    with pytest.MonkeyPatch.context() as patch, amplify_on_moto(region=REGION) as fake:
        for name, value in _ENVIRONMENT.items():
            patch.setenv(name, value)
        patch.setattr(boto3.session, "Session", session)
        yield fake


@pytest.fixture
def stack(deployment: FakeStack) -> Iterator[FakeStack]:
    """The deployed stack, empty for each test."""
    yield deployment
    fresh = FakeStack()
    for each in fields(fresh):
        setattr(deployment, each.name, getattr(fresh, each.name))


@pytest.fixture
def world(amplify: AmplifyOnMoto) -> Iterator[World]:
    """The AWS account that a user at a terminal sees, without a bot and without alert channels."""
    amplify.control.forget_calls()
    yield World(amplify, FakeSlack(), "", SnsInbox.__new__(SnsInbox), "", "")
    amplify.fake.denied.clear()
    iam_backends[amplify.account_id].reset()
