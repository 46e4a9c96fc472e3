"""Runs a check-up of one stack."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from medic.gateways import utc_now
from medic_cli.doctor.checks import all_checks
from medic_cli.doctor.model import CheckUp
from medic_cli.doctor.reader import Reader

if TYPE_CHECKING:
    from boto3.session import Session


def check_up(session: Session, stack: str) -> CheckUp:
    """Read the stack, and judge what was read.

    Raises:
        CouldNotLookError: there is no such stack, or CloudFormation does not tell what it should be.
    """
    began = time.monotonic()
    facts = Reader(session, stack, utc_now()).facts()
    place, checks = facts.place, all_checks(facts)
    return CheckUp(place.account, place.region, stack, facts.read_at, time.monotonic() - began, checks)
