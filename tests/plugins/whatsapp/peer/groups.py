"""Groups and who is in them."""

from dataclasses import dataclass, field

from .people import lid_of, phone_jid
from .stanzas import Node, stanza

_CREATED = 1700000000


@dataclass
class Group:
    jid: str
    subject: str = "Everyone"
    members: list[str] = field(default_factory=list[str])

    def described(self, owner: str) -> Node:
        """As the server tells a device that belongs to `owner`, a number like those of the members."""
        everyone = dict.fromkeys([owner, *self.members])
        return stanza(
            "group",
            *(
                stanza("participant", jid=lid_of(number), phone_number=phone_jid(number))
                for number in everyone
            ),
            id=self.jid.partition("@")[0],
            subject=self.subject,
            creator=lid_of(owner),
            creation=_CREATED,
            s_t=_CREATED,
            addressing_mode="lid",
            size=len(everyone),
        )
