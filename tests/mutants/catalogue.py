"""The mutants, read from `mutants.toml`, and how one is put into a tree."""

from __future__ import annotations

import shlex
import tomllib
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
_CATALOGUE = Path(__file__).with_name("mutants.toml")


class DriftError(Exception):
    """The source moved on: what a mutant replaces is not there exactly once. Bring the mutant up to date."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One fault: a text in one file, and what stands there instead.

    Attributes:
        name: the promise that is broken, in words.
        file: the source, from the repository's root.
        old: the text as it stands in the source, exactly once.
        new: the text that takes its place.
        tests: arguments for pytest: where a test must turn red.
    """

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def spoilt(self, tree: Path) -> str:
        """The file's text with the fault in it.

        Args:
            tree: the root of the repository, or of a copy.

        Raises:
            DriftError: the old text is not there exactly once.
        """
        source = (tree / self.file).read_text()
        found = source.count(self.old)
        if found != 1:
            raise DriftError(f"mutant “{self.name}”: its old text stands {found} times in {self.file}, not once")
        return source.replace(self.old, self.new)


def catalogue() -> tuple[Mutant, ...]:
    """Every mutant, in the catalogue's order."""
    raw = tomllib.loads(_CATALOGUE.read_text())["mutant"]
    return tuple(Mutant(**{**fields, "tests": tuple(shlex.split(fields["tests"]))}) for fields in raw)
