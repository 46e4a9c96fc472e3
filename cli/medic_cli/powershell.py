"""Writes a fix's AWS CLI commands, which are for bash, for PowerShell.

PowerShell 7.3 is the first that passes quotation marks within an argument on to a program:
https://learn.microsoft.com/powershell/scripting/learn/experimental-features#psnativecommandargumentpassing
"""

from __future__ import annotations

import re
import shlex

POWERSHELL = "powershell"
"""The name of the dialect on the command line."""
_PROGRAMS = {"python3": "python"}
_READS_A_TOKEN = re.compile(r"read -rs (\w+) </dev/tty && ")
_PART = re.compile(r"""\\\n|(?:[^\s'"\\]|'[^']*'|"[^"]*")+""")
"""A continued line, or a word, parts of which may be quoted."""
_MEANS_MORE = re.compile(r"['\",;@]")
"""Characters because of which PowerShell does not take a word as it is."""
_QUOTES = re.compile("['\u2018\u2019\u201a\u201b]")
"""Every character that PowerShell takes for a single quotation mark."""


def in_powershell(commands: str) -> str:
    """The same commands: only the quotation marks, the ends of continued lines and two programs differ."""
    return _PART.sub(_part, _READS_A_TOKEN.sub(r"$\1 = Read-Host -MaskInput\n", commands))


def _part(match: re.Match[str]) -> str:
    part = match[0]
    if part == "\\\n":
        return "`\n"
    if part.startswith('"$') or not _MEANS_MORE.search(part):
        return _PROGRAMS.get(part, part)
    value = _QUOTES.sub(r"\g<0>\g<0>", "".join(shlex.split(part)))
    return f"'{value}'"
