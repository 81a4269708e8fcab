import asyncio
import json
import os
from collections.abc import Callable, Mapping
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from stentor.agents.command import CommandRunner, CommandSettings
from stentor.contract.errors import RunnerError
from stentor.contract.runners import (
    AttachmentRef,
    Denied,
    Final,
    ModelSwitched,
    Phase,
    RunnerEvent,
    TextDelta,
    ToolResult,
    TurnRequest,
    Usage,
)
from stentor.contract.settings import RunnerSettings
from stentor.services.turn_clocks import PROCESS_SPAWNED

Settings = Callable[..., CommandSettings]
Request = Callable[..., TurnRequest]

SPAWNED = Phase(PROCESS_SPAWNED)


async def _events(request: TurnRequest) -> list[RunnerEvent]:
    async with aclosing(CommandRunner().turn(request)) as turn:
        return [event async for event in turn]


async def _listen(request: TurnRequest, hear: Callable[[RunnerEvent], None]) -> None:
    async with aclosing(CommandRunner().turn(request)) as turn:
        async for event in turn:
            hear(event)


async def _failure(request: TurnRequest) -> RunnerError:
    with pytest.raises(RunnerError) as caught:
        await _events(request)
    return caught.value


def _saying(*lines: object, then: str = "") -> str:
    text = "".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines)
    return f"import os, sys\nsys.stdout.write({text!r})\nsys.stdout.flush()\n{then}\n"


async def test_a_program_gets_the_turn_and_its_lines_become_events(
    settings_for: Settings, request_for: Request
) -> None:
    source = """
        import json, sys
        turn = json.loads(sys.stdin.readline())
        for line in (
            {"type": "phase", "name": "model-call-started"},
            {"type": "text", "delta": "grüß "},
            {"type": "model_switch", "model": "m2"},
            {"type": "usage", "input": 10, "output": 5},
            {"type": "denied", "code": "SYSTEM_RUN_DENIED", "message": "not here"},
            {"type": "final", "text": turn["message"], "attachments": [{"path": "report.pdf"}]},
        ):
            print(json.dumps(line))
    """

    events = await _events(request_for(settings_for(source), message="[cron:brief Morning brief] grüß 👋"))

    assert events == [
        SPAWNED,
        Phase("model-call-started"),
        TextDelta("grüß "),
        ModelSwitched("m2"),
        Usage(input=10, output=5),
        Denied("SYSTEM_RUN_DENIED", "not here"),
        Final("[cron:brief Morning brief] grüß 👋", (AttachmentRef("report.pdf"),)),
    ]


async def test_a_tool_call_is_made_and_its_result_handed_back(
    settings_for: Settings, request_for: Request
) -> None:
    calls: list[tuple[str, Mapping[str, object]]] = []

    async def call_tool(name: str, args: Mapping[str, object]) -> ToolResult:
        calls.append((name, args))
        return ToolResult(ok=len(calls) == 1, result={"delivery": f"d-{len(calls)}"})

    source = """
        import json, sys
        def say(**line): print(json.dumps(line), flush=True)
        sys.stdin.readline()
        say(type="tool_call", id="a", name="message", args={"to": "local:x", "text": "hi 👋"})
        say(type="tool_call", id="b", name="lookup", args={})
        first, second = sys.stdin.readline(), sys.stdin.readline()
        say(type="final", text=first + second)
    """

    events = await _events(request_for(settings_for(source), call_tool))

    assert calls == [("message", {"to": "local:x", "text": "hi 👋"}), ("lookup", {})]
    final = events[-1]
    assert isinstance(final, Final)
    assert [json.loads(line) for line in final.text.splitlines()] == [
        {"type": "tool_result", "id": "a", "ok": True, "result": {"delivery": "d-1"}},
        {"type": "tool_result", "id": "b", "ok": False, "result": {"delivery": "d-2"}},
    ]


async def test_events_come_while_the_program_still_runs(settings_for: Settings, request_for: Request) -> None:
    source = _saying({"type": "phase", "name": "thinking"}, then="import signal; signal.pause()")

    async with aclosing(CommandRunner().turn(request_for(settings_for(source)))) as turn:
        assert await anext(turn) == SPAWNED
        assert await anext(turn) == Phase("thinking")


