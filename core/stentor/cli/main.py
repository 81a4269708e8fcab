"""The command line's door: answers what can be answered at once, and turns every error into an answer."""

import os
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command; the exit codes are documented and stable."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if sys.stdout is None:  # closed: no other file may come to stand in its place
        sys.stdout = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    try:
        code = _answered(words)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read has left
        code = _unheard()
    except OSError as error:
        code = _unheard()
        sys.stderr.write(f"error: standard output cannot be written: {error.strerror}\n")
    sys.exit(code)


def _unheard() -> int:
    """The interpreter's own flush at the end must not complain about it either."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


def _answered(words: list[str]) -> int:
    try:
        return _run(words)
    except KeyboardInterrupt as interrupt:
        return _interrupted(interrupt, words)
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - no error reaches a user as a traceback
        sys.stdout.flush()  # what standard output did not take, it does not take again: that is told by `main`
        from stentor.cli.output import show_error

        return show_error(error, as_json="--json" in words)


def _interrupted(interrupt: KeyboardInterrupt, words: list[str]) -> int:
    """People know that they have interrupted a command; a script still reads one document."""
    if "--json" not in words:
        return 130
    from stentor.cli.output import show_error

    return show_error(interrupt, as_json=True)


def _run(words: list[str]) -> int:
    _refuse_undecodable(words)
    if words[:2] == ["cron", "list"]:
        from stentor.cli.listing import quickly

        code = quickly(words[2:])
        if code is not None:
            return code
    from stentor.cli.commands import run

    return run(words)


def _refuse_undecodable(words: list[str]) -> None:
    """Python passes bytes that are no text on as half characters, which no store and no channel takes."""
    try:
        "".join(words).encode()
    except UnicodeEncodeError:
        from stentor.domain.refusals import Refused

        raise Refused(
            "bad_text", "an argument is not valid UTF-8", hint="check the encoding of your terminal"
        ) from None


if __name__ == "__main__":
    main()
