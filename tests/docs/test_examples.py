"""The programs on the pages are programs: they compile, and the complete ones run and do what the page says."""

import asyncio
import json
import os
import runpy
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.docs.console import environment
from tests.docs.pages import Fence, fences, pages, saved
from tests.loopback import LoopbackServer, Reply, Seen

from stentor.agents.command import CommandRunner, CommandSettings
from stentor.contract.runners import AttachmentRef, Final, Message, Phase, ToolResult, TurnRequest, Usage
from stentor.contract.tools import Tool
from stentor.testing.scripted import Provider
from stentor_webhook.signing import sign, signing_key

PYTHON = [fence for page in pages() for fence in fences(page.name) if fence.language == "python"]
JSON = [fence for page in pages() for fence in fences(page.name) if fence.language == "json"]


class Site:
    """A folder with a plugin as pip would install it, and a home beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.home.mkdir()

    def install(self, module: str) -> None:
        info = self.folder / f"{module}-0.1.dist-info"
        info.mkdir()
        (self.folder / f"{module}.py").write_text(saved("plugins.md", f"{module}.py"))
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 0.1\n")
        (info / "entry_points.txt").write_text(f"[stentor]\n{module} = {module}\n")

    def configure(self, text: str) -> None:
        (self.home / "stentor.toml").write_text(text)

    async def stentor(self, *words: str, **env: str) -> tuple[int, str, str]:
        """Run the command line beside the test, which may be the server that is called."""
        told = environment(self.home, os.environ) | env | {"PYTHONPATH": str(self.folder)}
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "stentor.cli.main", *words, env=told, stdout=pipe, stderr=pipe
        )
        stdout, stderr = await process.communicate()
        return process.returncode or 0, stdout.decode(), stderr.decode()


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.mark.parametrize("fence", PYTHON, ids=lambda fence: fence.place)
def test_every_python_block_compiles(fence: Fence) -> None:
    compile(fence.text, fence.place, "exec")


@pytest.mark.parametrize("fence", JSON, ids=lambda fence: fence.place)
def test_every_json_block_is_json(fence: Fence) -> None:
    json.loads(fence.text)


class TestThePager:
    """The channel of `plugins.md`, installed and used through the command line."""

    @pytest.fixture
    async def gateway(self, site: Site) -> Any:
        site.install("stentor_pager")
        taken = Reply(body=b'{"id": "page-1", "to": "4711"}')
        async with LoopbackServer(taken) as server:
            address = f"http://127.0.0.1:{server.port}"
            site.configure(saved("plugins.md", "stentor.toml").replace("http://127.0.0.1:8080", address))
            yield server

    async def test_a_page_is_accepted_with_the_gateways_receipt(
        self, site: Site, gateway: LoopbackServer
    ) -> None:
        code, stdout, _ = await site.stentor(*_page("pager:47-11"), PAGER_TOKEN="a-token")

        delivery = json.loads(stdout)
        assert code == 0
        assert (delivery["target"], delivery["state"]) == ("pager:4711", "accepted")
        assert delivery["parts"][0]["messageId"] == "page-1"
        assert [_page_of(seen) for seen in gateway.seen] == [("Bearer a-token", {"to": "4711", "text": "Hi"})]

    async def test_a_receipt_for_another_pager_proves_nothing(
        self, site: Site, gateway: LoopbackServer
    ) -> None:
        code, stdout, _ = await site.stentor(*_page("pager:1234"), PAGER_TOKEN="a-token")

        part = json.loads(stdout)["parts"][0]
        assert (code, part["state"], part["reason"]) == (6, "unknown", "wrong_target")
        assert len(gateway.seen) == 1

    @pytest.mark.parametrize(
        ("status", "state", "reason"),
        [
            pytest.param(400, "rejected", "refused_by_gateway", id="a refusal"),
            pytest.param(503, "unknown", "no_answer", id="a server error"),
        ],
    )
    async def test_an_answer_decides_what_becomes_of_a_page(
        self, site: Site, gateway: LoopbackServer, status: int, state: str, reason: str
    ) -> None:
        gateway.plan.append(Reply(status))

        code, stdout, _ = await site.stentor(*_page("pager:4711"), PAGER_TOKEN="a-token")

        part = json.loads(stdout)["parts"][0]
        assert (code, part["state"], part["reason"]) == (6, state, reason)

    async def test_a_target_that_is_no_pager_is_refused_with_the_hint(
        self, site: Site, gateway: LoopbackServer
    ) -> None:
        code, stdout, _ = await site.stentor(*_page("pager:ann"))

        assert code == 2
        assert json.loads(stdout)["error"]["hint"] == "write pager:4711"
        assert not gateway.seen

    async def test_the_plugin_is_listed_under_its_distribution(
        self, site: Site, gateway: LoopbackServer
    ) -> None:
        del gateway
        _, stdout, _ = await site.stentor("plugins", "--json")

        listed = {plugin["name"]: plugin for plugin in json.loads(stdout)["plugins"]}
        assert listed["stentor_pager"]["channels"] == ["pager"]
        assert listed["stentor_pager"]["error"] is None

    def test_the_test_of_the_plugin_passes(self, site: Site) -> None:
        site.install("stentor_pager")
        (site.folder / "test_pager.py").write_text(saved("plugins.md", "test_pager.py"))
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_pager.py"]
        env = environment(site.home, os.environ) | {"PYTHONPATH": "."}

        done = subprocess.run(command, cwd=site.folder, env=env, capture_output=True, text=True, check=False)

        assert done.returncode == 0, done.stdout


class TestTheExtras:
    """The runner, the tool, the command and the observers of `plugins.md`."""

    async def test_the_runner_calls_the_tool_and_the_observers_see_it(self, site: Site) -> None:
        site.install("stentor_extras")
        site.configure('[agents.main]\nrunner = "shout"\nmarks = 2\n')
        job = ("--id", "hi", "--every", "1d", "--message", "hello", "--to", "local:inbox")
        await site.stentor("cron", "add", *job)

        code, stdout, stderr = await site.stentor("cron", "run", "hi", "--wait", "--json")

        assert code == 0
        assert json.loads(stdout)["run"]["summary"] == "[CRON:HI HELLO] HELLO!!"
        assert "receipt 1 for local:inbox\n" in stderr
        assert "run hello ok\n" in stderr

    async def test_the_command_is_there(self, site: Site) -> None:
        site.install("stentor_extras")

        assert await site.stentor("shout", "well", "done") == (0, "WELL DONE\n", "")
        assert (await site.stentor("shout"))[0] == 1


class TestTheAgent:
    """The agent of `agents.md`, run by the runner that it is written for."""

    @pytest.fixture
    def request_of(self, tmp_path: Path) -> Callable[..., TurnRequest]:
        (tmp_path / "agent.py").write_text(saved("agents.md", "agent.py"))

        def request(history: tuple[Message, ...] = (), tools: tuple[Tool, ...] = ()) -> TurnRequest:
            return TurnRequest(
                run_id="r1",
                job_id="minutes",
                agent_id="main",
                session_key="agent:main:session:minutes",
                session_id="s1",
                message="We met",
                settings=CommandSettings(command=(sys.executable, "agent.py")),
                call_tool=_translate,
                history=history,
                tools=tools,
                workspace=tmp_path,
            )

        return request

    async def test_it_numbers_what_it_is_told_and_hands_in_the_minutes(
        self, request_of: Callable[..., TurnRequest], tmp_path: Path
    ) -> None:
        earlier = (Message("user", "We sat down"), Message("assistant", "Entry 1: We sat down"))

        events = [event async for event in CommandRunner().turn(request_of(earlier))]

        assert events == [
            Phase("process-spawned"),
            Phase("model-call-started"),
            Usage(input=len("We sat down We met"), output=1),
            Final("Entry 2: We met", (AttachmentRef("minutes.txt"),)),
        ]
        assert (tmp_path / "minutes.txt").read_text() == "We sat down\nWe met"

    async def test_it_calls_the_tool_that_is_offered(self, request_of: Callable[..., TurnRequest]) -> None:
        tool = Tool("translate", "Translates a text.", {}, _unused)

        events = [event async for event in CommandRunner().turn(request_of(tools=(tool,)))]

        assert events[-1] == Final("Entry 1: Wir trafen uns", (AttachmentRef("minutes.txt"),))


class TestTheSignature:
    """The check of `channels.md` against the signatures that are really sent."""

    BODY = b'{"type":"message"}'
    AT = 1_800_000_000

    @pytest.fixture
    def is_genuine(self, tmp_path: Path) -> Callable[..., bool]:
        path = tmp_path / "verify.py"
        path.write_text(saved("channels.md", "verify.py"))
        check: Callable[..., bool] = runpy.run_path(str(path))["is_genuine"]
        return check

    def headers(self, secret: str) -> dict[str, str]:
        signature = sign(signing_key(secret), "d1.1", self.AT, self.BODY)
        return {"webhook-id": "d1.1", "webhook-timestamp": str(self.AT), "webhook-signature": signature}

    @pytest.mark.parametrize("secret", ["whsec_c2VjcmV0IGtleQ==", "plain text"])
    def test_a_genuine_request_is_taken(self, is_genuine: Callable[..., bool], secret: str) -> None:
        assert is_genuine(secret, self.headers(secret), self.BODY, self.AT + 10)

    def test_another_body_secret_or_time_is_not(self, is_genuine: Callable[..., bool]) -> None:
        headers = self.headers("secret")
        assert not is_genuine("secret", headers, b"{}", self.AT)
        assert not is_genuine("other", headers, self.BODY, self.AT)
        assert not is_genuine("secret", headers, self.BODY, self.AT + 3600)


def test_the_life_that_ends_early_is_made_good(tmp_path: Path, fast_home: Path) -> None:
    path = tmp_path / "crash.py"
    path.write_text(saved("architecture.md", "crash.py"))

    provider: Provider = runpy.run_path(str(path))["crash_and_go_on"](fast_home)

    assert [part.text for part in provider.accepted] == ["[cron:brief What is new?] What is new?"]


def _page(target: str) -> tuple[str, ...]:
    return ("send", "--to", target, "--text", "Hi", "--wait", "--json")


def _page_of(seen: Seen) -> tuple[str, object]:
    return seen.headers["authorization"], json.loads(seen.body)


async def _translate(name: str, arguments: Mapping[str, object]) -> ToolResult:
    assert (name, dict(arguments)) == ("translate", {"text": "We met"})
    return ToolResult(ok=True, result="Wir trafen uns")


async def _unused(call: object, arguments: Mapping[str, object]) -> object:
    raise AssertionError(f"{call} with {arguments}: the runner has its own way to call tools")
