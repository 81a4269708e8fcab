'''The rules that every channel keeps, as tests. Each failure names its rule, what was found, and the mend.

The author of a channel says which channel it is, and plays its provider:

    class PagerGateway(HttpProvider):
        """The gateway, as its documentation describes it."""

        targets = ("pager:4711",)
        secrets = {"PAGER_TOKEN": "tok-d41d8cd98f00b204"}
        answers = {Behaviour.NO_SUCH_TARGET: json_reply({"error": "unknown_pager"}, 404)}

        def settings(self):
            return {"gateway": self.url, "token": {"env": "PAGER_TOKEN"}}

        def read(self, request):
            page = json.loads(request.body)
            return Shown(target=f"pager:{page['to']}", text=page["text"])

        def accept(self, request, number):
            return json_reply({"id": f"page-{number}", "to": json.loads(request.body)["to"]})


    class TestPager(ChannelConformance):
        refused = ("pager:ann", "pager:")
        sdk = ("httpx2",)

        def channel(self):
            return PagerChannel()

        def provider(self):
            return PagerGateway()

That is all: the checks are plain pytest tests with an event loop of their own, so no plugin of pytest is needed.

What a provider cannot play is skipped by name, with the reason in pytest's summary (`-rs`); so is what the channel does
not claim. `Behaviour` lists what a provider may be asked to play. `HttpProvider` plays all that has to do with connections
by itself and gives the usual answers of HTTP services; override `answers`, `sends` and `other` where yours differs.
Whatever does not speak HTTP implements `FakeProvider`. Have it refuse what the service refuses, too long a text above all:
nothing else finds a limit that is declared in the wrong unit. Three things widen what is checked:

    keys, Shown.key           the idempotency key of each attempt: for channels that claim `key` or `nonce`
    Shown.manner              how a message was to be shown: for channels that declare manners
    inject, acknowledged      a person writes: for channels that receive

While a provider hangs, the clock of the loop is put forward, so time limits pass without being waited for. That asks for
both ends of every socket on this loop (`on_our_loop`).
'''

from stentor.testing.conformance.behaviours import QUIET_SECONDS, Behaviour
from stentor.testing.conformance.cancelling import CancellationRules
from stentor.testing.conformance.case import ChannelCase
from stentor.testing.conformance.claims import ClaimRules
from stentor.testing.conformance.declaring import DeclarationRules
from stentor.testing.conformance.failing import FailureRules
from stentor.testing.conformance.grammar import GrammarRules
from stentor.testing.conformance.http_provider import HttpProvider
from stentor.testing.conformance.life import LifeRules
from stentor.testing.conformance.provider import FakeProvider, Shown, Unplayable
from stentor.testing.conformance.receiving import ReceptionRules
from stentor.testing.conformance.rules import RULES, Rule
from stentor.testing.conformance.sending import SendingRules

__all__ = [
    "QUIET_SECONDS",
    "RULES",
    "Behaviour",
    "ChannelCase",
    "ChannelConformance",
    "FakeProvider",
    "HttpProvider",
    "Rule",
    "Shown",
    "Unplayable",
]


class ChannelConformance(
    DeclarationRules,
    GrammarRules,
    SendingRules,
    FailureRules,
    ClaimRules,
    LifeRules,
    CancellationRules,
    ReceptionRules,
):
    """All rules together."""
