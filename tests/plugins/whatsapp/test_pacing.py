"""An account writes no faster than people do, and asks no more than it must."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.plugins.whatsapp.backstage import ANN, Backstage, Opens, WaitingContext, found, part
from tests.plugins.whatsapp.peer import WhatsApp

from stentor import InvalidTarget, NotSent, Rejected, Throttled, Unavailable
from stentor_whatsapp.lookups import Lookups
from stentor_whatsapp.pacing import Pacing, Sent

NOW = datetime(2027, 3, 14, 15, 9, tzinfo=UTC)


@settings(deadline=None)
@given(between=st.floats(0.001, 3600), chance=st.floats(0, 1, exclude_max=True))
def test_the_pause_is_lengthened_by_chance_and_never_for_long(between: float, chance: float) -> None:
    extra = Pacing(between, 200, lambda: chance).extra()
    assert 0 <= extra <= between / 2
    assert extra <= 10


def test_the_pause_goes_by_chance() -> None:
    chances = iter((0, 0.5, 1))
    pacing = Pacing(3, 200, lambda: next(chances))
    assert [pacing.extra(), pacing.extra(), pacing.extra()] == [0, 0.75, 1.5]


async def test_every_message_pauses_before_it_goes(standing_in: Opens, ctx: WaitingContext) -> None:
    async with standing_in(settings={"seconds_between": 4}) as connection:
        for number in range(5):
            await connection.send(part(ident=f"p{number}.1"))
    assert len(ctx.slept) == 5
    assert all(0 <= seconds <= 2 for seconds in ctx.slept)
    assert len(set(ctx.slept)) > 1


async def test_a_day_that_has_had_its_messages_is_waited_for() -> None:
    asked: list[datetime] = []

    async def sent_since(since: datetime) -> Sent:
        asked.append(since)
        return Sent(3, NOW - timedelta(hours=20))

    await Pacing(3, 4).heed_the_day(NOW, sent_since)
    with pytest.raises(Throttled, match="messages_per_day is 3") as throttled:
        await Pacing(3, 3).heed_the_day(NOW, sent_since)
    assert (throttled.value.retry_after, throttled.value.scope) == (4 * 3600, "account")
    assert asked == [NOW - timedelta(days=1)] * 2


async def test_the_day_is_counted_by_the_child(
    standing_in: Opens, backstage: Backstage, ctx: WaitingContext
) -> None:
    oldest = ctx.at - timedelta(hours=23)
    counted = {"count": 7, "oldest_ms": round(oldest.timestamp() * 1000)}
    async with standing_in(settings={"messages_per_day": 7}, answers={"count": counted}) as connection:
        with pytest.raises(Throttled) as throttled:
            await connection.send(part())
    assert throttled.value.retry_after == 3600
    assert not backstage.asked("send")
    since = backstage.asked("count")[0]["since_ms"]
    assert since == round((ctx.at - timedelta(days=1)).timestamp() * 1000)


async def test_the_last_message_of_the_day_is_sent_and_the_next_one_waits(
    on_whatsapp: Opens, whatsapp: WhatsApp
) -> None:
    async with on_whatsapp(messages_per_day=2, seconds_between=0.01) as connection:
        await connection.send(part(ident="p1.1"))
        await connection.send(part(ident="p2.1"))
        with pytest.raises(Throttled, match="messages_per_day") as throttled:
            await connection.send(part(ident="p3.1"))
    assert 86_000 < throttled.value.retry_after <= 86_400
    assert len(whatsapp.messages) == 2


class Answers:
    """WhatsApp, as far as it is asked about numbers."""

    def __init__(self, answer: Mapping[str, object]) -> None:
        self.answer = answer
        self.asked: list[str] = []
        self.now = NOW

    async def ask(self, number: str) -> Mapping[str, object]:
        self.asked.append(number)
        return self.answer


def lookups(answers: Answers, path: Path) -> Lookups:
    return Lookups(path, lambda: answers.now, answers.ask)


THERE: Mapping[str, object] = found()["found"][0]
NOT_THERE: Mapping[str, object] = {"number": f"+{ANN}", "on": False, "jid": "", "lid": ""}


@pytest.mark.parametrize(
    ("answer", "kept"),
    [(THERE, timedelta(days=7)), (NOT_THERE, timedelta(hours=1))],
    ids=["there", "not there"],
)
async def test_a_number_is_asked_for_once_for_a_while(
    tmp_path: Path, answer: Mapping[str, object], kept: timedelta
) -> None:
    answers = Answers(answer)
    known = lookups(answers, tmp_path / "numbers.json")
    first = await known.of(f"+{ANN}")
    assert first.on is answer["on"]
    answers.now += kept - timedelta(seconds=1)
    assert await known.of(f"+{ANN}") == first
    # Also by whoever comes after a restart.
    known = lookups(answers, tmp_path / "numbers.json")
    assert await known.of(f"+{ANN}") == first
    assert answers.asked == [f"+{ANN}"]
    answers.now += timedelta(seconds=1)
    await known.of(f"+{ANN}")
    assert len(answers.asked) == 2


async def test_a_clock_that_was_set_back_does_not_make_answers_last(tmp_path: Path) -> None:
    answers = Answers(THERE)
    known = lookups(answers, tmp_path / "numbers.json")
    await known.of(f"+{ANN}")
    answers.now -= timedelta(days=365)
    await known.of(f"+{ANN}")
    assert len(answers.asked) == 2


@pytest.mark.parametrize("answer", [{}, {"on": "yes"}, {"on": True, "jid": ""}], ids=str)
async def test_an_answer_that_makes_no_sense_is_not_kept(
    tmp_path: Path, answer: Mapping[str, object]
) -> None:
    known = lookups(Answers(answer), tmp_path / "numbers.json")
    with pytest.raises(NotSent, match="makes no sense"):
        await known.of(f"+{ANN}")
    assert known.known(f"+{ANN}") is None


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"+62": 5}', json.dumps({"+62": {"on": 1}}), "\xff"],
    ids=["empty", "cut off", "a list", "a number", "nonsense", "no text"],
)
async def test_a_file_of_numbers_that_is_damaged_is_begun_anew(tmp_path: Path, content: str) -> None:
    path = tmp_path / "numbers.json"
    path.write_bytes(content.encode("latin-1"))
    assert (await lookups(Answers(THERE), path).of(f"+{ANN}")).on
    assert list(json.loads(path.read_text())) == [f"+{ANN}"]


@pytest.mark.parametrize(
    "odd",
    [
        {"asked_ms": 10**30},
        {"asked_ms": -(10**30)},
        {"asked_ms": -1},
        {"jid": "nonsense"},
        {"lid": "nonsense"},
        {"jid": "1@status"},
    ],
    ids=str,
)
async def test_an_odd_number_in_the_file_is_asked_for_anew(tmp_path: Path, odd: dict[str, object]) -> None:
    path, answers = tmp_path / "numbers.json", Answers(THERE)
    kept = {**THERE, "asked_ms": round(NOW.timestamp() * 1000), **odd}
    path.write_text(json.dumps({f"+{ANN}": kept}))
    known = lookups(answers, path)
    assert known.known(f"+{ANN}") is None
    assert (await known.of(f"+{ANN}")).jid == THERE["jid"]
    assert answers.asked == [f"+{ANN}"]


async def test_a_file_of_numbers_that_cannot_be_written_is_no_reason_to_fail(tmp_path: Path) -> None:
    assert (await lookups(Answers(THERE), tmp_path / "gone" / "numbers.json").of(f"+{ANN}")).on


async def test_only_so_many_numbers_are_kept(tmp_path: Path) -> None:
    path, answers = tmp_path / "numbers.json", Answers(THERE)
    kept = {
        f"+62{number:09}": {"on": True, "jid": "1@lid", "lid": "", "asked_ms": 0} for number in range(5000)
    }
    path.write_text(json.dumps(kept))
    known = lookups(answers, path)
    await known.of(f"+{ANN}")
    numbers = list(json.loads(path.read_text()))
    assert (len(numbers), numbers[0], numbers[-1]) == (5000, "+62000000001", f"+{ANN}")


async def test_a_number_is_looked_up_once_for_many_messages(standing_in: Opens, backstage: Backstage) -> None:
    async with standing_in() as connection:
        for number in range(3):
            await connection.send(part(ident=f"p{number}.1"))
        await connection.resolve(part().target)
    assert [asked["numbers"] for asked in backstage.asked("look_up")] == [[f"+{ANN}"]]


async def test_a_number_that_is_not_there_is_asked_for_again_by_whoever_is_told_to_try(
    standing_in: Opens, backstage: Backstage
) -> None:
    async with standing_in(answers={"look_up": {"found": [NOT_THERE]}}) as connection:
        for number in range(2):
            with pytest.raises(Rejected, match="is not on WhatsApp"):
                await connection.send(part(ident=f"p{number}.1"))
        assert len(backstage.asked("look_up")) == 2
        for _ in range(2):
            with pytest.raises(InvalidTarget):
                await connection.resolve(part().target)
        assert len(backstage.asked("look_up")) == 4


async def test_a_number_that_has_left_whatsapp_is_asked_for_anew(
    standing_in: Opens, backstage: Backstage
) -> None:
    gone = {"error": {"kind": "library_error", "text": "no LID found for 62 from server", "announced": False}}
    async with standing_in(answers={"send": gone}) as connection:
        for number in range(2):
            with pytest.raises(Rejected):
                await connection.send(part(ident=f"p{number}.1"))
    assert len(backstage.asked("look_up")) == 2


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        ({"acts": {"look_up": "die"}}, Unavailable),
        ({"answers": {"look_up": {"error": {"kind": "not_connected", "text": "no"}}}}, Unavailable),
        ({"answers": {"look_up": {"error": {"kind": "library_error", "text": "timed out"}}}}, NotSent),
        ({"answers": {"look_up": {"found": []}}}, NotSent),
    ],
    ids=["the child dies", "not connected", "in vain", "no answer"],
)
async def test_a_number_that_cannot_be_asked_for_is_not_written_to(
    standing_in: Opens, backstage: Backstage, script: dict[str, Any], kind: type[Exception]
) -> None:
    async with standing_in(**script) as connection:
        with pytest.raises(kind):
            await connection.send(part())
    assert not backstage.asked("send")
