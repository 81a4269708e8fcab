"""What the core lends to a connection, kept in memory: a stand-in for tests of single channels."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from stentor.contract.channel import Health
from stentor.contract.receipts import LaterReceipt
from stentor.contract.settings import SecretRef


@dataclass
class FakeJournal:
    """Keeps records in a list; the id of a record is its place in it."""

    records: list[tuple[str, str, Mapping[str, object]]] = field(
        default_factory=list[tuple[str, str, Mapping[str, object]]]
    )

    async def append(self, key: str, target: str, body: Mapping[str, object]) -> str:
        keys = [known for known, _, _ in self.records]
        if key not in keys:
            self.records.append((key, target, body))
            return str(len(self.records))
        return str(keys.index(key) + 1)


@dataclass
class FakeContext:
    """A context whose clock stands still and whose secrets are given by the name of their variable."""

    data_dir: Path
    secrets: Mapping[str, str] = field(default_factory=dict[str, str])
    at: datetime = datetime(2027, 3, 14, 15, 9, 26, tzinfo=UTC)
    journal: FakeJournal = field(default_factory=FakeJournal)
    reports: list[LaterReceipt] = field(default_factory=list[LaterReceipt])
    states: list[tuple[Health, str]] = field(default_factory=list[tuple[Health, str]])
    revealed: set[str] = field(default_factory=set[str])

    def now(self) -> datetime:
        return self.at

    async def sleep(self, seconds: float) -> None:
        raise AssertionError(f"a connection slept for {seconds} s")

    def reveal(self, secret: SecretRef) -> str:
        if secret.env is None or secret.env not in self.secrets:
            raise AssertionError(f"a secret was asked for that the test does not know: {secret!r}")
        self.revealed.add(self.secrets[secret.env])
        return self.secrets[secret.env]

    def report(self, receipt: LaterReceipt) -> None:
        self.reports.append(receipt)

    def health(self, state: Health, reason: str = "") -> None:
        self.states.append((state, reason))
