"""The server of the shipped kit, under the name that the tests know it by."""

from stentor.testing.loopback import Drop, Hang, LoopbackServer, Reply, Reset, Seen, closed_port, redirect

__all__ = ["Drop", "Hang", "LoopbackServer", "Reply", "Reset", "Seen", "closed_port", "redirect"]
