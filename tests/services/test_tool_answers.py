"""An agent asks where its message would go, and answers the messages of others."""

import pytest

from stentor.contract.payloads import Manner
from stentor.contract.traits import Traits
from stentor.testing.scripted import Provider
from tests.services.stories import deliveries
from tests.services.tool_stories import Caller, agent_job, page, played


def test_a_dry_run_says_where_it_would_go_and_writes_nothing(fast_home) -> None:
    provider = Provider()
    agent = Caller({"to": "room1", "text": "hello", "dryRun": True}, final="NO_REPLY")
    played(fast_home, agent, agent_job(to="page:room1"), page(provider))

    assert agent.answer == {"dryRun": True, "target": "page:room1", "accountId": "default"}
    assert [(each["purpose"], each["state"]) for each in deliveries(fast_home)] == [
        ("announce", "suppressed")
    ]
    assert provider.accepted == []


@pytest.mark.parametrize(
    ("message", "why"),
    [
        ({"to": "page:room9", "text": "psst"}, "this job may not send to page:room9"),
        ({"to": "page:room1"}, "the message is empty"),
        ({"to": "nowhere:1", "text": "psst"}, "nowhere"),
        (
            {"to": "page:room1", "text": "yes", "replyTo": "42"},
            "replyTo: channel page cannot answer a message",
        ),
    ],
    ids=["not allowed", "empty", "unknown", "no answers"],
)
def test_a_dry_run_refuses_what_would_be_refused(fast_home, message, why) -> None:
    provider = Provider()
    agent = Caller({**message, "dryRun": True}, message, final="NO_REPLY")
    played(fast_home, agent, agent_job(to="page:room1"), page(provider))

    assert [(result.ok, why in str(result.result)) for result in agent.results] == [(False, True)] * 2
    assert provider.accepted == []


@pytest.mark.parametrize("given", ["42", 42], ids=["as text", "as a number"])
def test_an_answer_belongs_to_the_message_it_answers_and_the_final_answer_does_not(fast_home, given) -> None:
    provider = Provider()
    agent = Caller({"to": "page:room2", "text": "yes", "replyTo": given})
    asked = agent_job(to="page:room1", allow=["page:room2"], silent=True)
    played(fast_home, agent, asked, page(provider, Traits(manners=("reply_to", "silent"))))

    assert [(part.text, part.manner) for part in provider.accepted] == [
        ("yes", Manner(silent=True, reply_to="42")),
        ("done", Manner(silent=True)),
    ]
