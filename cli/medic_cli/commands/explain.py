"""`medic explain`: print entries of the knowledge base. Makes no AWS calls."""

from __future__ import annotations

from textwrap import indent
from typing import TYPE_CHECKING

import click

from medic.knowledge import ENTRIES, find_entry, fixes_of, title_of
from medic.knowledge.entry import PLACEHOLDERS, Dialect, Entry, EntryKind, Fix, filled
from medic_cli.options import examples
from medic_cli.output import print_json, print_list, shown, terminal

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
"""How to highlight a fix on a terminal."""

_EXAMPLES = examples(
    "medic explain",
    "medic explain service_role_trust_wrong --dialect cli",
    "medic explain compute_role_not_set --dialect cdk --set role_name=web",
)


@click.command("explain", epilog=_EXAMPLES)
@click.argument("id", required=False)
@click.option("--dialect", type=click.Choice([each.value for each in Dialect]), default=Dialect.CONSOLE.value,
              show_default=True, help="Format of the fixes.")  # fmt: skip
@click.option("--kind", type=click.Choice([each.value for each in EntryKind]), help="List only entries of this kind.")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE",
              help=f"Fill in a placeholder of the fixes: {', '.join(PLACEHOLDERS)}.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON, with the fixes in every dialect.")
def command(id: str | None, dialect: str, kind: str | None, settings: tuple[str, ...], *, as_json: bool) -> None:  # noqa: A002
    """Explain a failure, cause or fix from the knowledge base: checks, steps, fixes, sources.

    Without ID, list every entry. Exits with 0, or 2 if there is no entry with that id.
    """
    values = _values(settings)
    if id is None:
        listed = [entry for entry in ENTRIES if kind is None or entry.kind.value == kind]
        if as_json:
            print_json({"entries": [_as_json(entry, values) for entry in listed]})
        else:
            _print_list(listed)
        return
    entry = find_entry(id)
    if entry is None:
        raise click.BadParameter(f"there is no entry {id!r}. {_suggestion(id)}", param_hint="ID")
    if as_json:
        print_json(_as_json(entry, values))
    else:
        _print_entry(entry, Dialect(dialect), values)


def _values(settings: tuple[str, ...]) -> dict[str, str]:
    values = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals or name not in PLACEHOLDERS:
            raise click.BadParameter(
                f"{setting!r} must be NAME=VALUE, where NAME is one of {', '.join(PLACEHOLDERS)}", param_hint="--set"
            )
        values[name] = value
    return values


def _suggestion(id_: str) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - only a mistyped name needs it

    near = get_close_matches(id_, [entry.id for entry in ENTRIES], n=3)
    return f"Did you mean {' or '.join(near)}?" if near else "`medic explain` lists all entries."


def _as_json(entry: Entry, values: Mapping[str, str]) -> JsonObject:
    return {
        "id": entry.id,
        "kind": entry.kind.value,
        "title": entry.title,
        "explanation": entry.explanation,
        "label": entry.usual_label,
        "identity": entry.identity,
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
    """The URL of a source, which may be a GitHub issue in the form `owner/name#1`."""
    repository, hash_, number = source.partition("#")
    if hash_ and number.isdigit() and "://" not in repository:
        return f"https://github.com/{repository}/issues/{number}"
    return source


def _print_list(entries: list[Entry]) -> None:
    from rich.table import Table  # noqa: PLC0415

    console = terminal()
    for kind in EntryKind:
        rows = [entry for entry in entries if entry.kind is kind]
        if rows:
            table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
            for entry in rows:
                table.add_row(shown(entry.id, "bold"), shown(entry.title))
            console.print(shown(f"{kind.value} ({len(rows)})", "bold underline"))
            console.print(table)
            console.print()
    console.print(shown("`medic explain ID` shows one entry; --dialect sets the format of its fixes.", "dim"))


def _print_entry(entry: Entry, dialect: Dialect, values: Mapping[str, str]) -> None:
    console = terminal()
    console.print(shown(entry.title, "bold"))
    facts = filter(None, (entry.kind, entry.usual_label, *entry.phases))
    console.print(shown(f"{entry.id}: {', '.join(facts)}", "dim"))
    console.print()
    console.print(shown(entry.explanation))
    print_list(console, "Checks", [look.sentence for look in entry.looks])
    print_list(console, "Steps", [filled(step, values) for step in entry.steps])
    for fix in fixes_of(entry):
        _print_fix(console, fix, dialect, values)
    print_list(console, "Related", [f"{each}: {title_of(each)}" for each in entry.related])
    print_list(console, "Sources", [_address(source) for source in entry.sources])


def _print_fix(console: Console, fix: Fix, dialect: Dialect, values: Mapping[str, str]) -> None:
    from rich.padding import Padding  # noqa: PLC0415
    from rich.syntax import Syntax  # noqa: PLC0415

    text = filled(fix.written_in(dialect), values)
    language = _SYNTAX.get(dialect)
    console.print()
    console.print(shown(f"Fix: {fix.title}", "bold"), shown(f"({dialect.value})", "dim"))
    if console.is_terminal and language:
        code = Syntax(text, language, theme="ansi_dark", background_color="default", word_wrap=True)
        console.print(Padding(code, (0, 0, 0, 2)))
    else:
        console.print(shown(indent(text, "  ")))
    console.print(shown(f"  Expect: {fix.expect}", "dim"))
