"""What the owner of an account sees in the terminal while it is paired."""

from dataclasses import dataclass
from io import StringIO

import click

from stentor.cli.output import harmless, json_text, note
from stentor.contract.pairing import PairingCode


@dataclass(frozen=True, slots=True)
class TerminalDesk:
    """Draws pictures and spells codes; for scripts, one JSON line for each."""

    phone: str
    as_json: bool

    def show(self, code: PairingCode) -> None:
        if self.as_json:
            self._line({code.kind: code.text, "seconds": code.seconds})
        elif code.kind == "code":
            click.echo(f"\n    {harmless(code.text)}\n")
        else:
            click.echo(picture(code.text))

    def say(self, line: str) -> None:
        if self.as_json:
            self._line({"said": line})
        else:
            note(line)

    def _line(self, fields: dict[str, object]) -> None:
        click.echo(json_text(fields))


def picture(text: str) -> str:
    """A code to point a camera at, two rows of it in each line."""
    import segno

    drawn = StringIO()
    segno.make_qr(text, error="l").terminal(drawn, compact=True)
    return drawn.getvalue()
