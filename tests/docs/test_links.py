"""Links inside the repository lead somewhere."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.docs.pages import DOCS, ROOT, pages

_LINK = re.compile(r"\[[^\]]*\]\((?!\w+:)([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
_CODE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def links() -> Iterator[tuple[Path, str]]:
    for page in (ROOT / "README.md", *pages()):
        for link in _LINK.findall(_CODE.sub("", page.read_text("utf-8"))):
            yield page, link


def anchors(page: Path) -> set[str]:
    """The names under which the headings of a page are reached."""
    headings = _HEADING.findall(_CODE.sub("", page.read_text("utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize(
    ("page", "link"), [pytest.param(*found, id=f"{found[0].name} {found[1]}") for found in links()]
)
def test_a_link_leads_somewhere(page: Path, link: str) -> None:
    name, _, anchor = link.partition("#")
    target = (page.parent / name).resolve() if name else page
    assert target.exists()
    assert not anchor or anchor in anchors(target)


def test_every_page_is_reached_from_the_readme() -> None:
    reached, waiting = set[Path](), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        reached.add(page)
        linked = {
            (page.parent / link.partition("#")[0]).resolve() for source, link in links() if source == page
        }
        waiting += [found for found in linked - reached if found.suffix == ".md" and found.exists()]
    assert set(DOCS.glob("*.md")) <= reached
