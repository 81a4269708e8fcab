"""Agents that look after jobs themselves: by the rules of the command line, and not from inside a job."""

from typing import Any

import pytest

from stentor.adapters.sqlite.reader import Reader
from stentor.domain.sessions import subagent_session
from stentor.testing.scripted import Provider, scripted_channel
from stentor.testing.simulation import Simulation
from tests.services.errand_stories import MAIN, Caller, Cast, named, saying, waking, world
from tests.services.stories import JsonObject, TalkingRunner, adding, job, runs, sending, stored_job

DAILY = {"kind": "cron", "expr": "0 9 * * *", "tz": "UTC", "staggerMs": 0}
DELIVERED = {"to": "page:room1"}


def cron(action: str, **arguments: object) -> tuple[str, JsonObject]:
    return "cron", {"action": action, **arguments}


def digest(**changes: Any) -> JsonObject:
    return {
        "id": "digest",
        "name": "Digest",
        "schedule": DAILY,
        "payload": {"kind": "agentTurn", "message": "sum up"},
        "delivery": DELIVERED,
    } | changes


def in_the_main_session(home, *calls: tuple[str, JsonObject], before=None, session=MAIN) -> Caller:
    """The owner's agent makes these calls where its owner speaks to it."""
    keeper = Caller(*calls)

    async def story(operations) -> None:
        if before is not None:
            await before(operations)
            await operations.app.ground.seams.clock.sleep(1)
        await waking("keep", session)(operations)

    world(home, Cast(keep=keeper, sum=saying("summed up"))).live(story, seconds=60)
    return keeper


def test_a_job_is_added_looked_at_changed_run_and_removed(fast_home) -> None:
    keeper = in_the_main_session(
        fast_home,
        cron("add", job=digest()),
        cron("list"),
        cron("get", jobId="Digest"),
        cron("update", id="digest", patch={"name": "Weekly", "schedule": {"expr": "0 9 * * 1"}}),
        cron("run", jobId="digest", runMode="due"),
        cron("run", jobId="digest"),
        cron("status"),
        cron("remove", job="digest"),
        cron("list"),
    )
    added, listed, got, updated, not_due, ran, status, removed, empty = keeper.answers
    assert (added["agentId"], added["delivery"]["to"], added["repaired"]) == ("main", ["page:room1"], [])
    assert added["preview"]["nextRuns"][0]["utc"] == "2026-07-01T09:00:00Z"
    assert [each["id"] for each in listed["jobs"]] == ["digest"]
    assert got["id"] == "digest"
    assert updated["changed"]["after"]["name"] == "Weekly"
    assert (not_due["reason"], ran["enqueued"]) == ("not-due", True)
    assert (status["jobs"], removed["removed"], empty["jobs"]) == (1, True, [])
    assert {run["trigger"] for run in runs(fast_home)} == {"wake", "manual"}


@pytest.mark.parametrize(
    ("call", "notes"),
    [
        (
            {"name": "Digest", "schedule": DAILY, "message": "sum up", "delivery": DELIVERED},
            ["name, schedule, message, delivery lifted into job"],
        ),
        (
            {"job": {"schedule": "0 9 * * *", "message": "sum up"}, "to": "page:room1", "name": "Digest"},
            ["to, name lifted into job"],
        ),
        ({"data": {**digest(), "id": None}}, ["data lifted into job", "job lifted out of data"]),
        (
            {"job": '{"schedule": "0 9 * * *", "message": "sum up", "to": "page:room1"}'},
            ["job read from text"],
        ),
        ({"job": digest(), "name": "Other"}, ["name dropped: job.name is given too and wins"]),
        ({"job": digest(id=None), "jobId": "mine"}, ["id lifted into job"]),
    ],
    ids=["flat", "half flat", "data", "as text", "twice", "id beside"],
)
def test_what_models_leave_out_of_the_shape_is_put_into_its_place(fast_home, call, notes) -> None:
    (added,) = in_the_main_session(fast_home, cron("add", **call)).answers
    assert added["payload"]["message"] == "sum up"
    assert added["delivery"]["to"] == ["page:room1"]
    assert [note for note in notes if note not in added["repaired"]] == []


