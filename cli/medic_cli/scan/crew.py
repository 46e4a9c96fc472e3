"""Blocking calls, awaited: threads for them, and things that many want and that are asked for once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from medic_cli.scan.rate import AT_ONCE

T = TypeVar("T")


class Crew:
    """Threads: enough for a few calls at the same time to each place, so that no place waits for another."""

    def __init__(self, places: Iterable[str]) -> None:
        self._turns = {place: asyncio.Semaphore(AT_ONCE) for place in places}
        self._pool = ThreadPoolExecutor(max_workers=len(self._turns) * AT_ONCE, thread_name_prefix="medic-scan")

    async def call(self, place: str, job: Callable[[], T]) -> T:
        """Do a blocking job that calls one place."""
        async with self._turns[place]:
            return await asyncio.get_running_loop().run_in_executor(self._pool, job)

    def dismiss(self) -> None:
        """Take no more jobs; those under way end by themselves."""
        self._pool.shutdown(wait=False, cancel_futures=True)


class Once(Generic[T]):
    """Asks for each thing once, however many want it at the same time or later."""

    def __init__(self, ask: Callable[[str], Awaitable[T]]) -> None:
        self._ask = ask
        self._answers: dict[str, asyncio.Future[T]] = {}

    async def get(self, key: str) -> T:
        """The answer for one key."""
        if key not in self._answers:
            self._answers[key] = asyncio.ensure_future(self._ask(key))
        return await self._answers[key]
