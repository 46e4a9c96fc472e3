"""Amplify for moto, structured like moto's own services.

with amplify_on_moto() as amplify:
    client = boto3.client("amplify", region_name=amplify.region)
    amplify.control.set_connection(app_id, "lost")
"""

from __future__ import annotations

import re
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import moto
from moto import backend_index, mock_aws
from moto.core.models import DEFAULT_ACCOUNT_ID

from tests.fakes.amplify.control import Control
from tests.fakes.amplify.moto_adapter.log_search import search_as_documented
from tests.fakes.amplify.moto_adapter.models import amplify_backends
from tests.fakes.amplify.moto_adapter.urls import url_bases
from tests.fakes.amplify.open_questions import OpenQuestions, as_measured
from tests.fakes.quick_moto import quicken

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from tests.fakes.amplify.core import FakeAmplify
    from tests.fakes.amplify.moto_adapter.models import AmplifyBackend
    from tests.fakes.amplify.timing import Time

__all__ = ["AmplifyOnMoto", "amplify_backends", "amplify_on_moto"]


@dataclass(frozen=True, slots=True)
class AmplifyOnMoto:
    """The fake of one account and region, while `mock_aws` is active.

    Attributes:
        region: The region of the fake.
        account_id: The account of the fake.
    """

    region: str
    account_id: str = DEFAULT_ACCOUNT_ID

    @property
    def fake(self) -> FakeAmplify:
        """The fake, with its record of calls."""
        return self._backend.fake

    @property
    def control(self) -> Control:
        return Control(self.fake)

    @property
    def time(self) -> Time:
        """The fake's clock, which moves only when a test advances it."""
        return self.fake.state.ports.time

    @property
    def events(self) -> list[Mapping[str, Any]]:
        return self._backend.events.sent

    @property
    def log_origin(self) -> str:
        """The origin of build logs, `http://127.0.0.1:port`."""
        return self._backend.log_server.origin

    @property
    def _backend(self) -> AmplifyBackend:
        return amplify_backends[self.account_id][self.region]


@contextmanager
def amplify_on_moto(
    questions: OpenQuestions | None = None,
    *,
    region: str = "eu-central-1",
    account_id: str = DEFAULT_ACCOUNT_ID,
) -> Iterator[AmplifyOnMoto]:
    """Activate `mock_aws` with Amplify.

    Args:
        questions: Answers to the open questions in this region. Other regions have those of the run.
        region: The region of the fake.
        account_id: The account of the fake.
    """
    _register()
    with mock_aws():
        amplify = AmplifyOnMoto(region, account_id)
        amplify.fake.state.questions = questions or as_measured()
        yield amplify


def _register() -> None:
    """Register this package as a service of moto, once."""
    if "moto.amplify" in sys.modules:
        return
    sys.modules["moto.amplify"] = moto.amplify = sys.modules[__name__]  # type: ignore[attr-defined]
    backend_index.backend_url_patterns.append(("amplify", re.compile(url_bases[0])))
    search_as_documented()
    quicken()
