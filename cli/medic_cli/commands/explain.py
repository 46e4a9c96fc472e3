"""`medic explain`: the knowledge base, for people. Offline."""

from __future__ import annotations

import json
import sys
from textwrap import indent
from typing import TYPE_CHECKING

import click

from medic.knowledge import ENTRIES, find_entry, fixes_of
from medic.knowledge import title_of as _title_of
from medic.knowledge.entry import PLACEHOLDERS, Dialect, Entry, EntryKind, Fix, filled
from medic_cli.options import examples

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from medic_cli.output import JsonObject

_SYNTAX = {
    Dialect.CLI: "bash",
    Dialect.CDK: "typescript",
    Dialect.TERRAFORM: "terraform",
    Dialect.CLOUDFORMATION: "yaml",
}

_WIDTH_OF_A_FILE = 200


_EXAMPLES = examples(
    "medic explain",
    "medic explain service_role_trust_wrong --dialect cli",
    "medic explain compute_role_not_set --dialect cdk --set role_name=web",
)


@click.command("explain", epilog=_EXAMPLES)
@click.argument("id", required=False)
@click.option("--dialect", type=click.Choice([each.value for each in Dialect]), default=Dialect.CONSOLE.value,
              show_default=True, help="How to write the fixes down.")  # fmt: skip
@click.option("--kind", type=click.Choice([each.value for each in EntryKind]), help="List only this kind.")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE",
              help=f"Fill a placeholder of the fixes: {', '.join(PLACEHOLDERS)}.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON, with the fixes in every dialect.")
def command(id: str | None, dialect: str, kind: str | None, settings: tuple[str, ...], *, as_json: bool) -> None:  # noqa: A002
    """Show what is known of a failure, a cause or a remedy: checks, fixes, sources.

    Without ID, lists every entry. Exits with 0, or 2 if there is no entry of that name.
    """
    values = _values(settings)
    if id is None:
        listed = [entry for entry in ENTRIES if kind is None or entry.kind.value == kind]
        if as_json:
            click.echo(json.dumps({"entries": [_as_json(entry, values) for entry in listed]}, indent=2))
        else:
            _print_list(listed)
        return
    entry = find_entry(id)
    if entry is None:
        raise click.BadParameter(f"there is no entry {id!r}. {_suggestion(id)}", param_hint="ID")
    if as_json:
        click.echo(json.dumps(_as_json(entry, values), indent=2))
    else:
        _print_entry(entry, Dialect(dialect), values)


def _values(settings: tuple[str, ...]) -> dict[str, str]:
    values = {}
    for each in settings:
        name, equals, value = each.partition("=")
        if not equals or name not in PLACEHOLDERS:
            raise click.BadParameter(
                f"{each!r} must be NAME=VALUE, NAME one of {', '.join(PLACEHOLDERS)}", param_hint="--set"
            )
        values[name] = value
    return values


def _suggestion(id_: str) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - only a mistyped name needs it

    near = get_close_matches(id_, [entry.id for entry in ENTRIES], n=3)
    return f"Did you mean {' or '.join(near)}?" if near else "medic explain lists them all."


def _as_json(entry: Entry, values: Mapping[str, str]) -> JsonObject:
    return {
        "id": entry.id,
        "kind": entry.kind.value,
        "title": entry.title,
        "explanation": entry.explanation,
        "label": entry.label.value if entry.label else None,
        "identity": entry.identity.value if entry.identity else None,
        "phases": [phase.value for phase in entry.phases],
        "checks": [{"id": look.id, "sentence": look.sentence} for look in entry.looks],
        "steps": [filled(step, values) for step in entry.steps],
        "fixes": [_fix_as_json(fix, values) for fix in fixes_of(entry)],
        "related": list(entry.related),
        "sources": [_address(source) for source in entry.sources],
    }


def _fix_as_json(fix: Fix, values: Mapping[str, str]) -> JsonObject:
    written: JsonObject = {dialect.value: filled(fix.written_in(dialect), values) for dialect in Dialect}
    return {"id": fix.id, "title": fix.title, "expect": fix.expect, **written}


def _address(source: str) -> str:
    repository, hash_, number = source.partition("#")
    if hash_ and number.isdigit() and "://" not in repository:
        return f"https://github.com/{repository}/issues/{number}"
    return source


def _console() -> Console:
    from rich.console import Console  # noqa: PLC0415 - JSON answers do without it

    if sys.stdout.isatty():
        return Console(highlight=False)
    return Console(highlight=False, soft_wrap=True, width=_WIDTH_OF_A_FILE)


def _print_list(entries: list[Entry]) -> None:
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    console = _console()
    for kind in EntryKind:
        rows = [entry for entry in entries if entry.kind is kind]
        if rows:
            table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
            for entry in rows:
                table.add_row(Text(entry.id, "bold"), Text(entry.title))
            console.print(Text(f"{kind.value} ({len(rows)})", "bold underline"))
            console.print(table)
            console.print()
    console.print(Text("medic explain ID shows one; --dialect chooses how fixes are written.", "dim"))


def _print_entry(entry: Entry, dialect: Dialect, values: Mapping[str, str]) -> None:
    from rich.text import Text  # noqa: PLC0415

    console = _console()
    console.print(Text(entry.title, "bold"))
    facts = (entry.kind.value, entry.label.value if entry.label else None, *(phase.value for phase in entry.phases))
    console.print(Text(f"{entry.id}: {', '.join(fact for fact in facts if fact)}", "dim"))
    console.print()
    console.print(Text(entry.explanation))
    _print_lines(console, "Look", [look.sentence for look in entry.looks])
    _print_lines(console, "Do", [filled(step, values) for step in entry.steps])
    for fix in fixes_of(entry):
        _print_fix(console, fix, dialect, values)
    _print_lines(console, "Related", [f"{each}: {_title_of(each)}" for each in entry.related])
    _print_lines(console, "Sources", [_address(source) for source in entry.sources])


def _print_lines(console: Console, heading: str, lines: list[str]) -> None:
    from rich.text import Text  # noqa: PLC0415

    if lines:
        console.print()
        console.print(Text(heading, "bold"))
        for line in lines:
            console.print(Text(f"  - {line}"))


def _print_fix(console: Console, fix: Fix, dialect: Dialect, values: Mapping[str, str]) -> None:
    from rich.padding import Padding  # noqa: PLC0415
    from rich.syntax import Syntax  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    text = filled(fix.written_in(dialect), values)
    language = _SYNTAX.get(dialect)
    console.print()
    console.print(Text(f"Fix: {fix.title}", "bold"), Text(f"({dialect.value})", "dim"))
    if console.is_terminal and language:
        code = Syntax(text, language, theme="ansi_dark", background_color="default", word_wrap=True)
        console.print(Padding(code, (0, 0, 0, 2)))
    else:
        console.print(Text(indent(text, "  ")))
    console.print(Text(f"  Expect: {fix.expect}", "dim"))