def test_the_fields_of_a_patch_may_stand_beside_it(fast_home) -> None:
    keeper = in_the_main_session(
        fast_home,
        cron("update", jobId="brief", enabled=False),
        cron("update", jobId="brief", job={"name": "Renamed"}),
        cron("update", jobId="brief", job='{"name": "Once more"}'),
        cron("update", job="brief", id="brief", patch={"name": "Last"}),
        before=adding(job(schedule=DAILY)),
    )
    first, second, third, fourth = keeper.answers
    assert (first["enabled"], first["repaired"]) == (False, ["enabled lifted into patch"])
    assert (second["name"], second["repaired"]) == ("Renamed", ["job read as patch"])
    assert (third["name"], third["repaired"]) == ("Once more", ["patch read from text", "job read as patch"])
    assert (fourth["name"], fourth["repaired"]) == ("Last", [])


@pytest.mark.parametrize(
    ("call", "why"),
    [
        (cron("add", job=digest(schedule={"kind": "cron", "expr": "61 * * * *"})), "schedule.expr"),
        (cron("add", job=digest(delivery={"to": "nowhere:1"})), "nowhere"),
        (cron("add", job=digest(agentId="nobody")), "there is no agent 'nobody'; configured agents: main"),
        (cron("add", job=digest(sessionTarget="main")), "sessionTarget isolated"),
        (cron("add", job=digest(id="brief")), "brief"),
        (cron("get", jobId="gone"), "there is no job 'gone'; the action list shows them"),
        (cron("remove"), "remove needs a job: name it with jobId"),
        (cron("list", includeDisable=True), "includeDisable: unknown field, did you mean 'includeDisabled'?"),
        (cron("burn"), "action: must be"),
        (cron("add", job="digest"), "job: must be an object"),
        (cron("update", jobId="brief", patch="[1]"), "patch: must be an object"),
        (cron("add", job=[1]), "the call of cron is not valid; job: must be an object"),
        (cron("runs", offset=10**30), "offset: must be at most 1000000000000000"),
        (cron("list", limit=True), "limit: must be a whole number"),
        (cron("get", jobId=""), "jobId: must not be blank"),
        (cron("get", jobId="brief", id="other"), "jobId and id: they name different jobs; give one of them"),
        (cron("get", jobId="brief", job="other"), "jobId and job: they name different jobs"),
        (
            cron("get", job={"id": "brief"}),
            "job: the action get takes the id or name of a job, and no fields",
        ),
        (
            cron("list", jobId="brief"),
            "jobId: the action list does not take it; it takes includeDisabled, limit",
        ),
        (cron("status", limit=5), "limit: the action status does not take it, nor anything else"),
        (cron("add", job=digest(), patch={"name": "x"}), "patch: the action add does not take it"),
        (cron("remove", jobId="brief", runMode="due"), "runMode: the action remove does not take it"),
        (
            cron("update", jobId="brief", patch={"name": "x"}, job={"name": "y"}),
            "job: patch says what changes",
        ),
        (cron("update", jobId="brief", runId="r1", name="x"), "runId: the action update does not take it"),
    ],
    ids=[
        "schedule",
        "target",
        "agent",
        "session",
        "twice",
        "gone",
        "nameless",
        "unknown field",
        "unknown action",
        "word",
        "list",
        "list for a job",
        "large number",
        "flag for a number",
        "blank",
        "two names",
        "two names as well",
        "fields for a name",
        "a job for a list",
        "a limit for the figures",
        "a patch for a new one",
        "a way of running",
        "two patches",
        "a run",
    ],
)
def test_what_the_command_line_refuses_is_refused_with_its_words(fast_home, call, why) -> None:
    keeper = in_the_main_session(fast_home, call, before=adding(job(schedule=DAILY)))
    assert not keeper.results[0].ok
    assert why in keeper.answers[0]
    assert stored_job(fast_home)["revision"] == 1


def test_a_job_without_a_delivery_goes_to_the_conversation_it_is_made_in(fast_home) -> None:
    """The newest place outside, as it was typed: another channel would be the only default else."""
    page, horn = Provider(), Provider()
    keeper = Caller(
        cron("add", job=digest(delivery=None)), cron("add", job=digest(id="none", delivery={"mode": "none"}))
    )
    channels = [scripted_channel("page", page), scripted_channel("horn", horn)]

    async def story(operations) -> None:
        await sending("horn:RoomX", "page:RoomQ")(operations)
        await operations.app.ground.seams.clock.sleep(1)
        await waking("keep")(operations)

    Simulation(fast_home, channels, [TalkingRunner(Cast(keep=keeper))]).live(story, seconds=60)

    inferred, silent = keeper.answers
    assert (inferred["delivery"]["to"], inferred["delivery"]["targetSource"]) == (["page:RoomQ"], "current")
    assert inferred["delivery"]["accountId"] == "default"
    assert (silent["delivery"]["mode"], silent["delivery"]["to"]) == ("none", None)


