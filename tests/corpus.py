"""Takes a public case into the test data: `python -m tests.corpus add FILE --url URL --label LABEL --phase PHASE`.

FILE holds the lines that a machine printed and somebody published; `-` reads them from standard input. Ids are replaced
by invented ones of the same shape. The same text always gives the same case. A case without its source is refused, and
so is a text in which an id, an address or a secret is left.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medic.labels import Label, Phase
from medic.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CASES = Path(__file__).parent / "data" / "logs" / "collected_cases.jsonl"
_MAX_CHARACTERS = 20_000
_FIELDS = {"id", "source", "phase", "label", "log_excerpt"}
_ISSUE = re.compile(r"https://github\.com/([\w.-]+/[\w.-]+)/(?:issues|pull)/(\d+)(?:[#?].*)?")
_SOURCE = re.compile(r"[\w.-]+/[\w.-]+#\d+|https://[\w-]+(?:\.[\w-]+)+/\S+")
_WORDS_OF_A_REGISTRY = r"(?:registry|registries|npm|pypi|artifactory|nexus|codeartifact|pkg)"

_INVENTED: dict[str, tuple[str, str]] = {
    "account id": (r"(?<!\d)\d{12}(?!\d)|(?<=::)\d{8,13}(?=:)", "{0}{0}{0}{0}22223333"),
    "app id": (r"\bd(?=[a-z0-9]*\d)[a-z0-9]{11,13}\b", "d1a2b3c4d5e6f{}"),
    "request id": (
        r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b",
        "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaa{}",
    ),
    "user pool": (r"(?<=[a-z]-\d_)[A-Za-z0-9]{9}(?![A-Za-z0-9])", "EXAMPLE0{}"),
    "organization": (r"\bo-[a-z0-9]{10,32}(?=/)", "o-exampleorg{}"),
    "organization's policy": (r"(?<=_policy/)p-[a-z0-9]{8,128}\b", "p-example{}"),
    "permission set": (r"(?<=_)[0-9a-f]{16}\b", "000000000000000{}"),
    "e-mail address": (r"\b(?!git@)[\w.+-]+@(?:[a-z][\w-]*\.)+[a-z]{2,}\b", "user{}@example.com"),
    "repository": (r"(?<=github\.com[/:])[\w.-]+/[\w.-]+?(?=\.git\b)", "example/app{}"),
    "person": (r"(?<=/Users/)[\w.-]+|(?<=/home/)[\w.-]+|(?<=couchdb\.user:)[\w.-]+", "user{}"),
    "IP address": (r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.])", "192.0.2.{}"),
    "registry host": (
        rf"\b(?![\w.-]*\.amazonaws\.com\b)(?:[\w-]+\.)*{_WORDS_OF_A_REGISTRY}(?:\.[\w-]+)*\.[a-z]{{2,}}\b",
        "registry{}.example.com",
    ),
}
"""What is replaced, and by what. The braces stand for a digit that counts the different ones of a text from 1."""
_LEFT: dict[str, str] = {
    "account id": r"(?<!\d)\d{4}-\d{4}-\d{4}(?!\d)",
    "access key id": r"\b(?:AKIA|ASIA|AROA|AIDA)[A-Z2-7]{16}\b",
}
"""What is refused, because no rule knows what to put in its place."""


class RefusedError(Exception):
    """The case cannot be taken in. The message says why, and what to do."""


def taken_in(text: str, url: str, label: str, phase: str, *, ambiguous: bool = False) -> dict[str, Any]:
    """The case as the test data holds it. Raises RefusedError if its shape is wrong or something personal is left."""
    issue = _ISSUE.fullmatch(url)
    excerpt = without_ids(text.strip("\n"))
    case = {
        "id": f"c-{hashlib.sha256(excerpt.encode()).hexdigest()[:8]}",
        "source": f"{issue[1]}#{issue[2]}" if issue else url,
        "phase": phase,
        "label": label,
        "log_excerpt": excerpt,
        **({"ambiguous": True} if ambiguous else {}),
    }
    for fault in faults(case):
        raise RefusedError(fault)
    return case


def without_ids(text: str) -> str:
    """The text with invented ids. A text that has only invented ones stays as it is."""
    for pattern, invented in _INVENTED.values():
        text = _with_invented(text, pattern, invented)
    return text


def _with_invented(text: str, pattern: str, invented: str) -> str:
    ours = [invented.format(digit) for digit in range(1, 10)]
    found = list(dict.fromkeys(match[0] for match in re.finditer(pattern, text)))
    free = iter([each for each in ours if each not in found])
    new = {each: each if each in ours else next(free, ours[-1]) for each in found}
    return re.sub(pattern, lambda match: new[match[0]], text)


def faults(case: dict[str, Any]) -> Iterator[str]:
    """What is wrong with a case, one sentence each."""
    if set(case) - {"ambiguous"} != _FIELDS:
        yield f"A case has the fields {', '.join(sorted(_FIELDS))}, and perhaps `ambiguous`."
        return
    if not _SOURCE.fullmatch(case["source"]):
        yield "Name the source with --url: an https address, such as https://github.com/OWNER/NAME/issues/1."
    if case["label"] not in set(Label) or case["phase"] not in set(Phase):
        yield f"The label is one of {', '.join(Label)}; the phase is one of {', '.join(Phase)}."
    text = case["log_excerpt"]
    if not text.strip() or len(text) > _MAX_CHARACTERS or "\0" in text:
        yield f"The file must hold text, at most {_MAX_CHARACTERS:,} characters. Keep the lines around the failure."
    for kind in sorted(_left_in(text)):
        yield f"The text may still hold something personal: {kind}. Replace it in the file by an invented one."


def _left_in(text: str) -> Iterator[str]:
    yield from (kind for kind, pattern in _LEFT.items() if re.search(pattern, text))
    for kind, (pattern, invented) in _INVENTED.items():
        if _with_invented(text, pattern, invented) != text:
            yield kind
    if redact(text) != text:
        yield "a secret"


def cases_in(file: Path) -> list[dict[str, Any]]:
    """The cases of a file; none if there is no file yet."""
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()] if file.exists() else []


def _refuse_known(case: dict[str, Any], file: Path) -> None:
    if any(case["id"] == known["id"] for known in cases_in(file)):
        raise RefusedError(f"{file.name} has this text already, as {case['id']}.")


def main(arguments: Sequence[str] | None = None, *, file: Path = CASES) -> int:
    """Adds one case. Returns 0, or 1 with the reason on standard error."""
    parser = argparse.ArgumentParser(prog="python -m tests.corpus")
    add = parser.add_subparsers(dest="command", required=True).add_parser("add", help="take a public case in")
    add.add_argument("file", help="the lines that a machine printed; - reads standard input")
    add.add_argument("--url", required=True, help="where they were published")
    add.add_argument(
        "--label", required=True, choices=list(Label), help="what the text shows, judged by the text alone"
    )
    add.add_argument("--phase", required=True, choices=list(Phase), help="where it was printed")
    add.add_argument("--ambiguous", action="store_true", help="the text alone does not decide its label")
    given = parser.parse_args(arguments)
    try:
        text = sys.stdin.read() if given.file == "-" else Path(given.file).read_text("utf-8")
        case = taken_in(text, given.url, given.label, given.phase, ambiguous=given.ambiguous)
        _refuse_known(case, file)
    except (OSError, UnicodeDecodeError, RefusedError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    with file.open("a", encoding="utf-8") as end:
        end.write(json.dumps(case, ensure_ascii=False) + "\n")
    sys.stdout.write(f"{case['id']} added to {file.name}. Run pytest tests/unit/logscan/test_cases.py\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
