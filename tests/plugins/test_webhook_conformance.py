"""The webhook channel keeps the rules of channels, against a receiver that remembers the ids it has seen."""

from collections.abc import Mapping

from stentor import Channel
from stentor.testing.conformance import Behaviour, ChannelConformance, FakeProvider, HttpProvider, Shown
from stentor.testing.loopback import Reply, Seen
from stentor_webhook import WebhookChannel


class Receiver(HttpProvider):
    """Any program that takes webhooks: the status says it all."""

    dedupes = True
    throttle_scope = "target"
    secrets: Mapping[str, str] = {
        "SIGNING_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "BEARER_TOKEN": "bearer-7d41d8cd98f00b204e9",
    }
    answers: Mapping[Behaviour, Reply | None] = {
        # A success has nothing to be read, and the receiver's own credentials are a matter of each target.
        Behaviour.GARBAGE: None,
        Behaviour.UNAUTHORISED: None,
        Behaviour.NO_SUCH_TARGET: Reply(404),
        Behaviour.BLOCKED: Reply(403),
        Behaviour.TOO_LARGE: Reply(413),
    }

    async def start(self) -> None:
        await super().start()
        self.targets = (f"webhook:{self.url}/in?key=1", f"webhook:{self.url}/out")

    def settings(self) -> Mapping[str, object]:
        return {
            "allow_networks": ["127.0.0.0/8"],
            "signing_secret": {"env": "SIGNING_SECRET"},
            "bearer_token": {"env": "BEARER_TOKEN"},
        }

    def read(self, request: Seen) -> Shown:
        target = f"webhook:{self.url}{request.path}"
        return Shown(target, request.body.decode(), key=request.headers["idempotency-key"])

    def accept(self, request: Seen, number: int) -> Reply:
        return Reply(200, str(number).encode())


class TestWebhook(ChannelConformance):
    refused = (
        "webhook:hooks.example.com",
        "webhook:https://",
        "webhook:ftp://hooks.example.com",
        "webhook:https://user:key@hooks.example.com/",
        "webhook:https://hooks.example.com/#part",
        "webhook:http://2130706433/",
    )
    sdk = ("httpx2", "httpcore2")

    def channel(self) -> Channel:
        return WebhookChannel()

    def provider(self) -> FakeProvider:
        return Receiver()
