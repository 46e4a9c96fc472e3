"""The process that the bot runs in: its HTTP, threads and ids come from the world. What it computes is remembered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from functools import cache, lru_cache
from pkgutil import resolve_name
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import urllib3
from slack_sdk.webhook import WebhookClient

from medic.incidents import record
from tests.faults.wire import Fault

if TYPE_CHECKING:
    from datetime import datetime

    from tests.simulation.cloud import Json
    from tests.simulation.world import World

_PURE = ("medic.alerts.model.redact", "medic.alerts.plain_text.visible")
"""Functions that depend on their arguments alone, and take much of the time. Their results are remembered."""
_REMEMBERED = 20_000
_read_incidents_anew = record._read_incidents
_read_before: dict[str, Any] = {}


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
        for name in _PURE:
            patch.setattr(name, _remembering(name))
        patch.setattr("medic.incidents.record._read_incidents", _read_incidents)
        yield world


@cache
def _remembering(name: str) -> Callable[..., Any]:
    return lru_cache(_REMEMBERED)(resolve_name(name))


def _read_incidents(attribute: Json | None, now: datetime) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """The same, read once for each text. What can't be read depends on the time, too."""
    text = (attribute or {}).get("S", "")
    if text in _read_before:
        return _read_before[text], ()
    incidents, unread = _read_incidents_anew(attribute, now)
    if not unread:
        if len(_read_before) == _REMEMBERED:
            _read_before.clear()
        _read_before[text] = incidents
    return incidents, unread


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
