"""All checks. They are pure: the same facts give the same answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medic_cli.doctor.checks import alerts, apps, delivery, functions, roles, stack, storage

if TYPE_CHECKING:
    from medic_cli.doctor.facts import Facts
    from medic_cli.doctor.model import Check

_AREAS = (*(stack.checks, delivery.checks, functions.checks, storage.checks, roles.checks, alerts.checks, apps.checks),)


def all_checks(facts: Facts) -> tuple[Check, ...]:
    return tuple(check for area in _AREAS for check in area(facts))
