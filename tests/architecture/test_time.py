"""Time comes from the clock port or as an argument; nothing else asks what time it is."""

import ast
from collections.abc import Iterator

import pytest
from tests.architecture.source import Module, Offence, forbid, planted, product

READS = frozenset(
    {
        *(f"time.{name}" for name in ("time", "time_ns", "monotonic", "monotonic_ns", "sleep", "localtime")),
        *(f"time.{name}" for name in ("perf_counter", "perf_counter_ns", "gmtime", "ctime", "strftime")),
        *(f"time.{name}" for name in ("clock_gettime", "clock_gettime_ns", "process_time", "thread_time")),
        *(f"datetime.datetime.{name}" for name in ("now", "utcnow", "today")),
        "datetime.date.today",
    }
)
LOOP_TIME = "loop.time"

ALLOWED = {
    # The one place that asks the machine.
    "core/stentor/adapters/clock.py": READS,
    # The command line stands at the rim: it tells people "3 min ago" and waits for the daemon's answer.
    "core/stentor/cli": frozenset({"time.time_ns", "time.monotonic", "time.sleep"}),
    # The virtual loop's own time is what takes the clock's place.
    "core/stentor/testing": frozenset({LOOP_TIME}),
}


def clock_reads(module: Module) -> Iterator[Offence]:
    allowed = frozenset[str]().union(*(reads for place, reads in ALLOWED.items() if module.below(place)))
    for node in module.nodes:
        read = _read(module, node)
        if read and read not in allowed:
            line = getattr(node, "lineno", 1)
            yield Offence(module.path, line, f"{read} reads the machine's clock: use the Clock port")


def _read(module: Module, node: ast.AST) -> str:
    if isinstance(node, ast.Attribute | ast.Name):
        name = module.dotted(node)
        return name if name in READS else LOOP_TIME if _is_loop_time(module, node) else ""
    return ""


def _is_loop_time(module: Module, node: ast.AST) -> bool:
    """`.time` of something called a loop, or of what `asyncio` returns as the loop."""
    if not isinstance(node, ast.Attribute) or node.attr != "time":
        return False
    owner = node.value
    if isinstance(owner, ast.Call):
        return module.dotted(owner.func) in ("asyncio.get_running_loop", "asyncio.get_event_loop")
    return module.dotted(owner).endswith("loop")


def test_only_the_clock_asks_what_time_it_is() -> None:
    forbid(offence for module in product() for offence in clock_reads(module))


@pytest.mark.parametrize(
    "text",
    [
        "import time\ntime.time()",
        "import time as t\nt.monotonic()",
        "from time import time_ns\ntime_ns()",
        "import time\ntime.sleep(1)",
        "import datetime\ndatetime.datetime.now()",
        "from datetime import datetime as dt\nfield(default_factory=dt.utcnow)",
        "from datetime import date\ndate.today()",
        "import asyncio\nasyncio.get_running_loop().time()",
        "self._loop.time()",
    ],
)
def test_a_look_at_the_clock_is_found(text: str) -> None:
    assert list(clock_reads(planted(text)))


@pytest.mark.parametrize(
    "text",
    [
        "from datetime import datetime, UTC\ndatetime.fromtimestamp(0, UTC)",
        "import asyncio\nasync with asyncio.timeout(5): ...",
        "moment.time()",
    ],
)
def test_reckoning_with_given_times_is_let_through(text: str) -> None:
    assert not list(clock_reads(planted(text)))


def test_the_command_line_may_look_at_the_clock_but_not_make_naive_dates() -> None:
    where = "core/stentor/cli/planted.py"
    assert not list(clock_reads(planted("import time\ntime.time_ns()", where)))
    assert list(clock_reads(planted("from datetime import datetime\ndatetime.now()", where)))
