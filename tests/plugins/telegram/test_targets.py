import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.plugins.telegram.samples import CHANNEL, target

from stentor import Example, InvalidTarget, TargetHints
from stentor_telegram.targets import chat_id, make_target, message_number, topic_numbers

GROUP = "-1001234567890"
NO_HINTS = TargetHints()


def refusal(text: str, thread: str | None = None) -> InvalidTarget:
    with pytest.raises(InvalidTarget) as caught:
        target(text, thread)
    assert caught.value.message
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize("example", CHANNEL.examples, ids=lambda example: example.text)
def test_every_example_has_its_canonical_spelling(example: Example) -> None:
    assert target(example.text).canonical == example.canonical


@pytest.mark.parametrize(
    ("text", "kind", "id_", "thread"),
    [
        ("123456789", "user", "123456789", None),
        ("tg:123", "user", "123", None),
        ("telegram:telegram:5", "user", "5", None),
        ("Telegram: 5 ", "user", "5", None),
        ("tg:telegram:5", "user", "5", None),
        ("-4087654321", "group", "-4087654321", None),
        (GROUP, "group", GROUP, None),
        (f"telegram:group:{GROUP}", "group", GROUP, None),
        (f"GROUP:{GROUP}:topic:7", "group", GROUP, "7"),
        (f"{GROUP}:Topic:42", "group", GROUP, "42"),
        (f"{GROUP}:42", "group", GROUP, "42"),
        (f"{GROUP}:1", "group", GROUP, "1"),
        (f"{GROUP}:DIRECT-topic:5", "group", GROUP, "direct-topic:5"),
        ("123:45", "user", "123", "45"),
        ("@MyChannel", "name", "@mychannel", None),
        ("@durov:42", "name", "@durov", "42"),
        ("@abcd", "name", "@abcd", None),
        ("telegram:@" + "a" * 32, "name", "@" + "a" * 32, None),
        ("HTTPS://T.ME/MyChannel", "name", "@mychannel", None),
        ("http://www.t.me/MyChannel", "name", "@mychannel", None),
        ("telegram.dog/mychannel", "name", "@mychannel", None),
        ("t.me/forum/42/99", "name", "@forum", "42"),
        ("t.me/c/1234567890/42/99", "group", GROUP, "42"),
        ("t.me/c/42/1/9/", "group", "-1000000000042", "1"),
        ("4503599627370495", "user", "4503599627370495", None),
    ],
    ids=str,
)
def test_a_target_is_read(text: str, kind: str, id_: str, thread: str | None) -> None:
    read = target(text)
    assert (read.kind, read.id, read.thread, read.is_name) == (kind, id_, thread, False)
    assert target(read.canonical) == read


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no chat is named"),
        ("telegram:", "no chat is named"),
        ("tg: :topic:5", "no chat is named"),
        ("general", "bare word"),
        ("current", "bare word"),
        ("user:123", "user: means nothing"),
        ("channel:123", "channel: means nothing"),
        ("discord:123", "discord: means nothing"),
        ("group:123", "negative"),
        ("group:@name", "negative"),
        ("group:", "negative"),
        ("@ab", "cannot be a public name"),
        ("@" + "a" * 33, "cannot be a public name"),
        ("@1abc", "cannot be a public name"),
        ("@_abc", "cannot be a public name"),
        ("@abc_", "cannot be a public name"),
        ("@ab__cd", "cannot be a public name"),
        ("@bad-handle", "cannot be a public name"),
        ("bad-handle", "neither"),
        ("hello world", "neither"),
        ("0", "not the id"),
        ("-0", "not the id"),
        ("--5", "not the id"),
        ("+5", "not the id"),
        ("007", "not the id"),
        ("-007", "not the id"),
        ("+49 151 1234567", "phone numbers"),
        ("1.5", "not the id"),
        ("4503599627370496", "too large"),
        ("-4503599627370496", "too large"),
        ("12345678901234567890", "not the id"),
        (f"{GROUP}:topic:0", "names no topic"),
        (f"{GROUP}:topic:007", "names no topic"),
        (f"{GROUP}:topic:2147483648", "names no topic"),
        (f"{GROUP}:topic:", "names no topic"),
        (f"{GROUP}:", "names no topic"),
        (f"{GROUP}:abc", "names no topic"),
        (f"{GROUP}:1:2", "names no topic"),
        (f"{GROUP}:topic:-1", "names no topic"),
        ("/etc/passwd", "path"),
        ("./notes", "path"),
        ("C:\\notes", "means nothing"),
        ("https://example.org/name", "means nothing"),
        ("tg://resolve?domain=name", "for apps"),
        ("t.me", "cannot be a public name"),
        ("t.me/+AbCdEf", "invite link"),
        ("https://t.me/joinchat/AbCdEf", "invite link"),
        ("t.me/share", "leads to no chat"),
        ("t.me/addstickers/Cats", "leads to no chat"),
        ("t.me/name?start=x", "more than which chat"),
        ("t.me/name#x", "more than which chat"),
        ("t.me/name/42", "topic or a message"),
        ("t.me/c/1234567890/42", "topic or a message"),
        ("t.me/c/1234567890", "where in the chat"),
        ("t.me/c/", "names no chat"),
        ("t.me/c/abc/1/2", "names no chat"),
        ("t.me/name/1/2/3", "where in the chat"),
        ("t.me/name/x/2", "names no topic"),
        ("\N{FULLWIDTH DIGIT ONE}23", "outside ASCII"),
        ("@nämé", "outside ASCII"),
        ("\u202e123", "invisible"),
        ("12\u200b3", "invisible"),
        ("12\n3", "control"),
    ],
    ids=ascii,
)
def test_what_is_no_target_is_refused_with_a_hint(text: str, says: str) -> None:
    error = refusal(text)
    assert says in f"{error.message} {error.hint}"


