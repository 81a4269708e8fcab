"""What a skill says of itself at its top, and what an agent is told of the skills there are."""

import pytest

from stentor.domain.skills import LONGEST_LIST, Skill, first_of_each, listed, skill_of


def read(text: str) -> tuple[str, str]:
    skill = skill_of(text, folder="maps", path="/skills/maps/SKILL.md")
    assert skill.path == "/skills/maps/SKILL.md"
    return skill.name, skill.description


@pytest.mark.parametrize(
    ("text", "name", "description"),
    [
        pytest.param("---\nname: atlas\ndescription: Finds places.\n---\n# Maps\n", "atlas", "Finds places.", id="both"),
        pytest.param("---\nDescription: Finds: places\n---\n", "maps", "Finds: places", id="no name, a colon"),
        pytest.param("---\nname: atlas\n---\n\n## Of maps ##\n", "atlas", "Of maps ##", id="no description"),
        pytest.param("\n# Of maps\n\nMore.", "maps", "Of maps", id="no front matter"),
        pytest.param("---\nname: atlas\n\n# Of maps\n", "maps", "---", id="front matter without an end"),
        pytest.param("---\nname: 'atlas'\ndescription: \"Say \\\"hi\\\"\"\n---\n", "atlas", 'Say \\"hi\\"', id="quoted"),
        pytest.param("---\ndescription: '\n---\n", "maps", "'", id="a single quotation mark"),
        pytest.param("---\ndescription: >-\n  Finds\n  places.\n\nname: atlas\n---\n", "atlas", "Finds places.", id="folded"),
        pytest.param("---\ndescription:\n  Finds\n  places.\n---\n", "maps", "Finds places.", id="on the next line"),
        pytest.param("---\nmeta:\n  name: other\n---\nText", "maps", "Text", id="a name inside something else"),
        pytest.param("---\r\nname: atlas\r\ndescription: Finds.\r\n---\r\n", "atlas", "Finds.", id="lines of Windows"),
        pytest.param("---\n  stray\nname: atlas\n---\n", "atlas", "", id="a line that belongs to no key"),
        pytest.param("---\nname: a\u202etlas\ndescription: x\x1b[2Jy\n---\n", "a tlas", "x [2Jy", id="control characters"),
        pytest.param("Text\n---\nname: atlas\n---\n", "maps", "Text", id="fences further down"),
        pytest.param("", "maps", "", id="empty"),
        pytest.param("---\n---\n", "maps", "", id="nothing between the fences"),
    ],
)  # fmt: skip
def test_name_and_description_are_read_from_the_top(text: str, name: str, description: str) -> None:
    assert read(text) == (name, description)


def test_a_description_without_an_end_is_cut() -> None:
    name, description = read(f"---\nname: {'n' * 100}\ndescription: {'d' * 1000}\n---\n")
    assert (name, description) == ("n" * 63 + "…", "d" * 399 + "…")


def test_the_first_of_a_name_wins_and_the_order_stays() -> None:
    own, other, later = Skill("maps", "own", "/1"), Skill("mail", "other", "/2"), Skill("maps", "later", "/3")
    assert first_of_each([own, other, later]) == (own, other)


def test_skills_are_listed_with_what_they_are_for_and_where_they_are() -> None:
    text = listed([Skill("maps", "Finds places.", "/skills/maps/SKILL.md"), Skill("mail", "", "/m")])
    assert text.endswith("\n\n- maps: Finds places. (`/skills/maps/SKILL.md`)\n- mail (`/m`)\n")
    assert "read the file before you begin" in text


def test_who_reads_no_files_is_told_of_the_tool_and_of_no_paths() -> None:
    text = listed(
        [Skill("maps", "Finds places.", "/skills/maps/SKILL.md"), Skill("mail", "", "/m")], by_tool=True
    )
    assert text.endswith("\n\n- maps: Finds places.\n- mail\n")
    assert "call the tool `skill` with its name" in text


def test_where_there_are_no_skills_nothing_is_said_of_them() -> None:
    assert listed([]) == ""


def test_a_list_of_very_many_skills_is_cut_between_two_of_them_and_says_so() -> None:
    skills = [Skill(f"skill{n}", "d" * 391, "/p") for n in range(100)]
    text = listed(skills)
    lines = text.splitlines()[4:]
    shown = len(lines) - 1
    assert 30 < shown < 100
    assert lines[-1] == f"- (and {100 - shown} more, for which there is no room here)"
    assert lines[shown - 1] == f"- skill{shown - 1}: {'d' * 391} (`/p`)"
    assert len("\n".join(lines[:-1])) < LONGEST_LIST < len("\n".join(lines[:-1])) + 500
