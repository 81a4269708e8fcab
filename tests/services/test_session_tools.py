"""Agents that look at sessions, and speak to each other in them."""

from typing import Any

import pytest

from stentor.contract.runners import TurnRequest
from stentor.testing.virtual_time import pass_time
from tests.services.errand_stories import MAIN, Caller, Cast, named, saying, sessions, waking, world
from tests.services.stories import JsonObject, adding, job, runs

CHAT = "agent:main:session:chat"


def listing(**arguments: object) -> tuple[str, JsonObject]:
    return "sessions_list", arguments


def history(key: str, **arguments: object) -> tuple[str, JsonObject]:
    return "sessions_history", {"sessionKey": key, **arguments}


def send(message: str, **arguments: object) -> tuple[str, JsonObject]:
    return "sessions_send", {"message": message, **arguments}


def status(**arguments: object) -> tuple[str, JsonObject]:
    return "session_status", arguments


def after_a_chat(home, keeper: Caller, *, session=MAIN, **parts: Any) -> Cast:
    """Somebody has spoken in the session `chat` before."""
    cast = Cast(keep=keeper, hello=saying("hello yourself"), **parts)

    async def story(operations) -> None:
        await waking("hello", named("chat"))(operations)
        await operations.app.ground.seams.clock.sleep(5)
        await waking("keep", session)(operations)

    world(home, cast).live(story, seconds=600)
    return cast


def test_sessions_are_listed_by_kind_and_shown_with_what_was_said(fast_home) -> None:
    keeper = Caller(listing(), listing(kind="named"), listing(limit=1), history(CHAT), history(CHAT, limit=1))
    after_a_chat(fast_home, keeper)

    everything, of_kind, one, said, newest = keeper.answers
    assert sorted(each["key"] for each in everything["sessions"]) == ["agent:main:main", CHAT]
    assert [each["key"] for each in of_kind["sessions"]] == [CHAT]
    assert (len(one["sessions"]), one["total"]) == (1, 2)
    assert [(entry["role"], entry["text"].split()[-1]) for entry in said["messages"]][1] == (
        "assistant",
        "yourself",
    )
    assert ([entry["text"] for entry in newest["messages"]], newest["earlier"]) == (["hello yourself"], 1)


def test_long_texts_are_cut_and_a_page_has_an_end(fast_home) -> None:
    async def long(request: TurnRequest) -> str:
        for _ in range(30):
            await request.call_tool("no such tool", {"text": "word"})
        return "ö" * 60_000

    keeper = Caller(history(CHAT, limit=200))
    cast = Cast(keep=keeper, long=long)

    async def story(operations) -> None:
        for _ in range(2):
            await waking("long", named("chat"))(operations)
            await operations.app.ground.seams.clock.sleep(5)
        await waking("keep")(operations)

    world(fast_home, cast).live(story, seconds=60)

    (said,) = keeper.answers
    texts = [entry["text"] for entry in said["messages"]]
    assert max(map(len, texts)) == 4_000
    assert texts[-1].endswith("ö…")
    assert sum(len(text.encode()) for text in texts) <= 80 * 1024
    assert [entry["calls"] for entry in said["messages"] if "calls" in entry][:1] == [["no such tool"]]


def test_a_page_that_is_full_leaves_out_what_is_older(fast_home) -> None:
    keeper = Caller(history(CHAT, limit=200))
    cast = Cast(keep=keeper, long=saying("ö" * 4_000))

    async def story(operations) -> None:
        for _ in range(12):
            await waking("long", named("chat"))(operations)
            await operations.app.ground.seams.clock.sleep(5)
        await waking("keep")(operations)

    world(fast_home, cast).live(story, seconds=60)

    (said,) = keeper.answers
    assert 70_000 < sum(len(entry["text"].encode()) for entry in said["messages"]) <= 80 * 1024
    assert said["earlier"] == 24 - len(said["messages"])


def test_what_is_said_in_another_session_is_answered_there_and_here(fast_home) -> None:
    seen: list[list[str]] = []

    async def asked(request: TurnRequest) -> str:
        seen.append([entry.text for entry in request.history if entry.role == "assistant"])
        return "as I said, hello"

    keeper = Caller(send("question", sessionKey=CHAT), send("question", label="CHAT"))
    after_a_chat(fast_home, keeper, question=asked)

    assert [(answer["status"], answer["text"]) for answer in keeper.answers] == [
        ("ok", "as I said, hello")
    ] * 2
    assert seen == [["hello yourself"], ["hello yourself", "as I said, hello"]]