@pytest.mark.parametrize(
    ("printed", "answer"),
    [
        ("All is well.\n", "All is well."),
        ("\n\n  grüß 👋\n\nline two\n", "grüß 👋\n\nline two"),
        ('{"status": "ok"}\n', '{"status": "ok"}'),
        ('[1, 2]\n{"type":"final","text":"no"}\n', '[1, 2]\n{"type":"final","text":"no"}'),
        ("no newline", "no newline"),
    ],
    ids=["one line", "several", "an object without type", "events later on", "no newline"],
)
async def test_what_a_plain_program_prints_is_the_answer(
    settings_for: Settings, request_for: Request, printed: str, answer: str
) -> None:
    source = f"import sys; sys.stdout.buffer.write({printed.encode()!r})"

    assert await _events(request_for(settings_for(source))) == [SPAWNED, Final(answer)]


async def test_bytes_of_a_plain_program_that_are_not_utf8_are_replaced(
    settings_for: Settings, request_for: Request
) -> None:
    source = r"import sys; sys.stdout.buffer.write(b'caf\xe9')"

    assert (await _events(request_for(settings_for(source))))[-1] == Final("caf\ufffd")


async def test_the_input_ends_once_a_program_turns_out_to_be_plain(
    settings_for: Settings, request_for: Request
) -> None:
    source = "import sys; print('reading', flush=True); print(sys.stdin.read().count('turn'))"

    assert (await _events(request_for(settings_for(source))))[-1] == Final("reading\n1")


async def test_text_without_a_final_event_is_the_answer_of_a_good_exit(
    settings_for: Settings, request_for: Request
) -> None:
    source = _saying({"type": "text", "delta": "Hello, "}, "", {"type": "text", "delta": "world"})

    assert (await _events(request_for(settings_for(source))))[-1] == Final("Hello, world")


@pytest.mark.parametrize(
    "lines",
    [(), ("", " "), ({"type": "phase", "name": "thinking"},)],
    ids=["nothing", "blank lines", "only a phase"],
)
async def test_a_good_exit_without_any_text_is_an_error(
    settings_for: Settings, request_for: Request, lines: tuple[object, ...]
) -> None:
    error = await _failure(request_for(settings_for(_saying(*lines))))

    assert error.kind == "crashed"
    assert str(error).startswith("ended without an answer")


@pytest.mark.parametrize(
    "lines",
    [(), ("half an answer",), ({"type": "text", "delta": "half an answer"},)],
    ids=["nothing", "plain", "protocol"],
)
async def test_a_bad_exit_is_an_error_whatever_was_said_before(
    settings_for: Settings, request_for: Request, lines: tuple[object, ...]
) -> None:
    source = _saying(*lines, then="sys.stderr.write('no key found\\n'); sys.exit(7)")

    error = await _failure(request_for(settings_for(source)))

    assert (error.kind, str(error)) == ("crashed", "exited with 7: no key found")


async def test_a_bad_exit_after_the_final_answer_is_only_a_warning(
    settings_for: Settings, request_for: Request
) -> None:
    source = _saying({"type": "final", "text": "done"}, then="sys.stderr.write('late\\n'); sys.exit(7)")

    final = (await _events(request_for(settings_for(source))))[-1]

    assert final == Final("done", warnings=("after its final answer it exited with 7: late",))


async def test_a_program_is_told_by_its_input_that_the_final_answer_was_heard(
    settings_for: Settings, request_for: Request
) -> None:
    source = _saying({"type": "final", "text": "done"}, then="sys.stdin.read()")

    assert (await _events(request_for(settings_for(source))))[-1] == Final("done")


async def test_a_program_that_lingers_after_its_final_answer_is_ended(
    settings_for: Settings, request_for: Request
) -> None:
    source = _saying({"type": "final", "text": "done"}, then="import signal; signal.pause()")

    final = (await _events(request_for(settings_for(source))))[-1]

    assert final == Final("done", warnings=("kept running after its final answer and was ended",))


