"""Arguments and options that several commands share, their parsers, and the examples at the end of a command's help."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import click

from medic_cli import completion

F = TypeVar("F", bound=Callable[..., object])

_MAX_BRANCH_NAME = 255
_DURATION = re.compile(r"(\d{1,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def examples(*lines: str) -> str:
    """The text for a command's `epilog`: commands, and before some a line that ends in a colon and explains the next.

    No example has a comment, because zsh passes a pasted comment as arguments. The leading backspace tells click to
    keep the line breaks.
    """
    return "\n".join(["\b", "Examples:", *(line if line.endswith(":") else f"  {line}" for line in lines)])


def app_argument(*, required: bool = True) -> Callable[[F], F]:
    """`APP`: an app id."""
    metavar = "APP" if required else "[APP]"
    return click.argument(
        "app", metavar=metavar, required=required, callback=check_app_id, shell_complete=completion.apps
    )


def branch_argument(*, required: bool = True) -> Callable[[F], F]:
    """`BRANCH`: a branch name."""
    metavar = "BRANCH" if required else "[BRANCH]"
    return click.argument(
        "branch", metavar=metavar, required=required, callback=_branch_name, shell_complete=completion.branches
    )


@dataclass(frozen=True, slots=True)
class AppAndBranch:
    """`APP/BRANCH` on a command line. The branch name may contain slashes."""

    app_id: str
    branch: str

    @classmethod
    def parse(cls, text: str) -> AppAndBranch | None:
        """The app id and the branch name, or None if the text does not have the form `APP/BRANCH`."""
        app_id, slash, branch = text.partition("/")
        if not (_is_app_id(app_id) and slash and 1 <= len(branch) <= _MAX_BRANCH_NAME):
            return None
        return cls(app_id, branch)

    def __str__(self) -> str:
        return f"{self.app_id}/{self.branch}"


def aws_options(command: F) -> F:
    """`--profile` and `--region`."""
    # The AWS CLI prefers AWS_REGION to everything else; boto3 reads only AWS_DEFAULT_REGION and the profile.
    command = click.option(
        "--region",
        metavar="REGION",
        envvar="AWS_REGION",
        shell_complete=completion.regions,
        help="AWS region. Default: from the environment or profile.",
    )(command)
    return click.option("--profile", metavar="NAME", help="AWS profile. Default: from the environment.")(command)


def json_option(command: F) -> F:
    """`--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")(command)


def fail_on_option(command: F) -> F:
    """`--fail-on`, for commands that report findings."""
    return click.option(
        "--fail-on",
        type=click.Choice(["error", "warning", "never"]),
        default="error",
        show_default=True,
        help="Exit with 1 on findings of this severity or worse.",
    )(command)


def output_file(option: str, text: str) -> Callable[[F], F]:
    """An option for a file to write. Its folder is checked before the work, because that takes a while."""
    path = click.Path(dir_okay=False, path_type=Path)
    return click.option(option, type=path, metavar="FILE", callback=_writable, help=text)


def _writable(_ctx: click.Context, _param: click.Parameter, value: Path | None) -> Path | None:
    if value is not None and not value.absolute().parent.is_dir():
        raise click.BadParameter(f"there is no directory {value.absolute().parent}.")
    return value


def change_options(command: F) -> F:
    """`--dry-run` and `--yes`, for commands that change something."""
    command = click.option("--yes", "-y", is_flag=True, help="Do not ask for confirmation.")(command)
    return click.option("--dry-run", is_flag=True, help="Show what would be done, and do nothing.")(command)


def duration(longest: timedelta) -> Callable[[click.Context, click.Parameter, str | None], timedelta | None]:
    """A callback that parses an option such as `2h` and rejects anything longer than `longest`."""

    def parse(_ctx: click.Context, _param: click.Parameter, value: str | None) -> timedelta | None:
        if value is None:
            return None
        length = _parse_duration(value)
        if length is None:
            raise click.BadParameter(f"{value!r} must be a number and a unit: 90s, 30m, 2h, 7d.")
        if length > longest:
            raise click.BadParameter(f"{value!r} is more than {_format_duration(longest)}.")
        return length

    return parse


def since(_ctx: click.Context, _param: click.Parameter, value: str | None) -> datetime | None:
    """A callback that parses an option such as `7d` (ago) or `2026-02-20`. A time without a zone is UTC."""
    if value is None:
        return None
    length = _parse_duration(value)
    if length is not None:
        return datetime.now(UTC) - length
    try:
        time = datetime.fromisoformat(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} must be a date such as 2026-02-20, or a duration such as 7d.") from None
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


def check_app_id(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    """A callback that rejects what is no app id."""
    if value is not None and not _is_app_id(value):
        raise click.BadParameter(f"{value!r} is not an Amplify app id such as d1a2b3c4d5e6f7.")
    return value


def _is_app_id(text: str) -> bool:
    from medic.arns import APP_ID  # noqa: PLC0415 - `medic --help` needs only this module

    return APP_ID.fullmatch(text) is not None


def _branch_name(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    if value is not None and not 1 <= len(value) <= _MAX_BRANCH_NAME:
        raise click.BadParameter(f"a branch name must have 1 to {_MAX_BRANCH_NAME} characters.")
    return value


def _parse_duration(value: str) -> timedelta | None:
    match = _DURATION.fullmatch(value)
    return timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else None


def _format_duration(length: timedelta) -> str:
    seconds = int(length.total_seconds())
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
