"""The progress bar: on standard error, and on a terminal only."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from medic_cli.scan.words import counted

if TYPE_CHECKING:
    from medic_cli.scan.scanner import Scanner


@contextmanager
def progress_bar() -> Iterator[Callable[[Scanner], None]]:
    """Gives what the scanner is to tell whenever it got on; shows nothing where standard error is no terminal."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    columns = (
        SpinnerColumn(),
        TextColumn("apps"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[said]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("scan", total=None, said="listing apps")

        def tell(scanner: Scanner) -> None:
            regions = scanner.seen.values()
            done, found = sum(seen.apps for seen in regions), sum(seen.apps_found for seen in regions)
            bar.update(task, completed=done, total=found or None, said=_said(scanner))

        yield tell


def _said(scanner: Scanner) -> str:
    calls = counted(sum(scanner.estate.calls.values()), "call")
    slowest = scanner.estate.slowest
    return f"{calls}, throttled to {slowest.now:.1f} a second" if slowest else calls
