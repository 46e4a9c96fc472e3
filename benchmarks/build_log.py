"""Generates build logs of any length for the scan benchmark. The same size always gives the same log.

The line formats are from the logs quoted in https://github.com/aws-amplify/amplify-hosting/issues/828 and
https://github.com/aws-amplify/amplify-backend/issues/2505
"""

from __future__ import annotations

import random
import string
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# After so many lines the log repeats itself.
_DIFFERENT_LINES = 40_000
_STARTED = datetime(2026, 2, 20, 12, 27, 54, tzinfo=UTC)
# A continuation line has no time stamp.
_CONTINUED = " " * 33
_WORDS = (
    *("react", "next", "webpack", "babel", "typescript", "eslint", "postcss", "tailwind", "lodash", "axios"),
    *("graphql", "apollo", "prisma", "vite", "rollup", "esbuild", "aws-sdk", "client-s3", "client-dynamodb"),
    *("amplify", "backend", "auth", "storage", "function", "schema", "resolver", "handler", "middleware"),
    *("router", "checkout", "cart", "orders", "invoice", "profile", "settings", "dashboard", "report", "export"),
    *("upload", "image", "font", "locale", "theme", "layout"),
)
_HEAD = (
    "[INFO]: # Build environment configured with Standard build compute type: 8GiB Memory, 4vCPUs, 128GB Disk Space",
    "[INFO]: # Cloning repository: https://github.com/acme/shop",
    "[INFO]: ---- Setting Up SSM Secrets ----",
    "[WARNING]: !Failed to set up process.env.secrets",
    "[INFO]: # Executing command: npm ci",
)
_PRINTED = (
    "[INFO]: added {m} packages, and audited {n} packages in {k}s",
    "[WARNING]: npm warn deprecated {a}@{k}.{k}.{m}: Use {b} instead",
    "[INFO]:   ✓ src/{a}/{b}.tsx ({m} ms)",
    "[INFO]: ├ ○ /{a}/{b}          {k}.{k} kB         {m} kB",
    "[INFO]: .next/static/chunks/{n}-{id}.js  {m}.{k} kB",
    "[WARNING]: ./src/{a}/{b}.ts  {m}:{k}  Warning: '{c}' is assigned a value but never used.  no-unused-vars",
    _CONTINUED + "    at {a} (/codebuild/output/src/node_modules/{b}/dist/{c}.js:{m}:{k})",
    "[INFO]: Generating static pages ({k}/400)",
    "[INFO]: {a} {b} compiled successfully in {n} ms ({m} modules)",
    "[INFO]: export const {a} = {{ id: '{id}', token: process.env.TOKEN }}",
)
_TAIL = (
    "[WARNING]: CredentialsProviderError: Could not load credentials from any providers",
    "[ERROR]: !!! Build failed",
    "[ERROR]: !!! Error: Command failed with exit code 1",
)


def write_build_log(path: Path, size: int) -> None:
    """Write the log of a build that prints about `size` bytes and then fails because it has no credentials."""
    middle = "".join(_prefixed(text, number) for number, text in enumerate(_lines(random.Random(7)))).encode()  # noqa: S311
    with path.open("wb") as file:
        file.write("".join(_prefixed(text, 0) for text in _HEAD).encode())
        while file.tell() < size:
            file.write(middle[: size - file.tell()])
        file.write(b"\n" + "".join(_prefixed(text, _DIFFERENT_LINES) for text in _TAIL).encode())


NEAR_MISSES: dict[str, Callable[[Callable[[], str], int], str]] = {
    "one shape": lambda _, number: f"refreshed credential cache {_hash_of(number)} of module {number}",
    "like a denied call": lambda word, _: f"{word()} {word()} AccessDenied{word()} {word()} in {word()}.{word()}",
    "like a denied permission": lambda word, _: f"{word()} is not authorized to perform {word()} on {word()}",
}
"""What every line of such a log says: it contains a literal of the catalogue, but is no failure."""


def _hash_of(number: int) -> str:
    return f"{number * 0x9E3779B97F4A7C15 % 2**40:x}"


def write_near_misses(path: Path, kind: str, size: int) -> None:
    """Write a log of this kind of near misses. Its words are random, so that no two lines are alike."""
    chance = random.Random(7)  # noqa: S311 - the same log in every run

    def word() -> str:
        return "".join(chance.choices(string.ascii_lowercase, k=chance.randrange(3, 10)))

    with path.open("wb") as file:
        number = 0
        while file.tell() < size:
            number += 1
            file.write(_prefixed(f"[INFO]: {NEAR_MISSES[kind](word, number)}", number).encode())


def _prefixed(text: str, number: int) -> str:
    if text.startswith(_CONTINUED):
        return f"{text}\n"
    at = _STARTED + timedelta(milliseconds=7 * number)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z {text}\n"


def _lines(chance: random.Random) -> Iterator[str]:
    """What package managers, compilers and bundlers print."""
    for _ in range(_DIFFERENT_LINES):
        a, b, c = chance.choices(_WORDS, k=3)
        n, m, k = (chance.randrange(limit) for limit in (9999, 900, 80))
        yield chance.choice(_PRINTED).format(a=a, b=b, c=c, n=n, m=m, k=k, id=f"{chance.randrange(2**60):x}")
