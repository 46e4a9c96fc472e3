"""What several commands share on their command line: options, names of apps and branches, examples in the help."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import click

_LENGTH = re.compile(r"(\d{1,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_FORM = "must be a number and a unit: 90s, 30m, 2h, 7d"


def length_of_time(most: timedelta) -> Callable[[click.Context, click.Parameter, str | None], timedelta | None]:
    """Reads an option such as `2h`, of at most so long."""

    def read(_ctx: click.Context, _param: click.Parameter, value: str | None) -> timedelta | None:
        if value is None:
            return None
        length = _length(value)
        if length is None:
            raise click.BadParameter(f"{value!r} {_FORM}.")
        if length > most:
            raise click.BadParameter(f"{value!r} is more than {in_words(most)}.")
        return length

    return read


def since(_ctx: click.Context, _param: click.Parameter, value: str | None) -> datetime | None:
    """Reads an option such as `7d` (ago) or `2026-02-20`, UTC unless it says otherwise."""
    if value is None:
        return None
    length = _length(value)
    if length is not None:
        return datetime.now(UTC) - length
    try:
        time = datetime.fromisoformat(value)
    except ValueError:
        raise click.BadParameter(
            f"{value!r} is no date such as 2026-02-20, and no length of time such as 7d."
        ) from None
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


def in_words(length: timedelta) -> str:
    """A length of time as it is written on the command line."""
    seconds = int(length.total_seconds())
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def _length(value: str) -> timedelta | None:
    match = _LENGTH.fullmatch(value)
    return timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else None


F = TypeVar("F", bound=Callable[..., object])

_APP = re.compile(r"d[a-z0-9]{1,19}")
_LONGEST_BRANCH = 255


def _app_id(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    if value is not None and not _APP.fullmatch(value):
        raise click.BadParameter(f"{value!r} is not the id of an Amplify app, such as d1a2b3c4d5e6f7.")
    return value


def _branch_name(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    if value is not None and not 1 <= len(value) <= _LONGEST_BRANCH:
        raise click.BadParameter(f"a branch's name has 1 to {_LONGEST_BRANCH} characters.")
    return value


def app_argument(*, required: bool = True) -> Callable[[F], F]:
    """`APP`: an app's id."""
    return click.argument("app", metavar="APP" if required else "[APP]", required=required, callback=_app_id)


def branch_argument(*, required: bool = True) -> Callable[[F], F]:
    """`BRANCH`: a branch's name."""
    return click.argument(
        "branch", metavar="BRANCH" if required else "[BRANCH]", required=required, callback=_branch_name
    )


@dataclass(frozen=True, slots=True)
class AppAndBranch:
    """`APP/BRANCH` on a command line; a branch's name may hold slashes itself."""

    app_id: str
    branch: str

    @classmethod
    def parse(cls, text: str) -> AppAndBranch | None:
        """The two, or None if the text is nothing of the kind."""
        app_id, slash, branch = text.partition("/")
        if not (_APP.fullmatch(app_id) and slash and 1 <= len(branch) <= _LONGEST_BRANCH):
            return None
        return cls(app_id, branch)

    def __str__(self) -> str:
        return f"{self.app_id}/{self.branch}"


def aws_options(command: F) -> F:
    """`--profile` and `--region`."""
    # The AWS CLI goes by AWS_REGION before anything else; boto3 knows only AWS_DEFAULT_REGION and the profile.
    command = click.option(
        "--region", metavar="REGION", envvar="AWS_REGION", help="The AWS region; by default the environment's."
    )(command)
    return click.option("--profile", metavar="NAME", help="The AWS profile; by default the environment's.")(command)


def json_option(command: F) -> F:
    """`--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")(command)


def change_options(command: F) -> F:
    """`--dry-run` and `--yes`, for what changes something."""
    command = click.option("--yes", "-y", is_flag=True, help="Do not ask.")(command)
    return click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")(command)


def examples(*lines: str) -> str:
    """The examples at the end of a command's help, each on a line of its own."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])
