"""The process that the bot runs in: HTTP, threads and ids come from the world. The costliest results are remembered."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from functools import lru_cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import urllib3
from slack_sdk.webhook import WebhookClient

from medic.incidents import record
from medic.redaction import redact
from tests.faults.fault import Fault

if TYPE_CHECKING:
    from tests.simulation.cloud import Json
    from tests.simulation.world import World

_REMEMBERED = 20_000
_remembered_redact = lru_cache(_REMEMBERED)(redact)
_read_incident = record._incident
_incidents_read: dict[str, Any] = {}


@contextmanager
def simulated(world: World) -> Iterator[World]:
    """Let the bot's HTTP, threads and ids come from this world."""
    cloud, counted = world.cloud, iter(range(1, 10**12))

    def fetched(_: object, method: str, url: str, **__: object) -> Any:  # noqa: ARG001
        return cloud.wire.around("s3:GetObject", lambda: cloud.download(url), _failed_download, _TIMED_OUT)

    def posted(_: object, body: Json, *__: object) -> Any:
        def answer() -> Any:
            status, text = cloud.post(body)
            return SimpleNamespace(status_code=status, body=text)

        return cloud.wire.around("slack:Post", answer, _failed_post, TimeoutError("timed out"))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(urllib3.PoolManager, "request", fetched)
        patch.setattr(WebhookClient, "send_dict", posted)
        patch.setattr("medic.aws.gather.ThreadPoolExecutor", _AtOnce)
        patch.setattr("medic.watch.look.ThreadPoolExecutor", _AtOnce)
        patch.setattr(
            "medic.incidents.table.uuid", SimpleNamespace(uuid4=lambda: SimpleNamespace(hex=f"{next(counted):032x}"))
        )
        for module in ("medic.aws.logs", "medic.logscan.scan"):
            patch.setattr(f"{module}.time", SimpleNamespace(monotonic=lambda: 0.0))
        patch.setattr("medic.alerts.model.redact", _remembered_redact)
        patch.setattr("medic.incidents.record._incident", _incident)
        yield world


def _incident(value: Json) -> Any:
    """The incident, read once for each content."""
    text = json.dumps(value)
    if text not in _incidents_read:
        if len(_incidents_read) == _REMEMBERED:
            _incidents_read.clear()
        _incidents_read[text] = _read_incident(value)
    return _incidents_read[text]


_TIMED_OUT = urllib3.exceptions.TimeoutError("timed out")


class _AtOnce(Executor):
    """Runs everything at once, in order, because threads would make runs differ."""

    def __init__(self, max_workers: int) -> None:
        """Take the same argument as ThreadPoolExecutor."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - the caller gets it from the future
            future.set_exception(error)
        return future


def _failed_download(fault: Fault) -> urllib3.HTTPResponse:
    if fault is Fault.TIMEOUT_BEFORE:
        raise _TIMED_OUT
    status = 503 if fault is Fault.THROTTLE else 500
    return urllib3.HTTPResponse(body=b"", status=status, preload_content=False)


def _failed_post(fault: Fault) -> Any:
    if fault is Fault.TIMEOUT_BEFORE:
        raise TimeoutError("timed out")
    return SimpleNamespace(status_code=429 if fault is Fault.THROTTLE else 500, body="error")
