"""`cron list`, apart from the command line around it.

Shells and scripts ask for the list all the time, so its plain JSON form is answered before click is imported:
parsing these four options by hand makes a cold start more than twice as fast.
"""

import os
import sys
from collections.abc import Sequence

from stentor.home import home_path


def quickly(words: Sequence[str]) -> int | None:
    """Answer `cron list --json …`; None leaves the words to click, which knows every form and every mistake."""
    options = _options(words)
    if options is None:
        return None
    home = usable(home_path(options.get("--home"), os.environ))
    texts, total = listed(home, agent=options.get("--agent"), everything="--all" in options)
    sys.stdout.write(document(texts, total))
    return 0


def usable(home: str) -> str:
    """A home may be still to be made, but it is never a file."""
    if os.path.exists(home) and not os.path.isdir(home):
        from stentor.domain.refusals import Refused

        hint = "name a folder with --home or STENTOR_HOME; one that is not there is made"
        raise Refused("bad_home", f"{home} is no folder", hint=hint)
    return home


def listed(home: str, *, agent: str | None, everything: bool) -> tuple[list[str], int]:
    """The jobs as JSON texts, and how many there are in all."""
    path = os.path.join(home, "stentor.db")
    if not os.path.exists(path) or not os.path.getsize(path):
        return [], 0
    from stentor.adapters.sqlite.listing import job_texts
    from stentor.adapters.sqlite.snapshot import read_only

    connection = read_only(path)
    try:
        return job_texts(connection, agent=agent, everything=everything)
    finally:
        connection.close()


def document(texts: list[str], total: int) -> str:
    """SQLite has built each job's JSON already; it is not taken apart again."""
    return f'{{"jobs": [{", ".join(texts)}], "total": {total}, "hidden": {total - len(texts)}}}\n'


def _options(words: Sequence[str]) -> dict[str, str] | None:
    found: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        name, equals, value = word.partition("=")
        if word in ("--json", "--all"):
            found[word] = ""
        elif name in ("--home", "--agent"):
            value = value if equals else next(rest, "")
            if not value or value.startswith("-"):
                return None
            found[name] = value
        else:
            return None
    return found if "--json" in found else None
