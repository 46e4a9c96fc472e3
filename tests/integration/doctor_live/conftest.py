"""The clinic of one test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.doctor_live.scratch import Clinic

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.conftest import World


@pytest.fixture
def clinic(world: World, tmp_path: Path) -> Clinic:
    return Clinic(world, tmp_path)