def test_a_delivery_that_is_cleared_goes_to_the_conversation_that_is_said_in(fast_home) -> None:
    """As it does for a job that is added without one."""

    async def before(operations) -> None:
        await adding(job(schedule=DAILY))(operations)
        await sending("page:RoomQ")(operations)

    keeper = in_the_main_session(
        fast_home,
        cron("update", jobId="brief", patch={"name": "Same place"}),
        cron("update", jobId="brief", patch={"delivery": None}),
        before=before,
    )
    renamed, cleared = (answer["delivery"] for answer in keeper.answers)
    assert (renamed["to"], renamed["targetSource"]) == (["page:room1"], "prefix")
    assert (cleared["to"], cleared["targetSource"]) == (["page:RoomQ"], "current")


def test_where_nothing_was_ever_said_nothing_is_inferred(fast_home) -> None:
    keeper = in_the_main_session(fast_home, cron("add", job=digest(delivery=None)))
    assert keeper.answers[0].startswith("no target is named and none can be inferred")


def test_the_current_session_is_the_one_the_job_is_made_in_from_then_on(fast_home) -> None:
    seen: list[str] = []

    async def summing(request) -> str:
        seen.extend(entry.text for entry in request.history if entry.role == "assistant")
        return "summed up"

    soon = {"kind": "at", "at": "2026-07-01T07:01:00Z"}
    keeper = Caller(cron("add", job=digest(schedule=soon, sessionTarget="current")), final="it is kept")
    world(fast_home, Cast(keep=keeper, sum=summing)).live(waking("keep", named("chat")), seconds=120)

    assert keeper.answers[0]["sessionTarget"] == "session:agent:main:session:chat"
    assert [run["sessionKey"] for run in runs(fast_home)] == ["agent:main:session:chat"] * 2
    assert "it is kept" in seen


def test_the_current_session_may_be_the_main_one_for_what_it_takes(fast_home) -> None:
    event = digest(payload={"kind": "systemEvent", "text": "stretch"}, sessionTarget="current", delivery=None)
    keeper = in_the_main_session(
        fast_home,
        cron("add", job=event),
        cron("add", job=digest(id="other", sessionTarget="current")),
        cron("update", jobId="digest", patch={"sessionTarget": "current", "name": "Same"}),
    )
    added, refused, updated = keeper.answers
    assert (added["sessionTarget"], updated["sessionTarget"], updated["name"]) == ("main", "main", "Same")
    assert refused.startswith("the current session is the main one, which takes systemEvent payloads only")


def test_a_session_that_goes_with_its_run_is_no_current_one(fast_home) -> None:
    own = subagent_session("main", "s-own", "own", "s-main")
    keeper = in_the_main_session(fast_home, cron("add", job=digest(sessionTarget="current")), session=own)
    assert keeper.answers[0].startswith("this session goes with its run, so no job can go on in it")


GUARDED = "a run of a job may look at jobs and remove its own, but change nothing else"


@pytest.mark.parametrize("spawned", [False, True], ids=["the agent of a job itself", "whoever works for it"])
def test_inside_a_run_of_a_job_nothing_is_changed_but_that_job_removed(fast_home, spawned) -> None:
    calls = (
        cron("add", job=digest()),
        cron("update", jobId="other", patch={"name": "Mine"}),
        cron("run", jobId="other"),
        cron("remove", jobId="other"),
        cron("list"),
        cron("get", jobId="other"),
        cron("runs", jobId="brief"),
        cron("status"),
        cron("remove", jobId="Brief"),
    )
    keeper = Caller(*calls)
    lead = Caller(("sessions_spawn", {"task": "keep"}), ("sessions_yield", {}))
    asked = job(
        payload={"kind": "agentTurn", "message": "lead" if spawned else "keep"}, delivery={"mode": "none"}
    )
    other = job(id="other", name="Other", schedule=DAILY)
    world(fast_home, Cast(keep=keeper, lead=lead)).live(adding(other, asked), seconds=60)

    assert [result.ok for result in keeper.results] == [*[False] * 4, *[True] * 4, not spawned]
    assert {answer[: len(GUARDED)] for answer in keeper.answers[:4]} == {GUARDED}
    assert "stentor cron add" in keeper.answers[0]
    assert stored_job(fast_home, "other")["revision"] == 1


