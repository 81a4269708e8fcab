"""What the pages show on a console is what happens on one."""

import os
from pathlib import Path

import pytest
from tests.docs.console import Command, Outcome, commands, environment, run, with_pip
from tests.docs.pages import DOCS, fences, pages

PAGES = [page.name for page in pages() if commands(page.name)]


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_a_page_prints_what_the_page_says(page: str, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    for fence in fences(page):
        if fence.file is not None:
            (tmp_path / fence.file).write_text(fence.text)

    outcomes = run(page, tmp_path, with_pip(environment(home, os.environ), tmp_path))

    complaints = [complaint for outcome in outcomes if (complaint := outcome.complaint())]
    if len(outcomes) != len(commands(page)):
        complaints.append(f"{page}: only {len(outcomes)} of its commands were run")
    if complaints:
        pytest.fail("\n".join(complaints), pytrace=False)


def test_there_are_pages_with_commands() -> None:
    assert {"getting-started.md", "operations.md", "writing-a-channel.md"} <= set(PAGES), f"read in {DOCS}"


@pytest.mark.parametrize(
    ("expected", "output", "code"),
    [
        pytest.param("one  two", "one   two  \n", 0, id="blanks count as one"),
        pytest.param("id ...\nlast", "id 4711\nmore\nlast\n", 0, id="dots stand for anything"),
        pytest.param("", "", 0, id="nothing"),
        pytest.param("error: no ...", "error: no such job\n", 4, id="a refusal"),
    ],
)
def test_output_as_documented_is_no_complaint(expected: str, output: str, code: int) -> None:
    assert not Outcome(Command("page.md:1", "stentor", expected), output, code).complaint()


@pytest.mark.parametrize(
    ("expected", "output", "code"),
    [
        pytest.param("one", "two\n", 0, id="another word"),
        pytest.param("one", "one\ntwo\n", 0, id="a line more"),
        pytest.param("", "", 1, id="a command that failed"),
        pytest.param("error: no", "error: no\n", 0, id="a refusal that was none"),
    ],
)
def test_output_other_than_documented_is_a_complaint(expected: str, output: str, code: int) -> None:
    assert "page.md:1" in Outcome(Command("page.md:1", "stentor", expected), output, code).complaint()
