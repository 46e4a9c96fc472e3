"""Commands make sessions of their own; what botocore reads from its files is the same for all of them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import botocore.loaders
import botocore.session
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session", autouse=True)
def _service_models_are_read_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", cache(botocore.loaders.create_loader))
        yield
