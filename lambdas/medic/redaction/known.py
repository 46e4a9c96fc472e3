"""Remembers the secrets that were found, for where they are printed again with nothing beside them that says so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from medic.redaction.spans import Span
from medic.redaction.values import is_telling

_MOST = 64
_SHORTEST, _LONGEST = 10, 256
_OF_MANY_LINES = "private key"


@dataclass(slots=True)
class Known:
    """The last few secrets of a text; those short or plain enough to be a word of it are not kept."""

    kinds: dict[str, str] = field(default_factory=dict)

    def remember(self, line: str, spans: Iterable[Span]) -> None:
        """Keep what these spans of a line hold."""
        for span in spans:
            secret = line[span.start : span.end]
            if span.kind != _OF_MANY_LINES and _SHORTEST <= len(secret) <= _LONGEST and is_telling(secret):
                self.kinds.setdefault(secret, span.kind)
        while len(self.kinds) > _MOST:
            del self.kinds[next(iter(self.kinds))]

    def spans(self, line: str) -> Iterator[Span]:
        """Yield every place of a line that holds one of them."""
        for secret, kind in self.kinds.items():
            start = line.find(secret)
            while start >= 0:
                yield Span(start, start + len(secret), kind)
                start = line.find(secret, start + len(secret))
