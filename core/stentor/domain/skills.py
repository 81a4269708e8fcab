"""Skills: instructions for one kind of work each. An agent is told of them in a line, and reads what it needs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from stentor.contract.tools import SKILL
from stentor.domain.jobs import one_line

SKILL_FILE = "SKILL.md"
LONGEST_LIST = 16_000

_LONGEST_NAME = 64
_LONGEST_DESCRIPTION = 400
_FENCE = "---"
# In front of text that goes on in the lines below.
_BLOCKS = frozenset({"|", "|-", "|+", ">", ">-", ">+"})
_OF_FILES = (
    "# Skills\n\n"
    "Each of these files tells how one kind of work is done here. Where a description fits your task, read the file "
    "before you begin.\n\n"
)
_BY_TOOL = (
    "# Skills\n\n"
    "Each of these tells how one kind of work is done here. Where a description fits your task, read it before you begin: "
    f"call the tool `{SKILL}` with its name.\n\n"
)


@dataclass(frozen=True, slots=True)
class Skill:
    """What is said of a skill; the rest stands in the file at `path`."""

    name: str
    description: str
    path: str


def skill_of(text: str, *, folder: str, path: str) -> Skill:
    """A skill as its file begins: `name` and `description` between lines of `---`, else its folder and first line."""
    fields, body = _parted(text.splitlines())
    name = fields.get("name") or one_line(folder)
    description = fields.get("description") or next(_headings(body), "")
    return Skill(_cut(name, _LONGEST_NAME), _cut(description, _LONGEST_DESCRIPTION), path)


def first_of_each(skills: Sequence[Skill]) -> tuple[Skill, ...]:
    """Without those whose name stands further in front already."""
    first: dict[str, Skill] = {}
    for skill in skills:
        first.setdefault(skill.name, skill)
    return tuple(first.values())


def listed(skills: Sequence[Skill], *, by_tool: bool = False) -> str:
    """What an agent is told of its skills; empty where there are none. It reads the files, or asks for them `by_tool`."""
    if not skills:
        return ""
    lines = [_line(skill, by_tool=by_tool) for skill in skills]
    lengths = accumulate(len(line) for line in lines)
    fitting = sum(length <= LONGEST_LIST for length in lengths)
    rest = len(lines) - fitting
    more = f"- (and {rest} more, for which there is no room here)\n" if rest else ""
    return (_BY_TOOL if by_tool else _OF_FILES) + "".join(lines[:fitting]) + more


def _line(skill: Skill, *, by_tool: bool) -> str:
    said = f": {skill.description}" if skill.description else ""
    where = "" if by_tool else f" (`{skill.path}`)"
    return f"- {skill.name}{said}{where}\n"


def _parted(lines: Sequence[str]) -> tuple[Mapping[str, str], Sequence[str]]:
    """What stands between the fences at the top, by key, and what follows."""
    fences = [number for number, line in enumerate(lines) if line.rstrip() == _FENCE]
    if len(fences) < 2 or fences[0] != 0:
        return {}, lines
    return _fields(lines[1 : fences[1]]), lines[fences[1] + 1 :]


def _fields(lines: Sequence[str]) -> Mapping[str, str]:
    """The keys at the margin with their texts. Indented lines go on with the text of the key above."""
    words: dict[str, list[str]] = {}
    current: list[str] = []
    for line in lines:
        if not line[:1].isspace():
            key, _, line = line.partition(":")  # noqa: PLW2901 - what is left of the line
            current = words.setdefault(key.strip().lower(), [])
        current.append(line.strip())
    return {key: _joined(texts) for key, texts in words.items()}


def _joined(texts: Sequence[str]) -> str:
    text = one_line(" ".join(texts[1:] if texts[0] in _BLOCKS else texts))
    is_quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
    return text[1:-1].strip() if is_quoted else text


def _headings(lines: Sequence[str]) -> Iterator[str]:
    """The lines that say something, without the marks of a heading."""
    for line in lines:
        if words := one_line(line.lstrip("# ")):
            yield words


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
