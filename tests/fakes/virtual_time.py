"""Virtual time: hours of waiting take no real time, and timings stay exact.

The clock of the event loop jumps to the next timer as soon as nothing runs: no callback is due, and each thread of the
executor is idle or sleeps in `VirtualTime.sleep`. Work of the threads between two waits takes no virtual time.
"""

from __future__ import annotations

import asyncio
import selectors
import threading
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from medic_cli.scan.aws import WallTime

if TYPE_CHECKING:
    from collections.abc import Callable


class VirtualTime(WallTime):
    """The clock of a `VirtualLoop`, for threads."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def now(self) -> float:
        return self._loop.time()

    def sleep(self, seconds: float) -> None:
        if seconds > 0:
            awake = threading.Event()
            self._loop.call_soon_threadsafe(self._loop.put_to_sleep, seconds, awake)
            awake.wait()

    def stop(self) -> None:
        """Do nothing: no thread waits after the end of a scan."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """The event loop. It supports one executor."""

    def __init__(self) -> None:
        self._now = 0.0
        self._jobs = 0
        self._workers = 0
        self._asleep = 0
        super().__init__(_Selector(self))

    def time(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        self._now += seconds

    @property
    def busy(self) -> bool:
        """True while a thread works, so that the loop must wait for it."""
        return min(self._jobs, self._workers) > self._asleep

    def run_in_executor(  # type: ignore[override]
        self, executor: Executor | None, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        if not isinstance(executor, ThreadPoolExecutor):
            raise TypeError("virtual time needs to know how many threads there are")
        self._workers = executor._max_workers
        self._jobs += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._finished)
        return future

    def put_to_sleep(self, seconds: float, awake: threading.Event) -> None:
        self._asleep += 1
        self.call_later(seconds, self._wake, awake)

    def _wake(self, awake: threading.Event) -> None:
        self._asleep -= 1
        awake.set()

    def _finished(self, _: asyncio.Future[Any]) -> None:
        self._jobs -= 1


class _Selector(selectors.DefaultSelector):
    """Waits for threads in real time, and for timers by advancing the clock."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if self._loop.busy and timeout != 0:
            return super().select(None)
        ready = super().select(0 if timeout else timeout)
        if timeout and not ready:
            self._loop.advance(timeout)
        return ready
