"""The page about tools names the tools that agents have, with their arguments and limits."""

import re

from tests.docs.pages import text_of
from tests.services.errand_stories import Caller, Cast, waking, world

from stentor.contract.tools import BUILT_IN
from stentor.services.subagents import DEEPEST, MOST_AT_A_TIME

PAGE = "tools.md"


def test_each_tool_of_the_page_is_offered_with_the_arguments_of_its_table(fast_home) -> None:
    keeper = Caller()
    delivery = {"mode": "none", "to": ["page:room1"], "agent_may_send": True}
    world(fast_home, Cast(keep=keeper), reads_files=False).live(waking("keep", **delivery), seconds=60)

    documented = {name: arguments_below(f"## `{name}`") for name in BUILT_IN - {"message"}}
    documented["message"] = arguments_below("### Sending messages", "agents.md")
    assert {name: set(tool.schema["properties"]) for name, tool in keeper.tools.items()} == documented


def test_every_argument_says_what_it_is_for_and_of_what_kind_it_is(fast_home) -> None:
    keeper = Caller()
    world(fast_home, Cast(keep=keeper)).live(waking("keep"), seconds=60)
    for tool in keeper.tools.values():
        for name, field in tool.schema["properties"].items():
            assert field["description"].endswith("."), (tool.name, name)
            assert isinstance(field["type"], str), (tool.name, name)


def test_the_page_lists_what_is_built_in() -> None:
    listed = re.findall(r"^\| \[`(\w+)`\]", text_of(PAGE), re.MULTILINE)
    assert sorted(listed) == sorted(BUILT_IN)


def test_the_limits_of_the_page_are_those_that_hold() -> None:
    text = " ".join(text_of(PAGE).split())
    assert (
        f"At most {MOST_AT_A_TIME} at a time work for one run, and at most {DEEPEST} stand below each other"
        in text
    )


def arguments_below(heading: str, page: str = PAGE) -> set[str]:
    """The names in the first table below a heading."""
    section = text_of(page).split(f"\n{heading}\n", 1)[1].split("\n## ", 1)[0]
    table = section.split("|---|---|\n", 1)[1].split("\n\n", 1)[0]
    return {name for line in table.splitlines() for name in re.findall(r"`(\w+)`", line.split("|")[1])}
