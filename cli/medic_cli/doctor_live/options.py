"""The options that `--live` adds to `medic doctor`. `medic doctor --help` needs only this module."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from medic_cli import completion
from medic_cli.options import check_app_id

F = TypeVar("F", bound=Callable[..., object])
_FILE = click.Path(dir_okay=False, path_type=Path)


def live_options(command: F) -> F:
    """`--live APP`, and what belongs to it: `--policy`, `--yes`, `--journal`, `--answers`."""
    command = click.option(
        "--answers", type=_FILE, metavar="FILE", help="With --live: where to write what was measured."
    )(command)
    command = click.option("--journal", type=_FILE, metavar="FILE", help="With --live: what must be undone.")(command)
    command = click.option("--yes", "-y", is_flag=True, help="With --live: do not ask for confirmation.")(command)
    command = click.option("--policy", is_flag=True, help="With --live: print the IAM policy it needs, and stop.")(
        command
    )
    return click.option(
        "--live",
        metavar="APP",
        callback=check_app_id,
        shell_complete=completion.apps,
        help="Play failures in a scratch app, and undo everything. See docs/doctor-app.",
    )(command)
