"""The `medic doctor` command."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from medic_cli import completion
from medic_cli.aws import stack_option
from medic_cli.files import write_text
from medic_cli.options import aws_options, check_app_id, examples, json_option
from medic_cli.output import print_json

F = TypeVar("F", bound=Callable[..., object])
_FILE = click.Path(dir_okay=False, path_type=Path)
_EXAMPLES = examples(
    "medic doctor",
    "medic doctor --stack AmplifyMedic --region eu-central-1 --json",
    "Also show the checks that pass:",
    "medic doctor --verbose --html doctor.html",
    "Play failures in a scratch app:",
    "medic doctor --live d2examplescratch",
)


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


@click.command("doctor", epilog=_EXAMPLES)
@stack_option
@click.option("--verbose", "-v", is_flag=True, help="Also show the checks that pass.")
@click.option("--html", type=_FILE, metavar="FILE",
              help="Also write the result as one self-contained HTML page.")  # fmt: skip
@live_options
@aws_options
@json_option
def command(  # noqa: PLR0913
    *,
    stack: str,
    verbose: bool,
    html: Path | None,
    live: str | None,
    policy: bool,
    yes: bool,
    journal: Path | None,
    answers: Path | None,
    as_json: bool,
    **aws: Any,  # noqa: ANN401 - click's
) -> None:
    """Check whether a deployed stack keeps its promises, and show the command that repairs what does not.

    Uses your credentials and changes nothing. A call that you may not make gives "unknown", and names the permission.

    Exits with 0 if every check passes, 1 if one fails, 2 on wrong usage, 3 if none fails but some are unknown.

    With --live it writes, but only in a scratch app that is tagged for it, and it asks first.
    """
    # Imported here because help and usage errors need no boto3.
    from medic_cli.aws import session  # noqa: PLC0415
    from medic_cli.doctor.checks import check_up  # noqa: PLC0415
    from medic_cli.doctor.output import as_answer, print_check_up  # noqa: PLC0415
    from medic_cli.doctor.page import doctor_page  # noqa: PLC0415
    from medic_cli.doctor.reader import Reader  # noqa: PLC0415
    from medic_cli.doctor_live.command import LiveOptions, doctor_live  # noqa: PLC0415

    if live is not None:
        doctor_live(session(**aws), LiveOptions(live, stack, as_json, yes, journal, answers), policy=policy)
        return
    if policy:
        raise click.UsageError("--policy needs --live APP.")
    began = time.monotonic()
    facts = Reader(session(**aws), stack, datetime.now(UTC)).facts()
    found = check_up(facts, time.monotonic() - began)
    if html is not None:
        write_text(html, doctor_page(found))
    if as_json:
        print_json(as_answer(found))
    else:
        print_check_up(found, verbose=verbose)
    sys.exit(found.exit_code)