def test_another_agent_than_the_default_one_looks_after_its_own_jobs(fast_home) -> None:
    (fast_home / "stentor.toml").write_text("[agents.main]\n[agents.ops]\n")
    keeper = in_the_main_session(
        fast_home,
        cron("add", job=digest()),
        cron("add", job=digest(id="theirs", agentId="main")),
        cron("list"),
        cron("get", jobId="brief"),
        cron("runs", jobId="brief"),
        cron("update", jobId="digest", patch={"job": {"agentId": "main"}}),
        before=adding(job(schedule=DAILY)),
        session=named("chat", "ops"),
    )
    added, refused, listed, hidden, no_runs, kept = keeper.answers
    assert added["agentId"] == "ops"
    assert refused == kept == "agent 'ops' looks after its own jobs only; leave agentId out"
    assert ([each["id"] for each in listed["jobs"]], listed["total"]) == (["digest"], 1)
    assert hidden == no_runs == "there is no job 'brief'; the action list shows them"


def test_the_figures_of_another_agent_than_the_default_one_are_its_own(fast_home) -> None:
    (fast_home / "stentor.toml").write_text("[agents.main]\n[agents.ops]\n")
    later = digest(id="later", agentId="ops", enabled=False)

    async def before(operations) -> None:
        await adding(
            job(schedule=DAILY), digest(agentId="ops", schedule=DAILY | {"expr": "0 10 * * *"}), later
        )(operations)
        await operations.run_job("brief", due=False)

    figures = {}
    for agent in ("ops", "main"):
        home = fast_home if agent == "ops" else fast_home / "again"
        home.mkdir(exist_ok=True)
        (home / "stentor.toml").write_text("[agents.main]\n[agents.ops]\n")
        keeper = in_the_main_session(home, cron("status"), before=before, session=named("chat", agent))
        figures[agent] = keeper.answers[0]

    own, all_of_them = figures["ops"], figures["main"]
    assert (own["jobs"], own["enabled"], own["running"], own["sessions"]) == (2, 1, 1, 1)
    assert (all_of_them["jobs"], all_of_them["enabled"], all_of_them["sessions"]) == (3, 2, 2)
    assert own["nextRunAtMs"] - all_of_them["nextRunAtMs"] == 3_600_000


def test_a_tool_that_is_not_there_is_allowed_with_a_warning(fast_home) -> None:
    """A plugin may bring it one day."""
    turn = {"kind": "agentTurn", "message": "sum up"}
    keeper = in_the_main_session(
        fast_home,
        cron("add", job=digest(payload={**turn, "toolsAllow": ["cron", "sesions_list", "sesions_list"]})),
        cron("update", jobId="digest", patch={"name": "Same tools"}),
        cron("update", jobId="digest", patch={"payload": {"toolsAllow": ["message"]}}),
        cron("update", jobId="digest", patch={"payload": {"toolsAllow": ["lookup"]}}),
    )
    added, renamed, mended, changed = (answer["warnings"] for answer in keeper.answers)
    begins = "payload.toolsAllow names what is no tool here: "
    assert [warning.partition("; ")[0] for warning in added] == [
        f"{begins}'sesions_list', did you mean 'sessions_list'?"
    ]
    assert "there are cron, message, session_status, sessions_history" in added[0]
    assert (renamed, mended) == ([], [])
    assert [warning.partition("; ")[0] for warning in changed] == [f"{begins}'lookup'"]
    assert stored_job(fast_home, "digest")["payload"]["toolsAllow"] == ["lookup"]


def test_the_default_agent_makes_jobs_for_others(fast_home) -> None:
    (fast_home / "stentor.toml").write_text("[agents.main]\n[agents.ops]\n")
    keeper = in_the_main_session(fast_home, cron("add", job=digest(agentId="ops")))
    assert keeper.answers[0]["agentId"] == "ops"


def test_the_runs_of_a_job_that_is_gone_can_still_be_looked_at(fast_home) -> None:
    async def before(operations) -> None:
        await adding(job())(operations)
        await operations.app.ground.seams.clock.sleep(5)
        await operations.remove_job("brief")

    keeper = in_the_main_session(fast_home, cron("runs", jobId="brief"), cron("runs", limit=1), before=before)
    of_job, newest = keeper.answers
    assert [run["jobId"] for run in of_job["entries"]] == ["brief"]
    assert (len(newest["entries"]), newest["total"]) == (1, 2)


def test_the_history_of_a_job_names_the_agent(fast_home) -> None:
    in_the_main_session(fast_home, cron("add", job=digest()))
    with Reader.open(fast_home / "stentor.db") as reader:
        (edit,), _ = reader.edits("digest", limit=5)
    assert edit["by"] == "agent:main"
