"""`medic` as a process of its own, in a world where time passes at once: python -m tests.e2e.doctor_program ARGUMENTS.

It is the real command, but that its waits set the local cloud's clock ahead (not with DOCTOR_REAL_TIME), that pages of
Amplify are the local cloud's, and that DOCTOR_KILL, such as `before 7`, ends it with SIGKILL before its seventh write.
"""

from __future__ import annotations

import os
import signal
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from botocore.client import BaseClient

from medic.gateways import utc_now
from medic_cli.doctor_live import command, web
from medic_cli.doctor_live.names import BUILD
from medic_cli.main import main
from tests.emulator.cloud import call_control

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

KILL, REAL_TIME = "DOCTOR_KILL", "DOCTOR_REAL_TIME"
_DENIED = {"outcome": "access_denied", "action": "iam:ListUsers"}
_READS = ("Get", "List", "Filter", "Receive", "Describe")


class World:
    """What the doctor finds around it."""

    def __init__(self, endpoint_url: str, ca_bundle: str | None, region: str) -> None:
        self.endpoint_url = endpoint_url
        self._ca_bundle, self._region = Path(ca_bundle) if ca_bundle else None, region
        self._ahead = timedelta()

    def clock(self) -> datetime:
        return utc_now() + self._ahead

    def sleep(self, seconds: float) -> None:
        self.control("advance", seconds)
        self._ahead += timedelta(seconds=seconds)

    def visit(self, url: str) -> web.PageAnswer:
        name, app_id = url.removeprefix("https://").split(".")[:2]
        answer = self.control("request", app_id, name.replace("-", "/"))
        if answer["status"] == 200:
            return web.PageAnswer.ROLE
        no_role = "Could not load credentials" in answer["message"]
        return web.PageAnswer.NO_ROLE if no_role else web.PageAnswer.OTHER

    def log_reader(self, _origins: object) -> web.ReadLog:
        """A reader of the local cloud's logs, although no stack with the setting log_url_origins is deployed."""
        return web.log_reader((self.endpoint_url,))

    def control(self, method: str, *args: object) -> Any:
        return call_control(self.endpoint_url, self._ca_bundle, self._region, method, *args)


def follow_calls(world: World, when: str, number: int) -> None:
    """Play what the repository's amplify.yml does to a new branch; and end the process at a write.

    Args:
        world: the doctor's surroundings.
        when: `before` or `after` the write.
        number: the write; 0 for none.
    """
    call: Any = BaseClient._make_api_call  # type: ignore[attr-defined]
    writes = 0

    def made(client: BaseClient, operation: str, arguments: Mapping[str, Any]) -> Any:
        nonlocal writes
        is_write = not operation.startswith(_READS)
        writes += is_write
        here = is_write and writes == number
        if here and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        answer = call(client, operation, arguments)
        if here:
            os.kill(os.getpid(), signal.SIGKILL)
        if operation == "CreateBranch" and arguments["branchName"] == BUILD:
            world.control("script_builds", arguments["appId"], BUILD, _DENIED)
        return answer

    BaseClient._make_api_call = made  # type: ignore[attr-defined]


if __name__ == "__main__":
    world = World(os.environ["AWS_ENDPOINT_URL"], os.environ.get("AWS_CA_BUNDLE"), os.environ["AWS_REGION"])
    replaced: Any = command
    if REAL_TIME not in os.environ:
        replaced.time, replaced.utc_now = SimpleNamespace(sleep=world.sleep), world.clock
    replaced.visit, replaced.log_reader = world.visit, world.log_reader
    when, _, number = os.environ.get(KILL, "").partition(" ")
    follow_calls(world, when, int(number or 0))
    main(prog_name="medic")
