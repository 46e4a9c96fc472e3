"""Caches that make the fault suite faster without changing what it proves."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pytest

from medic.redaction import engine

if TYPE_CHECKING:
    from medic.redaction.spans import Span

_REDACTOR = engine._Redactor


@cache
def _redacted(text: str, *, emails: bool) -> str:
    return _REDACTOR(emails=emails).text(text)


class _CachedRedactor:
    """Redacts one text, like `redact`: the paths compose the same few alerts hundreds of times."""

    def __init__(self, *, emails: bool) -> None:
        self._emails = emails
        self._used = False

    def text(self, text: str) -> str:
        if self._used:
            raise AssertionError("several lines share state: the cache must not answer for them")
        self._used = True
        return _redacted(text, emails=self._emails)

    def spans(self, line: str) -> list[Span]:
        return _REDACTOR(emails=self._emails).spans(line)


@pytest.fixture(autouse=True)
def _redact_equal_texts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_Redactor", _CachedRedactor)
