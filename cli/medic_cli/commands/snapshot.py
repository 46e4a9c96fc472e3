"""`medic snapshot`: write down how things stand, before anything is changed. Read-only."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from medic_cli.aws_session import explained, session
from medic_cli.failure import CouldNotLookError
from medic_cli.options import app_argument, aws_options, branch_argument, examples
from medic_cli.snapshot.reading import SnapshotReader

_EXAMPLES = examples(
    "medic snapshot d1a2b3c4d5e6f7 --out before.json",
    "medic snapshot d1a2b3c4d5e6f7 main --out main.json",
    "medic snapshot d1a2b3c4d5e6f7 main --out - | jq .roles",
)


@click.command("snapshot", epilog=_EXAMPLES)
@app_argument()
@branch_argument(required=False)
@click.option("--out", type=click.Path(allow_dash=True, dir_okay=False), metavar="FILE", required=True,
              help="Where to write it; - writes to standard output.")  # fmt: skip
@click.option("--force", is_flag=True, help="Overwrite a file that is there.")
@aws_options
def command(  # noqa: PLR0913 - click passes options by name
    *, app: str, branch: str | None, out: str, force: bool, profile: str | None, region: str | None
) -> None:
    """Write down the state of an app's branches: roles, trust, policies, repository, build settings.

    Without BRANCH, every branch. Holds names of environment variables and never their values, no basic-auth
    credentials, and fingerprints in the place of build specifications and trust policies. `medic compare` reads it.

    Exits with 0 once it is written, 2 on wrong usage, 3 if AWS could not be asked or the file could not be written.
    """
    if out != "-" and Path(out).exists() and not force:
        raise click.UsageError(f"{out} is there already: name another file, or --force to overwrite it.")
    with explained():
        taken = SnapshotReader(session(profile, region), lambda: datetime.now(UTC)).take(app, branch)
    text = json.dumps(taken, indent=2) + "\n"
    if out == "-":
        sys.stdout.write(text)
        return
    try:
        Path(out).write_text(text, encoding="utf-8")
    except OSError as error:
        raise CouldNotLookError(f"{out} can't be written: {error.strerror}.") from None
    click.echo(f"Written to {out}.", err=True)
