import pytest
from hypothesis import given
from hypothesis import strategies as st

from stentor.domain.durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("500ms", 500),
        ("30s", 30_000),
        ("5m", 300_000),
        ("2h", 7_200_000),
        ("1d", 86_400_000),
        ("1h30m", 5_400_000),
        ("1d2h3m4s5ms", 93_784_005),
        ("1.5h", 5_400_000),
        ("0.5s", 500),
        ("2H", 7_200_000),
        ("1H30M", 5_400_000),
        ("10", 10),
        ("0", 0),
        (" 5m ", 300_000),
    ],
)
def test_a_duration_is_read_as_milliseconds(text: str, ms: int) -> None:
    assert parse_duration(text) == ms


@pytest.mark.parametrize(("unit", "ms"), [("ms", 10), ("s", 10_000), ("h", 36_000_000), ("d", 864_000_000)])
def test_a_bare_number_counts_in_the_default_unit(unit: str, ms: int) -> None:
    assert parse_duration("10", default_unit=unit) == ms


@pytest.mark.parametrize(
    "text",
    [
        "-5m",
        "5 m",
        "1w",
        "abc",
        "",
        " ",
        "h",
        "1h1h",
        "30m1h",
        "1h30",
        ".5h",
        "5.m",
        "\u0665m",
        "+5m",
        "1e3s",
        "5m!",
    ],
)
def test_anything_else_is_refused_with_the_value_and_samples(text: str) -> None:
    with pytest.raises(ValueError) as refusal:
        parse_duration(text)
    assert repr(text) in str(refusal.value)
    assert "1h30m" in str(refusal.value)


@pytest.mark.parametrize(
    ("ms", "text"),
    [(0, "0s"), (1, "1ms"), (1_500, "1s500ms"), (5_400_000, "1h30m"), (86_400_000, "1d"), (-60_000, "-1m")],
)
def test_a_duration_is_written_in_its_largest_units(ms: int, text: str) -> None:
    assert format_duration(ms) == text


@given(st.integers(min_value=0, max_value=10**14))
def test_what_is_written_reads_back(ms: int) -> None:
    assert parse_duration(format_duration(ms)) == ms
