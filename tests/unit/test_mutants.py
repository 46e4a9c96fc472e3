"""`make mutants` takes minutes. These tests check that its mutants still match the source."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.mutants.catalogue import REPOSITORY, DriftError, Mutant, catalogue
from tests.tables import table

if TYPE_CHECKING:
    from pathlib import Path


@table("mutant", catalogue(), ids=lambda mutant: mutant.name)
def test_a_mutant_changes_the_source_and_still_compiles(mutant: Mutant) -> None:
    mutated = mutant.spoilt(REPOSITORY)
    assert mutated != (REPOSITORY / mutant.file).read_text()
    compile(mutated, mutant.file, "exec")


def test_there_are_enough_mutants_and_their_names_are_unique() -> None:
    mutants = catalogue()
    assert len(mutants) >= 20
    assert len({mutant.name for mutant in mutants}) == len(mutants)


def test_a_text_that_is_missing_or_appears_twice_is_reported(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\nx = 1\n")
    for old in ("x = 1", "y"):
        with pytest.raises(DriftError, match=r"stands [02] times in a\.py"):
            Mutant("twice", "a.py", old, "x = 2", ()).spoilt(tmp_path)
