"""What a session may be called, however the name is given."""

import pytest

from stentor.domain.sessions import named_key


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("weekly", "agent:ops:session:weekly"),
        (" Weekly/Digest ", "agent:ops:session:Weekly/Digest"),
        ("session:weekly", "agent:ops:session:weekly"),
        ("agent:ops:session:weekly", "agent:ops:session:weekly"),
        ("agent:ops:my-own", "agent:ops:my-own"),
        ("émile 🎻", "agent:ops:session:émile 🎻"),
    ],
)
def test_one_name_is_one_session(name: str, key: str) -> None:
    assert named_key("ops", name) == key


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "needs a name"),
        ("session: ", "needs a name"),
        ("agent:ops:", "needs a name"),
        ("agent:ops:session:", "needs a name"),
        ("a\x00b", "control character"),
        ("a\nb", "control character"),
        ("a\u202eb", "control character"),
        ("a\u202eb", r"one line .* mark that turns text round; this one holds U\+202E"),
        ("a\tb", r"this one holds U\+0009"),
        ("x" * 513, "up to 512 characters"),
        ("x" * 513, "this one holds 513 characters"),
        ("agent:main:session:a", "belongs to another agent"),
        *(
            (f"agent:ops:{kind}", "looks like a main, cron")
            for kind in ("main", "MAIN", "Cron:x", "run:1", "hook:1", "subagent:1")
        ),
    ],
)
def test_these_are_no_names(name: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        named_key("ops", name)
