"""`python -m stentor` is `stentor`."""

from stentor.cli.main import main

main()
