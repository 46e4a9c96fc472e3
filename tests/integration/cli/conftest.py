"""Amplify and IAM under moto, switched on once a module: commands only look, and every test makes its own apps."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from moto.iam.models import iam_backends

from tests.fakes.amplify.moto_adapter import amplify_on_moto
from tests.fakes.slack import FakeSlack
from tests.fakes.sns_inbox import SnsInbox
from tests.integration.conftest import REGION, World

if TYPE_CHECKING:
    from tests.fakes.amplify.moto_adapter import AmplifyOnMoto

_ENVIRONMENT = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}


@pytest.fixture(scope="module")
def amplify() -> Iterator[AmplifyOnMoto]:
    """The fake, an hour after it was made."""
    with pytest.MonkeyPatch.context() as patch, amplify_on_moto(region=REGION) as made:
        for name, value in _ENVIRONMENT.items():
            patch.setenv(name, value)
        made.control.advance(3600)
        yield made


@pytest.fixture
def world(amplify: AmplifyOnMoto) -> Iterator[World]:
    """The world as a person at a terminal sees it: nobody listens, no bot is wired up."""
    assert os.environ["AWS_ACCESS_KEY_ID"] == "test"
    amplify.control.forget_calls()
    yield World(amplify, FakeSlack(), "", SnsInbox.__new__(SnsInbox), "", "")
    amplify.fake.denied.clear()
    iam_backends[amplify.account_id].reset()
