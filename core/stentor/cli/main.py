"""The command line's door: answers what can be answered at once, and turns every error into an answer."""

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command; the exit codes are documented and stable."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = _run(words)
    except KeyboardInterrupt:
        code = 130
    except Exception as error:  # noqa: BLE001 - no error reaches a user as a traceback
        from stentor.cli.output import show_error

        code = show_error(error, as_json="--json" in words)
    sys.exit(code)


def _run(words: list[str]) -> int:
    if words[:2] == ["cron", "list"]:
        from stentor.cli.listing import quickly

        code = quickly(words[2:])
        if code is not None:
            return code
    from stentor.cli.commands import run

    return run(words)


if __name__ == "__main__":
    main()
