"""Try bugs: `python -m tests.mutants` all, `python -m tests.mutants NAME…` some."""

import sys
from collections.abc import Sequence

from tests.mutants import MUTANTS, tried


def main(names: Sequence[str]) -> int:
    chosen = [mutant for mutant in MUTANTS if not names or mutant.name in names]
    missed = 0
    for mutant in chosen:
        trouble = tried(mutant)
        missed += bool(trouble)
        print(f"{'MISSED' if trouble else 'caught'}  {mutant.name}{': ' + trouble if trouble else ''}")
    print(f"{len(chosen) - missed} of {len(chosen)} bugs were caught")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
