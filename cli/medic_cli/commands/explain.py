"""`medic explain`: print entries of the knowledge base. Makes no AWS calls."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from textwrap import indent
from typing import TYPE_CHECKING

import click

from medic.arns import RoleArn
from medic.knowledge import ENTRIES, find_entry, fixes_of, search, title_of
from medic.knowledge.entry import PLACEHOLDERS, Dialect, Entry, EntryKind, Fix, filled
from medic.labels import Phase
from medic.logscan.scan import scan
from medic_cli import completion
from medic_cli.options import examples
from medic_cli.output import print_json, print_list, styled, terminal
from medic_cli.powershell import POWERSHELL, in_powershell

if TYPE_CHECKING:
    from rich.console import Console

    from medic.logscan.model import Denial
    from medic_cli.output import JsonObject

_SYNTAX: Mapping[str, str] = {
    Dialect.CLI: "bash",
    POWERSHELL: "powershell",
    Dialect.CDK: "typescript",
    Dialect.TERRAFORM: "terraform",
    Dialect.CLOUDFORMATION: "yaml",
}
"""How to highlight a fix on a terminal."""
_GRANTING_FIXES = frozenset({"grant_action", "allow_pass_role", "allow_codecommit_pull"})
_WORDS_OF_A_QUERY = 4
"""A text of more words is a line of a log rather than a search, if the scanner recognises it."""

_SAFE_VALUE = re.compile(r"[\w./:@+=,-]{1,300}")
"""A value without characters that mean something in code, JSON or a shell."""

_EXAMPLES = examples(
    "medic explain",
    "medic explain service_role_trust_wrong --dialect cli",
    "medic explain regional principal",
    'medic explain "User: arn:aws:sts::111122223333:assumed-role/web/BuildSession is not authorized to perform: …"',
    "medic explain compute_role_not_set --dialect cdk --set role_name=web",
)


@click.command("explain", epilog=_EXAMPLES)
@click.argument("what", nargs=-1, metavar="[ID | WORDS | ERROR LINE]...", shell_complete=completion.entries)
@click.option("--dialect", type=click.Choice([*(each.value for each in Dialect), POWERSHELL]),
              default=Dialect.CONSOLE.value, show_default=True, help="Format of the fixes.")  # fmt: skip
@click.option("--kind", type=click.Choice([each.value for each in EntryKind]), help="List only entries of this kind.")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE",
              help=f"Fill in a placeholder of the fixes: {', '.join(PLACEHOLDERS)}.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON, with the fixes in every dialect.")
def command(what: tuple[str, ...], dialect: str, kind: str | None, settings: tuple[str, ...], *, as_json: bool) -> None:
    """Explain a failure, cause or fix from the knowledge base: checks, steps, fixes, sources.

    Takes the ID of an entry, words to search for, or a line of a log. What the line names is filled in. Without an
    argument, lists every entry. Exits with 0, or 2 if nothing is found.
    """
    given, text = _values(settings), " ".join(what).strip()
    entries, named = _found(text) if text else (list(ENTRIES), {})
    entries = [entry for entry in entries if kind is None or entry.kind.value == kind]
    if text and not entries:
        raise click.BadParameter(f"nothing is found for {text[:200]!r}. {_suggestion(text)}", param_hint="ID")
    values = _Values(given, named | given)
    if len(entries) == 1:
        if as_json:
            print_json(_as_json(entries[0], values))
        else:
            _print_entry(entries[0], dialect, values)
    elif as_json:
        print_json({"entries": [_as_json(entry, values) for entry in entries]})
    else:
        _print_list(entries, by_kind=not text)


@dataclass(frozen=True, slots=True)
class _Values:
    """What to fill in for placeholders."""

    given: Mapping[str, str]
    """By the options."""
    known: Mapping[str, str]
    """By the options, or by the line of the log."""

    def of(self, fix: Fix) -> Mapping[str, str]:
        """A line alone fills in no command that grants a permission: `medic diagnose` first reads the role."""
        return self.given if fix.id in _GRANTING_FIXES else self.known


def _found(text: str) -> tuple[list[Entry], dict[str, str]]:
    """The entries for an id, a line of a log or words; for a line, also what it names."""
    if entry := find_entry(text.lower()):
        return [entry], {}
    findings = scan([text.encode("utf-8", "replace")], Phase.BUILD).findings
    if findings and (findings[0].decisiveness > 1 or len(text.split()) > _WORDS_OF_A_QUERY):
        entry = find_entry(findings[0].signature)
        return [entry] if entry else [], _named_by(findings[0].denial)
    return search(text), {}


def _named_by(denial: Denial | None) -> dict[str, str]:
    """Values of placeholders that a denial names, unless they could break out into code."""
    if denial is None:
        return {}
    passed = RoleArn.parse(denial.resource or "")
    values = {
        "action": denial.action,
        "resource": denial.resource,
        "role_name": passed.name if passed else denial.role_name,
        "role_arn": passed.text if passed else None,
        "caller": denial.role_name,
        "account": denial.account,
    }
    return {name: value for name, value in values.items() if value and _SAFE_VALUE.fullmatch(value)}


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


def _as_json(entry: Entry, values: _Values) -> JsonObject:
    return {
        "id": entry.id,
        "kind": entry.kind.value,
        "title": entry.title,
        "explanation": entry.explanation,
        "label": entry.usual_label,
        "identity": entry.identity,
        "phases": [phase.value for phase in entry.phases],
        "checks": [{"id": look.id, "sentence": look.sentence} for look in entry.looks],
        "steps": [filled(step, values.known) for step in entry.steps],
        "fixes": [_fix_as_json(fix, values.of(fix)) for fix in fixes_of(entry)],
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


def _print_list(entries: list[Entry], *, by_kind: bool) -> None:
    """Print ids and titles: in the order given, or under a heading for each kind."""
    from rich.table import Table  # noqa: PLC0415

    console = terminal()
    for kind in EntryKind if by_kind else (None,):
        rows = [entry for entry in entries if kind in {None, entry.kind}]
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
        for entry in rows:
            table.add_row(styled(entry.id, "bold"), styled(entry.title))
        if kind and rows:
            console.print(styled(f"{kind.value} ({len(rows)})", "bold underline"))
        if rows:
            console.print(table)
            console.print()
    console.print(styled("`medic explain ID` shows one entry; --dialect sets the format of its fixes.", "dim"))


def _print_entry(entry: Entry, dialect: str, values: _Values) -> None:
    console = terminal()
    console.print(styled(entry.title, "bold"))
    facts = filter(None, (entry.kind, entry.usual_label, *entry.phases))
    console.print(styled(f"{entry.id}: {', '.join(facts)}", "dim"))
    console.print()
    console.print(styled(entry.explanation))
    named = [f"{name} {value}" for name, value in values.known.items() if name not in values.given]
    print_list(console, "Named by the line", named)
    print_list(console, "Checks", [look.sentence for look in entry.looks])
    print_list(console, "Steps", [filled(step, values.known) for step in entry.steps])
    for fix in fixes_of(entry):
        _print_fix(console, fix, dialect, values.of(fix))
    print_list(console, "Related", [f"{each}: {title_of(each)}" for each in entry.related])
    print_list(console, "Sources", [_address(source) for source in entry.sources])


def _print_fix(console: Console, fix: Fix, dialect: str, values: Mapping[str, str]) -> None:
    from rich.padding import Padding  # noqa: PLC0415
    from rich.syntax import Syntax  # noqa: PLC0415

    is_for_powershell = dialect == POWERSHELL
    text = filled(fix.cli if is_for_powershell else fix.written_in(Dialect(dialect)), values)
    text = in_powershell(text) if is_for_powershell else text
    language = _SYNTAX.get(dialect)
    console.print()
    console.print(styled(f"Fix: {fix.title}", "bold"), styled(f"({dialect})", "dim"))
    if console.is_terminal and language:
        code = Syntax(text, language, theme="ansi_dark", background_color="default", word_wrap=True)
        console.print(Padding(code, (0, 0, 0, 2)))
    else:
        console.print(styled(indent(text, "  ")))
    console.print(styled(f"  Expect: {fix.expect}", "dim"))
