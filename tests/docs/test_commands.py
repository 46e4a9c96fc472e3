"""The commands in the pages: each one exists, takes its options, and is documented; so is every setting."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest

from medic_cli.main import main
from medic_cli.reference import reference
from tests.docs.printed import DOCS, GENERATED, NOT_RUN, PAGES, ROOT, blocks

if TYPE_CHECKING:
    from collections.abc import Iterator

GROUP = click.Context(main, info_name="medic")
COMMANDS = {name: command for name in main.list_commands(GROUP) if (command := main.get_command(GROUP, name))}
_CODE = re.compile(r"^ {4,}(.+)$|`([^`\n]+)`", re.MULTILINE)
_NO_COMMAND = ("COMMAND", "--version")
_USAGE = "[OPTIONS]"
_ENDS = {"|", ">", "<", "&&", "||", ";", "#"}


@cache
def printed(program: str) -> list[Any]:
    """Every command of a page that begins with this program, up to a pipe, a redirection or a comment."""
    return [
        pytest.param(command, id=f"{page.name}: {shlex.join(command)}")
        for page in [*PAGES, GENERATED]
        for command in _commands(page.read_text(encoding="utf-8"))
        if command[0] == program and len(command) > 1 and command[1] not in _NO_COMMAND and _USAGE not in command
    ]


def _commands(text: str) -> Iterator[list[str]]:
    for block, inline in _CODE.findall(text.replace("\\\n", " ")):
        lexer = shlex.shlex((block or inline).strip(), posix=True, punctuation_chars="|<>&;")
        lexer.whitespace_split = True
        try:
            tokens = list(lexer)
        except ValueError:
            continue  # prose or half a command
        yield from _split(tokens)


def _split(tokens: list[str]) -> Iterator[list[str]]:
    command: list[str] = []
    for token in [*tokens, ";"]:
        if token not in _ENDS:
            command.append(token.removeprefix(".venv/bin/"))
        elif command:
            yield command
            command = []


def settings(schema: dict[str, Any]) -> Iterator[str]:
    for name, each in schema.get("properties", {}).items():
        yield name
        yield from settings(each)


def test_the_reference_is_that_of_the_commands() -> None:
    page = (DOCS / "commands.md").read_text(encoding="utf-8")
    assert page == reference(), "run: python -m medic_cli.reference > docs/commands.md"


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_and_its_options_are_documented(name: str) -> None:
    assert re.search(rf"`medic [^`]*\b{name}\b", (DOCS / "cli.md").read_text(encoding="utf-8"))
    options = [option for option in COMMANDS[name].params if isinstance(option, click.Option)]
    assert [option.name for option in options if not option.help or option.hidden] == []


def test_every_setting_is_documented() -> None:
    pages = "".join((DOCS / name).read_text(encoding="utf-8") for name in ("settings.md", "slack.md", "install.md"))
    schema = json.loads((DOCS / "schemas" / "settings.schema.json").read_text(encoding="utf-8"))
    schema["properties"].pop("log_url_origins")  # for the emulator; refused in every real account
    assert [name for name in settings(schema) if not re.search(rf'[`".]{name}[`"]', pages)] == []


@pytest.mark.parametrize("command", printed("medic"))
def test_a_printed_command_exists_and_takes_its_arguments(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given = ["d1a2b3c4d5e6f7" if each.strip("[") == "APP" else each for each in command[2:] if each != "…"]
    for file in filter(re.compile(r"[\w.[\]]+").fullmatch, given):
        Path(file).touch()
    for name in command[1].split("|"):
        with suppress(click.MissingParameter):  # a sentence may name the command alone
            COMMANDS[name].make_context(name, list(given))


@pytest.mark.parametrize("command", printed("make"))
def test_a_printed_target_exists(command: list[str]) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^{command[1]}:", makefile, re.MULTILINE)


@pytest.mark.parametrize("command", printed("python"))
def test_a_printed_module_exists(command: list[str]) -> None:
    assert command[1] == "-m"
    assert importlib.util.find_spec(command[2]) is not None


def test_each_block_that_is_not_run_is_in_a_page() -> None:
    skipped = [block for page in PAGES for block in blocks(page) if block.reason_not_to_run]
    assert len(skipped) == len(NOT_RUN)


def test_a_block_of_commands_has_no_comment() -> None:
    # In zsh, the shell of macOS, a pasted `#` begins no comment: the words after it are arguments.
    every = (block for page in (*PAGES, GENERATED) for block in blocks(page))
    commented = [block.text for block in every if block.has_commands and " #" in block.text]
    assert commented == []


def test_the_pages_print_commands_at_all() -> None:
    assert len(printed("medic")) > 80
    assert len(printed("make")) > 5