async def test_an_error_event_is_the_failure_it_names(settings_for: Settings, request_for: Request) -> None:
    line = {"type": "error", "kind": "rate_limit", "message": "try in an hour"}

    error = await _failure(request_for(settings_for(_saying(line, then="sys.exit(1)"))))

    assert (error.kind, str(error)) == ("rate_limit", "try in an hour")


async def test_a_broken_line_after_good_ones_is_named(settings_for: Settings, request_for: Request) -> None:
    source = _saying({"type": "phase", "name": "thinking"}, "", "oops, a stray print")

    error = await _failure(request_for(settings_for(source)))

    assert error.kind == "crashed"
    assert str(error).startswith("line 3 of its output")
    assert "'oops, a stray print'" in str(error)


async def test_an_unknown_type_on_the_first_line_is_refused(
    settings_for: Settings, request_for: Request
) -> None:
    error = await _failure(request_for(settings_for(_saying({"type": "answer", "text": "hello"}))))

    assert "line 1" in str(error)
    assert "'answer'" in str(error)


@pytest.mark.parametrize("start", ["", '{"type":"phase","name":"thinking"}'], ids=["plain", "protocol"])
async def test_a_flood_of_output_ends_the_turn(
    settings_for: Settings, request_for: Request, start: str
) -> None:
    error = await _failure(
        request_for(settings_for(_saying(start, then="while True: print('x' * 999, end='')")))
    )

    assert error.kind == "crashed"
    assert "more than 1024 KiB" in str(error)


async def test_a_program_that_never_reads_may_answer_a_long_turn(
    settings_for: Settings, request_for: Request
) -> None:
    request = request_for(settings_for("import os; os.close(0); print('fine')"), message="x" * 1_000_000)

    assert (await _events(request))[-1] == Final("fine")


async def test_a_failing_tool_machinery_ends_the_program(
    settings_for: Settings, request_for: Request
) -> None:
    async def broken(name: str, args: Mapping[str, object]) -> ToolResult:
        raise RuntimeError("the store is gone")

    source = """
        import os, signal
        print('{"type":"phase","name":"%d"}' % os.getpid())
        print('{"type":"tool_call","id":"1","name":"message","args":{}}', flush=True)
        signal.pause()
    """
    seen: list[RunnerEvent] = []

    with pytest.raises(RuntimeError, match="the store is gone"):
        await _listen(request_for(settings_for(source), broken), seen.append)

    _assert_dead(seen[-1])


