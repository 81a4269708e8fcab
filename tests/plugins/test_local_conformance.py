"""The local channel keeps the rules of channels. Its provider is the journal that the core lends."""

from collections.abc import Mapping, Sequence

from stentor import Channel
from stentor.testing.conformance import Behaviour, ChannelConformance, FakeProvider, Shown, Unplayable
from stentor.testing.fake_context import FakeContext, FakeJournal
from stentor_local import LocalChannel


class CountingJournal(FakeJournal):
    """Remembers each attempt, also such as it has kept before."""

    def __init__(self) -> None:
        super().__init__()
        self.keys: list[str] = []

    async def append(self, key: str, target: str, body: Mapping[str, object]) -> str:
        self.keys.append(key)
        return await super().append(key, target, body)


class Store(FakeProvider):
    """The product's own store: it is there, and takes everything."""

    targets = ("local:inbox", "local:Ops.Team")

    def __init__(self) -> None:
        self._journal = CountingJournal()

    async def start(self) -> None:
        """It is there."""

    async def stop(self) -> None:
        """It stays."""

    def settings(self) -> Mapping[str, object]:
        return {}

    def meet(self, context: FakeContext) -> None:
        context.journal = self._journal

    async def behave(self, behaviour: Behaviour, *, everywhere: bool = False) -> None:
        del everywhere
        if behaviour is not Behaviour.ACCEPT:
            raise Unplayable(behaviour)

    @property
    def attempts(self) -> int:
        return len(self._journal.keys)

    @property
    def keys(self) -> Sequence[str]:
        return self._journal.keys

    @property
    def shown(self) -> Sequence[Shown]:
        return [Shown(target, str(body["text"]), key=key) for key, target, body in self._journal.records]


class TestLocal(ChannelConformance):
    refused = ("local:two words", "local:.hidden", "local:a/b", "local:ünter")

    def channel(self) -> Channel:
        return LocalChannel()

    def provider(self) -> FakeProvider:
        return Store()
