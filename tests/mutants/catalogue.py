"""Reads the mutants from `mutants.toml` and applies them to source files."""

from __future__ import annotations

import shlex
import tomllib
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
_CATALOGUE = Path(__file__).with_name("mutants.toml")


class DriftError(Exception):
    """The source changed: the text that a mutant replaces does not occur exactly once. Update the mutant."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One fault: a text in one file and its replacement.

    Attributes:
        name: what is wrong in the mutated product.
        file: the source file, relative to the repository's root.
        old: the text to replace. It occurs exactly once.
        new: the replacement.
        tests: arguments for pytest. At least one of these tests must fail.
    """

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def spoilt(self, tree: Path) -> str:
        """The file's text with the fault.

        Args:
            tree: the root of the repository, or of a copy.

        Raises:
            DriftError: the old text does not occur exactly once.
        """
        source = (tree / self.file).read_text()
        found = source.count(self.old)
        if found != 1:
            raise DriftError(f"mutant “{self.name}”: its old text stands {found} times in {self.file}, not once")
        return source.replace(self.old, self.new)


def catalogue() -> tuple[Mutant, ...]:
    """All mutants, in the order of the file."""
    raw = tomllib.loads(_CATALOGUE.read_text())["mutant"]
    return tuple(Mutant(**{**fields, "tests": tuple(shlex.split(fields["tests"]))}) for fields in raw)
