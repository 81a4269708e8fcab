"""Files and albums, as the real library uploads them."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.plugins.telegram.conftest import Connect
from tests.plugins.telegram.provider import TelegramServer, refusal
from tests.plugins.telegram.samples import CHANNEL, CHAT, file, part, target

from stentor import Payload, Rejected
from stentor.contract.payloads import Attachment
from stentor.testing.rendering import rendered
from stentor_telegram.limits import LIMITS, Patience, kinds_of

CAPTION = {"text": "<b>All</b> of it", "markup": "entities"}


@pytest.mark.parametrize(
    ("name", "method", "field"),
    [
        ("a.png", "sendPhoto", "photo"),
        ("a.jpg", "sendPhoto", "photo"),
        ("a.gif", "sendAnimation", "animation"),
        ("a.mp4", "sendVideo", "video"),
        ("a.mp3", "sendAudio", "audio"),
        ("a.pdf", "sendDocument", "document"),
    ],
)
async def test_each_kind_of_file_goes_as_what_it_is(
    server: TelegramServer, connect: Connect, tmp_path: Path, name: str, method: str, field: str
) -> None:
    async with connect() as telegram:
        receipt = await telegram.send(part(files=[file(tmp_path, name, b"\x00\xff" * 100)], **CAPTION))
    call = server.last
    assert server.methods == [method]
    assert call.files == {name: b"\x00\xff" * 100}
    assert call.fields[field].startswith("attach://")
    assert call.fields["caption"] == "All of it"
    assert call.json("caption_entities") == [{"type": "bold", "offset": 0, "length": 3}]
    assert receipt.message_id == "777"
    assert "album" not in receipt.detail


async def test_a_file_without_words_has_no_caption(
    server: TelegramServer, connect: Connect, tmp_path: Path
) -> None:
    async with connect() as telegram:
        await telegram.send(part(text="", files=[file(tmp_path, "a.pdf")]))
    assert server.last.fields.keys() == {"chat_id", "document", "disable_content_type_detection"}


async def test_a_document_is_not_made_a_film_of(
    server: TelegramServer, connect: Connect, tmp_path: Path
) -> None:
    async with connect() as telegram:
        await telegram.send(part(files=[file(tmp_path, "a.pdf")]))
    assert server.last.json("disable_content_type_detection") is True


async def test_a_file_is_what_it_is_said_to_be(
    server: TelegramServer, connect: Connect, tmp_path: Path
) -> None:
    async with connect() as telegram:
        report = file(tmp_path, "report")
        await telegram.send(part(files=[Attachment("report", report.path, "application/pdf", report.size)]))
    assert server.last.kinds == {"report": "application/pdf"}


@pytest.mark.parametrize(
    "name", ["übersicht 2027.pdf", 'a"b.pdf', "a\\b.pdf", "..", "-", "\N{GRINNING FACE}.pdf", "CON"]
)
async def test_odd_names_arrive(server: TelegramServer, connect: Connect, tmp_path: Path, name: str) -> None:
    path = tmp_path / "copy"
    path.write_bytes(b"content")
    async with connect() as telegram:
        await telegram.send(part(files=[Attachment(name, path, "application/pdf", 7)]))
    assert list(server.last.files.values()) == [b"content"]


async def test_a_file_goes_to_its_topic_in_its_manner(
    server: TelegramServer, connect: Connect, tmp_path: Path
) -> None:
    async with connect() as telegram:
        to = f"{CHAT}:topic:42"
        receipt = await telegram.send(part(to, files=[file(tmp_path, "a.png")], silent=True, reply_to="700"))
    fields = server.last.fields
    assert (fields["chat_id"], fields["message_thread_id"]) == (CHAT, "42")
    assert fields["disable_notification"] == "true"
    assert server.last.json("reply_parameters")["message_id"] == 700
    assert receipt.target == target(to)


@pytest.mark.parametrize(
    ("names", "types"),
    [
        (["a.png", "b.jpg"], ["photo", "photo"]),
        (["a.png", "b.mp4"], ["photo", "video"]),
        (["a.mp3", "b.mp3"], ["audio", "audio"]),
        (["a.pdf", "b.txt"], ["document", "document"]),
        (["a.pdf", "b.mp3"], ["document", "document"]),
        (["a.png", "b.gif"], ["document", "document"]),
        (["a.mp4", "b.mp3"], ["document", "document"]),
        ([f"{n}.png" for n in range(10)], ["photo"] * 10),
    ],
    ids=lambda value: ",".join(value)[:40],
)
async def test_an_album_is_one_message_of_kinds_that_may_stand_together(
    server: TelegramServer, connect: Connect, tmp_path: Path, names: list[str], types: list[str]
) -> None:
    files = [file(tmp_path, name, name.encode()) for name in names]
    async with connect() as telegram:
        receipt = await telegram.send(part(files=files, **CAPTION))
    media = server.last.json("media")
    assert server.methods == ["sendMediaGroup"]
    assert [medium["type"] for medium in media] == types
    assert server.last.files == {name: name.encode() for name in names}
    assert all(medium["media"].startswith("attach://") for medium in media)
    assert [medium.get("caption") for medium in media] == ["All of it", *[None] * (len(names) - 1)]
    assert media[0]["caption_entities"] == [{"type": "bold", "offset": 0, "length": 3}]
    assert receipt.message_id == "777"
    assert receipt.detail["album"] == ",".join(str(777 + n) for n in range(len(names)))


async def test_an_album_goes_to_its_topic(server: TelegramServer, connect: Connect, tmp_path: Path) -> None:
    to = f"{CHAT}:topic:42"
    async with connect() as telegram:
        receipt = await telegram.send(part(to, files=[file(tmp_path, "a.png"), file(tmp_path, "b.png")]))
    assert server.last.fields["message_thread_id"] == "42"
    assert receipt.target == target(to)


def test_a_picture_that_is_too_large_for_one_goes_as_a_file(tmp_path: Path) -> None:
    small, large = (file(tmp_path, f"{size}.png", size=size) for size in (10_000_000, 10_000_001))
    assert kinds_of([small]) == ["photo"]
    assert kinds_of([large]) == ["document"]
    assert kinds_of([small, large]) == ["document", "document"]


@pytest.mark.parametrize(
    "words", ["PHOTO_INVALID_DIMENSIONS", "IMAGE_PROCESS_FAILED", "PHOTO_SAVE_FILE_INVALID"]
)
@pytest.mark.parametrize("names", [["a.png"], ["a.png", "b.mp4"]], ids=["one picture", "an album"])
async def test_what_telegram_cannot_show_goes_as_a_file(
    server: TelegramServer, connect: Connect, tmp_path: Path, words: str, names: list[str]
) -> None:
    server.plan.append(refusal(400, f"Bad Request: {words}"))
    async with connect() as telegram:
        receipt = await telegram.send(
            part(files=[file(tmp_path, name, b"12345") for name in names], **CAPTION)
        )
    assert receipt.degraded == "as_document"
    again = server.last
    assert again.files == dict.fromkeys(names, b"12345")
    if len(names) == 1:
        assert server.methods == ["sendPhoto", "sendDocument"]
        assert again.fields["caption"] == "All of it"
    else:
        assert [medium["type"] for medium in again.json("media")] == ["document", "document"]


async def test_it_is_tried_as_a_file_only_once(
    server: TelegramServer, connect: Connect, tmp_path: Path
) -> None:
    server.otherwise = refusal(400, "Bad Request: PHOTO_INVALID_DIMENSIONS")
    async with connect() as telegram:
        with pytest.raises(Rejected) as caught:
            await telegram.send(part(files=[file(tmp_path, "a.png")]))
    assert caught.value.reason == "bad_picture"
    assert len(server.seen) == 2


@pytest.mark.parametrize("status", [400, 500])
async def test_nothing_else_goes_twice(
    server: TelegramServer, connect: Connect, tmp_path: Path, status: int
) -> None:
    server.otherwise = refusal(status, "Bad Request: wrong file identifier")
    async with connect() as telegram:
        with pytest.raises(Exception, match="wrong file identifier"):
            await telegram.send(part(files=[file(tmp_path, "a.png")]))
    assert len(server.seen) == 1


async def test_a_file_that_is_gone_is_said(server: TelegramServer, connect: Connect, tmp_path: Path) -> None:
    first, second = file(tmp_path, "a.pdf"), file(tmp_path, "b.pdf")
    second.path.unlink()
    async with connect() as telegram:
        with pytest.raises(Rejected, match=r"b\.pdf cannot be read any more: No such file") as caught:
            await telegram.send(part(files=[first, second]))
    assert caught.value.reason == "file_gone"
    assert not server.seen


async def test_a_file_that_became_a_folder_is_said(
    server: TelegramServer, connect: Connect, tmp_path: Path
) -> None:
    gone = file(tmp_path, "a.pdf")
    gone.path.unlink()
    gone.path.mkdir()
    async with connect() as telegram:
        with pytest.raises(Rejected, match=r"a\.pdf cannot be read any more: Is a directory") as caught:
            await telegram.send(part(files=[gone]))
    assert caught.value.reason == "file_gone"
    assert not server.seen


async def test_a_large_file_does_not_stop_the_loop(
    server: TelegramServer, connect: Connect, tmp_path: Path
) -> None:
    """Other sends get their turn while a file is on its way."""
    content = b"x" * 45_000_000
    async with connect(Patience()) as telegram:
        # So that both are connected when it counts.
        await asyncio.gather(telegram.send(part()), telegram.send(part()))
        async with asyncio.TaskGroup() as group:
            group.create_task(telegram.send(part(files=[file(tmp_path, "big.bin", content)])))
            small = group.create_task(telegram.send(part(text="small")))
    assert small.result().message_id
    assert server.methods[2:] == ["sendMessage", "sendDocument"]
    assert server.last.files["big.bin"] == content


def test_a_short_text_is_the_caption_and_a_long_one_goes_before(tmp_path: Path) -> None:
    attached: dict[str, Any] = {"attachments": (file(tmp_path, "a.pdf"),)}
    (captioned,) = rendered(CHANNEL, Payload("x" * 1024, **attached), target(CHAT))
    assert captioned.attachment is not None
    before, alone = rendered(CHANNEL, Payload("x" * 1025, **attached), target(CHAT))
    assert (before.attachment, alone.text) == (None, "")


def test_limits_are_telegram_s() -> None:
    assert (LIMITS.text, LIMITS.caption, LIMITS.stretches, LIMITS.album) == (4096, 1024, 100, 10)
    assert LIMITS.attachment_bytes == 50_000_000
