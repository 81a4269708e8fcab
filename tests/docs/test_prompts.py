"""What the page about prompts shows is what agents get."""

import re

from tests.docs.pages import fences, text_of

from stentor.adapters.workspace import BUNDLED, LONGEST_FILE_KIB, MOST_SKILLS
from stentor.domain.background import bootstrap_names
from stentor.domain.instants import from_iso
from stentor.domain.jobs import DeliveryModel
from stentor.domain.prompts import question, told
from stentor.domain.skills import LONGEST_LIST, skill_of

PAGE = "prompts.md"


def test_the_message_of_the_page_is_what_an_agent_is_told() -> None:
    shown = next(fences(PAGE)).text
    asked = question("brief", "Morning brief", "Sum up what changed since yesterday.")
    now_ms = from_iso("2026-11-22T06:00:00Z")
    assert (
        shown
        == told(asked, now_ms=now_ms, zone="Europe/Berlin", delivery=DeliveryModel(), may_send=False) + "\n"
    )


def test_the_skill_of_the_page_is_read_as_the_page_says() -> None:
    _, shown = fences(PAGE)
    skill = skill_of(shown.text, folder="anything", path="p")
    assert skill.name == "invoices"
    assert skill.description == "Check invoices against orders, and say what differs."


def test_the_files_of_the_page_are_those_that_are_read_in_their_order() -> None:
    assert tuple(re.findall(r"^\| `(\w+\.md)` \|", text_of(PAGE), re.MULTILINE)) == bootstrap_names(
        isolated=False
    )


def test_the_page_names_the_skills_that_come_with_the_package() -> None:
    for folder in BUNDLED.iterdir():
        assert f"`{folder.name}`" in text_of(PAGE)


def test_the_limits_of_the_page_are_those_that_hold() -> None:
    text = text_of(PAGE)
    for limit in (f"{LONGEST_FILE_KIB} KiB", f"{MOST_SKILLS} skills", f"{LONGEST_LIST:,}"):
        assert limit in text
