"""Tells from a build's log what ended the build.

The last error that names a failure of its own before Amplify's fatal line ended it. Lines that only pass an exit on
belong to the error before them. Whatever was followed by another command, by a completed phase or by another failure
did not end the build.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from medic.logscan.entries import MAX_LINE_BYTES, read_line
from medic.logscan.model import Ending
from medic.redaction import redact

if TYPE_CHECKING:
    from medic.logscan.entries import Line

COMMAND = "# Executing command"
STEP_LITERALS = (COMMAND, "# Completed", "## Build completed")
"""Amplify's lines where the build goes on contain one of these. Whatever was reported before did not end it."""
_STEPS = (COMMAND, "# Completed", "## Completed", "## Build completed")
PHASE = "# Starting phase:"
FATAL = "!!!"
"""Amplify's fatal lines begin with it. The first one is its verdict on the build."""

_CONTINUES = " " * 20
"""Amplify indents the further lines of a command's output by 33 characters, even if they look like its own."""
_MAX_ERRORS = 2
_MAX_ERROR_CHARACTERS = 160
_MAX_COMMAND_CHARACTERS = 80
_STAMP = rb"^[^\[\n]{0,40}\[(?:INFO|WARNING|WARN|ERROR)\]: ?"
_MARKS = rb"[^\w\n\[]{0,12}"
"""What tools print before an error: bullets, crosses, arrows, signs."""
_CHECKS_FAILED = re.compile(
    rb"(?m)(?:" + _STAMP + rb"|^)[ \t]{0,60}" + _MARKS + rb"(?:"
    # a runner of tests: jest, vitest; mocha, pytest, playwright; node, TAP; go; rspec; PHPUnit
    rb"(?:Tests|Test Suites|Test Files):? {1,12}\d{1,6} failed\b"
    rb"|={0,80} ?\d{1,6} (?:failing\b|failed(?:,| in |[ =\r]{0,80}$))"
    rb"|fail {1,8}[1-9]|-{0,3} ?FAIL: \w|\d{1,6} examples?, [1-9]\d{0,5} failures?\b|FAILURES!"
    # a compiler, at a line of a file; a linter or a compiler that counts: eslint, stylelint; tsc, svelte-check
    rb"|[^\s(:]{1,200}(?:\(\d{1,6},\d{1,6}\):|:\d{1,6}:\d{1,6}(?::| -)) error\b"
    rb"|\d{1,6} problems? \([1-9]\d{0,5} errors?\b|(?:[\w-]{1,40} )?[Ff]ound [1-9]\d{0,5} errors?\b"
    rb")"
)
"""How a run of tests or a linter ends that failed. Whatever it printed before is what it checked, or was provoked."""
_CHECKS_WORDS = (b" fail", b"FAIL", b" problem", b" example", b"ound ", b": error", b" - error")
"""Every such line has one of these."""
_OWN_FAILURE = re.compile(
    rb"(?m)" + _STAMP + _MARKS + rb"(?:"
    # a named error with its message, or the word alone
    rb"(?:node:\d{1,7}\) )?(?:\w{1,60}Warning: )?(?:[Uu]n(?:caught|handled) )?(?:[\w.$]{1,60}[.#])?\w{0,60}"
    rb"(?:Error|Exception|ERROR)\b(?: \[\w{1,60}\])?: ?\S|\[\w{1,60}(?:Error|Fault|Exception)\] \S"
    rb"|(?:[Tt]ype )?error: \S|error (?:TS)?\d|fatal: \S|FATAL\b|\[ERROR\] \S"
    # compilers, bundlers and package managers
    rb"|Failed to compile|Module not found|Cannot find module|Could not resolve\b|Syntax error\b|Parsing error\b"
    rb"|npm (?:ERR!|error) (?:code (?!ELIFECYCLE|\d)\w|missing script)|ERR_PNPM_(?!RECURSIVE|.{0,40}LIFECYCLE)\w"
    rb"|error An unexpected error|error Couldn't find|error Integrity check failed"
    # the shell and the machine
    rb"|[^\n]{0,200}: (?:command not found|[Nn]o such file or directory|[Pp]ermission denied)|[^\n]{0,80}\bKilled\b"
    rb"|[^\n]{0,120}(?:heap out of memory|No space left on device|ENOSPC|ENOMEM|ETIMEDOUT|timed out\b)"
    # CloudFormation
    rb"|[^\n]{0,200}\b(?:CREATE|UPDATE|DELETE)_FAILED\b[^\n]{20}"
    rb")"
)
"""A line of a build log that may report a failure of its own. Bytes, because whole blocks are searched for it."""
_PASSED_ON = re.compile(
    # exits
    r"npm (?:ERR!|error)(?! (?:code E(?!LIFECYCLE)|missing script))|\bELIFECYCLE\b|\bcommand failed\b|\bnon-zero exit"
    r"|\bfailed with exit code\b|\bexit(?:ed)?(?: with)?(?: (?:a|an|exit|status|non-zero)){0,3}(?: code)?:? ?\d"
    r"|\bexited (?:with\b|\(\d)|\breturned non-zero\b|\bprocess (?:exited|terminated)\b|\bmake: \*\*\*|\blerna ERR!"
    # steps of a build
    r"|\bbuild (?:failed|error occurred|errors)\b|\bdeployment (?:has )?failed\b|\brun(?:ning target .{1,80})? failed\b"
    r"|\bencountered errors? on following paths\b|\berror occurred prerendering\b|\bprerender errors?\b"
    r"|\bfailed to (?:deploy|collect|build|push|publish|run|execute|render|prerender|export|generate|complete"
    r"|initiali[sz]e)\b[^:]{0,200}$|\berrors? (?:occurred )?(?:while|during|when|in) (?:building|deploying|pushing"
    r"|the build|the deployment|initiali[sz]ing)\b|\berror initiali[sz]ing your\b|\bunable to clone repository\b"
    r"|\bexiting the build\b|\bassembly (?:builder failed|error\b)|^\W*error: 500 /"
    # no reason: a thing that failed, or could not be had, and nothing after it
    r"|\b(?:tasks?|scripts?|hooks?|jobs?|pipelines?|deploy|stages?|steps?|operations?|build process)\b"
    r"[^:]{0,40} (?:has |have )?failed\W*$|^\W*error: ([\"'`])[^:]{1,80}\1 failed\W*$"
    r"|\bsomething went wrong\W*$|\baborting due to\b"
    r"|\b(?:could(?: not|n't)|can(?:not|'t)|failed to|unable to) (?:fetch|load|read|get|retrieve|resolve|download"
    r"|upload|access)(?: [\w-]{1,30}){0,3} (?:secrets?|parameters?|credentials?|variables|data|contents?|objects?"
    r"|settings|assets?)\b[^:]{0,80}$"
    r"|\bcannot perform an interactive login\b|\bpassword (?:is empty|required)\b"  # docker, of an empty pipe
    # advice
    r"|^\W*(?:error\W{1,3})?(?:resolution:|learn more\b|please\b|see (?:above|the logs?)\b|\[?help \d|re-run maven\b"
    r"|to see the full stack trace\b|for more information\b)"
    # CloudFormation
    r"|\bstack .{1,200} failed\b|\bthe stack named\b|ROLLBACK_"
    r"|\bresource (?:creation|update|deletion|handler) cancell?ed\b"
    r"|\bfailed to (?:create|update|delete): ?\[|\bwas not successfully (?:created|updated|deleted)\b"
    r"|\bresource is not in the state\b|\bresources? failed to\b",
    re.IGNORECASE,
)
_NOTHING = re.compile(r"\W*(?:error|exception|fatal)?\W*", re.IGNORECASE)


