"""Files that belong together go together, where a channel has room for it."""

from pathlib import Path

from stentor.contract.payloads import Attachment, Draft, Payload
from stentor.contract.traits import Limits
from stentor.domain.rendering import drafts


def file(name: str) -> Attachment:
    kinds = {"png": "image/png", "mp4": "video/mp4", "pdf": "application/pdf", "mp3": "audio/mpeg"}
    return Attachment(name, Path("/spool") / name, kinds[name.rpartition(".")[2]], 10)


def rendered(limits: Limits, *names: str, text: str = "") -> list[tuple[str, list[str]]]:
    """What each message says, and the files in it."""
    found = drafts(Payload(text, tuple(map(file, names))), limits)
    return [(draft.text, names_of(draft)) for draft in found]


def names_of(draft: Draft) -> list[str]:
    return [file.name for file in (draft.attachment, *draft.album) if file is not None]


def test_without_room_for_albums_each_file_goes_by_itself() -> None:
    assert rendered(Limits(100), "a.png", "b.png") == [("", ["a.png"]), ("", ["b.png"])]


def test_files_that_follow_one_another_go_together_up_to_the_limit() -> None:
    found = rendered(Limits(100, album=2), "a.png", "b.png", "c.png", text="three pictures")

    assert found == [("three pictures", []), ("", ["a.png", "b.png"]), ("", ["c.png"])]


def test_pictures_and_other_files_do_not_mix_and_keep_their_order() -> None:
    names = ("a.png", "b.mp4", "c.pdf", "d.mp3", "e.png")

    assert rendered(Limits(100, album=10), *names) == [
        ("", ["a.png", "b.mp4"]),
        ("", ["c.pdf", "d.mp3"]),
        ("", ["e.png"]),
    ]


def test_an_album_is_no_larger_than_a_file_may_be() -> None:
    found = rendered(Limits(100, album=10, attachment_bytes=25), "a.png", "b.png", "c.png", "d.png")

    assert found == [("", ["a.png", "b.png"]), ("", ["c.png", "d.png"])]


def test_a_caption_goes_with_the_first_album() -> None:
    found = rendered(Limits(100, caption=50, album=10), "a.png", "b.png", "c.pdf", text="short")

    assert found == [("short", ["a.png", "b.png"]), ("", ["c.pdf"])]
