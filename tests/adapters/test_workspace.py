"""What agents are to know is read from real folders, whatever lies in them."""

import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stentor.adapters.workspace import BUNDLED, LONGEST_FILE_KIB, MOST_SKILLS, FolderWorkspaces
from stentor.domain.background import Background, bootstrap_names

LIMIT = LONGEST_FILE_KIB * 1024
NOBODY = 65534
ALL = ["AGENTS.md", "SOUL.md", "TOOLS.md", "IDENTITY.md", "USER.md", "MEMORY.md"]


class Place:
    """A home, a workspace and a folder of bundled skills, side by side."""

    def __init__(self, folder: Path) -> None:
        self.home, self.workspace, self.bundled = folder / "home", folder / "workspace", folder / "bundled"
        for place in (self.home, self.workspace, self.bundled):
            place.mkdir()

        self.workspaces = FolderWorkspaces(self.home, self.bundled)

    def look(self, *, isolated: bool = False) -> Background:
        return self.workspaces.background(self.workspace, isolated=isolated)

    def look_at(self, workspace: Path | None) -> Background:
        return self.workspaces.background(workspace, isolated=False)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def skill(folder: Path, name: str, description: str = "") -> Path:
    path = folder / name / "SKILL.md"
    path.parent.mkdir(parents=True)
    path.write_text(f"---\nname: {name}\ndescription: {description}\n---\n# How\n")
    return path


def known(background: Background) -> list[tuple[str, str]]:
    return [(found.name, found.description) for found in background.skills]


def texts(background: Background) -> dict[str, str]:
    return {file.path: file.text for file in background.bootstrap}


class TestFiles:
    def test_the_files_about_the_agent_are_read_in_a_fixed_order(self, place: Place) -> None:
        for name in (*sorted(ALL), "README.md", "HEARTBEAT.md"):
            (place.workspace / name).write_text(f"This is {name}.\n")

        assert [(file.path, file.text) for file in place.look().bootstrap] == [
            (name, f"This is {name}.\n") for name in ALL
        ]

    def test_an_isolated_run_does_not_begin_with_what_was_remembered(self, place: Place) -> None:
        for name in ALL:
            (place.workspace / name).write_text(name)

        assert list(texts(place.look(isolated=True))) == ALL[:-1]

    def test_what_is_not_there_or_says_nothing_is_no_trouble(self, place: Place) -> None:
        (place.workspace / "SOUL.md").write_text(" \n\n")

        assert place.look() == Background()
        assert place.look_at(None) == Background()
        assert place.look_at(place.workspace / "nope") == Background()

    def test_a_mark_at_the_beginning_is_no_text(self, place: Place) -> None:
        (place.workspace / "AGENTS.md").write_bytes("\ufeffBe kind.".encode())

        assert texts(place.look()) == {"AGENTS.md": "Be kind."}

    def test_a_link_inside_the_workspace_is_followed(self, place: Place) -> None:
        (place.workspace / "kept").mkdir()
        (place.workspace / "kept" / "soul").write_text("I am kept.")
        (place.workspace / "SOUL.md").symlink_to("kept/soul")

        assert texts(place.look()) == {"SOUL.md": "I am kept."}

    def test_a_workspace_that_is_itself_a_link_is_one(self, place: Place, tmp_path: Path) -> None:
        (place.workspace / "AGENTS.md").write_text("Be kind.")
        (tmp_path / "link").symlink_to(place.workspace)

        assert texts(place.look_at(tmp_path / "link")) == {"AGENTS.md": "Be kind."}


class TestLength:
    def test_a_file_of_the_greatest_length_is_whole(self, place: Place) -> None:
        (place.workspace / "AGENTS.md").write_bytes(b"x" * LIMIT)

        background = place.look()
        assert (texts(background), background.warnings) == ({"AGENTS.md": "x" * LIMIT}, ())

    @pytest.mark.parametrize("size", [LIMIT + 1, 10_000_000], ids=["one byte too long", "ten megabytes"])
    def test_a_longer_one_is_cut_and_says_so_to_the_agent_and_to_the_run_log(
        self, place: Place, size: int
    ) -> None:
        (place.workspace / "AGENTS.md").write_bytes(b"x" * size)

        background = place.look()
        note = "\n\n(AGENTS.md is cut here: it is longer than 20 KiB)\n"
        assert texts(background) == {"AGENTS.md": "x" * LIMIT + note}
        assert background.warnings == (f"{place.workspace}/AGENTS.md is cut: it is longer than 20 KiB",)

    def test_a_character_is_not_cut_in_two(self, place: Place) -> None:
        (place.workspace / "AGENTS.md").write_bytes(b"x" * (LIMIT - 1) + "é".encode())

        assert texts(place.look())["AGENTS.md"].startswith("x" * (LIMIT - 1) + "\n\n(")

    def test_all_files_together_are_not_too_much(self) -> None:
        assert len(bootstrap_names(isolated=False)) * LIMIT <= 150_000


