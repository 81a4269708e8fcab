from itertools import permutations

import pytest

from stentor.domain.tz_databases import UNKNOWN, TzDatabase, newest, release_in


def host(version: str) -> TzDatabase:
    return TzDatabase(version, "host", ("/zones",))


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("# version 2025b\n", "2025b"),
        ("2024a", "2024a"),
        ("# version 2025b-12-g0123abc-dirty", "2025b"),
        ("# version 2031za", "2031za"),
        ("# version unknown", UNKNOWN),
        ("# This zic input file is in the public domain.", UNKNOWN),
        ("12025b", UNKNOWN),
        ("", UNKNOWN),
    ],
)
def test_a_release_is_found_in_a_note(text: str, version: str) -> None:
    assert release_in(text) == version


def test_the_newest_is_taken_in_whatever_order_they_are_found() -> None:
    oldest_first = [UNKNOWN, "2024b", "2025b", "2025z", "2025za", "2026a"]
    for drawn in permutations(oldest_first, 3):
        expected = max(drawn, key=oldest_first.index)
        assert newest(map(host, drawn)) == host(expected)


def test_of_equals_the_first_is_taken_and_of_none_none() -> None:
    package = TzDatabase("2025b", "package", ("/packaged",))
    assert newest([host("2025b"), package]) == host("2025b")
    assert newest([package, host("2025b")]) == package
    assert newest([]) is None


@pytest.mark.parametrize(
    ("database", "text"),
    [
        (TzDatabase("2026f", "package", ("/site/tzdata/zoneinfo",)), "2026f (package)"),
        (host("2025b"), "2025b (host /zones)"),
        (TzDatabase("2025b", "PYTHONTZPATH", ("/a", "/b")), "2025b (PYTHONTZPATH /a /b)"),
        (TzDatabase("2026f", "PYTHONTZPATH", ()), "2026f (PYTHONTZPATH)"),
    ],
)
def test_a_database_says_what_it_is(database: TzDatabase, text: str) -> None:
    assert str(database) == text
