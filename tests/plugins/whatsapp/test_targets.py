"""Everything people write for a person, a group or a newsletter on WhatsApp, and what it means."""

import string

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stentor import Example, InvalidTarget, Target, TargetHints
from stentor_whatsapp import WhatsAppChannel
from stentor_whatsapp.channel import WhatsAppSettings
from stentor_whatsapp.targets import jid_of, of_jid

CHANNEL = WhatsAppChannel()
NUMBER = "whatsapp:+6281234567890"
GROUP = "whatsapp:group:120363401234567890@g.us"


def parsed(text: str, region: str = "") -> Target:
    account = WhatsAppSettings(default_region=region)
    return CHANNEL.parse_target(text, TargetHints(settings=account))


def refusal(text: str, region: str = "") -> InvalidTarget:
    with pytest.raises(InvalidTarget) as caught:
        parsed(text, region)
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize("row", CHANNEL.examples, ids=lambda row: row.text)
def test_each_declared_example_holds(row: Example) -> None:
    target = CHANNEL.parse_target(row.text, TargetHints())

    assert target.canonical == row.canonical
    assert CHANNEL.parse_target(target.canonical, TargetHints()) == target


@pytest.mark.parametrize(
    "text",
    [
        "whatsapp:+6281234567890",
        "whatsapp:whatsapp:+6281234567890",
        "WHATSAPP: +6281234567890 ",
        "whatsapp: 6281234567890",
        "+62 812 3456 7890",
        "+62-812-3456-7890",
        "+62.812.3456.7890",
        "(+62) 812 3456 7890",
        "+62 (812) 3456-7890",
        "+62 812/3456 7890",
        "+62 812/34567890",
        "006281234567890",
        "00 62 812 3456 7890",
        "00 62 (0)812 3456 7890",
        "tel:+6281234567890",
        "TEL: 0062 812 3456 7890",
        "whatsapp:tel:+62-812-3456-7890",
        "+6281234567890@s.whatsapp.net",
        "6281234567890@S.WhatsApp.net",
        "6281234567890.0:3@s.whatsapp.net",
        "6281234567890_1:3@s.whatsapp.net",
        "6281234567890:99@c.us",
        "wa.me/6281234567890",
        "WA.ME/6281234567890/",
        "http://www.wa.me/+6281234567890",
        "//wa.me/6281234567890",
        "https://wa.me/%2B6281234567890#top",
        "https://api.whatsapp.com/send/?phone=6281234567890&type=phone_number&app_absent=0",
        "https://api.whatsapp.com/send?phone=+62 812 3456 7890",
        "https://web.whatsapp.com/send?phone=6281234567890",
        "api.whatsapp.com/send?phone=%2B62-812-3456-7890",
        "whatsapp.com/send?phone=6281234567890",
        "whatsapp://send/?phone=6281234567890",
        "WhatsApp://send?phone=+6281234567890",
    ],
)
def test_a_number_has_one_canonical_form(text: str) -> None:
    target = parsed(text)

    assert (target.canonical, target.kind, target.id) == (NUMBER, "user", "+6281234567890")
    assert target.warnings == ()
    assert parsed(target.canonical) == target


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("\u202a+62 812-3456-7890\u202c", id="from a contact"),
        pytest.param("+\u202a6281234567890\u202c", id="the plus outside"),
        pytest.param("\u2066whatsapp:+6281234567890\u2069", id="around the prefix"),
        pytest.param("+62\u00a0812\u20113456\u20117890", id="blanks and hyphens that do not break"),
        pytest.param("+62\u2009812\u22123456\u20137890", id="thin blanks, a minus and a dash"),
        pytest.param("+62812\u200b345\u00ad67890\ufeff", id="nothing that is seen"),
        pytest.param(
            "\uff0b\uff16\uff12\uff08\uff10\uff09\uff18\uff11\uff12\uff0d\uff13\uff14\uff15\uff16\uff0e"
            "\uff17\uff18\uff19\uff10",
            id="full width",
        ),
        pytest.param("+٦٢٨١٢٣٤٥٦٧٨٩٠", id="digits of another script"),
        pytest.param("\u200ehttps://wa.me/6281234567890\u200e", id="around a link"),
        pytest.param("6281234567890\u200b@s.whatsapp.net", id="in the id of a person"),
    ],
)
def test_marks_that_were_pasted_with_a_number_are_left_out(text: str) -> None:
    assert parsed(text) == parsed(NUMBER)


