"""Reads IAM policy documents as IAM does: one value may stand in place of a list of one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping


def statements(document: Mapping[str, object]) -> list[object]:
    """The statements as they are written, whether they are valid or not."""
    given = document.get("Statement", [])
    return given if isinstance(given, list) else [given]


def allow_statements(documents: Iterable[Mapping[str, object]]) -> Iterator[Mapping[str, object]]:
    """The Allow statements of several documents."""
    for document in documents:
        for statement in statements(document):
            if isinstance(statement, Mapping) and statement.get("Effect") == "Allow":
                yield statement


def texts(element: object) -> list[str]:
    """The strings of an element such as Action or Resource; empty if it is missing."""
    items = element if isinstance(element, list) else [element]
    return [item for item in items if isinstance(item, str)]
