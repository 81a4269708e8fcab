"""Agents that send others: they are told what came of it, once, and nothing is left behind."""

from pathlib import Path

import pytest

from stentor.app.operations import Operations
from stentor.contract.runners import TurnRequest
from stentor.testing.scripted import Provider
from stentor.testing.simulation import nothing
from stentor.testing.virtual_time import pass_time
from tests.services.errand_stories import Caller, Cast, named, saying, sessions, waking, world
from tests.services.stories import JsonObject, adding, job, runs, sending

LONG = 900


def spawn(task: str, **arguments: object) -> tuple[str, JsonObject]:
    return "sessions_spawn", {"task": task, **arguments}


def wait(**arguments: object) -> tuple[str, JsonObject]:
    return "sessions_yield", arguments


def orchestra(**delivery: object) -> JsonObject:
    """A job in an isolated session whose agent sends others."""
    return job(payload={"kind": "agentTurn", "message": "lead"}, delivery=delivery or {"mode": "none"})


def after(seconds: float, text: str):
    async def answer(request: TurnRequest) -> str:
        del request
        await pass_time(seconds)
        return text

    return answer


def told(answer: JsonObject) -> list[tuple[str, str, str | None]]:
    return [(child["label"], child["status"], child["text"]) for child in answer["children"]]


def outcomes(home: Path) -> set[tuple[str, str]]:
    return {(run["jobName"], run["status"]) for run in runs(home)}


def test_a_job_waits_twice_for_others_and_answers_once(fast_home) -> None:
    page = Provider()
    lead = Caller(
        spawn("slow work", label="slow"),
        spawn("quick work", label="quick"),
        wait(any=True, message="then the slow one"),
        wait(),
        wait(),
        final="both are done",
    )
    cast = Cast(lead=lead, slow=after(600, "slow result"), quick=after(5, "quick result"))

    world(fast_home, cast, page).live(adding(orchestra(to="page:room1")), seconds=LONG)

    accepted, _, first, second, third = lead.answers
    assert accepted["status"] == "accepted"
    assert told(first) == [("quick", "ok", "quick result"), ("slow", "running", None)]
    assert first["message"] == "then the slow one"
    assert (told(second), told(third)) == ([("slow", "ok", "slow result")], [])
    assert [part.text for part in page.accepted] == ["both are done"]
    assert cast.asked == ["lead", "slow work", "quick work"]


def test_who_does_not_wait_is_asked_once_more_with_what_it_was_not_told(fast_home) -> None:
    page = Provider()
    lead = Caller(spawn("early"), wait(), spawn("late"), final="they are at it")
    cast = Cast(
        lead=lead, early=saying("early result"), late=after(60, "late result"), more=saying("all of it")
    )

    world(fast_home, cast, page).live(adding(orchestra(to="page:room1")), seconds=LONG)

    assert [part.text for part in page.accepted] == ["all of it"]
    again = cast.asked[-1]
    assert "late result" in again
    assert "early result" not in again


def test_one_that_fails_and_one_that_takes_too_long_are_told_as_such(fast_home) -> None:
    async def broken(request: TurnRequest) -> str:
        raise RuntimeError(f"no way to do {request.job_id}")

    lead = Caller(
        spawn("broken", label="broken"), spawn("endless", label="endless", runTimeoutSeconds=30), wait()
    )
    world(fast_home, Cast(lead=lead, broken=broken, endless=after(LONG, "never"))).live(
        adding(orchestra()), seconds=LONG
    )

    (failed, late) = told(lead.answers[-1])
    assert (failed[:2], "no way to do" in str(failed[2])) == (("broken", "error"), True)
    assert (late[:2], "took longer than 30 s" in str(late[2])) == (("endless", "timeout"), True)
    assert outcomes(fast_home) == {("Brief", "ok"), ("broken", "error"), ("endless", "timeout")}


def test_waiting_ends_when_its_time_is_up_and_what_goes_on_is_waited_for_at_the_end(fast_home) -> None:
    lead = Caller(spawn("slow", label="slow"), wait(seconds=10), final="not yet")
    cast = Cast(lead=lead, slow=after(100, "slow result"), more=saying("now it is"))

    world(fast_home, cast).live(adding(orchestra()), seconds=LONG)

    assert told(lead.answers[-1]) == [("slow", "running", None)]
    assert "slow result" in cast.asked[-1]


def test_where_there_is_room_for_one_run_nobody_waits_for_ever(fast_home) -> None:
    """Five send two each, all of whom send another one, and all wait: more than there is room for at any depth."""
    (fast_home / "stentor.toml").write_text("[scheduler]\nmax_concurrent_runs = 1\n")
    lead = Caller(*[spawn(f"one {n}") for n in range(5)], wait(), final="done")
    one = Caller(spawn("two"), spawn("two"), wait())
    cast = Cast(lead=lead, one=one, two=Caller(spawn("three"), wait()), three=after(1, "leaf"))

    world(fast_home, cast).live(adding(orchestra()), seconds=LONG)

    assert {run["status"] for run in runs(fast_home)} == {"ok"}
    assert len(runs(fast_home)) == 1 + 5 + 10 + 10
    assert [child["text"] for child in lead.answers[-1]["children"]] == ["done"] * 5


