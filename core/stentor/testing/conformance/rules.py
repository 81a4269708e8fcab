"""The rules of channels: what each says, and what to do about a channel that breaks it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

import pytest


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. Its name stands at the beginning of every failure."""

    name: str
    says: str
    mend: str

    def broken(self, found: str) -> NoReturn:
        pytest.fail(f"[{self.name}] {self.says}\n  found: {found}\n  mend: {self.mend}", pytrace=False)

    def holds(self, kept: object, found: str) -> None:
        """Fail with what was found, unless the rule is kept."""
        if not kept:
            self.broken(found)


DECLARATION = Rule(
    "declaration",
    "What a channel declares is sound, and every example parses to its canonical spelling.",
    "Correct the attribute that is named; docs/plugins.md lists what each may hold.",
)
BARE_IMPORT = Rule(
    "bare-import",
    "Importing and declaring a channel and parsing its targets load no SDK, open no socket and start no thread.",
    "Import the SDK inside `open`, or in a module that only `open` imports, and leave all I/O to the connection.",
)
MISSING_SDK = Rule(
    "missing-sdk",
    "A channel whose SDK is not installed says so when an account opens, and what to install.",
    'Catch ImportError in `open` and raise Unavailable("the SDK is not installed", extra="…").',
)
FIXED_POINT = Rule(
    "fixed-point",
    "A canonical spelling reads as the very target that it stands for, also beside that target's own thread.",
    "Have parse_target take `channel:address` and `address` and return an equal Target.",
)
OWN_PREFIXES = Rule(
    "own-prefixes",
    "A channel's own prefixes may be written in any case, twice, and with blanks around them.",
    "Begin parse_target with `self.body(text)`, which takes them off.",
)
FOREIGN = Rule(
    "foreign-prefixes",
    "A target with another channel's prefix is refused.",
    "Match the whole text strictly instead of searching for an id in it, and raise InvalidTarget.",
)
ONLY_INVALID_TARGET = Rule(
    "only-invalid-target",
    "Any text is either a sound target of this channel or raises InvalidTarget with a message.",
    "Check the text before you take it apart; int(), split() and the like raise errors of their own.",
)
REFUSED = Rule(
    "refused-targets",
    "What its author names as no target is refused.",
    "Match the whole text strictly, and raise InvalidTarget with a hint.",
)
HINTS = Rule(
    "hints",
    "Hints are a reading of the text, never a second address, and none is ignored.",
    "Raise InvalidTarget where a hint contradicts the text or means nothing here.",
)
PURE_PARSING = Rule(
    "pure-parsing",
    "Parsing is pure: the same text and hints give the same target, with nothing asked of anybody.",
    "Leave names to Connection.resolve, and keep nothing between calls.",
)
NAMES = Rule(
    "names",
    "Only names are resolved, to the target that they stand for; a name of nobody raises InvalidTarget.",
    "Return the target unchanged where `is_name` is false, and an id (`is_name=False`) where it is true.",
)
RECEIPT = Rule(
    "receipt",
    "A good send gives one Receipt with an id of its own, for the very target that was meant, thread and all.",
    "Return Receipt(target=…, message_id=…) from the provider's answer; put the chat in front of ids that it counts "
    "in each chat anew.",
)
ANSWER_DECIDES = Rule(
    "answer-decides",
    "A receipt says what the provider said: no id is made up, and a message taken for another target is no success.",
    "Build target and message_id from the answer, not from the part.",
)
TEXT = Rule(
    "text",
    "The text of a part arrives complete, in one message.",
    "Send part.text as it is: core has written and cut it.",
)
LIMITS = Rule(
    "limits",
    "A text that fills the declared limit is one message that arrives whole, counted in the declared unit.",
    "Correct Limits.text and Limits.unit: utf16 counts most emoji as 2, bytes as 4.",
)
FILES = Rule(
    "files",
    "The files of a part arrive with it, by their names.",
    "Send part.files, or declare Limits(attachment_bytes=0): then core names the files in the text.",
)
MANNER = Rule(
    "manner",
    "A manner that is declared is heeded when a part asks for it, and only then.",
    "Pass part.manner on to the provider, or take the word out of traits.manners.",
)
PLAIN_FALLBACK = Rule(
    "plain-fallback",
    "Markup that the provider cannot read is Rejected('bad_format'), and the same part in format `plain` is taken.",
    "Tell this refusal from others by the provider's words, and send no markup option where part.format is `plain`.",
)
CLOSED_SET = Rule(
    "closed-set",
    "A failed send raises one of the contract's DeliveryErrors and nothing else.",
    "Catch what the SDK and the transport raise, TimeoutError included, and say what is proved.",
)
PROVED = Rule(
    "proved",
    "The class of an error says what is proved.",
    "No connection: NotSent, or Unavailable from a channel that holds one. Anything after bytes may have left, without a "
    "definite answer: Ambiguous. A refusal for good: Rejected. Wrong credentials: CredentialsRejected.",
)
QUIET = Rule(
    "quiet",
    "A provider that wants quiet gets it: Throttled, for the seconds and the scope that it named.",
    "Read the wait from the answer, as the provider documents it.",
)
ONCE = Rule(
    "once",
    "`send` sends once: whatever happens, core decides whether there is another try.",
    "Switch the SDK's retries off, or have every try carry one idempotency key and declare that; leave nothing behind "
    "that sends later.",
)
RECOVERY = Rule(
    "recovery",
    "When a send has failed, the connection works again as soon as the provider does.",
    "Have the session open new connections by itself, and keep nothing of what failed.",
)
IN_TIME = Rule(
    "in-time",
    "A send ends by itself before traits.send_timeout, whatever the provider does.",
    "Give every request an explicit time limit, and keep the sum below send_timeout.",
)
IDEMPOTENCY = Rule(
    "idempotency",
    "With `key` or `nonce`, every try of a part carries one key, no two parts share one, and people see one message.",
    "Derive the key from part.id alone, or declare idempotency='none'.",
)
RECONCILE = Rule(
    "reconcile",
    "With reconcile='lookup', a part that arrived is found, one that did not is None, and not knowing is an error.",
    "Return a Receipt only for a message that carries this part's id, and raise a DeliveryError when the lookup fails.",
)
SECRETS = Rule(
    "secrets",
    "No secret of the account appears in an error, a receipt, a health reason or a log line.",
    "Write messages of your own instead of passing on the SDK's text, and set its loggers to WARNING.",
)
PROBE = Rule(
    "probe",
    "`probe` says a line about who we are, sends nothing and raises nothing but DeliveryErrors.",
    "Ask the provider who the account is, and translate its errors as `send` does.",
)
OPENING = Rule(
    "opening",
    "`open` returns a Connection or raises Unavailable or CredentialsRejected, and then leaves nothing behind.",
    "Translate what goes wrong while connecting, and close what was begun.",
)
CLOSING = Rule(
    "closing",
    "After `close` no task, thread or socket is left, and closing twice is no error.",
    "Cancel your tasks and wait for them, and close the session that you opened.",
)
CANCELLATION = Rule(
    "cancellation",
    "A send that is cancelled ends promptly as cancelled, and the connection goes on to work.",
    "Let CancelledError pass: clean up in `finally`, and never catch BaseException.",
)
AT_ONCE = Rule(
    "at-once",
    "Up to traits.at_once sends may be under way together, each with a receipt of its own.",
    "Keep nothing about one send on the connection, or declare at_once=1.",
)
HEARD_ONCE = Rule(
    "heard-once",
    "What a person writes reaches the inbox once, complete, with a target that an answer can be sent to.",
    "Put an Incoming for each message that is new, and remember how far you have read.",
)
KEPT_FIRST = Rule(
    "kept-first",
    "A message is confirmed to the provider only after `inbox.put` has returned.",
    "Await `inbox.put(…)` before you acknowledge, and do not acknowledge what it did not take.",
)
NOT_OURS = Rule(
    "not-ours",
    "Our own messages do not come in.",
    "Compare the sender with the account's own id.",
)
LISTENING_ENDS = Rule(
    "listening-ends",
    "`receive` goes on until it is cancelled, then ends promptly and leaves nothing behind; `send` works meanwhile.",
    "Let Channel.receives(settings) be true only for accounts that are to receive. Loop for as long as you are let; let "
    "CancelledError pass; share no state with `send` but the session.",
)

RULES: Mapping[str, Rule] = {rule.name: rule for rule in list(globals().values()) if isinstance(rule, Rule)}