def goes_on(line: Line) -> bool:
    """True if the line shows that the build went on: another command, or the end of a phase."""
    return line.text.startswith(_STEPS)


def is_fatal(line: Line, *, in_stamped_log: bool) -> bool:
    """True if Amplify itself printed the line, as fatal.

    Args:
        line: a line.
        in_stamped_log: True if the log's lines have time stamps. Then a line without one is not Amplify's.
    """
    levels = {"ERROR"} if in_stamped_log else {"ERROR", None}
    of_amplify = line.stamped and not line.shown.startswith(_CONTINUES) if in_stamped_log else True
    return line.text.startswith(FATAL) and line.level in levels and of_amplify


def passes_on(text: str) -> bool:
    """True if an error line names no failure of its own: it only says that a command, step or stack failed."""
    return _PASSED_ON.search(text) is not None or _NOTHING.fullmatch(text) is not None


def own_failure_in(data: bytes, begin: int, end: int) -> bool:
    """True if a line that begins in this part of a build log reports a failure of its own."""
    if begin >= end:
        return False
    last = data.find(b"\n", max(begin, end - 1), end + MAX_LINE_BYTES)
    limit = last if last >= 0 else min(len(data), end + MAX_LINE_BYTES)
    if _checks_failed_in(data, begin, limit):
        return True
    position = begin
    while match := _OWN_FAILURE.search(data, position, limit):
        stop = data.find(b"\n", match.end(), limit)
        stop = stop if stop >= 0 else limit
        if not passes_on(read_line(data[match.start() : stop], 0).text[:MAX_LINE_BYTES]):
            return True
        position = stop
    return False


def _checks_failed_in(data: bytes, begin: int, limit: int) -> bool:
    for word in _CHECKS_WORDS:
        position = data.find(word, begin, limit)
        while position >= 0:
            if _CHECKS_FAILED.match(data, max(begin, data.rfind(b"\n", begin, position) + 1), limit):
                return True
            end = data.find(b"\n", position, limit)
            position = data.find(word, end, limit) if end >= 0 else -1
    return False


def names_own_failure(line: Line) -> bool:
    """True if this one line of a build log reports a failure of its own."""
    shown = line.shown.encode()
    return own_failure_in(shown, 0, len(shown))


def ending_of(tail: bytes, command: str) -> Ending:
    """How a build ended that no finding ended.

    Args:
        tail: the last bytes of its log, from the beginning of a line.
        command: the last command that Amplify executed, or empty.
    """
    phase = ""
    errors: list[str] = []
    verdicts: list[str] = []
    for line in (read_line(raw, 0) for raw in tail.split(b"\n")):
        if line.text.startswith(FATAL):
            verdicts.append(line.text.lstrip("! "))
        elif verdicts:
            break
        elif line.text.startswith(PHASE):
            phase = line.text.removeprefix(PHASE).strip()
        elif goes_on(line):
            errors = []  # the build went on after them
        elif names_own_failure(line):
            errors.append(line.text)
    errors = errors or [text for text in verdicts if not passes_on(text)]
    return Ending(
        place=", ".join(filter(None, (phase, _short(command, _MAX_COMMAND_CHARACTERS)))),
        errors=tuple(_short(text, _MAX_ERROR_CHARACTERS) for text in dict.fromkeys(errors[-_MAX_ERRORS:])),
    )


def _short(text: str, limit: int) -> str:
    """The text redacted, and then cut: a cut secret would not be recognised."""
    clean = redact(text).strip()
    return clean if len(clean) <= limit else f"{clean[: limit - 1]}…"
