"""What a shell completes besides commands and options: regions, apps, branches and entries of the knowledge base.

Apps and branches are the first page of one AWS call. A completion that is slow or fails completes nothing, because a
shell has no place for an error in the middle of a line.
"""

from __future__ import annotations

from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING, Any

from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import click
    from botocore.config import Config

SECONDS = 3.0
"""How long a shell waits for a completion."""
_PAGE = 100
"""The most that ListApps answers. ListBranches answers at most 50."""


def within_time(find: Callable[[], Iterable[CompletionItem]]) -> list[CompletionItem]:
    """What the function found, or nothing if it failed or took longer than `SECONDS`."""
    found: list[CompletionItem] = []

    def run() -> None:
        with suppress(Exception):  # the module's docstring says why
            found.extend(find())

    thread = Thread(target=run, daemon=True)
    thread.start()
    thread.join(SECONDS)
    return list(found)


def regions(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Regions that have Amplify, as boto3 knows them."""

    def find() -> Iterable[CompletionItem]:
        from boto3.session import Session  # noqa: PLC0415 - only some completions need it

        known = Session().get_available_regions("amplify")
        return (CompletionItem(region) for region in known if region.startswith(incomplete))

    return within_time(find)


def apps(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Ids of apps with their names. An app is found by the start of either."""

    def find() -> Iterable[CompletionItem]:
        for app in _amplify(context).list_apps(maxResults=_PAGE)["apps"]:
            if app["appId"].startswith(incomplete) or app["name"].lower().startswith(incomplete.lower()):
                yield CompletionItem(app["appId"], help=one_line(app["name"]))

    return within_time(find)


def branches(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Branches of the app that precedes them on the command line."""
    app_id = context.params.get("app")

    def find() -> Iterable[CompletionItem]:
        for branch in _amplify(context).list_branches(appId=app_id)["branches"]:
            if branch["branchName"].startswith(incomplete) and branch["branchName"].isprintable():
                yield CompletionItem(branch["branchName"])

    return within_time(find) if app_id else []


def entries(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Ids of the knowledge base with their titles."""
    from medic.knowledge import ENTRIES  # noqa: PLC0415

    return [CompletionItem(entry.id, help=entry.title) for entry in ENTRIES if entry.id.startswith(incomplete)]


def impatient() -> Config:
    """The configuration of a client that answers or fails while a shell waits."""
    from botocore.config import Config  # noqa: PLC0415

    return Config(connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 1})


def _amplify(context: click.Context) -> Any:  # noqa: ANN401 - a client of Amplify
    from medic_cli.aws import session  # noqa: PLC0415

    chosen = session(context.params.get("profile"), context.params.get("region"))
    return chosen.client("amplify", config=impatient())


def one_line(text: str) -> str:
    """A text from AWS as one printable line, because the shell shows it as it is."""
    return "".join(character for character in " ".join(text.split()) if character.isprintable())