class TestHostileFiles:
    """Whatever stands in place of AGENTS.md, the other files are read and the run log says what was not."""

    @staticmethod
    def folder(path: Path) -> None:
        path.mkdir()

    @staticmethod
    def pipe(path: Path) -> None:
        os.mkfifo(path)

    @staticmethod
    def plug(path: Path) -> None:
        here = Path.cwd()
        # The name of a socket is short, so it is made from where it lies.
        os.chdir(path.parent)
        try:
            with socket.socket(socket.AF_UNIX) as listening:
                listening.bind(path.name)
        finally:
            os.chdir(here)

    @staticmethod
    def loop(path: Path) -> None:
        path.symlink_to("SECOND.md")
        (path.parent / "SECOND.md").symlink_to(path.name)

    @staticmethod
    def way_out(path: Path) -> None:
        secret = path.parents[1] / "stentor.toml"
        secret.write_text("token = 'hunter2'")
        path.symlink_to(secret)

    @staticmethod
    def neighbour(path: Path) -> None:
        """A folder whose name begins like that of the workspace."""
        beside = path.parents[1] / f"{path.parent.name}-2"
        beside.mkdir()
        (beside / "AGENTS.md").write_text("hunter2")
        path.symlink_to(f"../{beside.name}/AGENTS.md")

    @staticmethod
    def device(path: Path) -> None:
        path.symlink_to("/dev/zero")

    @staticmethod
    def nowhere(path: Path) -> None:
        path.symlink_to("nope")

    @staticmethod
    def latin(path: Path) -> None:
        path.write_bytes("grüß".encode("latin-1"))

    @staticmethod
    def half_a_character(path: Path) -> None:
        path.write_bytes("é".encode()[:1])

    @pytest.mark.parametrize(
        ("make", "why"),
        [
            (folder, "it is not a regular file"),
            (pipe, "it is not a regular file"),
            (plug, "it is not a regular file"),
            (loop, "it cannot be read (Too many levels of symbolic links)"),
            (way_out, "it leads out of {workspace}"),
            (neighbour, "it leads out of {workspace}"),
            (device, "it leads out of {workspace}"),
            (nowhere, "the link leads nowhere"),
            (latin, "it is not UTF-8"),
            (half_a_character, "it is not UTF-8"),
        ],
        ids=lambda value: getattr(value, "__name__", ""),
    )
    def test_it_is_left_out_with_the_reason(
        self, place: Place, make: Callable[[Path], None], why: str
    ) -> None:
        path = place.workspace / "AGENTS.md"
        make(path)
        (place.workspace / "USER.md").write_text("Ann")

        background = place.look()
        assert texts(background) == {"USER.md": "Ann"}
        assert background.warnings == (f"{path} is left out: {why.format(workspace=place.workspace)}",)

    def test_a_workspace_that_is_no_path_is_left_out(self, place: Place) -> None:
        background = place.look_at(place.workspace / "a\0b")
        assert background.bootstrap == ()
        assert len(background.warnings) == len(ALL) + 1
        assert all("(not a path)" in warning for warning in background.warnings)

    def test_a_workspace_whose_name_is_too_long_is_left_out(self, place: Place) -> None:
        """Nobody may open that, not even the administrator."""
        background = place.look_at(place.workspace / ("x" * 300))
        assert background.bootstrap == ()
        assert all("File name too long" in warning for warning in background.warnings)

    def test_what_this_user_may_not_read_is_left_out(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            Path(folder).chmod(0o755)
            place = Place(Path(folder))
            (place.workspace / "AGENTS.md").write_text("hunter2")
            (place.workspace / "AGENTS.md").chmod(0)
            (place.workspace / "USER.md").write_text("Ann")
            hidden = place.workspace / "skills"
            skill(hidden, "maps")
            hidden.chmod(0)
            skill(place.home / "skills", "mail")
            try:
                with as_nobody_special():
                    background = place.look()
            finally:
                hidden.chmod(0o755)

        assert texts(background) == {"USER.md": "Ann"}
        assert [found.name for found in background.skills] == ["mail"]
        assert background.warnings == (
            f"{place.workspace}/AGENTS.md is left out: it cannot be read (Permission denied)",
            f"{hidden} is left out: it cannot be read (Permission denied)",
        )


@contextmanager
def as_nobody_special() -> Iterator[None]:
    """The administrator may read everything, and so becomes somebody else for a while."""
    before = os.geteuid()
    if before:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(before)


class TestSkills:
    @pytest.fixture
    def folders(self, place: Place) -> tuple[Path, Path, Path]:
        return place.workspace / "skills", place.home / "skills", place.bundled

    def test_those_of_the_workspace_go_before_those_for_all_and_those_before_ours(
        self, place: Place, folders: tuple[Path, Path, Path]
    ) -> None:
        own, for_all, bundled = folders
        for folder, kind in ((own, "own"), (for_all, "for all"), (bundled, "bundled")):
            skill(folder, "everywhere", kind)
        for folder, kind in ((for_all, "for all"), (bundled, "bundled")):
            skill(folder, "shared", kind)
        skill(bundled, "basic", "bundled")

        assert known(place.look()) == [("everywhere", "own"), ("shared", "for all"), ("basic", "bundled")]
        assert [found.path for found in place.look().skills] == [
            str(own / "everywhere/SKILL.md"),
            str(for_all / "shared/SKILL.md"),
            str(bundled / "basic/SKILL.md"),
        ]

    def test_the_paths_are_whole_also_of_a_workspace_that_is_written_from_here(
        self, place: Place, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = skill(place.workspace / "skills", "maps")
        monkeypatch.chdir(place.workspace.parent)

        assert [found.path for found in place.look_at(Path("workspace")).skills] == [str(path)]

    def test_an_isolated_run_does_not_see_those_of_the_workspace(
        self, place: Place, folders: tuple[Path, Path, Path]
    ) -> None:
        own, for_all, bundled = folders
        skill(own, "mine", "own")
        skill(own, "maps", "own")
        skill(for_all, "maps", "for all")
        skill(bundled, "basic", "bundled")

        assert known(place.look(isolated=True)) == [("maps", "for all"), ("basic", "bundled")]

    def test_an_agent_without_a_workspace_has_those_for_all(
        self, place: Place, folders: tuple[Path, Path, Path]
    ) -> None:
        skill(folders[1], "maps", "for all")

        assert known(place.look_at(None)) == [("maps", "for all")]

    def test_one_that_cannot_be_read_hides_nobody(
        self, place: Place, folders: tuple[Path, Path, Path]
    ) -> None:
        own, for_all, bundled = folders
        (own / "maps").mkdir(parents=True)
        (own / "maps" / "SKILL.md").write_bytes(b"---\nname: maps\n---\n\xff")
        skill(for_all, "maps", "for all")
        skill(bundled, "maps", "bundled")

        background = place.look()
        assert known(background) == [("maps", "for all")]
        assert background.warnings == (f"{own}/maps/SKILL.md is left out: it is not UTF-8",)

    def test_one_is_read_as_it_is_listed(self, place: Place, folders: tuple[Path, Path, Path]) -> None:
        own, for_all, bundled = folders
        skill(own, "maps", "own")
        skill(own, "mine", "own")
        skill(for_all, "maps", "for all")
        skill(bundled, "basic", "bundled")

        def read(name: str, *, isolated: bool = False) -> str | None:
            return place.workspaces.skill(place.workspace, name, isolated=isolated)

        assert read("maps") == (own / "maps/SKILL.md").read_text()
        assert read("maps", isolated=True) == (for_all / "maps/SKILL.md").read_text()
        assert read("basic", isolated=True) == (bundled / "basic/SKILL.md").read_text()
        assert place.workspaces.skill(None, "maps", isolated=False) == (for_all / "maps/SKILL.md").read_text()
        assert [read("mine", isolated=True), read("nope"), read("../skills/maps"), read("")] == [None] * 4

    def test_a_long_one_is_read_up_to_a_limit_and_says_so(self, place: Place) -> None:
        path = skill(place.workspace / "skills", "maps")
        path.write_text(f"---\nname: maps\n---\n{'x' * 50_000}")

        text = place.workspaces.skill(place.workspace, "maps", isolated=False)

        assert text is not None
        assert len(text) < 42_000
        assert text.endswith("(it is cut here: it is longer than 40 KiB)\n")

    def test_none_is_read_that_leads_out_of_the_workspace(self, place: Place, tmp_path: Path) -> None:
        secret = skill(tmp_path / "elsewhere", "secret", "hunter2")
        (place.workspace / "skills" / "secret").mkdir(parents=True)
        (place.workspace / "skills" / "secret" / "SKILL.md").symlink_to(secret)

        assert place.workspaces.skill(place.workspace, "secret", isolated=False) is None

    def test_what_is_no_skill_is_passed_over(self, place: Place, folders: tuple[Path, Path, Path]) -> None:
        own = folders[0]
        skill(own, ".git", "hidden")
        (own / "empty").mkdir()
        (own / "README.md").write_text("These are skills.")

        assert place.look() == Background()

    def test_a_folder_or_a_file_that_leads_out_of_the_workspace_is_left_out(
        self, place: Place, tmp_path: Path
    ) -> None:
        own = place.workspace / "skills"
        secret = skill(tmp_path / "elsewhere", "secret", "hunter2")
        own.symlink_to(tmp_path / "elsewhere")
        whole = place.look()
        own.unlink()
        (own / "linked").mkdir(parents=True)
        (own / "linked" / "SKILL.md").symlink_to(secret)
        one = place.look()

        assert (known(whole), known(one)) == ([], [])
        assert whole.warnings == (f"{own} is left out: it leads out of {place.workspace}",)
        assert one.warnings == (f"{own}/linked/SKILL.md is left out: it leads out of {place.workspace}",)

    def test_what_is_no_folder_of_skills_is_left_out(self, place: Place) -> None:
        (place.workspace / "skills").write_text("none yet")
        (place.home / "skills").symlink_to("nope")

        assert place.look().warnings == (
            f"{place.workspace}/skills is left out: it is not a folder",
            f"{place.home}/skills is left out: the link leads nowhere",
        )

    def test_the_folder_for_all_may_be_a_link(self, place: Place, tmp_path: Path) -> None:
        skill(tmp_path / "checkout", "maps", "for all")
        (place.home / "skills").symlink_to(tmp_path / "checkout")

        assert known(place.look()) == [("maps", "for all")]

    def test_a_name_that_is_no_plain_text_is_left_out_and_can_be_written_down(self, place: Place) -> None:
        own = place.workspace / "skills"
        for name in ("two\nlines", "a\u202eb", os.fsdecode(b"latin-\xfc")):
            (own / name).mkdir(parents=True)
            (own / name / "SKILL.md").write_text("# Odd")

        background = place.look()
        assert background.skills == ()
        assert len(background.warnings) == 3
        assert "\n" not in "".join(background.warnings)
        assert "".join(background.warnings).encode()

    def test_very_many_are_a_warning_and_so_are_very_many_warnings(self, place: Place) -> None:
        own = place.workspace / "skills"
        for number in range(MOST_SKILLS + 5):
            (own / f"s{number:04}").mkdir(parents=True)
            (own / f"s{number:04}" / "SKILL.md").write_bytes(b"\xff" if number < 20 else b"# Fine")

        background = place.look()
        assert [found.name for found in background.skills] == [f"s{n:04}" for n in range(20, MOST_SKILLS)]
        assert len(background.warnings) == 11
        assert "only the first 200 skills" in background.warnings[0]
        assert background.warnings[-1] == "11 more such warnings are left out"

    def test_a_long_one_is_read_as_far_as_its_top(self, place: Place) -> None:
        path = skill(place.workspace / "skills", "maps", "Finds places.")
        path.write_bytes(path.read_bytes() + b"x" * 9_000 + b"\xff")

        background = place.look()
        assert (known(background), background.warnings) == ([("maps", "Finds places.")], ())


def test_ours_come_with_the_package_and_say_what_they_are_for() -> None:
    background = FolderWorkspaces(BUNDLED / "nope").background(None, isolated=True)
    assert [found.name for found in background.skills] == ["messages", "scheduling"]
    assert all(len(found.description) > 40 for found in background.skills)
    assert [Path(found.path).parent.name for found in background.skills] == ["messages", "scheduling"]
    assert background.warnings == ()
