"""An agent: notes each execution in the file named first, and answers once the gate named second lets it through."""

import os
import sys


def main(executions: str, gate: str) -> None:
    with open(executions, "a", encoding="utf-8") as log:
        log.write(f"{os.environ['STENTOR_RUN_ID']}\n")
    os.read(os.open(gate, os.O_RDONLY), 1)
    print("the daily brief")


main(*sys.argv[1:])
