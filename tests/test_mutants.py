"""Planted bugs are caught, each by the test that is named beside it."""

import pytest

from tests.mutants import MUTANTS, Mutant, tried


@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.name for mutant in MUTANTS])
def test_a_planted_bug_is_caught(mutant: Mutant) -> None:
    assert tried(mutant) == ""