@pytest.mark.parametrize(
    ("text", "canonical", "kind", "provider_id"),
    [
        ("120363401234567890@g.us", GROUP, "group", "120363401234567890@g.us"),
        ("group:120363401234567890@g.us", GROUP, "group", "120363401234567890@g.us"),
        (" WhatsApp:Group: 120363401234567890@G.US ", GROUP, "group", "120363401234567890@g.us"),
        ("123-456@G.US", "whatsapp:group:123-456@g.us", "group", "123-456@g.us"),
        (
            "whatsapp:123456789-987654321@g.us",
            "whatsapp:group:123456789-987654321@g.us",
            "group",
            "123456789-987654321@g.us",
        ),
        ("123456@lid", "whatsapp:lid:123456@lid", "user", "123456@lid"),
        ("whatsapp:lid:123456789", "whatsapp:lid:123456789@lid", "user", "123456789@lid"),
        ("LID:123456789:4@lid", "whatsapp:lid:123456789@lid", "user", "123456789@lid"),
        ("6281234567890@lid", "whatsapp:lid:6281234567890@lid", "user", "6281234567890@lid"),
        ("120363@newsletter", "whatsapp:newsletter:120363@newsletter", "channel", "120363@newsletter"),
        (
            "whatsapp:Newsletter:120363@newsletter",
            "whatsapp:newsletter:120363@newsletter",
            "channel",
            "120363@newsletter",
        ),
    ],
)
def test_what_is_no_number_keeps_its_id(text: str, canonical: str, kind: str, provider_id: str) -> None:
    target = parsed(text)

    assert (target.canonical, target.kind, target.id) == (canonical, kind, provider_id)
    assert parsed(target.canonical) == target
    assert jid_of(target) == provider_id


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "nothing is named"),
        ("   ", "nothing is named"),
        ("whatsapp:", "nothing is named"),
        ("wat", "no phone number"),
        ("current", "no phone number"),
        ("hello world", "no phone number"),
        ("+", "no phone number"),
        ("++6281234567890", "no phone number"),
        ("62+81234567890", "no phone number"),
        ("-1001234567890", "no phone number"),
        ("6281234567890-", "no phone number"),
        ("+1-800-FLOWERS", "no phone number"),
        ("+1 650 253 0000 ext 5", "no phone number"),
        ("+1 650 253 0000 x5", "no phone number"),
        ("+16502530000,5", "no phone number"),
        ("+16502530000#5", "no phone number"),
        ("*31#+6281234567890", "no phone number"),
        ("tel:+16502530000;ext=5", "no phone number"),
        ("tel:", "no phone number"),
        ("+49 30 123456/57", "no phone number"),
        ("+6281234567890 +6281234567891", "no phone number"),
        ("6281234567890, 6281234567891", "no phone number"),
        ("7d5297154d5f436d83dbbdf03fcc8fdd", "no phone number"),
        ("\uff57\uff41\uff54", "no phone number"),
        ("²³¹⁴¹⁵⁹²⁶", "no phone number"),
        ("1" * 5000, "no phone number"),
        ("+081234567890", "code of no country"),
        ("000628123456789", "code of no country"),
        ("+999123456789", "code of no country"),
        ("+628123", "too short"),
        ("1555123", "too short"),
        ("+1555123", "too short"),
        ("120363401234567890", "too long"),
        ("+120363401234567890", "too long"),
        ("4915112345678-1600000000", "too long"),
        ("+65 555 555 555", "no number of its country"),
        ("+1 253 0000", "area code"),
        ("0812-3456-7890", "of which country"),
        ("(0812) 3456 7890", "of which country"),
        ("wa.me/081234567890", "of which country"),
        ("telegram:123", "telegram: means nothing"),
        ("tg:123", "tg: means nothing"),
        ("sms:+1555", "sms: means nothing"),
        ("imessage:7d5297154d5f436d83dbbdf03fcc8fdd", "imessage: means nothing"),
        ("user:+6281234567890", "user: means nothing"),
        ("mailto:a@s.whatsapp.net", "mailto: means nothing"),
        ("group:120", "no group"),
        ("group:+6281234567890", "no group"),
        ("group:123@lid", "no group"),
        ("group:", "no group"),
        ("lid:123@g.us", "no lid"),
        ("lid:+6281234567890", "no lid"),
        ("lid:\u0661\u0662@lid", "no id at lid"),
        ("newsletter:abc", "no newsletter"),
        ("newsletter:group:123@g.us", "no id at g.us"),
        ("abc@g.us", "no id at g.us"),
        ("1203@g.us@g.us", "no id at g.us"),
        ("12-34-56@g.us", "no id at g.us"),
        ("+120363@g.us", "no id at g.us"),
        ("120363:1@g.us", "no id at g.us"),
        ("\uff11\uff12\uff13@g.us", "no id at g.us"),
        ("@g.us", "no id at g.us"),
        ("+123@lid", "no id at lid"),
        ("62 812@s.whatsapp.net", "no id at s.whatsapp.net"),
        ("0812@s.whatsapp.net", "no id at s.whatsapp.net"),
        ("62812:@s.whatsapp.net", "no id at s.whatsapp.net"),
        ("foo@bar.com", "no server"),
        ("123@", "no server"),
        ("6281234567890@whatsapp.net", "no server"),
        ("6281234567890@hosted", "no server"),
        ("123@g.us ", ""),
        ("status@broadcast", "no conversation"),
        ("1555123@broadcast", "no conversation"),
        ("https://chat.whatsapp.com/AbCdEfGhIjKlMnOpQrStUv", "invitation"),
        ("chat.whatsapp.com/AbCdEfGhIjKlMnOpQrStUv", "invitation"),
        ("https://whatsapp.com/channel/0029Va4K0PZ5a245NkngBA2M", "invitation"),
        ("https://www.whatsapp.com/invite/AbC", "invitation"),
        ("https://wa.me/message/ABCDEFGHIJKLM1", "no phone number"),
        ("https://wa.me/qr/ABCDEFGHIJKLM1", "no phone number"),
        ("https://wa.me/somebody", "no phone number"),
        ("https://wa.me/6281234567890/1", "no phone number"),
        ("https://wa.me/", "names no number"),
        ("https://wa.me/?text=hello", "names no number"),
        ("https://api.whatsapp.com/send?text=hello", "names no number"),
        ("https://api.whatsapp.com/send?phone=6281234567890&phone=6281234567891", "or several"),
        ("https://faq.whatsapp.com/general", "opens no chat"),
        ("https://www.whatsapp.com/legal?phone=6281234567890", "names no number"),
        ("https://wa.me.evil.example/6281234567890", "opens no chat"),
        ("https://example.com/6281234567890", "opens no chat"),
        ("example.com/6281234567890", "opens no chat"),
        ("whatsapp://call?phone=6281234567890", "opens no chat"),
        ("+6281234567890\n+6281234567891", "control or invisible"),
        ("1203\u200b63@g.us", "control or invisible"),
        ("123\u202e@lid", "control or invisible"),
        ("\u202a123@newsletter\u202c", "control or invisible"),
    ],
)
def test_what_is_no_address_is_refused_with_the_mend(text: str, why: str) -> None:
    if not why:
        assert parsed(text).canonical == "whatsapp:group:123@g.us"
    else:
        assert why in refusal(text).message


