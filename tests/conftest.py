"""What holds for every test: property tests are deterministic, and never judged by this machine's speed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    import pytest

EVERY_FAULT = "--every-fault"

settings.register_profile("suite", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`make faults` asks for more than fits into `make test`."""
    parser.addoption(EVERY_FAULT, action="store_true", help="let every call go wrong in every way, whatever follows")
