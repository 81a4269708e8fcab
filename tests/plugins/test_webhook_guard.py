import asyncio
from collections.abc import Iterable
from pathlib import Path

import httpcore2
import pytest
from tests.fake_context import FakeContext

from stentor import NotSent, Rejected, TargetHints
from stentor_webhook import WebhookChannel
from stentor_webhook.client import GuardedBackend, WebhookConnection
from stentor_webhook.guard import Guard

SPECIAL = [
    "127.0.0.1",
    "127.255.255.254",
    "2130706433",
    "0x7f.0.0.1",
    "0x7f000001",
    "0177.0.0.1",
    "127.1",
    "①②⑦.⓪.⓪.①",
    "localhost",
    "0.0.0.0",
    "0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.255",
    "168.63.129.16",
    "169.254.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.170",
    "192.0.2.1",
    "192.31.196.1",
    "192.52.193.1",
    "192.88.99.1",
    "192.168.1.1",
    "192.175.48.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::ffff:0:8.8.8.8",
    "64:ff9b::10.0.0.1",
    "64:ff9b::8.8.8.8",
    "64:ff9b:1::8.8.8.8",
    "100::1",
    "2001::1",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::1",
    "2620:4f:8000::1",
    "3fff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
]
PUBLIC = [
    "1.1.1.1",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "169.253.255.255",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.1",
    "192.167.255.255",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2001:200::1",
    "2003::1",
    "2606:4700::1111",
    "2a00:1450::1",
]


class Names:
    """A resolver that gives one answer after the other and remembers what it was asked."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        return self.answers.pop(0)


class Dialler(httpcore2.AsyncNetworkBackend):
    """Writes down what would be dialled and connects to nothing."""

    def __init__(self) -> None:
        self.dialled: list[tuple[str, float | None]] = []

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        self.dialled.append((host, timeout))
        raise httpcore2.ConnectError("nobody there")


@pytest.mark.parametrize("host", SPECIAL)
async def test_a_special_address_is_refused_in_any_spelling(host: str) -> None:
    with pytest.raises(Rejected) as caught:
        await Guard("default").addresses(host, 443)

    assert caught.value.reason == "address_refused"


@pytest.mark.parametrize("address", PUBLIC)
async def test_a_public_address_passes(address: str) -> None:
    assert await Guard("default").addresses(address, 443) == (address,)


@pytest.mark.parametrize(
    ("address", "kind"),
    [("fe80::1%eth0", "link-local"), ("ff02::1%1", "multicast")],
    ids=["link", "multicast"],
)
async def test_an_answer_with_a_zone_is_refused_and_the_mend_leaves_the_zone_out(
    address: str, kind: str
) -> None:
    with pytest.raises(Rejected, match=kind) as caught:
        await Guard("default", resolver=Names([address])).addresses("printer", 80)

    assert f'["{address.partition("%")[0]}/128"]' in str(caught.value)


async def test_one_special_answer_among_public_ones_refuses_the_name() -> None:
    guard = Guard("default", resolver=Names(["1.1.1.1", "10.0.0.1", "2606:4700::1111"]))

    with pytest.raises(Rejected, match=r"10\.0\.0\.1"):
        await guard.addresses("mixed.example", 443)


async def test_the_refusal_names_the_address_and_the_setting_that_allows_it() -> None:
    with pytest.raises(Rejected) as caught:
        await Guard("ops", resolver=Names(["127.0.0.1"])).addresses("build.internal", 80)

    assert str(caught.value) == (
        "127.0.0.1, where build.internal leads, is loopback, not public; to allow it write "
        'allow_networks = ["127.0.0.1/32"] under [channels.webhook.accounts.ops]'
    )


async def test_an_allowed_network_lets_its_own_addresses_pass_and_no_others() -> None:
    guard = Guard("default", ["127.0.0.0/8", "fd00::/8"], Names(["127.0.0.9", "fd00::1"], ["10.0.0.1"]))

    assert await guard.addresses("build.internal", 80) == ("127.0.0.9", "fd00::1")
    with pytest.raises(Rejected, match="private"):
        await guard.addresses("other.internal", 80)


async def test_a_mapped_address_does_not_pass_as_the_network_it_hides() -> None:
    with pytest.raises(Rejected, match="mapped"):
        await Guard("default", ["127.0.0.0/8"]).addresses("::ffff:127.0.0.1", 80)


@pytest.mark.parametrize(
    "failure", [OSError("no such name"), UnicodeError("label too long")], ids=["OS", "IDNA"]
)
async def test_a_name_that_cannot_be_resolved_is_proof_that_nothing_was_sent(failure: Exception) -> None:
    async def resolver(host: str, port: int) -> list[str]:
        raise failure

    with pytest.raises(NotSent, match="cannot be resolved"):
        await Guard("default", resolver=resolver).addresses("gone.example", 443)


async def test_a_name_without_an_address_is_proof_that_nothing_was_sent() -> None:
    with pytest.raises(NotSent, match="no address"):
        await Guard("default", resolver=Names([])).addresses("empty.example", 443)


async def test_a_resolver_that_changes_its_mind_gains_nothing() -> None:
    names, dialler = Names(["1.1.1.1"], ["127.0.0.1"]), Dialler()
    backend = GuardedBackend(Guard("default", resolver=names), dialler)

    with pytest.raises(NotSent, match="accepts no connection"):
        await backend.connect_tcp("flip.example", 443)

    assert dialler.dialled == [("1.1.1.1", None)]
    assert names.asked == ["flip.example"]


async def test_all_addresses_are_tried_and_share_the_time() -> None:
    dialler = Dialler()
    backend = GuardedBackend(Guard("default", resolver=Names(["2606:4700::1111", "1.1.1.1"])), dialler)

    with pytest.raises(NotSent, match=r"tried 2606:4700::1111, 1\.1\.1\.1"):
        await backend.connect_tcp("two.example", 443, timeout=10)

    assert dialler.dialled == [("2606:4700::1111", 5), ("1.1.1.1", 5)]


async def test_a_refused_address_is_never_dialled() -> None:
    dialler = Dialler()

    with pytest.raises(Rejected):
        await GuardedBackend(Guard("default"), dialler).connect_tcp("127.0.0.1", 80)

    assert dialler.dialled == []


async def test_a_target_can_be_checked_without_sending(tmp_path: Path) -> None:
    names = Names(["1.1.1.1"], ["10.0.0.1"])
    connection = WebhookConnection(FakeContext(tmp_path), Guard("default", resolver=names))
    target = WebhookChannel().parse_target("https://hooks.example/in?key=s3cret", TargetHints())

    assert await connection.resolve(target) == target
    with pytest.raises(Rejected) as caught:
        await connection.resolve(target)

    assert caught.value.reason == "address_refused"
    await connection.close()


async def test_a_check_that_gets_no_answer_ends_in_time(tmp_path: Path) -> None:
    async def resolver(host: str, port: int) -> list[str]:
        await asyncio.Event().wait()
        return []

    connection = WebhookConnection(
        FakeContext(tmp_path), Guard("default", resolver=resolver), time_limit=0.05
    )
    target = WebhookChannel().parse_target("https://hooks.example/in", TargetHints())

    with pytest.raises(NotSent, match="in time"):
        await connection.resolve(target)
    await connection.close()