def test_nothing_that_was_pasted_floods_the_message() -> None:
    for text in ("x" * 10_000, "x" * 10_000 + "@g.us", "1@" + "x" * 10_000):
        assert len(refusal(text).message) < 120


def test_a_link_says_that_its_text_is_left_out() -> None:
    for text in ("wa.me/6281234567890?text=Hi", "whatsapp://send?text=Hi&phone=6281234567890"):
        target = parsed(text)
        assert target == parsed(NUMBER)
        assert "left out" in target.warnings[0]


@pytest.mark.parametrize("text", [NUMBER, GROUP, "whatsapp:lid:123@lid"])
def test_there_are_no_threads(text: str) -> None:
    with pytest.raises(InvalidTarget, match="no threads") as caught:
        CHANNEL.parse_target(text, TargetHints(thread="42"))
    assert caught.value.hint


@pytest.mark.parametrize(
    ("text", "region", "canonical"),
    [
        pytest.param("0812-3456-7890", "ID", NUMBER, id="as it is dialled there"),
        pytest.param("(0)812 3456 7890", "ID", NUMBER, id="in brackets"),
        pytest.param("tel:081234567890", "id", NUMBER, id="of a link, the country in small letters"),
        pytest.param("6281234567890", "ID", NUMBER, id="both ways the same"),
        pytest.param("4915112345678", "US", "whatsapp:+4915112345678", id="too long for one there"),
        pytest.param("0062 812 3456 7890", "ID", NUMBER, id="00 is the plus in every country"),
        pytest.param("011 62 812 3456 7890", "US", NUMBER, id="dialled from abroad as they do there"),
        pytest.param("16502530000", "US", "whatsapp:+16502530000", id="its own code"),
        pytest.param("415 234 5678", "US", "whatsapp:+14152345678", id="too short for one abroad"),
    ],
)
def test_a_region_reads_numbers_that_name_no_country(text: str, region: str, canonical: str) -> None:
    assert parsed(text, region).canonical == canonical


