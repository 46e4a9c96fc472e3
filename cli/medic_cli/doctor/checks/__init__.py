"""All checks. They are pure: the same facts give the same answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medic_cli.doctor.checks import alerts, apps, delivery, functions, roles, stack, storage
from medic_cli.doctor.model import CheckUp

if TYPE_CHECKING:
    from medic_cli.doctor.facts import Facts

_AREAS = (
    *(stack.checks, delivery.checks, functions.checks, storage.checks),
    *(roles.checks, alerts.checks, apps.checks),
)


def check_up(facts: Facts, seconds: float) -> CheckUp:
    """Judge what was read, in this many seconds."""
    place = facts.place
    checks = tuple(check for area in _AREAS for check in area(facts))
    return CheckUp(place.account, place.region, facts.stack.name, facts.read_at, seconds, checks)