def test_an_ambiguous_link_is_refused_with_both_readings() -> None:
    hint = refusal("https://t.me/c/1234567890/42").hint
    assert f"telegram:{GROUP}:topic:42 for the topic" in hint
    assert f"telegram:{GROUP} for the chat" in hint
    assert all(target(reading) for reading in re.findall(r"telegram:\S+", hint))


def test_the_message_of_a_link_is_left_out_and_said() -> None:
    assert target("t.me/c/1234567890/42/99").warnings == (
        "message 99 of the link is left out: its topic is the target",
    )


@pytest.mark.parametrize("thread", ["42", " 42 ", "topic:42", "TOPIC:42"])
@pytest.mark.parametrize("text", [GROUP, f"{GROUP}:42", f"{GROUP}:topic:42"])
def test_a_thread_may_be_named_beside_the_target(text: str, thread: str) -> None:
    assert target(text, thread).canonical == f"telegram:{GROUP}:topic:42"


def test_a_name_and_a_link_take_a_thread_too() -> None:
    assert target("@forum", "42") == target("t.me/forum", "42") == target("@forum:42")


@pytest.mark.parametrize("thread", ["", "0", "abc", "1.5", "-5", "42:43", f"{GROUP}:42", "٤٢"])
def test_a_thread_that_is_none_is_refused(thread: str) -> None:
    refusal(GROUP, thread)


@pytest.mark.parametrize("text", [f"{GROUP}:43", "t.me/c/1234567890/43/99", f"{GROUP}:direct-topic:42"])
def test_contradicting_threads_are_refused(text: str) -> None:
    assert refusal(text, "42").hint == "name one of them"


def test_the_parent_of_a_topic_is_its_chat() -> None:
    assert CHANNEL.parent(target(f"{GROUP}:topic:42")) == make_target(GROUP)
    assert CHANNEL.parent(target("@forum:42")) == make_target("@forum")
    assert CHANNEL.parent(target(GROUP)) is None
    # Direct messages of a channel are no place that everybody in it reads.
    assert CHANNEL.parent(target(f"{GROUP}:direct-topic:5")) is None


def test_the_api_gets_numbers() -> None:
    assert chat_id(target(GROUP)) == int(GROUP)
    assert chat_id(target("@Name")) == "@name"
    assert topic_numbers(target(f"{GROUP}:42")) == (42, None)
    assert topic_numbers(target(f"{GROUP}:direct-topic:5")) == (None, 5)
    assert topic_numbers(target(GROUP)) == (None, None)


def test_general_is_sent_to_without_its_number() -> None:
    assert topic_numbers(target(f"{GROUP}:1")) == (None, None)


@pytest.mark.parametrize(
    ("text", "number"),
    [("777", 777), ("2147483647", 2147483647), ("2147483648", None), ("0", None), ("x", None), ("1/2", None)],
)
def test_a_message_is_answered_by_its_number(text: str, number: int | None) -> None:
    assert message_number(text) == number


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("123", "user 123"),
        (f"{GROUP}:42", f"group {GROUP}, topic 42"),
        (f"{GROUP}:1", f"group {GROUP}, topic General"),
        (f"{GROUP}:direct-topic:5", f"group {GROUP}, direct messages 5"),
        ("@Name", "@name"),
    ],
)
def test_people_are_shown_what_a_target_is(text: str, shown: str) -> None:
    assert target(text).display == shown


WORDS = st.sampled_from(
    [
        "telegram:",
        "tg:",
        "group:",
        ":topic:",
        ":",
        "@",
        "-100",
        "42",
        "t.me/",
        "c/",
        "/",
        "https://",
        " ",
        "+",
        "-",
    ]
)


@given(st.lists(WORDS | st.text(max_size=8), max_size=6).map("".join))
def test_any_text_is_a_target_or_refused(text: str) -> None:
    try:
        read = CHANNEL.parse_target(text, NO_HINTS)
    except InvalidTarget:
        refusal(text)
        return
    assert CHANNEL.parse_target(read.canonical, NO_HINTS) == read
    assert CHANNEL.parse_target(read.address, NO_HINTS) == read


CHATS = (
    st.integers(1, 2**52 - 1).map(str)
    | st.integers(-(2**52) + 1, -1).map(str)
    | st.from_regex(r"@[a-z][a-z0-9]{3,31}", fullmatch=True)
)
TOPICS = st.none() | st.integers(1, 2**31 - 1).map(str)


@given(CHATS, TOPICS)
def test_what_the_api_names_is_a_target(chat: str, topic: str | None) -> None:
    made = make_target(chat, topic)
    assert CHANNEL.parse_target(made.canonical, NO_HINTS) == made


@given(
    st.from_regex(r"[a-z]{2,12}", fullmatch=True).filter(
        lambda word: word not in ("tg", "telegram", "group")
    ),
    CHATS,
)
def test_foreign_prefixes_are_refused(prefix: str, chat: str) -> None:
    refusal(f"{prefix}:{chat}")