async def test_the_program_knows_its_run_and_gets_its_own_variables(
    settings_for: Settings, request_for: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEBHOOK_SECRET", "hidden")
    source = """
        import json, os
        print(json.dumps({k: v for k, v in os.environ.items() if k.startswith(("STENTOR_", "MY_", "WEBHOOK_"))}, indent=1))
    """
    settings = settings_for(source, env={"MY_MODE": "test", "STENTOR_RUN_ID": "forged"})
    request = request_for(settings, scheduled_for=datetime(2026, 3, 8, 7, 0, tzinfo=UTC))

    final = (await _events(request))[-1]

    assert isinstance(final, Final)
    assert json.loads(final.text) == {
        "STENTOR_RUN_ID": "run-1",
        "STENTOR_JOB_ID": "brief",
        "STENTOR_SESSION_KEY": "agent:ops:cron:brief:run:s-1",
        "STENTOR_SCHEDULED_FOR": "2026-03-08T07:00:00Z",
        "MY_MODE": "test",
    }


async def test_what_a_run_does_not_have_is_an_empty_variable(
    settings_for: Settings, request_for: Request
) -> None:
    source = "import os; print(repr(os.environ['STENTOR_JOB_ID'] + os.environ['STENTOR_SCHEDULED_FOR']))"

    assert (await _events(request_for(settings_for(source), job_id=None)))[-1] == Final("''")


@pytest.mark.parametrize(
    ("cwd", "workspace", "runs_in"),
    [
        (None, None, "."),
        (None, "space", "space"),
        ("sub", "space", "space/sub"),
        ("{root}/else", "space", "else"),
        ("~/else", "space", "else"),
    ],
    ids=["inherited", "workspace", "inside the workspace", "absolute", "home"],
)
async def test_the_folder_is_cwd_or_the_workspace_or_ours(
    settings_for: Settings,
    request_for: Request,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    cwd: str | None,
    workspace: str | None,
    runs_in: str,
) -> None:
    (tmp_path / "space" / "sub").mkdir(parents=True)
    (tmp_path / "else").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    settings = settings_for("import os; print(os.getcwd())", cwd=cwd and cwd.format(root=tmp_path))
    request = request_for(settings, workspace=tmp_path / workspace if workspace else None)

    assert (await _events(request))[-1] == Final(str(tmp_path / runs_in))


async def test_a_missing_program_is_named_with_the_mend(request_for: Request) -> None:
    error = await _failure(request_for(CommandSettings(command=("no-such-agent",))))

    assert error.kind == "crashed"
    assert "'no-such-agent': not found; install it" in str(error)


async def test_an_agent_without_a_command_is_a_bad_request(request_for: Request) -> None:
    error = await _failure(request_for(RunnerSettings()))

    assert error.kind == "bad_request"
    assert "'ops'" in str(error)


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("python3 agent.py", "list of words"),
        ([], "name the program"),
        ([""], "name the program"),
        ([1], "valid string"),
    ],
    ids=["a shell line", "empty", "an empty word", "a number"],
)
def test_a_command_is_a_list_that_begins_with_a_program(command: object, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        CommandSettings.model_validate({"command": command})


async def test_cancelling_a_turn_ends_its_program(settings_for: Settings, request_for: Request) -> None:
    source = """
        import os, signal
        print('{"type":"phase","name":"%d"}' % os.getpid(), flush=True)
        signal.pause()
    """
    seen: list[RunnerEvent] = []
    ready = asyncio.Event()

    def hear(event: RunnerEvent) -> None:
        seen.append(event)
        if event != SPAWNED:
            ready.set()

    async with asyncio.TaskGroup() as group:
        task = group.create_task(_listen(request_for(settings_for(source)), hear))
        await ready.wait()
        task.cancel()

    _assert_dead(seen[-1])


async def test_closing_a_turn_ends_its_program(settings_for: Settings, request_for: Request) -> None:
    source = """
        import os, signal
        print('{"type":"phase","name":"%d"}' % os.getpid(), flush=True)
        signal.pause()
    """
    async with aclosing(CommandRunner().turn(request_for(settings_for(source)))) as turn:
        await anext(turn)
        event = await anext(turn)

    _assert_dead(event)


async def test_a_timeout_of_the_caller_ends_the_program(settings_for: Settings, request_for: Request) -> None:
    source = """
        import os, signal
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print('{"type":"phase","name":"%d"}' % os.getpid(), flush=True)
        while True:
            signal.pause()
    """
    seen: list[RunnerEvent] = []
    limit = asyncio.timeout(None)

    def hear(event: RunnerEvent) -> None:
        seen.append(event)
        if event != SPAWNED:
            limit.reschedule(0)

    with pytest.raises(TimeoutError):
        async with limit:
            await _listen(request_for(settings_for(source)), hear)

    _assert_dead(seen[-1])


async def test_many_turns_run_side_by_side(settings_for: Settings, request_for: Request) -> None:
    settings = settings_for("import json, sys; print(json.loads(sys.stdin.readline())['message'])")
    answers: list[RunnerEvent] = []

    async def run(n: int) -> None:
        answers.append((await _events(request_for(settings, message=f"turn {n}")))[-1])

    async with asyncio.TaskGroup() as group:
        for n in range(8):
            group.create_task(run(n))

    assert {answer.text for answer in answers if isinstance(answer, Final)} == {f"turn {n}" for n in range(8)}


def _assert_dead(event: RunnerEvent) -> None:
    """The program said its process id as a phase; by now it must be dead and reaped."""
    assert isinstance(event, Phase)
    with pytest.raises(ProcessLookupError):
        os.kill(int(event.name), 0)