def test_an_answer_that_takes_too_long_is_not_waited_for_but_comes(fast_home) -> None:
    async def slow(request: TurnRequest) -> str:
        del request
        await pass_time(100)
        return "at last"

    keeper = Caller(
        send("question", sessionKey=CHAT, timeoutSeconds=10),
        send("question", sessionKey=CHAT, timeoutSeconds=0),
    )
    after_a_chat(fast_home, keeper, question=slow)

    late, accepted = keeper.answers
    assert (late["status"], accepted["status"]) == ("timeout", "accepted")
    assert late["note"] == "there is no answer yet; it will stand in sessions_history"
    assert [run["status"] for run in runs(fast_home)] == ["ok"] * 4


def test_where_there_is_room_for_one_run_an_answer_comes_all_the_same(fast_home) -> None:
    (fast_home / "stentor.toml").write_text("[scheduler]\nmax_concurrent_runs = 1\n")
    keeper = Caller(send("question", sessionKey=CHAT, timeoutSeconds=60))
    after_a_chat(fast_home, keeper, question=saying("yes"))
    assert keeper.answers[0]["text"] == "yes"


def test_who_is_asked_may_send_no_more_than_who_asks(fast_home) -> None:
    other = Caller(("message", {"to": "page:room1", "text": "psst"}))
    keeper = Caller(send("question", sessionKey=CHAT))
    after_a_chat(fast_home, keeper, question=other)
    assert other.answers[0].startswith("there is no tool 'message'")


def test_two_sessions_do_not_send_each_other_on_for_ever(fast_home) -> None:
    key = "agent:main:session:"

    def passing_on(to: str):
        async def ask(request: TurnRequest) -> str:
            await request.call_tool(
                "sessions_send", {"message": "pass", "sessionKey": to, "timeoutSeconds": 0}
            )
            return "passed"

        return ask

    async def other(request: TurnRequest) -> str:
        return await passing_on(key + ("one" if request.session_key.endswith("two") else "two"))(request)

    async def story(operations) -> None:
        for name in ("one", "two"):
            await waking("hello", named(name))(operations)
        await operations.app.ground.seams.clock.sleep(5)
        await waking("pass", named("one"))(operations)

    cast = Cast(hello=saying("hello"), **{"pass": other})
    world(fast_home, cast).live(story, seconds=600)

    assert cast.asked.count("pass") == 4


