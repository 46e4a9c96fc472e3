"""`make mutants` takes minutes; that its mutants still fit the source is seen here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.mutants.catalogue import REPOSITORY, DriftError, Mutant, catalogue

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("mutant", catalogue(), ids=lambda mutant: mutant.name)
def test_a_mutant_replaces_one_text_by_another_that_is_python(mutant: Mutant) -> None:
    spoilt = mutant.spoilt(REPOSITORY)
    assert spoilt != (REPOSITORY / mutant.file).read_text()
    compile(spoilt, mutant.file, "exec")


def test_there_are_enough_of_them_and_each_breaks_something_else() -> None:
    mutants = catalogue()
    assert len(mutants) >= 20
    assert len({mutant.name for mutant in mutants}) == len(mutants)


def test_a_text_that_is_gone_or_there_twice_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\nx = 1\n")
    for old in ("x = 1", "y"):
        with pytest.raises(DriftError, match=r"stands [02] times in a\.py"):
            Mutant("twice", "a.py", old, "x = 2", ()).spoilt(tmp_path)
