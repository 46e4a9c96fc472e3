"""Prints the demo in the terminal: commentary, alerts, and what was checked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TextIO

from rich.console import Console
from rich.panel import Panel
from rich.rule import Rule
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_WIDTH = 118


class Narrator:
    def __init__(self, out: TextIO | None = None) -> None:
        self._console = Console(file=out, width=_WIDTH, highlight=False)

    def opening(self) -> None:
        self._console.print(Rule("Amplify Medic on a local cloud"))
        self.say(
            "Only the cloud is not real: it is an emulator on this machine, with a fake Amplify. The CDK CLI deploys "
            "the stack, EventBridge delivers the events, and the Lambda functions run the code that ships."
        )

    def chapter(self, title: str) -> None:
        self._console.print()
        self._console.print(Rule(title, align="left"))

    def say(self, text: str) -> None:
        self._console.print(Text(text))

    def checked(self, claim: str) -> None:
        """A claim that was just verified."""
        self._console.print(Text("  ✓ ", style="green").append(claim, style="default"))

    def branch(self, when: str, branch: Mapping[str, Any]) -> None:
        """The fields of GetBranch that the demo is about."""
        shown = {name: branch.get(name) for name in ("branchName", "computeRoleArn", "tags")}
        self._console.print(Text(f"  $ aws amplify get-branch   # {when}", style="bold"))
        self._console.print(Text(f"    {json.dumps(shown)}"))

    def alert(self, payload: Mapping[str, Any]) -> None:
        """An alert as Slack received it."""
        self._console.print(Panel(Text("\n".join(_lines(payload["blocks"]))), title="Slack", title_align="left"))

    def failed(self, why: str) -> None:
        self._console.print()
        self._console.print(Text(f"✗ THE DEMO FAILED: {why}", style="bold red"))

    def closing(self) -> None:
        self._console.print()
        self._console.print(Rule("All checks passed"))
        self.say(
            "To use the bot in a real account, set a Slack webhook's secret or an e-mail address in cdk.json, then run "
            "`make deploy` (README, “Deploy”). The bot changes nothing until someone tags a branch."
        )


def _lines(blocks: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for block in blocks:
        match block["type"]:
            case "header":
                yield str(block["text"]["text"])
            case "rich_text":
                for element in block["elements"]:
                    yield from _element(element)
            case _:  # dividers and buttons have no text for a terminal
                continue


def _element(element: Mapping[str, Any]) -> Iterator[str]:
    match element["type"]:
        case "rich_text_list":
            yield from (f"  • {_joined(item)}" for item in element["elements"])
        case "rich_text_preformatted":
            yield from (f"    {line}" for line in _joined(element).splitlines())
        case _:
            yield _joined(element)


def _joined(element: Mapping[str, Any]) -> str:
    return "".join(str(part.get("text") or part.get("url", "")) for part in element["elements"]).rstrip()