@pytest.mark.parametrize(
    ("call", "why"),
    [
        (send("question", sessionKey="agent:main:main"), "that is this very session; say it in your answer"),
        (send("question", sessionKey="agent:main:cron:brief"), "belongs to one run of a job"),
        (send("question", sessionKey="gone"), "there is no session 'gone' that you can see; sessions_list shows them"),
        (send("question", label="gone"), "no session is labelled 'gone'"),
        (send("question", label="Cron: Brief"), "several sessions are labelled 'Cron: Brief': agent:main:"),
        (send("question"), "name the session by its sessionKey or by its label, one of the two"),
        (send("question", sessionKey=CHAT, label="chat"), "one of the two"),
        (send(" ", sessionKey=CHAT), "message: must not be blank"),
        (history("gone"), "there is no session 'gone' that you can see"),
        (listing(kind="hook"), "kind: must be"),
        (listing(limit=1000), "limit: must be at most 200"),
        (status(model="huge:1"), "agent 'main' may not use the model 'huge:1'; allowed: tiny:*"),
        (status(thinking="deeply"), "thinking: must be"),
        (status(model="tiny:1", clear=["model"]), "clear: model is given as well; leave one of the two out"),
        (status(fast=False, clear=["fast"]), "clear: fast is given as well"),
        (status(model=" tiny:1"), "model: names a model, without blanks around it"),
        (status(fast="yes"), "fast: must be true or false"),
        (listing(limit="5"), "limit: must be a whole number"),
    ],
    ids=[
        "itself", "a job's run", "gone", "no label", "two labels", "nobody", "both", "blank", "history", "kind", "limit",
        "model", "thinking", "asked for and cleared", "off and cleared", "blanks", "word for a flag", "text for a number",
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_refused_with_the_reason(fast_home, call, why) -> None:
    (fast_home / "stentor.toml").write_text(
        '[agents.main]\nmodel = "tiny:1"\nallowed_models = ["tiny:*"]\nrunner = "echo"\n'
    )
    keeper = Caller(call)
    every = {"kind": "every", "everyMs": 10_000}
    asked = job(schedule=every, payload={"kind": "agentTurn", "message": "hello"}, delivery={"mode": "none"})

    async def story(operations) -> None:
        await adding(asked)(operations)
        await waking("hello", named("chat"))(operations)
        await operations.app.ground.seams.clock.sleep(25)
        await waking("keep")(operations)

    world(fast_home, Cast(keep=keeper, hello=saying("hello"))).live(story, seconds=10)

    assert not keeper.results[0].ok
    assert why in keeper.answers[0]


def test_who_waits_for_an_answer_of_its_sender_would_wait_in_vain(fast_home) -> None:
    back = Caller(
        send("more", sessionKey="agent:main:main"),
        send("more", sessionKey="agent:main:main", timeoutSeconds=0),
    )
    keeper = Caller(send("question", sessionKey=CHAT))
    cast = after_a_chat(fast_home, keeper, question=back, more=saying("fine"))

    assert (
        back.answers[0] == "agent:main:main waits for this very work; set timeoutSeconds to 0 and do not wait"
    )
    assert back.answers[1]["status"] == "accepted"
    assert cast.asked[-1] == "more"


def test_another_agent_than_the_default_one_sees_its_own_sessions(fast_home) -> None:
    (fast_home / "stentor.toml").write_text("[agents.main]\n[agents.ops]\n")
    keeper = Caller(listing(), history(CHAT), send("question", label="chat"), status(sessionKey=CHAT))
    after_a_chat(fast_home, keeper, session=named("desk", "ops"))

    listed, said, sent, stands = keeper.answers
    assert [each["key"] for each in listed["sessions"]] == ["agent:ops:session:desk"]
    assert said == stands == f"there is no session {CHAT!r} that you can see; sessions_list shows them"
    assert sent == "no session is labelled 'chat'; sessions_list shows them"


def test_what_is_wanted_of_a_session_is_said_and_taken_back(fast_home) -> None:
    (fast_home / "stentor.toml").write_text('[agents.main]\nmodel = "tiny:1"\nrunner = "echo"\n')
    asked: list[tuple[str | None, str | None, bool]] = []

    async def question(request: TurnRequest) -> str:
        asked.append((request.model, request.thinking, request.fast_mode))
        return "well"

    keeper = Caller(
        status(sessionKey=CHAT),
        status(sessionKey=CHAT, model="tiny:2", thinking="high", fast=True),
        send("question", sessionKey=CHAT),
        status(sessionKey=CHAT, clear=["model", "fast"]),
        send("question", sessionKey=CHAT),
        status(),
    )
    after_a_chat(fast_home, keeper, question=question)

    before, wanted, _, cleared, _, own = keeper.answers
    assert (before["key"], before["kind"], before["messages"]) == (CHAT, "named", 2)
    assert [(each["model"], each["thinking"], each["fast"]) for each in (before, wanted, cleared)] == [
        ("tiny:1", None, False),
        ("tiny:2", "high", True),
        ("tiny:1", "high", False),
    ]
    assert asked == [("tiny:2", "high", True), ("tiny:1", "high", False)]
    assert (own["key"], own["active"]) == ("agent:main:main", True)


@pytest.mark.parametrize("spawned", [False, True], ids=["the agent of a job itself", "whoever works for it"])
def test_a_run_of_a_job_says_what_is_wanted_of_its_own_session_only(fast_home, spawned) -> None:
    keeper = Caller(
        status(sessionKey=CHAT, model="tiny:2"),
        status(sessionKey="agent:main:main", clear=["thinking"]),
        status(sessionKey=CHAT),
        status(thinking="high"),
    )
    lead = Caller(("sessions_spawn", {"task": "keep"}), ("sessions_yield", {}))
    turn = {"kind": "agentTurn", "message": "lead" if spawned else "keep"}
    asked = job(
        schedule={"kind": "at", "at": "2026-07-01T07:00:10Z"}, payload=turn, delivery={"mode": "none"}
    )

    async def story(operations) -> None:
        await waking("hello", named("chat"))(operations)
        await waking("hello")(operations)
        await adding(asked)(operations)

    world(fast_home, Cast(keep=keeper, lead=lead, hello=saying("hello"))).live(story, seconds=60)

    refused, cleared, seen, own = keeper.answers
    assert refused.startswith(
        f"a run of a job says what is wanted of its own session only, not of {CHAT}: say in your answer"
    )
    assert "not of agent:main:main" in cleared
    assert (seen["model"], own["thinking"]) == (None, "high")


def test_a_secret_that_was_learned_later_is_not_shown(fast_home) -> None:
    keeper = Caller(history(CHAT))

    async def story(operations) -> None:
        await waking("hello", named("chat"))(operations)
        await operations.app.ground.seams.clock.sleep(5)
        operations.app.ground.redactor.learn("yourself")
        await waking("keep")(operations)

    world(fast_home, Cast(keep=keeper, hello=saying("hello yourself"))).live(story, seconds=60)

    assert keeper.answers[0]["messages"][-1]["text"] == "hello [redacted]"
    assert len(sessions(fast_home)) == 2