def test_five_at_a_time_are_the_limit_and_each_that_is_over_makes_room(fast_home) -> None:
    lead = Caller(*[spawn("work")] * 6, wait(), spawn("work"), wait())

    world(fast_home, Cast(lead=lead, work=after(1, "ok"))).live(adding(orchestra()), seconds=LONG)

    assert [result.ok for result in lead.results] == [*[True] * 5, False, True, True, True]
    assert lead.answers[5].startswith("5 are under way for you, which is the limit")


def test_who_stands_three_deep_is_not_offered_to_send_anybody(fast_home) -> None:
    three = Caller(spawn("four"))
    cast = Cast(
        lead=Caller(spawn("one"), wait()),
        one=Caller(spawn("two"), wait()),
        two=Caller(spawn("three"), wait()),
        three=three,
    )
    world(fast_home, cast).live(adding(orchestra()), seconds=LONG)

    assert cast.asked == ["lead", "one", "two", "three"]
    assert not {"sessions_spawn", "sessions_yield", "sessions_send"} & three.tools.keys()
    assert three.answers[0].startswith("there is no tool 'sessions_spawn'")


def test_a_session_with_a_name_is_gone_on_with_by_the_next(fast_home) -> None:
    seen: list[list[str]] = []

    async def researcher(request: TurnRequest) -> str:
        seen.append([entry.text for entry in request.history if entry.role == "assistant"])
        return f"finding {len(seen)}"

    def life(simulation) -> None:
        simulation.live(waking("lead"), seconds=600)

    simulation = world(
        fast_home, Cast(lead=Caller(spawn("research", session="session:lab"), wait()), research=researcher)
    )
    life(simulation)
    life(simulation)

    assert seen == [[], ["finding 1"]]
    keys = [session["key"] for session in sessions(fast_home)]
    assert sorted(keys) == ["agent:main:main", "agent:main:session:lab"]


def test_a_session_of_its_own_begins_with_nothing_and_belongs_to_who_made_it(fast_home) -> None:
    simulation = world(
        fast_home,
        Cast(lead=Caller(spawn("work"), spawn("work", cleanup="delete"), wait()), work=saying("ok")),
    )
    simulation.live(waking("lead"), seconds=600)

    main, own = sessions(fast_home)
    assert own["key"] == f"agent:main:subagent:{own['sessionId']}"
    assert (own["kind"], own["parentId"], own["messages"]) == ("subagent", main["sessionId"], 2)


def test_whoever_is_sent_is_told_by_whom_and_that_the_answer_goes_back_there(fast_home) -> None:
    workspace = fast_home / "workspace"
    workspace.mkdir()
    (workspace / "AGENTS.md").write_text("Be kind.")
    (workspace / "MEMORY.md").write_text("Ann likes tea.")
    (fast_home / "stentor.toml").write_text(f'[agents.main]\nworkspace = "{workspace}"\n')
    told: list[TurnRequest] = []

    async def work(request: TurnRequest) -> str:
        told.append(request)
        return "ok"

    lead = Caller(spawn("work hard"), spawn("work light", lightContext=True), wait())
    world(fast_home, Cast(lead=lead, work=work)).live(waking("lead"), seconds=60)

    hard, light = told
    assert hard.message.startswith("[from agent:main:main] work hard\n\nCurrent time: ")
    assert hard.message.endswith("goes back to the agent that asked you, and nobody else is sent it.")
    assert [file.path for file in hard.bootstrap] == ["AGENTS.md"]
    assert light.bootstrap == ()


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"task": " "}, "task: must not be blank"),
        ({"task": "work", "agentId": "nobody"}, "there is no agent 'nobody'; there are main, ops"),
        ({"task": "work", "model": "huge:1"}, "may not use the model 'huge:1'; allowed: tiny:*"),
        ({"task": "work", "session": "chat"}, "agent:main:session:chat waits for this very work itself"),
        ({"task": "work", "session": "agent:main:main"}, "looks like a main, cron, hook or subagent session"),
        ({"task": "work", "session": "lab", "cleanup": "delete"}, "a session with a name is kept"),
        ({"task": "work", "runTimeoutSeconds": 0}, "runTimeoutSeconds: must be at least 1"),
        ({"task": "work", "sandbox": "inherit"}, "sandbox: unknown field"),
    ],
    ids=["blank", "agent", "model", "own session", "main session", "delete", "no time", "unknown"],
)
def test_what_cannot_be_sent_is_refused_with_the_reason(fast_home, arguments, why) -> None:
    (fast_home / "stentor.toml").write_text(
        '[agents.main]\nmodel = "tiny:1"\nallowed_models = ["tiny:*"]\nrunner = "echo"\n[agents.ops]\n'
    )
    lead = Caller(("sessions_spawn", arguments))
    world(fast_home, Cast(lead=lead)).live(waking("lead", named("chat")), seconds=60)

    assert why in lead.answers[0]
    assert [run["status"] for run in runs(fast_home)] == ["ok"]


