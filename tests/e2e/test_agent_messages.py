"""A program that is an agent sends messages itself, through the tool it is offered."""

import json
import sys
from pathlib import Path
from textwrap import dedent

from tests.outside import JsonObject, Stentor, serving

AGENT = """
    import json, sys

    def say(**event):
        print(json.dumps(event), flush=True)

    def call(number, **args):
        say(type="tool_call", id=number, name="message", args=args)
        return json.loads(sys.stdin.readline())

    turn = json.loads(sys.stdin.readline())
    (tool,) = [tool for tool in turn["tools"] if tool["name"] == "message"]
    open("report.txt", "w").write("numbers")
    sent = call("1", to="inbox", text="**All green**", attachments=[{"path": "report.txt"}])
    refused = call("2", to="local:board", text="All green")
    say(type="final", text=json.dumps({"tool": tool, "sent": sent, "refused": refused}))
"""


def test_a_program_sends_its_result_itself_and_is_told_what_became_of_it(
    stentor: Stentor, tmp_path: Path
) -> None:
    script = tmp_path / "agent.py"
    script.write_text(dedent(AGENT))
    stentor.home.mkdir(mode=0o700)
    (stentor.home / "stentor.toml").write_text(
        f'[agents.main]\nrunner = "command"\ncommand = ["{sys.executable}", "{script}"]\nworkspace = "{tmp_path}"\n'
    )
    job: JsonObject = {
        "id": "report",
        "schedule": {"kind": "every", "everyMs": 3_600_000},
        "payload": {"kind": "agentTurn", "message": "How are things?"},
        "delivery": {"to": ["local:inbox", "local:log"]},
    }
    with serving(stentor):
        stentor.add(job)
        run = stentor.ask("cron", "run", "report", "--wait")["run"]
        (said,) = stentor.inbox("local:log")

    answers = json.loads(said)
    tool, announced, logged = run["deliveries"]
    assert answers["tool"]["name"] == "message"
    assert "local:inbox, local:log" in answers["tool"]["description"]
    assert answers["sent"]["ok"] is True
    assert answers["sent"]["result"] == {
        "deliveryId": tool["id"],
        "target": "local:inbox",
        "accountId": "default",
        "state": "accepted",
    }
    assert (answers["refused"]["ok"], answers["refused"]["id"]) == (False, "2")
    assert "may not send to local:board" in answers["refused"]["result"]
    assert stentor.inbox("local:inbox") == ["**All green**", ""]
    assert [part["state"] for part in tool["parts"]] == ["accepted", "accepted"]
    assert (announced["reason"], logged["state"]) == ("already_sent", "accepted")
    assert run["delivery"]["messageToolSentTo"] == ["local:inbox"]
    assert run["warnings"] == [f"the tool message refused: {answers['refused']['result']}"]
