"""Phone numbers: what the numbering plans say, what is known of WhatsApp besides, and what is left without plans."""

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stentor import InvalidTarget
from stentor_whatsapp.numbers import is_region, read, tidy


@pytest.fixture
def without_plans(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "phonenumbers", None)


@pytest.mark.parametrize(
    ("text", "e164", "says"),
    [
        pytest.param("+52 1 55 1234 5678", "+5215512345678", "Mexico with a 1", id="Mexico with the old 1"),
        pytest.param("5215512345678", "+5215512345678", "Mexico with a 1", id="the same in digits"),
        pytest.param("+55 31 9123-4567", "+553191234567", "Brazil without the 9", id="Brazil, eight digits"),
        pytest.param("+54 9 11 2345 6789", "+5491123456789", "Argentina have a 9", id="Argentina with the 9"),
        pytest.param("+54 11 2345 6789", "+541123456789", "Argentina have a 9", id="Argentina without it"),
        pytest.param("+1 555 123 4567", "+15551234567", "no range known", id="a range nobody uses"),
        pytest.param("+62 0812 3456 7890", "+6281234567890", "is read as +6281234567890", id="the 0 of home"),
        pytest.param(
            "+54 11 15 2345 6789", "+5491123456789", "is read as +5491123456789", id="the 15 of home"
        ),
    ],
)
def test_what_may_be_another_number_comes_with_a_warning(text: str, e164: str, says: str) -> None:
    number = read(text)

    assert number.e164 == e164
    assert says in number.warnings[0]


@pytest.mark.parametrize(
    "text", ["+6281234567890", "+4915112345678", "+525512345678", "+5531991234567", "+39061234567"]
)
def test_a_number_without_doubts_has_no_warnings(text: str) -> None:
    assert read(text) == (text, read(text).shown, ())


def test_what_is_known_of_a_country_takes_the_place_of_the_general_doubt() -> None:
    assert len(read("+553191234567").warnings) == len(read("+5215512345678").warnings) == 1


@pytest.mark.parametrize(
    ("text", "e164"),
    [
        pytest.param("+62 (0)812 3456 7890", "+6281234567890", id="it falls away"),
        pytest.param("+39 (0)6 123 4567", "+39061234567", id="it stays"),
        pytest.param("0039 (0)6 123 4567", "+39061234567", id="behind 00"),
    ],
)
def test_a_zero_in_brackets_is_what_the_country_makes_of_it(text: str, e164: str) -> None:
    assert read(text) == (e164, read(e164).shown, ())


@pytest.mark.parametrize("text", ["+62 812 (0)345 6789", "+628 (0)12 3456 7890"])
def test_a_zero_in_brackets_elsewhere_is_refused(text: str) -> None:
    with pytest.raises(InvalidTarget, match="behind the country code"):
        read(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("+65 555 555 555", "length"),
        ("+6281", "short"),
        ("+62 812 3456 7890 1234", "long"),
        ("+49 070 01", "several numbers"),
        ("+31 0006540", "several numbers"),
        ("+2100000000", "code of no country"),
    ],
)
def test_what_can_be_no_number_is_refused(text: str, why: str) -> None:
    with pytest.raises(InvalidTarget, match=why):
        read(text)


@pytest.mark.parametrize(
    ("text", "known"), [("ID", True), ("DE", True), ("XX", False), ("id", False), ("IDN", False), ("", False)]
)
def test_a_region_is_a_country_with_numbers(text: str, *, known: bool) -> None:
    assert is_region(text) is known


@pytest.mark.usefixtures("without_plans")
class TestWithoutPlans:
    """As it is where the extra is not installed, and as it must be where nobody wants to load it."""

    @pytest.mark.parametrize(
        ("text", "e164"),
        [
            ("+62 812-3456-7890", "+6281234567890"),
            ("6281234567890", "+6281234567890"),
            ("0062 812 3456 7890", "+6281234567890"),
            ("+1555123", "+1555123"),
            ("+123456789012345", "+123456789012345"),
        ],
    )
    def test_a_number_with_its_country_is_taken_as_it_is(self, text: str, e164: str) -> None:
        assert read(text) == (e164, "", ())

    @pytest.mark.parametrize("text", ["+123456", "+1234567890123456", "+0123456789", "00", "+1-800-FLOWERS"])
    def test_what_is_none_at_all_is_refused(self, text: str) -> None:
        with pytest.raises(InvalidTarget):
            read(text)

    def test_what_is_known_of_countries_is_known(self) -> None:
        assert "Mexico" in read("+5215512345678").warnings[0]

    @pytest.mark.parametrize(
        ("text", "region"),
        [
            pytest.param("0812-3456-7890", "ID", id="of a country"),
            pytest.param("6281234567890", "DE", id="of one country or another"),
            pytest.param("+39 (0)6 123 4567", "", id="with a zero that may stay"),
        ],
    )
    def test_what_needs_the_plans_names_what_to_install(self, text: str, region: str) -> None:
        with pytest.raises(InvalidTarget) as caught:
            read(text, region)
        assert "stentor[whatsapp]" in caught.value.hint
        assert "+6281234567890" in caught.value.hint

    def test_a_number_that_names_no_country_does_not_need_them_to_be_refused(self) -> None:
        with pytest.raises(InvalidTarget, match="of which country"):
            read("0812-3456-7890")

    def test_any_two_letters_are_a_region(self) -> None:
        assert is_region("XX")
        assert not is_region("Germany")


def test_the_plans_are_loaded_with_the_first_number() -> None:
    program = (
        "import sys\n"
        "from stentor import TargetHints\n"
        "from stentor_whatsapp import WhatsAppChannel\n"
        "channel = WhatsAppChannel()\n"
        "for text in ('120363401234567890@g.us', 'lid:1', '120363@newsletter'):\n"
        "    channel.parse_target(text, TargetHints())\n"
        "before = 'phonenumbers' in sys.modules\n"
        "channel.parse_target('+6281234567890', TargetHints())\n"
        "print(before, 'phonenumbers' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


_CODES = st.sampled_from(
    ("1", "7", "31", "39", "44", "49", "52", "54", "55", "62", "91", "98", "234", "355", "598")
)


@settings(max_examples=2000, deadline=None)
@given(st.sampled_from(("+", "00", "", "0")), _CODES, st.text("0123456789", min_size=3, max_size=12))
def test_a_number_that_was_read_is_read_the_same_again(sign: str, country: str, rest: str) -> None:
    for region in ("", "UY", "DE"):
        try:
            number = read(f"{sign}{country}{rest}", region)
        except InvalidTarget:
            continue
        assert read(number.e164).e164 == number.e164


@given(st.text(max_size=40))
def test_tidying_twice_is_tidying_once(text: str) -> None:
    assert tidy(tidy(text)) == tidy(text)


@given(st.text("+0123456789 ()-./@:abc", max_size=40))
def test_plain_text_is_tidy(text: str) -> None:
    assert tidy(text) == text