def test_another_agent_than_the_default_one_sends_only_itself(fast_home) -> None:
    (fast_home / "stentor.toml").write_text("[agents.main]\n[agents.ops]\n")
    lead = Caller(spawn("work", agentId="main"), spawn("work"), wait())
    world(fast_home, Cast(lead=lead, work=saying("ok"))).live(
        waking("lead", named("chat", "ops")), seconds=60
    )

    assert lead.answers[0] == "agent 'ops' sends only itself; leave agentId out"
    assert lead.answers[1]["sessionKey"].startswith("agent:ops:subagent:")


def test_whoever_is_sent_may_send_messages_where_its_sender_may_and_announces_nothing(fast_home) -> None:
    page = Provider()
    texts = (
        ("message", {"to": "page:room1", "text": "hello"}),
        ("message", {"to": "page:room9", "text": "psst"}),
    )
    work = Caller(*texts, final="my result")
    lead = Caller(spawn("work"), wait(), final="NO_REPLY")
    asked = orchestra(to="page:room1", allow=["page:room2"])
    world(fast_home, Cast(lead=lead, work=work), page).live(adding(asked), seconds=60)

    assert [(part.target.canonical, part.text) for part in page.accepted] == [("page:room1", "hello")]
    assert work.answers[0]["state"] == "accepted"
    assert "may not send to page:room9 on default; it may send to page:room1, page:room2" in work.answers[1]


def test_the_last_conversation_of_a_job_is_that_of_whoever_works_for_it(fast_home) -> None:
    page = Provider()
    work = Caller(("message", {"to": "page:room7", "text": "hello"}), final="my result")
    lead = Caller(spawn("work"), wait(), final="NO_REPLY")

    async def story(operations: Operations) -> None:
        await sending("page:room7")(operations)
        await operations.app.ground.seams.clock.sleep(1)
        await adding(orchestra(channel="last"))(operations)

    world(fast_home, Cast(lead=lead, work=work), page).live(story, seconds=60)

    assert [(part.target.canonical, part.text) for part in page.accepted][1:] == [("page:room7", "hello")]


def test_whoever_is_sent_gets_no_tools_that_its_sender_does_not_have(fast_home) -> None:
    work = Caller(("cron", {"action": "status"}))
    asked = orchestra()
    asked["payload"]["toolsAllow"] = ["sessions_spawn", "sessions_yield"]
    world(fast_home, Cast(lead=Caller(spawn("work"), wait()), work=work)).live(adding(asked), seconds=60)

    assert sorted(work.tools) == ["sessions_spawn", "sessions_yield"]


def test_those_of_a_cancelled_run_are_cancelled_with_theirs(fast_home) -> None:
    lead = Caller(spawn("one"), wait())
    cast = Cast(lead=lead, one=Caller(spawn("two"), wait()), two=after(LONG, "never"))

    async def story(operations: Operations) -> None:
        await adding(orchestra())(operations)
        await operations.app.ground.seams.clock.sleep(30)
        (first, *_) = runs(fast_home)
        await operations.cancel_run(first["runId"])

    world(fast_home, cast).live(story, seconds=60)

    gone = "the run that asked for it is over"
    assert [(run["status"], run["error"]) for run in runs(fast_home)] == [
        ("cancelled", "cancelled by its owner"),
        ("cancelled", gone),
        ("cancelled", gone),
    ]


def test_those_of_a_run_that_takes_too_long_are_stopped_with_it(fast_home) -> None:
    asked = orchestra() | {"retry": {"maxAttempts": 0}}
    asked["payload"]["timeoutSeconds"] = 60
    cast = Cast(lead=Caller(spawn("one"), wait()), one=after(LONG, "never"))
    world(fast_home, cast).live(adding(asked), seconds=LONG)

    assert [run["status"] for run in runs(fast_home)] == ["timeout", "cancelled"]


@pytest.mark.parametrize("kindly", [True, False], ids=["stop", "kill"])
def test_nothing_is_done_again_by_itself_after_a_restart(fast_home, kindly) -> None:
    cast = Cast(lead=Caller(spawn("one"), wait()), one=after(LONG, "never"))
    simulation = world(fast_home, cast)
    living = simulation.begin()
    living.tell(waking("lead"))
    living.pass_time(60)
    if kindly:
        living.stop()
    else:
        living.kill()
    simulation.live(nothing, seconds=LONG * 2)

    assert [run["status"] for run in runs(fast_home)] == ["interrupted"] * 2