@pytest.mark.parametrize(
    ("text", "region", "ways"),
    [
        ("4915112345678", "DE", ("+4915112345678", "+494915112345678")),
        ("81234567890", "ID", ("+81234567890", "+6281234567890")),
        ("6502530000", "US", ("+6502530000", "+16502530000")),
        ("5215512345678", "DE", ("+5215512345678", "+495215512345678")),
        ("3102345678", "US", ("+312345678", "+13102345678")),
    ],
)
def test_digits_that_can_be_two_numbers_are_refused_with_both(
    text: str, region: str, ways: tuple[str, str]
) -> None:
    error = refusal(text, region)

    assert all(way in error.message and way in error.hint for way in ways)
    assert parsed(text).canonical == f"whatsapp:{ways[0]}"


def test_a_number_that_no_phone_there_has_is_refused() -> None:
    assert "too short" in refusal("0812", "ID").message
    assert "several numbers" in refusal("09108956828848", "UY").message


def test_a_target_says_how_people_write_the_number() -> None:
    assert parsed(NUMBER).display == "+62 812-3456-7890"
    assert parsed(GROUP).display == ""


@pytest.mark.parametrize(
    "text", [NUMBER, GROUP, "whatsapp:lid:123@lid", "whatsapp:newsletter:120363@newsletter"]
)
def test_a_target_and_its_jid_are_one(text: str) -> None:
    assert of_jid(jid_of(parsed(text))) == parsed(text)


@pytest.mark.parametrize(
    ("jid", "canonical"),
    [
        ("6281234567890:7@s.whatsapp.net", NUMBER),
        ("5215512345678@s.whatsapp.net", "whatsapp:+5215512345678"),
        # Even one that could be none by the numbering plans: WhatsApp says that it is.
        ("6208123456@s.whatsapp.net", "whatsapp:+6208123456"),
        ("98765:2@lid", "whatsapp:lid:98765@lid"),
    ],
)
def test_what_whatsapp_names_is_not_doubted(jid: str, canonical: str) -> None:
    assert of_jid(jid).canonical == canonical


@pytest.mark.parametrize("jid", ["", "status@broadcast", "6281234567890", "x@s.whatsapp.net", "1@hosted"])
def test_a_chat_that_is_no_conversation_is_no_target(jid: str) -> None:
    with pytest.raises(InvalidTarget):
        of_jid(jid)


_IDS = st.from_regex(r"[1-9][0-9]{4,17}", fullmatch=True)
_FORMS = st.sampled_from(
    ("{}@g.us", "group:{}@G.us", "{}-1600000000@g.us", "{}@lid", "lid:{}", "{}@newsletter")
)


@settings(max_examples=500)
@given(_IDS, _FORMS, st.sampled_from(("{}", "whatsapp:{}", " WhatsApp: {}")))
def test_every_id_survives_every_writing(known: str, form: str, writing: str) -> None:
    target = parsed(writing.format(form.format(known)))

    assert target.id.startswith(known)
    assert parsed(target.canonical) == target
    assert of_jid(jid_of(target)) == target


_SEPARATORS = st.sampled_from(("", " ", "-", ".", "\u00a0", "\u2011", "\u202c"))


@settings(max_examples=500)
@given(st.from_regex(r"628[1-5][0-9]{8}", fullmatch=True), st.lists(_SEPARATORS, min_size=11, max_size=11))
def test_no_punctuation_changes_a_number(digits: str, between: list[str]) -> None:
    spelled = "+" + "".join(f"{digit}{sign}" for digit, sign in zip(digits, [*between, ""], strict=True))

    assert parsed(spelled).id == f"+{digits}"


_WORDS = (
    "whatsapp: + 00 0 62 812 3456 7890 +6281234567890 (0) ( ) - . / @ : @s.whatsapp.net @c.us @g.us @lid @newsletter "
    "@broadcast group: lid: newsletter: tel: wa.me/ https://wa.me/ api.whatsapp.com/send? phone= & text= %2B # ; 521 "
    "549 5531 \u202a \u202c \u200b \uff14 ٤ x"
)
_PIECES = st.sampled_from((*_WORDS.split(), " ", "whatsapp://send?"))
_TEXTS = (
    st.text(max_size=30)
    | st.text(string.printable, max_size=30)
    | st.text("+0123456789 ()-./", max_size=20)
    | st.lists(_PIECES, max_size=7).map("".join)
)


@settings(max_examples=10_000, deadline=None)
@given(_TEXTS, st.sampled_from(("", "", "ID", "DE", "US", "IT", "AR")))
@example("İ@g.us", "")
@example("whatsapp://[", "")
@example("https://wa.me/%", "")
@example("+9805786", "")
def test_any_text_is_a_target_that_stays_the_same_or_is_refused(text: str, region: str) -> None:
    try:
        target = parsed(text, region)
    except InvalidTarget:
        return
    assert parsed(target.canonical) == target
    assert parsed(target.canonical, region) == target
    assert target.id.isascii()
    assert target.id.isprintable()
