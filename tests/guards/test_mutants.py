"""The guards that `make mutants` removes stand where it looks for them; it is not run here, since it takes minutes."""

from __future__ import annotations

import pytest

from deploy.local.paths import ROOT
from tests.guards.mutants import MUTANTS, Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: m.name)
def test_each_guard_stands_once_where_it_is_removed(mutant: Mutant) -> None:
    assert (ROOT / mutant.file).read_text().count(mutant.before) == 1
    assert mutant.before != mutant.after
    named = [argument for argument in mutant.tests if argument.startswith("tests/")]
    assert named and all((ROOT / argument.split("::")[0]).exists() for argument in named)


def test_there_are_as_many_as_were_promised() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 25
