"""Every command creates its own boto3 session. botocore's service models are the same in all of them, so cache them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import botocore.loaders
import botocore.session
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session", autouse=True)
def _cache_service_models() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", cache(botocore.loaders.create_loader))
        yield
