"""Tests with a table of hundreds of cases. As tests of their own, these would take most of the time of a run."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable

Test = Callable[..., None]
_MOST_NAMED, _MOST_SHOWN = 20, 5


def table(name: str, cases: Iterable[Any], ids: Callable[[Any], str] = str) -> Callable[[Test], Test]:
    """Run a test with every case of a table, as one test.

    All cases run. The failure names those that failed, and shows the first ones.

    Args:
        name: the parameter that gets a case.
        cases: at least one case.
        ids: names a case.
    """
    rows = list(cases)

    def decorate(test: Test) -> Test:
        def run(**others: Any) -> None:
            assert rows, "the table is empty"
            failed: list[tuple[str, BaseException]] = []
            for case in rows:
                try:
                    test(**{name: case}, **others)
                except (Exception, pytest.fail.Exception) as error:  # noqa: BLE001 - all are raised below
                    failed.append((ids(case), error))
            if failed:
                names = ", ".join(case for case, _ in failed[:_MOST_NAMED])
                message = f"{len(failed)} of {len(rows)} cases: {names}"
                raise BaseExceptionGroup(message, [error for _, error in failed[:_MOST_SHOWN]])

        whole = signature(test)
        others = [each for each in whole.parameters.values() if each.name != name]
        run.__dict__.update(vars(test))  # the marks below this one
        run.__signature__ = whole.replace(parameters=others)  # type: ignore[attr-defined]  # for the other parameters
        run.__name__, run.__doc__ = test.__name__, test.__doc__
        return run

    return decorate
